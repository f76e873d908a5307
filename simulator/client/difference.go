package client

import (
	"fmt"
	"maps"
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
func Differences(
	there, sent map[string]any, same func(path, there, sent string) bool,
) []Difference {
	old, now := flat(there), flat(sent)
	var list []Difference
	for path, v := range now {
		value, before := fmt.Sprint(v), ""
		if o, ok := old[path]; ok {
			before = fmt.Sprint(o)
		}
		if isSchemas(path) || before == value {
			continue
		}
		if same == nil || !same(path, before, value) {
			list = append(list, Difference{path, before, value})
		}
	}
	slices.SortFunc(list, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// Emptied returns what has a value in there and none in what is sent instead of
// it, but for what the server alone sets. The new values are empty.
func Emptied(there, sent map[string]any) []Difference {
	old, now := flat(there), flat(sent)
	var list []Difference
	for path, v := range old {
		if _, stays := now[path]; !stays && !isServers(path) {
			list = append(list, Difference{Path: path, Old: fmt.Sprint(v)})
		}
	}
	slices.SortFunc(list, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// isServers reports whether a path is one that the server alone sets.
func isServers(path string) bool {
	for _, prefix := range []string{"id", "meta.", "groups[", "active"} {
		if path == prefix || strings.HasPrefix(path, prefix) && prefix != "id" {
			return true
		}
	}
	return isSchemas(path) || strings.HasSuffix(path, ".$ref") ||
		strings.HasSuffix(path, ":manager.displayName") || strings.HasPrefix(path, "urn:muster:")
}

func isSchemas(path string) bool { return path == "schemas" || strings.HasPrefix(path, "schemas[") }

// flat returns the values of a resource that have no parts, by their paths.
func flat(resource map[string]any) map[string]any {
	values := make(map[string]any)
	flatten(values, "", resource)
	return values
}

func flatten(values map[string]any, path string, v any) {
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for name, x := range v {
			flatten(values, join(path, name), x)
		}
	case []any:
		for i, x := range v {
			label := fmt.Sprintf("[%d]", i)
			if m, ok := x.(map[string]any); ok && m["type"] != nil {
				label = fmt.Sprintf("[type eq %q]", fmt.Sprint(m["type"]))
			}
			flatten(values, path+label, x)
		}
	default:
		values[path] = v
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

// Texts returns the texts of a resource by their paths.
func Texts(resource map[string]any) map[string]string {
	texts := make(map[string]string)
	for path, v := range flat(resource) {
		if s, ok := v.(string); ok && !isSchemas(path) {
			texts[path] = s
		}
	}
	return texts
}

// Paths returns the paths of the attributes that a resource has, each once,
// without the filters that tell values apart: emails.value.
func Paths(resource map[string]any) []string {
	seen := make(map[string]bool)
	for path := range flat(resource) {
		var plain strings.Builder
		for i, part := range strings.Split(path, "[") {
			if i > 0 {
				_, part, _ = strings.Cut(part, "]")
			}
			plain.WriteString(part)
		}
		seen[plain.String()] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Value returns the value at a path of a resource, as [Differences] names
// paths; empty if there is none.
func Value(resource map[string]any, path string) string {
	if v, ok := flat(resource)[path]; ok {
		return fmt.Sprint(v)
	}
	return ""
}
