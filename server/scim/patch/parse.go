// Package patch implements the PATCH of Section 3.5.2 of RFC 7644: it reads
// the operations of a PatchOp message against a resource type, and applies
// them to a resource in canonical form.
package patch

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

// MaxOperations is how many operations a PATCH may hold.
const MaxOperations = 1000

// Kind is what an operation does.
type Kind string

// The kinds of Section 3.5.2 of RFC 7644.
const (
	Add     Kind = "add"
	Remove  Kind = "remove"
	Replace Kind = "replace"
)

// Operation is one change of one attribute. An operation of the message that
// has no path, or an extension for its path, becomes one for each attribute
// that it names.
type Operation struct {
	Kind Kind
	// Attr is the top-level attribute that changes.
	Attr *schema.Attribute
	// Filter chooses among the values of a multi-valued Attr; nil without
	// brackets. Expr is the same as it was written.
	Filter filter.Node
	Expr   filter.Expr
	// Sub is the sub-attribute that changes, nil when it is the whole value.
	Sub *schema.Attribute
	// Value is the new value in canonical form: of Sub, of one value of Attr
	// when there is a Filter, else of Attr. Nil means no value.
	Value any
	// Values, of a Remove, are the values to remove, each by its "value".
	Values []any
}

// Parse reads the Operations of a PatchOp message that [tolerance.Patch] has
// brought into shape. Errors are 400 with the keywords of Table 9 of RFC
// 7644, and name the operation by its place.
func Parse(rt *schema.ResourceType, message map[string]any, policy *tolerance.Policy) ([]Operation, error) {
	list, _ := message["Operations"].([]any)
	if len(list) == 0 {
		return nil, scim.BadRequest(scim.InvalidSyntax, `the PATCH has no "Operations"`)
	}
	if len(list) > MaxOperations {
		return nil, scim.BadRequest(scim.TooMany, "the PATCH has %d operations; at most %d are taken", len(list), MaxOperations)
	}
	p := parser{rt: rt, policy: policy}
	for i, v := range list {
		raw, ok := v.(map[string]any)
		if !ok {
			return nil, scim.BadRequest(scim.InvalidSyntax, "Operations[%d] is not an object", i)
		}
		if err := p.operation(raw); err != nil {
			if e := scim.AsError(err); e != nil {
				return nil, &scim.Error{Status: e.Status, Type: e.Type, Detail: "Operations[" + strconv.Itoa(i) + "]: " + e.Detail}
			}
			return nil, err
		}
	}
	return p.operations, nil
}

type parser struct {
	rt         *schema.ResourceType
	policy     *tolerance.Policy
	operations []Operation
}

func (p *parser) operation(raw map[string]any) error {
	op, _ := raw["op"].(string)
	kind := Kind(op)
	if kind != Add && kind != Remove && kind != Replace {
		return scim.BadRequest(scim.InvalidSyntax, `"op" is %q; it must be add, remove or replace`, op)
	}
	value, given := raw["value"]
	if kind == Add && !given {
		return scim.BadRequest(scim.InvalidValue, `"add" without a value`)
	}
	path, ok := raw["path"].(string)
	switch {
	case !ok && raw["path"] != nil:
		return scim.BadRequest(scim.InvalidPath, `"path" must be a string`)
	case path == "" && kind == Remove:
		return scim.BadRequest(scim.NoTarget, `"remove" without a path: name the attribute to remove`)
	case path == "":
		return p.whole(kind, value)
	}
	return p.at(kind, path, value)
}

// whole reads an operation without path, whose value is an object of
// attributes.
func (p *parser) whole(kind Kind, value any) error {
	object, ok := value.(map[string]any)
	if !ok {
		return scim.BadRequest(scim.InvalidValue, "an operation without a path needs an object of attributes for its value")
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		v := object[name]
		a := p.rt.Attribute("", name, "")
		switch {
		case a != nil && a.Mutability == schema.ReadOnly, a != nil && a.Name == "schemas":
			if err := p.readOnlyMember(a); err != nil {
				return err
			}
		case a != nil:
			if err := p.add(kind, target{attr: a}, v); err != nil {
				return err
			}
		case p.rt.Extension(name) != nil:
			if err := p.extension(kind, p.rt.Extension(name), v); err != nil {
				return err
			}
		case strings.EqualFold(name, "password"):
			if err := p.policy.Allow(tolerance.Password); err != nil {
				return err
			}
		default:
			if !strings.ContainsAny(name, ".[:") {
				return p.rt.Unknown(name)
			}
			if err := p.policy.Allow(tolerance.PathAsKey); err != nil {
				return err
			}
			if err := p.at(kind, name, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// readOnlyMember decides on a read-only attribute in the value of an
// operation without path. Providers repeat what identifies the resource;
// everything else would be a change that does not happen.
func (p *parser) readOnlyMember(a *schema.Attribute) error {
	switch a.Name {
	case "id", "meta", "schemas":
		return p.policy.Allow(tolerance.IDInValue)
	}
	return scim.BadRequest(scim.Mutability, "%s is read-only", a.Path())
}

// extension reads an operation on a whole extension.
func (p *parser) extension(kind Kind, s *schema.Schema, value any) error {
	if kind == Remove {
		for _, a := range s.Attributes {
			if err := p.add(kind, target{attr: a}, nil); err != nil {
				return err
			}
		}
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return scim.BadRequest(scim.InvalidValue, "%s needs an object of attributes for its value", s.ID)
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		a := s.Attribute(name)
		if a == nil {
			return p.rt.Unknown(s.ID + ":" + name)
		}
		if err := p.add(kind, target{attr: a}, object[name]); err != nil {
			return err
		}
	}
	return nil
}

// target is where a path leads.
type target struct {
	attr   *schema.Attribute
	filter filter.Node
	expr   filter.Expr
	sub    *schema.Attribute
}

// at reads an operation with a path.
func (p *parser) at(kind Kind, text string, value any) error {
	path, err := filter.ParsePath(text, p.policy)
	if err != nil {
		return err
	}
	a, extension := p.rt.Resolve(path.Attribute)
	if a == nil {
		switch {
		case extension != nil && extension != p.rt.Schema && path.Filter == nil:
			return p.extension(kind, extension, value)
		case strings.EqualFold(path.Attribute, "password"):
			return p.policy.Allow(tolerance.Password)
		}
		return scim.BadRequest(scim.InvalidPath, "the schemas of a %s (see /Schemas) define no %q", p.rt.Name, path.Attribute)
	}
	t := target{attr: a.Top(), expr: path.Filter}
	if a.Parent() != nil {
		t.sub = a
	}
	if path.Filter != nil {
		if err := p.brackets(&t, path); err != nil {
			return err
		}
	}
	if a.Name == "schemas" {
		return nil // follows from the data
	}
	if t.attr.Mutability == schema.ReadOnly || t.sub != nil && t.sub.Mutability == schema.ReadOnly {
		return scim.BadRequest(scim.Mutability, "%s is read-only", text)
	}
	return p.add(kind, t, value)
}

func (p *parser) brackets(t *target, path filter.Path) error {
	if t.sub != nil || t.attr.Type != schema.Complex || !t.attr.MultiValued {
		return scim.BadRequest(scim.InvalidPath, "%s: brackets choose among the values of a complex multi-valued attribute only", path)
	}
	var err error
	if t.filter, err = filter.BindElement(t.attr, path.Filter, p.policy); err != nil {
		return err
	}
	if path.Sub != "" {
		if t.sub = t.attr.Sub(path.Sub); t.sub == nil {
			return scim.BadRequest(scim.InvalidPath, "%s has no sub-attribute %q", t.attr.Path(), path.Sub)
		}
	}
	return nil
}

// add checks the value and appends the operation.
func (p *parser) add(kind Kind, t target, value any) error {
	o := Operation{Kind: kind, Attr: t.attr, Filter: t.filter, Expr: t.expr, Sub: t.sub}
	var err error
	switch {
	case kind == Remove && value != nil:
		err = p.removed(&o, value)
	case kind == Remove:
	case t.sub != nil:
		o.Value, err = p.canonical(t.sub, value, tolerance.Value, (*schema.Attribute).Canonical)
	case t.filter != nil:
		o.Value, err = p.canonical(t.attr, value, tolerance.Element, (*schema.Attribute).Element)
		if err == nil && o.Value == nil {
			o.Kind = Remove // no value in place of the chosen ones
		}
	default:
		o.Value, err = p.canonical(t.attr, value, tolerance.Value, (*schema.Attribute).Canonical)
	}
	if err != nil {
		return err
	}
	p.operations = append(p.operations, o)
	return nil
}

// canonical checks a value after it was brought into the standard's shape.
func (p *parser) canonical(a *schema.Attribute, v any,
	shape func(*schema.Attribute, any, *tolerance.Policy) (any, error),
	check func(*schema.Attribute, any) (any, error),
) (any, error) {
	v, err := shape(a, v, p.policy)
	if err != nil {
		return nil, err
	}
	return check(a, v)
}

// removed reads the value of a "remove", which the standard does not have.
func (p *parser) removed(o *Operation, value any) error {
	if list, ok := value.([]any); ok && len(list) == 0 || !o.Attr.MultiValued || o.Filter != nil {
		// Clients that always send a value mean nothing by it here.
		return p.policy.Allow(tolerance.RemoveWithValue)
	}
	if err := p.policy.Allow(tolerance.RemoveWithValue); err != nil {
		return err
	}
	v, err := p.canonical(o.Attr, value, tolerance.Value, (*schema.Attribute).Canonical)
	if err != nil {
		return err
	}
	o.Values, _ = v.([]any)
	return nil
}
