package patch

import (
	"fmt"
	"reflect"
	"slices"

	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

// applyMany applies the operation to the values of a multi-valued attribute.
func (o *Operation) applyMany(values []any, policy *tolerance.Policy) ([]any, error) {
	switch {
	case o.Listed:
		return o.removeListed(values, policy)
	case o.Filter == nil && o.Sub == nil:
		return o.applyAll(values)
	}
	chosen := o.choose(values)
	if len(chosen) == 0 {
		return o.applyNone(values, policy)
	}
	if o.Kind == Remove && o.Sub == nil {
		return without(values, chosen), nil
	}
	var emptied []int
	for _, i := range chosen {
		m, _ := values[i].(map[string]any)
		if o.isRecord() {
			record, err := o.record(m)
			if err != nil {
				return nil, err
			}
			values[i] = record
			continue
		}
		named := o.Attr.Names(m)
		if err := o.change(m); err != nil {
			return nil, err
		}
		if named && !o.Attr.Names(m) {
			emptied = append(emptied, i)
		}
	}
	if err := o.movePrimary(values, chosen); err != nil {
		return nil, err
	}
	return without(values, emptied), nil
}

// isRecord reports whether the operation replaces the values that brackets
// choose as a whole, Section 3.5.2.3 of RFC 7644: what it gives is one value
// itself. What lacks the "value" that the attribute is about only changes one.
func (o *Operation) isRecord() bool {
	given, ok := o.Value.(map[string]any)
	if !ok || o.Kind != Replace || o.Sub != nil || o.Filter == nil {
		return false
	}
	if o.Attr.Sub("value") != nil {
		return given["value"] != nil
	}
	return o.Attr.Names(given)
}

// record returns what takes the place of old: the given value, with what the
// brackets state, such as the type, and with what is immutable, where the
// given value says nothing of it.
func (o *Operation) record(old map[string]any) (map[string]any, error) {
	given, _ := o.Value.(map[string]any)
	record := make(map[string]any, len(given)+1)
	for _, sub := range o.Attr.SubAttributes {
		if v := old[sub.Name]; v != nil &&
			(sub.Mutability == schema.Immutable || states(o.Expr, o.Attr, sub)) {
			record[sub.Name] = v
		}
	}
	for name, v := range given {
		if err := o.set(record, o.Attr.Sub(name), v); err != nil {
			return nil, err
		}
	}
	return record, nil
}

// states reports whether what e chooses has one value of the sub-attribute.
func states(e filter.Expr, a, sub *schema.Attribute) bool {
	switch e := e.(type) {
	case *filter.And:
		return states(e.Left, a, sub) || states(e.Right, a, sub)
	case *filter.Comparison:
		return e.Op == filter.EQ && e.Value != nil && a.Sub(e.Path) == sub
	}
	return false
}

// applyAll applies an operation on the attribute as a whole.
func (o *Operation) applyAll(values []any) ([]any, error) {
	given, _ := o.Value.([]any)
	switch o.Kind {
	case Remove:
		return nil, nil
	case Replace:
		return given, nil
	}
	var added []int
	for _, v := range given {
		i := o.find(values, v)
		if i < 0 {
			i = len(values)
			values = append(values, v)
		} else if old, ok := values[i].(map[string]any); ok {
			for name, x := range v.(map[string]any) {
				old[name] = x
			}
		}
		added = append(added, i)
	}
	return values, o.movePrimary(values, added)
}

// find returns the place of the value that an added one is the same as, or
// -1: the same "value" and "type", if the attribute has them (Section 2.4 of
// RFC 7643), or everything the same.
func (o *Operation) find(values []any, v any) int {
	given, _ := v.(map[string]any)
	for i, x := range values {
		if reflect.DeepEqual(x, v) {
			return i
		}
		old, _ := x.(map[string]any)
		if given["value"] != nil && sameSub(o.Attr, "value", old, given) &&
			sameSub(o.Attr, "type", old, given) {
			return i
		}
	}
	return -1
}

func sameSub(a *schema.Attribute, name string, x, y map[string]any) bool {
	if x[name] == y[name] {
		return true
	}
	s, ok := x[name].(string)
	t, ok2 := y[name].(string)
	sub := a.Sub(name)
	// A member's type is known by its id: a client need not repeat it.
	if name == "type" && sub != nil && sub.Mutability == schema.Immutable && (!ok || !ok2) {
		return true
	}
	return ok && ok2 && sub != nil && sub.Key(s) == sub.Key(t)
}

// choose returns the places of the values that the operation is about.
func (o *Operation) choose(values []any) []int {
	var chosen []int
	for i, v := range values {
		if o.Filter == nil || filter.MatchElement(o.Filter, v) {
			chosen = append(chosen, i)
		}
	}
	return chosen
}

// applyNone applies an operation whose path chooses no value.
func (o *Operation) applyNone(values []any, policy *tolerance.Policy) ([]any, error) {
	if o.Kind == Remove || o.Kind == Replace && o.givesNothing() {
		return values, o.absent(policy)
	}
	if o.givesNothing() {
		return values, nil
	}
	element := make(map[string]any)
	if o.Expr != nil && !fill(element, o.Attr, o.Expr) {
		return nil, o.noTarget()
	}
	if o.Kind == Replace && element["value"] != nil {
		return nil, o.noTarget() // it is about that one value, and no other
	}
	if err := o.allow(policy, tolerance.ReplaceMissing); err != nil {
		return nil, err
	}
	if err := o.change(element); err != nil {
		return nil, err
	}
	values = append(values, element)
	return values, o.movePrimary(values, []int{len(values) - 1})
}

// givesNothing reports whether the value has nothing that could be set.
func (o *Operation) givesNothing() bool {
	m, ok := o.Value.(map[string]any)
	if !ok {
		return o.Value == nil
	}
	for _, v := range m {
		if v != nil {
			return false
		}
	}
	return true
}

func (o *Operation) absent(policy *tolerance.Policy) error {
	if o.Filter == nil && !o.Listed {
		return nil
	}
	return o.allow(policy, tolerance.RemoveAbsent)
}

// allow lets a deviation pass or returns the error that Section 3.5.2 of RFC
// 7644 asks for, with the name of the deviation.
func (o *Operation) allow(policy *tolerance.Policy, d tolerance.Deviation) error {
	if policy.Tolerant() {
		return policy.Allow(d)
	}
	e := o.noTarget()
	e.Detail += fmt.Sprintf(" (refused in strict mode as %q)", d)
	return e
}

func (o *Operation) noTarget() *scim.Error {
	where := o.Attr.Path()
	if o.Expr != nil {
		where += "[" + filter.String(o.Expr) + "]"
	}
	return scim.BadRequest(scim.NoTarget, "%s: no such value", where)
}

// fill sets the sub-attributes that a filter of equations joined by "and"
// asks for. It reports whether the filter is of that form.
func fill(element map[string]any, a *schema.Attribute, e filter.Expr) bool {
	switch e := e.(type) {
	case *filter.And:
		return fill(element, a, e.Left) && fill(element, a, e.Right)
	case *filter.Comparison:
		sub := a.Sub(e.Path)
		if sub == nil || e.Op != filter.EQ || e.Value == nil {
			return false
		}
		v, _, err := tolerance.Value(tolerance.Create, sub, e.Value, tolerance.New(false))
		if err == nil {
			v, err = sub.Canonical(v)
		}
		if err != nil || v == nil {
			return false
		}
		element[sub.Name] = v
		return true
	}
	return false
}

// removeListed removes the values that the operation lists.
func (o *Operation) removeListed(values []any, policy *tolerance.Policy) ([]any, error) {
	var chosen []int
	for _, v := range o.Values {
		found := false
		for i, x := range values {
			if o.listed(x, v) {
				chosen, found = append(chosen, i), true
			}
		}
		if !found {
			if err := o.absent(policy); err != nil {
				return nil, err
			}
		}
	}
	return without(values, chosen), nil
}

// listed reports whether x is a value that v names: the same in all
// sub-attributes that v gives.
func (o *Operation) listed(x, v any) bool {
	old, _ := x.(map[string]any)
	given, ok := v.(map[string]any)
	if !ok {
		return reflect.DeepEqual(x, v)
	}
	for name := range given {
		if !sameSub(o.Attr, name, old, given) {
			return false
		}
	}
	return true
}

func without(values []any, places []int) []any {
	var rest []any
	for i, v := range values {
		if !slices.Contains(places, i) {
			rest = append(rest, v)
		}
	}
	return rest
}

// movePrimary takes the mark "primary" from all values but the changed one
// that has it, Section 3.5.2 of RFC 7644. Two changed ones that have it are
// refused.
func (o *Operation) movePrimary(values []any, changed []int) error {
	winner := -1
	for _, i := range changed {
		if i >= len(values) {
			continue
		}
		if m, _ := values[i].(map[string]any); m["primary"] == true {
			if winner >= 0 && winner != i {
				return scim.BadRequest(scim.InvalidValue, "%s: at most one value may be primary",
					o.Attr.Path())
			}
			winner = i
		}
	}
	if winner < 0 {
		return nil
	}
	for i, v := range values {
		if m, _ := v.(map[string]any); i != winner && m["primary"] == true {
			m["primary"] = false
		}
	}
	return nil
}
