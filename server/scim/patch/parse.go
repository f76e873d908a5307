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
	// Value is what an Add or a Replace gives, as [schema.Attribute.Change] has
	// it: of Sub, of one value of Attr when there is a Filter, else of Attr. It
	// is never nil: a Replace by null is a Remove, an Add of it is none.
	Value any
	// Listed says that a Remove lists the values to remove, in Values, which
	// may be empty: then nothing is removed. Without it all are.
	Listed bool
	Values []any
}

// Parse reads the Operations of a PatchOp message that [tolerance.Patch] has
// brought into shape. Errors are 400 with the keywords of Table 9 of RFC
// 7644, and name the operation by its place.
func Parse(
	rt *schema.ResourceType, message map[string]any, policy *tolerance.Policy,
) ([]Operation, error) {
	list, _ := message["Operations"].([]any)
	if len(list) == 0 {
		return nil, scim.BadRequest(scim.InvalidSyntax, `the PATCH has no "Operations"`)
	}
	if len(list) > MaxOperations {
		return nil, scim.BadRequest(scim.TooMany,
			"the PATCH has %d operations; at most %d are taken", len(list), MaxOperations)
	}
	p := parser{rt: rt, policy: policy}
	for i, v := range list {
		raw, ok := v.(map[string]any)
		if !ok {
			return nil, scim.BadRequest(scim.InvalidSyntax, "Operations[%d] is not an object", i)
		}
		if err := p.operation(raw); err != nil {
			if e := scim.AsError(err); e != nil {
				return nil, &scim.Error{
					Status: e.Status, Type: e.Type,
					Detail: "Operations[" + strconv.Itoa(i) + "]: " + e.Detail,
				}
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
		return scim.BadRequest(scim.InvalidSyntax, `"op" is %q; it must be add, remove or replace`,
			op)
	}
	value, given := raw["value"]
	if kind != Remove && !given {
		return scim.BadRequest(scim.InvalidValue,
			`%q without a value; null clears an attribute, by "replace"`, kind)
	}
	path, ok := raw["path"].(string)
	switch {
	case !ok && raw["path"] != nil:
		return scim.BadRequest(scim.InvalidPath, `"path" must be a string`)
	case path == "" && kind == Remove:
		return scim.BadRequest(scim.NoTarget,
			`"remove" without a path: name the attribute to remove`)
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
		return scim.BadRequest(scim.InvalidValue,
			"an operation without a path needs an object of attributes for its value")
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
		case strings.EqualFold(name, "password"):
			if err := p.policy.Allow(tolerance.Password); err != nil {
				return err
			}
		default:
			if err := p.other(kind, name, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// other reads a member of the value of an operation without path that is no
// attribute: an extension, or what some clients have for a key, a path.
func (p *parser) other(kind Kind, name string, v any) error {
	s, err := tolerance.Extension(p.rt, name, p.policy)
	switch {
	case err != nil:
		return err
	case s != nil:
		return p.extension(kind, s, v)
	case !strings.ContainsAny(name, ".[:"):
		return p.rt.Unknown(name)
	}
	if err := p.policy.Allow(tolerance.PathAsKey); err != nil {
		return err
	}
	return p.at(kind, name, v)
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
	if kind == Remove || kind == Replace && value == nil {
		for _, a := range s.Attributes {
			if err := p.add(Remove, target{attr: a}, nil); err != nil {
				return err
			}
		}
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok && value != nil {
		return scim.BadRequest(scim.InvalidValue, "%s needs an object of attributes for its value",
			s.ID)
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		a, err := tolerance.Member(p.rt, s, name, p.policy)
		if err == nil && a != nil {
			err = p.add(kind, target{attr: a}, object[name])
		}
		if err != nil {
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
	if err == nil {
		path.Attribute, err = tolerance.Path(p.rt, path.Attribute, p.policy)
	}
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
		return scim.BadRequest(scim.InvalidPath, "the schemas of a %s (see /Schemas) define no %q",
			p.rt.Name, path.Attribute)
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
	if _, one := value.(map[string]any); one && kind == Add && t.sub == nil && t.filter == nil &&
		t.attr.MultiValued {
		value = []any{value} // Section 3.5.2.1 of RFC 7644: what is added may be one value
	}
	return p.add(kind, t, value)
}

func (p *parser) brackets(t *target, path filter.Path) error {
	if t.sub != nil || t.attr.Type != schema.Complex {
		return scim.BadRequest(scim.InvalidPath,
			"%s: brackets choose among the values of a complex attribute only", path)
	}
	var err error
	if t.filter, err = filter.BindElement(t.attr, path.Filter, p.policy); err != nil {
		return err
	}
	if !t.attr.MultiValued {
		if err := p.policy.Allow(tolerance.FilterOnSingle); err != nil {
			return err
		}
	}
	if path.Sub != "" {
		if t.sub = t.attr.Sub(path.Sub); t.sub == nil {
			return scim.BadRequest(scim.InvalidPath, "%s has no sub-attribute %q", t.attr.Path(),
				path.Sub)
		}
	}
	return nil
}

// add checks the value and appends the operation, unless it is about nothing.
func (p *parser) add(kind Kind, t target, value any) error {
	o := Operation{Kind: kind, Attr: t.attr, Filter: t.filter, Expr: t.expr, Sub: t.sub}
	about := true
	var err error
	switch {
	case kind != Remove:
		about, err = p.given(&o, value)
	case value != nil:
		err = p.removed(&o, value)
	}
	switch {
	case err != nil:
		return err
	case o.Attr.Default != nil && o.Value == nil:
		// To do nothing would let a client believe that it has suspended somebody.
		return scim.BadRequest(scim.Mutability,
			"%s cannot be cleared: the server gives it a value of its own; send true or false",
			o.Attr.Path())
	case about:
		p.operations = append(p.operations, o)
	}
	return nil
}

// given reads what an Add or a Replace gives. It reports false for what gives
// nothing.
func (p *parser) given(o *Operation, value any) (about bool, err error) {
	use := tolerance.Replace
	if o.Kind == Add {
		use = tolerance.Add
	}
	var v any
	var given bool
	switch {
	case o.Sub != nil:
		if v, given, err = tolerance.Value(use, o.Sub, value, p.policy); given {
			v, err = o.Sub.Change(v)
		}
	case o.Filter != nil:
		if v, given, err = tolerance.Element(use, o.Attr, value, p.policy); given {
			v, err = o.Attr.ChangeElement(v)
		}
	default:
		if v, given, err = tolerance.Value(use, o.Attr, value, p.policy); given {
			v, err = o.Attr.Change(v)
		}
	}
	if err != nil || !given {
		return false, err
	}
	if o.Kind == Add {
		v = withoutNull(v) // an add takes nothing away
	}
	if v == nil && o.Kind == Replace {
		o.Kind = Remove
	}
	o.Value = v
	return v != nil || o.Kind == Remove, nil
}

// withoutNull returns v without the sub-attributes that are to be cleared.
func withoutNull(v any) any {
	if m, ok := v.(map[string]any); ok {
		maps.DeleteFunc(m, func(_ string, x any) bool { return x == nil })
	}
	return v
}

// removed reads the value of a "remove", which the standard does not have.
func (p *parser) removed(o *Operation, value any) error {
	if err := p.policy.Allow(tolerance.RemoveWithValue); err != nil {
		return err
	}
	switch {
	case !o.Attr.MultiValued || o.Filter != nil:
		return nil // the path says all: clients that always send a value mean nothing by it
	case o.Sub != nil:
		return scim.BadRequest(scim.InvalidValue,
			"%s is a part of every value: choose one by brackets, as in %s[value eq \"…\"]",
			o.Sub.Path(), o.Attr.Path())
	}
	v, _, err := tolerance.Value(tolerance.Remove, o.Attr, value, p.policy)
	if err == nil {
		v, err = o.Attr.Change(v)
	}
	o.Listed = true
	o.Values, _ = v.([]any)
	return err
}
