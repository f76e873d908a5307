package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/schema"
)

// words are the values that generated users and filters share: alike in
// different ways.
var words = []string{
	"a", "A", "ab", "abc", "b", "é", "É", "e\u0301", "Straße", "STRASSE", "work", "home", "%", "_",
	"'", `"`, `\`, "日本", "a b", "~",
}

// testFilterProperty compares the SQL of generated filters with their
// evaluation in memory.
func testFilterProperty(t *testing.T, x *suite) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string { return words[random.IntN(len(words))] }
	rt := x.users.UserType(x.scope.Instance)
	resources := make(map[string]schema.Resource)
	for i := range 60 {
		r := schema.Resource{"userName": x.name(fmt.Sprint(word(), i))}
		set := func(chance int, f func()) {
			if random.IntN(chance) == 0 {
				f()
			}
		}
		for _, name := range []string{
			"externalId", "displayName", "title", "nickName", "profileUrl",
		} {
			set(2, func() { r[name] = word() })
		}
		set(2, func() { r["active"] = random.IntN(2) == 0 })
		set(2, func() { r["name"] = map[string]any{"givenName": word(), "familyName": word()} })
		for _, name := range []string{"emails", "roles"} {
			var list []any
			for range random.IntN(4) {
				e := map[string]any{"value": word()}
				set(2, func() { e["type"] = word() })
				set(3, func() { e["display"] = word() })
				list = append(list, e)
			}
			set(2, func() {
				if len(list) > 0 {
					list[0].(map[string]any)["primary"] = random.IntN(2) == 0
				}
			})
			if list != nil {
				r[name] = list
			}
		}
		set(2, func() { r[scim.EnterpriseUserURN] = map[string]any{"department": word()} })
		u, err := x.users.CreateUser(t.Context(), x.scope, r)
		fatal(t, err)
		stored, err := rt.Decode(u.Text)
		fatal(t, err)
		stored["id"] = u.ID
		stored["schemas"] = []any{scim.UserURN}
		stored["meta"] = map[string]any{
			"resourceType": "User", "version": scim.ETag(u.Version),
			"created":      u.Created.Format(time.RFC3339Nano),
			"lastModified": u.Modified.Format(time.RFC3339Nano),
		}
		resources[u.ID] = stored
	}
	compare := func(fail func(string, ...any), text string) {
		n, err := bind(rt, text)
		if err != nil {
			fail("%s: %v", text, err)
			return
		}
		users, page, err := x.users.Users(t.Context(), x.scope,
			provisioning.Query{Filter: n, Limit: 1000})
		if err != nil {
			fail("%s: %v", text, err)
			return
		}
		var got, want []string
		for _, u := range users {
			got = append(got, u.ID)
		}
		for id, r := range resources {
			if filter.Match(rt, n, r) {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		if !slices.Equal(got, want) || page.Total != len(want) {
			fail("%s\nin SQL    %d: %v\nin memory %d: %v", text, page.Total, got, len(want), want)
		}
	}
	for range 20 { // a check generates 100 filters
		rapid.Check(t, func(t *rapid.T) { compare(t.Fatalf, genFilter(3).Draw(t, "filter")) })
	}
}

// genFilter generates filters of a depth.
func genFilter(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if depth == 0 {
			return genComparison().Draw(t, "comparison")
		}
		sub := genFilter(depth - 1)
		switch rapid.IntRange(0, 6).Draw(t, "shape") {
		case 0:
			return sub.Draw(t, "left") + " and " + sub.Draw(t, "right")
		case 1:
			return sub.Draw(t, "left") + " or " + sub.Draw(t, "right")
		case 2:
			return "not (" + sub.Draw(t, "x") + ")"
		case 3:
			return "(" + sub.Draw(t, "x") + ")"
		case 4: // what an index answers, on both sides
			return fmt.Sprintf("(%s or %s)", genIndexed().Draw(t, "left"),
				genIndexed().Draw(t, "right")) +
				rapid.SampledFrom([]string{" and ", " or "}).Draw(t, "junction") + sub.Draw(t, "x")
		}
		return genComparison().Draw(t, "comparison")
	})
}

// genIndexed generates comparisons that an index answers.
func genIndexed() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		path := rapid.SampledFrom([]string{
			"userName", "externalId", "displayName", "name.familyName", "id",
		}).Draw(t, "path")
		value := rapid.SampledFrom(words).Draw(t, "value")
		if path == "userName" {
			value = fmt.Sprint(value, rapid.IntRange(0, 59).Draw(t, "number"))
		}
		return filter.String(&filter.Comparison{Path: path, Op: filter.EQ, Value: value})
	})
}

func genComparison() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		text := func(paths ...string) string {
			path := rapid.SampledFrom(paths).Draw(t, "path")
			op := rapid.SampledFrom([]string{
				"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr",
			}).Draw(t, "op")
			if op == "pr" {
				return path + " pr"
			}
			value := rapid.SampledFrom(append(words, "", "User")).Draw(t, "value")
			return filter.String(&filter.Comparison{Path: path, Op: filter.Op(op), Value: value})
		}
		boolean := func(path string) string {
			return path + " " +
				rapid.SampledFrom([]string{
					"eq true", "eq false", "ne true", "ne false", "pr", "eq null",
				}).Draw(t, "boolean")
		}
		switch rapid.IntRange(0, 7).Draw(t, "kind") {
		case 0:
			return boolean("active")
		case 1:
			return rapid.SampledFrom([]string{
				"emails", "roles", "name", scim.EnterpriseUserURN + ":department", "phoneNumbers",
				"meta",
			}).Draw(t, "path") + " pr"
		case 2:
			many := rapid.SampledFrom([]string{"emails", "roles"}).Draw(t, "many")
			inner := text("type", "value", "display")
			if rapid.Bool().Draw(t, "two") {
				inner += rapid.SampledFrom([]string{" and ", " or "}).Draw(t,
					"junction") + boolean("primary")
			}
			if rapid.Bool().Draw(t, "not") {
				inner = "not (" + inner + ")"
			}
			return many + "[" + inner + "]"
		case 3:
			return text("emails.value", "emails.type", "roles.display", "emails", "name.givenName")
		case 4:
			return "name[" + text("givenName", "familyName") + "]"
		}
		return text("userName", "externalId", "displayName", "title", "nickName", "profileUrl",
			"name.familyName", "id", "meta.version",
			"meta.resourceType", scim.EnterpriseUserURN+":department",
			scim.EnterpriseUserURN+":division")
	})
}
