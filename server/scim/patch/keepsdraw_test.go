package patch_test

import (
	"encoding/json"
	"strings"

	"pgregory.net/rapid"

	"muster/server/scim"
	"muster/server/scim/patch"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

// drawUser draws a user in canonical form.
func drawUser(t *rapid.T, rt *schema.ResourceType) schema.Resource {
	r := schema.Resource{"userName": "anna", "active": true}
	text := rapid.SampledFrom([]string{"a", "b", "c"})
	object := func(label string, names ...string) map[string]any {
		m := make(map[string]any)
		for _, name := range names {
			if rapid.Bool().Draw(t, label+"."+name) {
				m[name] = text.Draw(t, label+"."+name)
			}
		}
		return m
	}
	if name := object("name", "givenName", "familyName", "middleName"); len(name) > 0 {
		r["name"] = name
	}
	for _, name := range []string{"title", "nickName"} {
		if rapid.Bool().Draw(t, name) {
			r[name] = text.Draw(t, name)
		}
	}
	types := []string{"work", "home", "other"}
	list := func(name string, subs ...string) {
		var values []any
		for i, kind := range types[:rapid.IntRange(0, 3).Draw(t, name)] {
			m := object(name, subs...)
			m["type"] = kind
			m[subs[0]] = "v" + string(rune('0'+i))
			if i == 0 && rapid.Bool().Draw(t, name+".primary") {
				m["primary"] = true
			}
			values = append(values, m)
		}
		if values != nil {
			r[name] = values
		}
	}
	list("emails", "value", "display")
	list("phoneNumbers", "value")
	list("addresses", "locality", "region", "streetAddress")
	list("roles", "value", "display")
	if e := object("enterprise", "department", "division"); len(e) > 0 {
		r[scim.EnterpriseUserURN] = e
	}
	if rapid.Bool().Draw(t, "manager") {
		rt.Set(r, rt.Attribute(scim.EnterpriseUserURN, "manager", ""), map[string]any{"value": "m"})
	}
	return r
}

// operation is one operation as it is sent.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path,omitempty"`
	Value any    `json:"value"`
	bare  bool   // without a value
}

func (o operation) String() string {
	b, _ := json.Marshal(o)
	return string(b)
}

func drawOperation(t *rapid.T) operation {
	o := operation{
		Op: rapid.SampledFrom([]string{"add", "replace", "remove"}).Draw(t, "op"),
		Path: rapid.SampledFrom([]string{
			"", "name", "name.middleName", "title", "active", "emails", "emails.display",
			`emails[type eq "work"]`, `emails[type eq "work"].value`,
			`emails[type eq "work"].display`, `emails[value eq "v1"]`, `emails[value eq "none"]`,
			`emails[type eq "home" and value pr]`, "phoneNumbers",
			`phoneNumbers[type eq "mobile"].value`, "addresses", `addresses[type eq "work"]`,
			`addresses[locality sw "v"]`, `roles[primary eq "True"].value`,
			"roles", "entitlements", scim.EnterpriseUserURN, scim.EnterpriseUserURN + ":manager",
			scim.EnterpriseUserURN + ".manager",
			scim.EnterpriseUserURN + ":department",
			scim.EnterpriseUserURN + `:manager[value eq "m"]`, "userName", "groups", "meta.version",
		}).Draw(t, "path"),
		bare: rapid.IntRange(0, 9).Draw(t, "bare") == 0,
	}
	o.Value = drawValue(t, 0)
	if rapid.Bool().Draw(t, "fitting") {
		o.Value = drawFitting(t, o.Path)
	}
	if o.Path == "" && rapid.Bool().Draw(t, "whole") {
		o.Value = drawObject(t, 0, []string{
			rapid.SampledFrom([]string{"name", "name.givenName"}).Draw(t, "name"),
			rapid.SampledFrom([]string{"emails", `emails[type eq "work"].value`}).Draw(t, "emails"),
			"title", "NICKNAME", "active", "addresses", "roles", scim.EnterpriseUserURN, "id",
			"externalId",
		})
	}
	return o
}

var subNames = []string{
	"value", "type", "display", "primary", "locality", "region", "givenName", "familyName",
	"MiddleName", "department", "manager", "displayName", "$ref", "id", "schemas", "managerId",
}

// drawFitting draws an object, or a list of one, of sub-attributes that are in
// place at a path, each with a text, null or blank.
func drawFitting(t *rapid.T, path string) any {
	names := []string{"value", "type", "display"}
	switch {
	case strings.HasPrefix(path, "name"):
		names = []string{"givenName", "familyName", "middleName"}
	case strings.HasPrefix(path, "addresses"):
		names = []string{"type", "locality", "region"}
	}
	m := make(map[string]any)
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3,
		rapid.ID[string]).Draw(t, "names") {
		m[name] = rapid.SampledFrom([]any{"v0", "new", "work", nil, ""}).Draw(t, name)
	}
	if rapid.Bool().Draw(t, "list") {
		return []any{m}
	}
	return m
}

// drawValue draws what a client could send, right or wrong.
func drawValue(t *rapid.T, depth int) any {
	kinds := 9
	if depth > 2 {
		kinds = 7
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1, 2:
		return ""
	case 3, 4:
		return rapid.SampledFrom([]string{
			"a", "v0", "v1", "V2", "work", "home", "True", "m",
		}).Draw(t, "text")
	case 5:
		return rapid.Bool().Draw(t, "boolean")
	case 6:
		return json.Number("7")
	case 7:
		return drawObject(t, depth+1, subNames)
	}
	list := []any{}
	for range rapid.IntRange(0, 3).Draw(t, "entries") {
		list = append(list, drawValue(t, depth+1))
	}
	return list
}

func drawObject(t *rapid.T, depth int, names []string) map[string]any {
	m := make(map[string]any)
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 3,
		rapid.ID[string]).Draw(t, "names") {
		m[name] = drawValue(t, depth+1)
	}
	return m
}

func (o operation) apply(
	rt *schema.ResourceType, r schema.Resource, policy *tolerance.Policy,
) (schema.Resource, error) {
	raw := map[string]any{"op": o.Op, "value": schema.CloneValue(o.Value)}
	if o.bare {
		delete(raw, "value")
	}
	if o.Path != "" {
		raw["path"] = o.Path
	}
	message, err := tolerance.Patch(rt,
		map[string]any{"schemas": []any{scim.PatchOpURN}, "Operations": []any{raw}}, policy)
	if err != nil {
		return nil, err
	}
	ops, err := patch.Parse(rt, message, policy)
	if err != nil {
		return nil, err
	}
	return patch.Apply(rt, r, ops, policy)
}

func has(v any, name string) bool {
	m, _ := v.(map[string]any)
	for n := range m {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// member returns the member of an object that is called name in any letter
// case.
func member(v any, name string) any {
	m, _ := v.(map[string]any)
	for n, x := range m {
		if strings.EqualFold(n, name) {
			return x
		}
	}
	return ""
}

func isEmpty(v any) bool { return v == nil || v == "" }

func isBlankOne(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) == 1 && (list[0] == "" || isEmpty(member(list[0], "value")))
}

func asObject(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// texts returns the texts in a value by which somebody could be meant, folded.
func texts(list []string, v any) []string {
	switch v := v.(type) {
	case string:
		if v != "" {
			list = append(list, schema.Fold(v))
		}
	case []any:
		for _, x := range v {
			list = texts(list, x)
		}
	case map[string]any:
		for name, x := range v {
			if !strings.EqualFold(name, "type") { // which says nothing of whom
				list = texts(list, x)
			}
		}
	}
	return list
}
