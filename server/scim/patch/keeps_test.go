package patch_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

// TestKeeps looks for an operation by which something is lost that it does not
// name: an add removes nothing, and what is named neither by path nor by value
// stays, whatever the value holds in the wrong place.
//
//	go test ./server/scim/patch -run TestKeeps -rapid.checks=100000
func TestKeeps(t *testing.T) {
	check := keeps(schema.User())
	for range 100 { // so many times what -rapid.checks says, which is 100
		rapid.Check(t, check)
	}
}

// FuzzKeeps is the same, led by coverage.
func FuzzKeeps(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(keeps(schema.User())))
}

func keeps(rt *schema.ResourceType) func(*rapid.T) {
	return func(t *rapid.T) { keepsIn(t, rt) }
}

func keepsIn(t *rapid.T, rt *schema.ResourceType) {
	r := drawUser(t, rt)
	for range rapid.IntRange(1, 3).Draw(t, "operations") {
		o := drawOperation(t)
		policy := tolerance.New(rapid.Bool().Draw(t, "strict"))
		after, err := o.apply(rt, r, policy)
		if err != nil {
			if scim.AsError(err) == nil {
				t.Fatalf("%v is no SCIM error", err)
			}
			continue
		}
		c := check{t: t, rt: rt, o: o, before: r, after: after}
		c.all()
		r = after
	}
}

// check compares a user before and after one operation that succeeded.
type check struct {
	t             *rapid.T
	rt            *schema.ResourceType
	o             operation
	before, after schema.Resource
}

func (c *check) fail(format string, args ...any) {
	c.t.Helper()
	c.t.Fatalf("%s\n"+format+"\nbefore %s\nafter  %s",
		append(append([]any{c.o}, args...), c.rt.Append(nil, c.before),
			c.rt.Append(nil, c.after))...)
}

func (c *check) all() {
	if c.after["userName"] == nil || c.after["active"] == nil {
		c.fail("what must be there is gone")
	}
	text := c.rt.Append(nil, c.after)
	raw, err := scim.DecodeObject(text)
	if err != nil {
		c.t.Fatal(err)
	}
	again, err := c.rt.Resource(raw)
	if err != nil || string(c.rt.Append(nil, again)) != string(text) {
		c.fail("the result is not canonical: %v, %v", again, err)
	}
	for _, s := range append([]*schema.Schema{c.rt.Schema}, c.rt.Extensions...) {
		for _, a := range s.Attributes {
			c.attribute(a, c.rt.Get(c.before, a), c.rt.Get(c.after, a))
		}
	}
}

// named returns the parts of the operation that are about a: the value, the
// brackets and the sub-attribute of the path.
func (c *check) named(
	a *schema.Attribute,
) (value any, in filter.Expr, sub *schema.Attribute, named bool) {
	if c.o.Path == "" {
		return c.inObject(a, c.o.Value)
	}
	text, _ := tolerance.Path(c.rt, c.o.Path, tolerance.New(false))
	path, err := filter.ParsePath(text, tolerance.New(false))
	if err != nil {
		c.t.Fatal(err)
	}
	found, extension := c.rt.Resolve(path.Attribute)
	switch {
	case extension != nil && a.Schema() == extension && c.o.Op == "remove":
		return nil, nil, nil, true
	case extension != nil && a.Schema() == extension && c.o.Value == nil:
		return nil, nil, nil, c.o.Op == "replace"
	case extension != nil && a.Schema() == extension:
		return c.inObject(a, c.o.Value)
	case found == nil || found.Top() != a:
		return nil, nil, nil, false
	case found != a:
		return c.o.Value, nil, found, true
	}
	return c.o.Value, path.Filter, a.Sub(path.Sub), true
}

// inObject finds a in the value of an operation without path.
func (c *check) inObject(
	a *schema.Attribute, v any,
) (value any, in filter.Expr, sub *schema.Attribute, named bool) {
	m, _ := v.(map[string]any)
	for name, x := range m {
		switch s := c.rt.Extension(name); {
		case strings.EqualFold(name, a.Name) && (c.o.Path != "" || !c.rt.InExtension(a)):
			return x, nil, nil, true
		case s != nil && s == a.Schema() && x == nil:
			return nil, nil, nil, c.o.Op == "replace"
		case s != nil && s == a.Schema():
			if !has(x, a.Name) {
				return nil, nil, nil, false
			}
			return member(x, a.Name), nil, nil, true
		case strings.HasPrefix(name, a.Name+"[") || strings.HasPrefix(name, a.Name+"."):
			path, _ := filter.ParsePath(name, nil)
			sub := a.Sub(path.Sub)
			if found, _ := c.rt.Resolve(path.Attribute); found != nil && found != a {
				sub = found
			}
			return x, path.Filter, sub, true
		}
	}
	return nil, nil, nil, false
}

func (c *check) attribute(a *schema.Attribute, before, after any) {
	value, in, sub, named := c.named(a)
	switch {
	case !named:
		if !reflect.DeepEqual(before, after) {
			c.fail("%s is not named, and changed", a.Path())
		}
	case before == nil:
	case c.o.Op == "add":
		c.added(a, sub, value, before, after)
	case sub != nil || in != nil:
		c.part(a, in, sub, value, before, after)
	case c.o.Op == "remove":
		c.removed(a, value, before, after)
	default:
		c.replaced(a, value, before, after)
	}
}

// added: what was there is there, but for what the value names anew.
func (c *check) added(a, sub *schema.Attribute, value, before, after any) {
	if after == nil {
		c.fail("an add removed %s", a.Path())
	}
	if !a.MultiValued {
		c.stays(a, sub, value, before, after)
		return
	}
	for _, e := range before.([]any) {
		if !c.survives(a, sub, value, e, after) {
			c.fail("an add lost %v", e)
		}
	}
}

// stays fails unless what the value does not name of a complex value is what
// it was.
func (c *check) stays(a, sub *schema.Attribute, value, before, after any) {
	old, ok := before.(map[string]any)
	now, _ := after.(map[string]any)
	if !ok {
		return
	}
	for name, x := range old {
		v, named := c.names(a, sub, value, name)
		if named && (c.o.Op != "add" || !isEmpty(v)) {
			continue
		}
		if !reflect.DeepEqual(x, now[name]) {
			c.fail("%s.%s was lost", a.Path(), name)
		}
	}
}

// names reports whether path or value name a sub-attribute, and as what.
func (c *check) names(a, sub *schema.Attribute, value any, name string) (any, bool) {
	if sub != nil {
		return value, sub.Name == name
	}
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	var as any
	named := false
	for _, v := range list {
		m, ok := v.(map[string]any)
		if !ok && name == "value" && a.Sub("value") != nil && v != nil {
			return v, true // the bare form
		}
		for n, x := range m {
			switch {
			case strings.EqualFold(n, name), a.Name == "manager" &&
				strings.EqualFold(n, "managerId"), strings.EqualFold(n, "displayName") &&
				name == "display":
				named = true
				if !isEmpty(x) {
					as = x
				}
			}
		}
	}
	return as, named
}

// survives reports whether e is among the values of after, the same in all
// that value does not name.
func (c *check) survives(a, sub *schema.Attribute, value, e, after any) bool {
	list, _ := after.([]any)
	return slices.ContainsFunc(list, func(x any) bool {
		now, _ := x.(map[string]any)
		for name, v := range e.(map[string]any) {
			if _, named := c.names(a, sub, value, name); !named && name != "primary" &&
				!reflect.DeepEqual(v, now[name]) {
				return false
			}
		}
		return true
	})
}

// part: brackets, or the sub-attribute of all values. Values that are not
// chosen stay; of those that are, what is not named does, unless a whole
// record takes their place.
func (c *check) part(
	a *schema.Attribute, in filter.Expr, sub *schema.Attribute, value, before, after any,
) {
	if !a.MultiValued {
		if c.o.Op == "replace" && (sub != nil || value != nil) {
			c.replaced(a, value, before, after)
		}
		return
	}
	var node filter.Node
	if in != nil {
		node, _ = filter.BindElement(a, in, tolerance.New(false))
	}
	for _, e := range before.([]any) {
		chosen := node == nil || filter.MatchElement(node, e)
		switch {
		case !chosen:
			if !c.survives(a, sub, nil, e, after) {
				c.fail("%v was not chosen, and is gone", e)
			}
		case sub == nil && (c.o.Op == "remove" || value == nil || givesRecord(a, value)):
		case sub != nil && a.Sub("value") == sub &&
			(c.o.Op == "remove" || isEmpty(value) || isBlankOne(value)):
			// What names a record is cleared: no shell stays.
		default:
			if onlyNames(e.(map[string]any),
				func(name string) bool { _, named := c.names(a, sub, value, name); return named }) {
				continue
			}
			if !c.survives(a, sub, value, e, after) {
				c.fail("%v was changed, and lost more than is named", e)
			}
		}
	}
}

// onlyNames reports whether all that a value is about is named.
func onlyNames(e map[string]any, named func(string) bool) bool {
	for name := range e {
		if name != "type" && name != "primary" && !named(name) {
			return false
		}
	}
	return true
}

// givesRecord reports whether a value takes the place of a record.
func givesRecord(a *schema.Attribute, v any) bool {
	if list, ok := v.([]any); ok && len(list) == 1 {
		v = list[0]
	}
	if a.Sub("value") != nil {
		if m, ok := v.(map[string]any); ok {
			return !isEmpty(member(m, "value"))
		}
		return !isEmpty(v)
	}
	for name, x := range asObject(v) {
		if !isEmpty(x) && !strings.EqualFold(name, "type") && !strings.EqualFold(name, "primary") {
			return true
		}
	}
	return false
}

// removed: without a value all goes; else what no text of the value equals
// stays.
func (c *check) removed(a *schema.Attribute, value, before, after any) {
	if value == nil || c.o.bare || !a.MultiValued {
		return
	}
	said := texts(nil, value)
	for _, e := range before.([]any) {
		hit := slices.ContainsFunc(texts(nil, e),
			func(s string) bool { return slices.Contains(said, s) })
		if !hit && !c.survives(a, nil, nil, e, after) {
			c.fail("%v is not listed, and was removed", e)
		}
	}
}

// replaced: only null and the empty list empty an attribute; only null and
// blank text a simple one.
func (c *check) replaced(a *schema.Attribute, value, before, after any) {
	list, isList := value.([]any)
	switch {
	case a.MultiValued && (value == nil || isList && len(list) == 0):
		if after != nil {
			c.fail("%s was to be emptied", a.Path())
		}
	case a.MultiValued && after == nil:
		c.fail("%s was emptied by a value that is not empty", a.Path())
	case a.MultiValued && value == "":
		if !reflect.DeepEqual(before, after) {
			c.fail("%s changed by blank text", a.Path())
		}
	case a.Type == schema.Complex && value != nil:
		if _, ok := value.(string); ok && a.Name == "manager" {
			return // the bare form
		}
		_, _, sub, _ := c.named(a)
		c.stays(a, sub, value, before, after)
	}
}
