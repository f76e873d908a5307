package cycle

import (
	"fmt"
	"slices"
	"strings"
)

// Difference is one attribute that differs, by its path.
type Difference struct {
	Path string `json:"path"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// Differences returns where what is sent differs from what is there, for the
// attributes that are sent; "schemas" does not count. Values of multi-valued
// attributes are told apart by their type. same may accept texts that are
// not equal; nil accepts none.
func Differences(there, sent map[string]any, same func(path, there, sent string) bool) []Difference {
	old, now := make(map[string]string), make(map[string]string)
	flatten(old, "", there)
	flatten(now, "", sent)
	var list []Difference
	for path, value := range now {
		if path == "schemas" || strings.HasPrefix(path, "schemas[") || old[path] == value {
			continue
		}
		if same == nil || !same(path, old[path], value) {
			list = append(list, Difference{path, old[path], value})
		}
	}
	slices.SortFunc(list, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return list
}

func flatten(flat map[string]string, path string, v any) {
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for name, x := range v {
			flatten(flat, join(path, name), x)
		}
	case []any:
		for i, x := range v {
			label := fmt.Sprintf("[%d]", i)
			if m, ok := x.(map[string]any); ok && m["type"] != nil {
				label = fmt.Sprintf("[type eq %q]", fmt.Sprint(m["type"]))
			}
			flatten(flat, path+label, x)
		}
	default:
		flat[path] = fmt.Sprint(v)
	}
}

// join appends a name to a path: behind a colon if the path is the URN of an
// extension, behind a dot if it is an attribute.
func join(path, name string) string {
	switch {
	case path == "":
		return name
	case strings.HasPrefix(path, "urn:") && strings.HasSuffix(path, ":User"):
		return path + ":" + name
	}
	return path + "." + name
}
