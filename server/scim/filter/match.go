package filter

import (
	"cmp"
	"encoding/json"
	"strings"

	"muster/server/scim/schema"
)

// Match reports whether a resource satisfies a bound filter.
func Match(rt *schema.ResourceType, n Node, r schema.Resource) bool {
	return match(n, func(a *schema.Attribute) any {
		v := rt.Get(r, a.Top())
		if m, ok := v.(map[string]any); ok && a.Parent() != nil {
			return m[a.Name]
		}
		return v
	})
}

// MatchElement reports whether one value of a complex multi-valued attribute
// satisfies a filter that [BindElement] returned.
func MatchElement(n Node, element any) bool {
	m, _ := element.(map[string]any)
	return match(n, func(a *schema.Attribute) any { return m[a.Name] })
}

// match evaluates n; value gives the value of an attribute.
func match(n Node, value func(*schema.Attribute) any) bool {
	switch n := n.(type) {
	case *AndNode:
		return match(n.Left, value) && match(n.Right, value)
	case *OrNode:
		return match(n.Left, value) || match(n.Right, value)
	case *NotNode:
		return !match(n.X, value)
	case *Any:
		return matchAny(n, value(n.Attr))
	case *Test:
		return n.holds(value(n.Attr))
	case *Const:
		return n.Value
	}
	return false
}

func matchAny(n *Any, v any) bool {
	list, ok := v.([]any)
	if !ok && v != nil {
		list = []any{v} // brackets behind a single complex value
	}
	for _, element := range list {
		if n.Attr.Type == schema.Complex && MatchElement(n.X, element) {
			return true
		}
		if n.Attr.Type != schema.Complex &&
			match(n.X, func(*schema.Attribute) any { return element }) {
			return true
		}
	}
	return false
}

// holds applies the test to a value in canonical form.
func (t *Test) holds(v any) bool {
	if v == nil {
		return t.Op == NE
	}
	if t.Op == PR {
		return true
	}
	switch want := t.Operand.(type) {
	case bool:
		return (v == want) == (t.Op == EQ)
	case float64:
		n, _ := v.(json.Number)
		f, err := n.Float64()
		return err == nil && compare(t.Op, f, want)
	case string:
		s, ok := v.(string)
		if !ok {
			return t.Op == NE
		}
		return t.compareText(t.Attr.SearchKey(s), want)
	}
	return false
}

func (t *Test) compareText(s, want string) bool {
	switch t.Op {
	case CO:
		return strings.Contains(s, want)
	case SW:
		return strings.HasPrefix(s, want)
	case EW:
		return strings.HasSuffix(s, want)
	}
	return compare(t.Op, s, want)
}

func compare[T cmp.Ordered](op Op, v, want T) bool {
	switch op {
	case EQ:
		return v == want
	case NE:
		return v != want
	case GT:
		return v > want
	case GE:
		return v >= want
	case LT:
		return v < want
	case LE:
		return v <= want
	}
	return false
}
