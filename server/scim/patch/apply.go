package patch

import (
	"reflect"
	"slices"

	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

// Apply returns r after the operations, in their order; r itself does not
// change, so that a PATCH that fails half-way has done nothing. The result
// holds all that is required.
func Apply(
	rt *schema.ResourceType, r schema.Resource, operations []Operation, policy *tolerance.Policy,
) (schema.Resource, error) {
	out := r.Clone()
	if out == nil {
		out = schema.Resource{}
	}
	for _, o := range operations {
		o.Value = schema.CloneValue(o.Value) // a later operation may change it in out
		v, err := o.apply(rt.Get(out, o.Attr), policy)
		if err != nil {
			return nil, err
		}
		if v == nil && o.Attr.Required {
			return nil, scim.BadRequest(scim.Mutability, "%s is required and cannot be removed",
				o.Attr.Path())
		}
		rt.Set(out, o.Attr, v)
	}
	for i, o := range operations {
		if slices.ContainsFunc(operations[:i],
			func(before Operation) bool { return before.Attr == o.Attr }) {
			continue
		}
		if err := o.tidy(rt, out, policy); err != nil {
			return nil, err
		}
	}
	return out, rt.CheckRequired(out)
}

// tidy leaves of the values of a multi-valued attribute each once, and none
// that names nothing, as one does of which only the type has been set.
func (o *Operation) tidy(
	rt *schema.ResourceType, r schema.Resource, policy *tolerance.Policy,
) error {
	values, ok := rt.Get(r, o.Attr).([]any)
	if !ok {
		return nil
	}
	var kept []any
	for i, v := range values {
		if o.Attr.Names(v) {
			kept = append(kept, v)
			continue
		}
		if !policy.Tolerant() {
			return scim.BadRequest(scim.InvalidValue,
				"%s[%d] would have nothing but its type: give its value, too", o.Attr.Path(), i)
		}
		policy.Note("a value of %s had nothing but its type, and was dropped", o.Attr.Path())
		if err := policy.Allow(tolerance.BlankValue); err != nil {
			return err
		}
	}
	if kept = schema.Distinct(kept); kept == nil {
		rt.Set(r, o.Attr, nil)
	} else {
		rt.Set(r, o.Attr, kept)
	}
	return nil
}

// apply returns the value of the attribute after the operation; old is
// the value before, which apply may change. Nil stands for no value.
func (o *Operation) apply(old any, policy *tolerance.Policy) (any, error) {
	if !o.Attr.MultiValued {
		return o.applySingle(old, policy)
	}
	values, _ := old.([]any)
	values, err := o.applyMany(values, policy)
	if err != nil || len(values) == 0 {
		return nil, err
	}
	return values, nil
}

func (o *Operation) applySingle(old any, policy *tolerance.Policy) (any, error) {
	if o.Filter != nil && (old == nil || !filter.MatchElement(o.Filter, old)) {
		if o.Kind == Remove {
			return old, o.absent(policy)
		}
		return nil, o.noTarget()
	}
	if o.Sub == nil && (o.Kind == Remove || o.Attr.Type != schema.Complex || o.Value == nil) {
		if o.Kind == Remove {
			return nil, nil
		}
		return o.Value, nil
	}
	m, _ := old.(map[string]any)
	if m == nil {
		m = make(map[string]any)
	}
	if err := o.change(m); err != nil {
		return nil, err
	}
	if len(m) == 0 {
		return nil, nil
	}
	return m, nil
}

// change applies the operation to one complex value. Sub-attributes that the
// new value does not name stay as they are, Section 3.5.2.3 of RFC 7644; those
// that it has as null go.
func (o *Operation) change(m map[string]any) error {
	if o.Sub == nil {
		given, _ := o.Value.(map[string]any)
		for name, v := range given {
			if err := o.set(m, o.Attr.Sub(name), v); err != nil {
				return err
			}
		}
		return nil
	}
	if o.Kind == Remove {
		return o.set(m, o.Sub, nil)
	}
	return o.set(m, o.Sub, o.Value)
}

func (o *Operation) set(m map[string]any, sub *schema.Attribute, v any) error {
	old := m[sub.Name]
	if old != nil && sub.Mutability == schema.Immutable && !reflect.DeepEqual(old, v) {
		return scim.BadRequest(scim.Mutability, "%s is immutable: remove the value and add another",
			sub.Path())
	}
	if v == nil {
		delete(m, sub.Name)
	} else {
		m[sub.Name] = v
	}
	return nil
}
