package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// attack is what one instance asks for.
type attack struct {
	name string
	next func(b *bench, t *target) next
	// command is what an administrator runs over and over instead; nil for
	// requests.
	command func(b *bench, t *target) ([]string, error)
	// oneWriter is set for a single change of so many rows that SQLite, which
	// has one writer for the whole file, keeps all others waiting meanwhile.
	oneWriter bool
}

// attacks are the worst requests of each kind that are allowed.
func attacks() []attack {
	query := func(name, text string) attack {
		return attack{name: name, next: func(*bench, *target) next {
			return func(int, int) *request { return get(text) }
		}}
	}
	or := func(term string, n int) string {
		terms := make([]string, n)
		for i := range terms {
			terms[i] = fmt.Sprintf(term, i)
		}
		return "/Users?filter=" + url.QueryEscape(strings.Join(terms, " or "))
	}
	return []attack{
		query("99 terms over emails", or(`emails[value co "nobody-%d@"]`, 99)),
		query("99 terms over title", or(`title co "nobody-%d"`, 99)),
		query("99 terms over userName", or(`userName co "nobody-%d"`, 99)),
		query("a name that many have",
			"/Users?filter="+url.QueryEscape(`name.familyName eq "Common" and title pr`)),
		query("sorted by emails, far behind",
			"/Users?sortBy=emails.value&count=200&startIndex=90000"),
		{name: "a whole group of 50,000", next: func(_ *bench, t *target) next {
			return func(client, _ int) *request {
				return get("/Groups/" + t.large()[client%len(t.large())])
			}
		}},
		{name: "all groups, by a list", next: func(*bench, *target) next {
			return func(int, int) *request { return get("/Groups?count=200") }
		}},
		{name: "Bulk of 1,000 changes", next: bulks},
		{
			name: "pages of 200 by cursor",
			next: func(*bench, *target) next { return cursorsOf(200) },
		},
		{name: "export of the history", next: func(b *bench, _ *target) next {
			return func(int, int) *request {
				r := get("/admin/v1/instances/bench/history/export")
				r.token = b.adminToken
				return r
			}
		}},
		{name: "get by id", next: func(_ *bench, t *target) next {
			return func(int, int) *request { return get("/Users/" + t.any().id) }
		}},
		{name: "create", next: func(_ *bench, t *target) next {
			return func(int, int) *request { return create(int(t.last.Add(1))) }
		}},
		{name: "all members of a group replaced", next: replacing, oneWriter: true},
		{name: "import by the command", command: importing},
	}
}

// importing returns a command that imports people who are new.
func importing(b *bench, t *target) ([]string, error) {
	return b.importOf(b.Users/5, func(int) []byte { return user(int(t.last.Add(1)), "Imported") })
}

// importOf writes a file of people, and returns the command that imports it.
func (b *bench) importOf(people int, person func(n int) []byte) ([]string, error) {
	path := filepath.Join(b.dir, "more-people.jsonl")
	var text bytes.Buffer
	for n := range max(1000, people) {
		text.Write(person(n))
		text.WriteByte('\n')
	}
	args := []string{"import", path, "--instance", "bench", "--provisioned"}
	return args, os.WriteFile(path, text.Bytes(), 0o600)
}

// addCommon adds people who all have the same name.
func (b *bench) addCommon(ctx context.Context) error {
	args, err := b.importOf(b.Users/3, func(n int) []byte {
		n += 30_000_000
		own := fmt.Appendf(nil, `"familyName":"Family%d"`, family(n))
		return bytes.Replace(user(n, "Common"), own, []byte(`"familyName":"Common"`), 1)
	})
	if err == nil {
		_, err = b.run(ctx, b.database, args...)
	}
	return err
}

// replacing gives a large group all its members, and half of them, by turns.
func replacing(_ *bench, t *target) next {
	var members []string
	for _, u := range t.ids[len(t.ids)/2:] {
		members = append(members, fmt.Sprintf(`{"value":%q}`, u.id))
	}
	return func(client, n int) *request {
		list := members[:len(members)/(1+n%2)]
		body := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],`+
			`"displayName":"Group %d","members":[%s]}`, client, strings.Join(list, ","))
		groups := t.large()
		path := "/Groups/" + groups[client%len(groups)] + "?attributes=id"
		return &request{method: "PUT", path: path, body: []byte(body), want: 200}
	}
}

// large returns the largest groups that there are.
func (t *target) large() []string {
	most := 0
	for size := range t.groups {
		most = max(most, size)
	}
	return t.groups[most]
}

// bulks change a thousand users each.
func bulks(_ *bench, t *target) next {
	return func(int, int) *request {
		var list []string
		for range 1000 {
			list = append(list, fmt.Sprintf(
				`{"method":"PATCH","path":"/Users/%s",`+
					`"data":{"Operations":[{"op":"replace","path":"title","value":"T%d"}]}}`,
				t.any().id, rand.IntN(1000)))
		}
		body := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],` +
			`"Operations":[` + strings.Join(list, ",") + `]}`
		return &request{method: "POST", path: "/Bulk", body: []byte(body), want: 200}
	}
}

// small returns what the other instance asks for: reads, and a change now and
// then.
func small(t *target) next {
	return func(_, n int) *request {
		switch n % 6 {
		case 0:
			return get("/Users?count=1")
		case 1:
			return lookup(t.any().n)
		case 2:
			body := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],`+
				`"Operations":[{"op":"replace","path":"title","value":"T%d"}]}`, n)
			return &request{
				method: "PATCH", path: "/Users/" + t.any().id, body: []byte(body), want: 200,
			}
		case 3:
			return create(int(t.last.Add(1)))
		}
		return get("/Users/" + t.any().id)
	}
}
