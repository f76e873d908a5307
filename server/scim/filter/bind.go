package filter

import (
	"encoding/json"
	"strings"

	"muster/server/scim"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

// Node is a node of a filter that is bound to a schema: *AndNode, *OrNode,
// *NotNode, *Test, *Any or *Const. All its attributes exist, and each operand has
// the type of its attribute, in the form in which it is compared.
type Node interface{ node() }

// AndNode is true when both sides are.
type AndNode struct{ Left, Right Node }

// OrNode is true when one side is.
type OrNode struct{ Left, Right Node }

// NotNode is true when its node is not.
type NotNode struct{ X Node }

// Test compares one attribute.
type Test struct {
	// Attr is complex or multi-valued only when Op is PR.
	Attr *schema.Attribute
	Op   Op
	// Operand is a string as [schema.Attribute.SearchKey] gives it, a bool,
	// or a float64; nil when Op is PR.
	Operand any
}

// Any is true when one value of a multi-valued attribute satisfies X, whose
// tests are on the attribute's sub-attributes, or on the attribute itself if
// it is not complex.
type Any struct {
	Attr *schema.Attribute
	X    Node
}

// Const is a test of an attribute that only another resource type has.
type Const struct{ Value bool }

func (*AndNode) node() {}
func (*OrNode) node()  {}
func (*NotNode) node() {}
func (*Test) node()    {}
func (*Any) node()     {}
func (*Const) node()   {}

// Bind resolves the attributes of e in a resource type and checks that each
// comparison makes sense. Errors are 400 invalidFilter. What it decides
// where Section 3.4.2.2 of RFC 7644 leaves room:
//
//   - a comparison of a multi-valued attribute outside brackets is true when
//     it is for one of the values, also for "ne";
//   - a single-valued attribute without a value differs from every value, so
//     that "ne" is true for it; "eq null" is the same as "not pr";
//   - a complex attribute compares by its sub-attribute "value".
func Bind(rt *schema.ResourceType, e Expr, policy *tolerance.Policy) (Node, error) {
	return BindAmong(rt, nil, e, policy)
}

// BindAmong binds a filter of a query across several resource types to one of
// them. An attribute that only another one has counts as one without a
// value, Section 3.4.2.1 of RFC 7644.
func BindAmong(
	rt *schema.ResourceType, others []*schema.ResourceType, e Expr, policy *tolerance.Policy,
) (Node, error) {
	b := binder{typ: scim.InvalidFilter, policy: policy}
	b.resolve = func(path string) (*schema.Attribute, error) {
		a, err := resolve(rt, path, policy)
		for i := 0; a == nil && err == nil && i < len(others); i++ {
			a, err = resolve(others[i], path, policy)
		}
		if err != nil {
			return nil, err
		}
		if a == nil || a.Returned == schema.Never {
			return nil, scim.BadRequest(b.typ,
				"cannot filter by %q: the schemas of a %s (see /Schemas) do not define it", path,
				rt.Name)
		}
		return a, nil
	}
	b.foreign = func(path string) bool {
		a, err := resolve(rt, path, policy)
		return a == nil && err == nil
	}
	return b.bind(e)
}

func resolve(
	rt *schema.ResourceType, path string, policy *tolerance.Policy,
) (*schema.Attribute, error) {
	path, err := tolerance.Path(rt, path, policy)
	if err != nil {
		return nil, err
	}
	a, _ := rt.Resolve(path)
	return a, nil
}

// BindElement resolves a filter that stands in the brackets behind a complex
// multi-valued attribute in the path of a PATCH operation. Errors are 400
// invalidFilter: Table 9 of RFC 7644 has that keyword for PATCH too.
func BindElement(a *schema.Attribute, e Expr, policy *tolerance.Policy) (Node, error) {
	b := binder{typ: scim.InvalidFilter, policy: policy}
	return b.within(a).bind(e)
}

type binder struct {
	typ     scim.Type
	policy  *tolerance.Policy
	resolve func(path string) (*schema.Attribute, error)
	// foreign reports whether the path is one of another resource type; nil
	// within brackets.
	foreign func(path string) bool
	// element is true within brackets, where an attribute has one value.
	element bool
}

// within returns the binder for a filter in the brackets behind a.
func (b binder) within(a *schema.Attribute) binder {
	b.element, b.foreign = true, nil
	b.resolve = func(path string) (*schema.Attribute, error) {
		if sub := a.Sub(path); sub != nil {
			return sub, nil
		}
		return nil, scim.BadRequest(b.typ, "%s has no sub-attribute %q to filter by", a.Path(),
			path)
	}
	return b
}

func (b binder) bind(e Expr) (Node, error) {
	switch e := e.(type) {
	case *And:
		left, right, err := b.both(e.Left, e.Right)
		return &AndNode{left, right}, err
	case *Or:
		left, right, err := b.both(e.Left, e.Right)
		return &OrNode{left, right}, err
	case *Not:
		x, err := b.bind(e.X)
		return &NotNode{x}, err
	case *ValuePath:
		n, err := b.valuePath(e)
		return b.own(e.Path, n, err)
	case *Comparison:
		n, err := b.comparison(e)
		return b.own(e.Path, n, err)
	}
	return nil, scim.BadRequest(b.typ, "empty filter")
}

// own returns n, or what n is for a resource without the attribute if that
// is one of another resource type.
func (b binder) own(path string, n Node, err error) (Node, error) {
	if err != nil || b.foreign == nil || !b.foreign(path) {
		return n, err
	}
	return &Const{match(n, func(*schema.Attribute) any { return nil })}, nil
}

func (b binder) both(left, right Expr) (Node, Node, error) {
	l, err := b.bind(left)
	if err != nil {
		return nil, nil, err
	}
	r, err := b.bind(right)
	return l, r, err
}

func (b binder) valuePath(e *ValuePath) (Node, error) {
	a, err := b.resolve(e.Path)
	if err != nil {
		return nil, err
	}
	if a.Type != schema.Complex {
		return nil, scim.BadRequest(b.typ, "%s has no sub-attributes that brackets could choose by",
			e.Path)
	}
	in := b.within(a)
	x, err := in.bind(e.Filter)
	if err != nil {
		return nil, err
	}
	if e.Sub != nil {
		sub, err := in.bind(e.Sub)
		if err != nil {
			return nil, err
		}
		x = &AndNode{x, sub}
	}
	return &Any{a, x}, nil
}

func (b binder) comparison(e *Comparison) (Node, error) {
	a, err := b.resolve(e.Path)
	if err != nil {
		return nil, err
	}
	if e.Op == PR {
		return b.wrap(a, &Test{Attr: a, Op: PR}), nil
	}
	if a.Type == schema.Complex {
		value := a.Sub("value")
		if value == nil {
			return nil, scim.BadRequest(b.typ,
				"%s is complex: compare one of its sub-attributes, such as %s.%s",
				e.Path, e.Path, a.SubAttributes[0].Name)
		}
		a = value
	}
	if e.Value == nil {
		return b.compareNull(a, e)
	}
	t := &Test{Attr: a, Op: e.Op}
	if t.Operand, err = b.operand(a, e); err != nil {
		return nil, err
	}
	return b.wrap(a, t), nil
}

func (b binder) compareNull(a *schema.Attribute, e *Comparison) (Node, error) {
	present := b.wrap(a, &Test{Attr: a, Op: PR})
	switch e.Op {
	case EQ:
		return &NotNode{present}, nil
	case NE:
		return present, nil
	}
	return nil, scim.BadRequest(b.typ, "%s: null can be compared by eq and ne only", String(e))
}

// wrap lets a test hold for any value of a multi-valued attribute.
func (b binder) wrap(a *schema.Attribute, t *Test) Node {
	if b.element {
		return t
	}
	if p := a.Parent(); p != nil && p.MultiValued {
		return &Any{p, t}
	}
	if a.MultiValued && t.Op != PR {
		return &Any{a, t}
	}
	return t
}

func (b binder) operand(a *schema.Attribute, e *Comparison) (any, error) {
	switch a.Type {
	case schema.Boolean:
		return b.boolean(e)
	case schema.Integer, schema.Decimal:
		return b.number(e)
	case schema.DateTime:
		return b.dateTime(a, e)
	}
	s, ok := e.Value.(string)
	if !ok {
		return nil, scim.BadRequest(b.typ, `%s: the value must be a string in "double quotes"`,
			String(e))
	}
	if a.Type == schema.Binary && e.Op != EQ && e.Op != NE {
		return nil, scim.BadRequest(b.typ,
			"%s: a binary attribute can be compared by eq, ne and pr only", String(e))
	}
	return a.SearchKey(s), nil
}

func (b binder) boolean(e *Comparison) (any, error) {
	if e.Op != EQ && e.Op != NE {
		return nil, scim.BadRequest(b.typ,
			"%s: a boolean attribute can be compared by eq, ne and pr only", String(e))
	}
	switch v := e.Value.(type) {
	case bool:
		return v, nil
	case string:
		if is := strings.EqualFold(v, "true"); is || strings.EqualFold(v, "false") {
			return is, b.policy.Allow(tolerance.FilterBooleanString)
		}
	}
	return nil, scim.BadRequest(b.typ, "%s: the value must be true or false", String(e))
}

func ordered(op Op) bool {
	switch op {
	case EQ, NE, GT, GE, LT, LE:
		return true
	}
	return false
}

func (b binder) number(e *Comparison) (any, error) {
	if !ordered(e.Op) {
		return nil, scim.BadRequest(b.typ,
			"%s: a number has no text to search in; use eq, ne, gt, ge, lt or le", String(e))
	}
	n, ok := e.Value.(json.Number)
	if !ok {
		return nil, scim.BadRequest(b.typ, "%s: the value must be a number", String(e))
	}
	f, err := n.Float64()
	if err != nil {
		return nil, scim.BadRequest(b.typ, "%s: the number is out of range", String(e))
	}
	return f, nil
}

func (b binder) dateTime(a *schema.Attribute, e *Comparison) (any, error) {
	if !ordered(e.Op) {
		return nil, scim.BadRequest(b.typ,
			"%s: a dateTime has no text to search in; use eq, ne, gt, ge, lt or le", String(e))
	}
	s, _ := e.Value.(string)
	if _, err := schema.ParseDateTime(s); err != nil {
		return nil, scim.BadRequest(b.typ,
			`%s: the value must be a dateTime such as "2011-05-13T04:42:34Z"`, String(e))
	}
	return a.SearchKey(s), nil
}
