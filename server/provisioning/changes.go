package provisioning

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"muster/server/history"
	"muster/server/scim/schema"
)

// changes returns what differs between two resources, attribute by attribute,
// each with the field that label says it is mapped to. Values of multi-valued
// attributes are told apart by their type where that is possible, as in
// emails[type eq "work"].value.
func changes(
	rt *schema.ResourceType, before, after schema.Resource, label func(path string) string,
) []history.Change {
	old, now := flatten(rt, before), flatten(rt, after)
	paths := slices.Collect(maps.Keys(old))
	for path := range now {
		if _, ok := old[path]; !ok {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	var list []history.Change
	for _, path := range paths {
		if old[path] != now[path] {
			list = append(list,
				history.Change{Field: label(path), Attribute: path, Old: old[path], New: now[path]})
		}
	}
	return list
}

// flatten returns the text of each simple value in r by its path.
func flatten(rt *schema.ResourceType, r schema.Resource) map[string]string {
	flat := make(map[string]string)
	for name, v := range r {
		if s := rt.Extension(name); s != nil {
			extension, _ := v.(map[string]any)
			for name, v := range extension {
				flattenValue(flat, s.ID+":"+name, v)
			}
			continue
		}
		flattenValue(flat, name, v)
	}
	return flat
}

func flattenValue(flat map[string]string, path string, v any) {
	switch v := v.(type) {
	case string:
		flat[path] = v
	case bool:
		flat[path] = strconv.FormatBool(v)
	case json.Number:
		flat[path] = v.String()
	case map[string]any:
		for name, x := range v {
			flattenValue(flat, path+"."+name, x)
		}
	case []any:
		types := make(map[string]int)
		for _, x := range v {
			types[typeOf(x)]++
		}
		for i, x := range v {
			at := fmt.Sprintf("%s[%d]", path, i)
			if t := typeOf(x); t != "" && types[t] == 1 {
				at = fmt.Sprintf("%s[type eq %q]", path, t)
				x = withoutType(x)
			}
			flattenValue(flat, at, x)
		}
	}
}

func typeOf(v any) string {
	m, _ := v.(map[string]any)
	t, _ := m["type"].(string)
	return t
}

func withoutType(v any) any {
	m := maps.Clone(v.(map[string]any))
	delete(m, "type")
	return m
}
