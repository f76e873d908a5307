package schema

import (
	"fmt"
	"reflect"

	"muster/server/scim"
)

// form says what a value is canonical for.
type form int

const (
	// whole is a value as a resource holds it: what is null or empty is left
	// out.
	whole form = iota
	// change is the value of a PATCH operation, in which a sub-attribute that
	// is null or blank is one to be cleared, and one that is absent stays.
	change
)

// Canonical checks a value against the definition of a, and returns it in
// canonical form; nil means that there is no value. An entry of a list that
// names nothing (see [Attribute.Names]) is refused.
func (a *Attribute) Canonical(v any) (any, error) {
	return a.canonical(v, a.Path(), whole)
}

// Change checks the value of a PATCH operation, as [Attribute.Canonical] does
// that of a resource. It tells apart what a resource does not: nil is null or
// the blank text; a list is never nil, and may be empty; a complex value holds
// nil for each sub-attribute that was given as null or blank, and is empty if
// it gives nothing that a client could change.
func (a *Attribute) Change(v any) (any, error) {
	return a.canonical(v, a.Path(), change)
}

// ChangeElement is [Attribute.Change] for one value of a multi-valued
// attribute.
func (a *Attribute) ChangeElement(v any) (any, error) {
	return a.single(v, a.Path(), change)
}

func (a *Attribute) canonical(v any, path string, f form) (any, error) {
	if v == nil {
		return nil, nil
	}
	if !a.MultiValued {
		return a.single(v, path, f)
	}
	list, ok := v.([]any)
	if !ok {
		return nil, wrongType(path, "an array", v)
	}
	values := make([]any, 0, len(list))
	for i, v := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		c, err := a.single(v, at, whole)
		if err != nil {
			return nil, err
		}
		if !a.Names(c) {
			return nil, a.namesNothing(at)
		}
		if !contains(values, c) {
			values = append(values, c)
		}
	}
	if len(values) == 0 && f == whole {
		return nil, nil
	}
	return values, a.CheckPrimary(values)
}

// Names reports whether v, one value of a multi-valued attribute in canonical
// form, names anything: a complex one must say more than of which type it is
// and whether it is primary. What does not is the shell that a template leaves
// when its macro is blank.
func (a *Attribute) Names(v any) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return v != nil
	}
	for name, x := range m {
		if x != nil && name != "type" && name != "primary" {
			return true
		}
	}
	return false
}

// namesNothing refuses an entry of a list, with its place.
func (a *Attribute) namesNothing(at string) error {
	what := "its value"
	if value := a.Sub("value"); value != nil && value.Mutability == Immutable {
		what = `the id of a user or group as its "value"`
	}
	return scim.BadRequest(scim.InvalidValue, "%s names nothing: give %s, or leave the entry out",
		at, what)
}

// contains reports whether list holds v: the same value twice says no more
// than once (Section 2.4 of RFC 7643).
func contains(list []any, v any) bool {
	if len(list) > 100 {
		return false // groups with many members are freed of duplicates when they are stored
	}
	for _, x := range list {
		if reflect.DeepEqual(x, v) {
			return true
		}
	}
	return false
}

// Distinct returns the values of a list in canonical form, each once.
func Distinct(list []any) []any {
	var out []any
	for _, v := range list {
		if !contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// CheckPrimary returns an error if more than one of the values is primary,
// Section 2.4 of RFC 7643.
func (a *Attribute) CheckPrimary(values []any) error {
	n := 0
	for _, v := range values {
		if m, _ := v.(map[string]any); m["primary"] == true {
			n++
		}
	}
	if n > 1 {
		return scim.BadRequest(scim.InvalidValue, "%s: %d values are primary; at most one may be",
			a.Path(), n)
	}
	return nil
}
