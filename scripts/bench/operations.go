package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// target is a SCIM server under load.
type target struct {
	name  string
	bases []string
	token string
	pids  []int
	users int
	ids   []known
	// groups are the ids of groups by how many members they have.
	groups map[int][]string
	last   atomic.Int64 // the number of the last user who was created
	// created are the ids of those who can be deleted.
	mu      sync.Mutex
	created []string
}

// operation is one row of the table.
type operation struct {
	Name string
	// next returns what the clients send, or nil if the target cannot do it.
	next func(t *target) next
	// sql is the least that a database does for it, as a script of pgbench.
	sql string
}

// patchBody returns the body of a PATCH with one operation.
func patchBody(operation string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` +
		operation + `]}`
}

// user returns the SCIM form of the nth user.
func user(n int, title string) []byte {
	u := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User",`+
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],`+
		`"externalId":"ext-%[1]d","userName":"user%[1]d@bench.example",`+
		`"displayName":"Given%[2]d Family%[3]d",`+
		`"name":{"givenName":"Given%[2]d","familyName":"Family%[3]d",`+
		`"formatted":"Given%[2]d Family%[3]d"},`+
		`"emails":[{"value":"user%[1]d@bench.example","type":"work","primary":true}],`+
		`"phoneNumbers":[{"value":"+1555%07[1]d","type":"work"},`+
		`{"value":"+1777%07[1]d","type":"mobile"}],`+
		`"addresses":[{"type":"work","streetAddress":"%[1]d Main Street",`+
		`"locality":"Springfield","region":"OR","postalCode":"97477","country":"US"}],`+
		`"title":%[4]q,"preferredLanguage":"en-US","timezone":"America/Los_Angeles",`+
		`"active":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":`+
		`{"department":"Department %[5]d","employeeNumber":"%[1]d","costCenter":"%[5]d"}}`,
		n, n%997, family(n), title, n%40)
	return []byte(u)
}

func family(n int) int { return n % 9973 }

// any returns one of those who are in no large group, so that all answers are
// of the same size.
func (t *target) any() known {
	outside := len(t.ids)
	for size := range t.groups {
		outside = min(outside, len(t.ids)-size)
	}
	return t.ids[rand.IntN(outside)]
}

func get(path string) *request { return &request{method: "GET", path: path, want: 200} }

// lookup finds the nth user by name.
func lookup(n int) *request {
	return get("/Users?filter=" + url.QueryEscape(fmt.Sprintf(`userName eq "user%d@bench.example"`,
		n)))
}

// create creates the nth user.
func create(n int) *request {
	return &request{method: "POST", path: "/Users", body: user(n, "New"), want: 201}
}

func operations() []operation {
	return slices.Concat(reads(), changes(), []operation{
		membership(10), membership(1000), membership(50000),
		readGroup(1000), readGroup(50000),
		{"create", creations, `WITH u AS (
	INSERT INTO limit_users (n, name, family, active, resource) VALUES (nextval('limit_n'),
		'new' || lastval() || '@bench.example', 'Family', true, repeat('x', 1100)))
INSERT INTO limit_history (content) VALUES (repeat('h', 1500));`},
		{"delete", deletions, `\set i random(1, :n)
WITH d AS (DELETE FROM limit_users WHERE n = :i)
INSERT INTO limit_history (content) VALUES (repeat('h', 1500));`},
	})
}

// reads are the operations that change nothing.
func reads() []operation {
	return []operation{
		{"get by id", func(t *target) next {
			return func(int, int) *request { return get("/Users/" + t.any().id) }
		}, `\set i random(1, :n)
SELECT resource FROM limit_users WHERE n = :i;`},
		{"lookup by userName", func(t *target) next {
			return func(int, int) *request { return lookup(t.any().n) }
		}, `\set i random(1, :n)
SELECT resource FROM limit_users WHERE name = 'user' || :i || '@bench.example';`},
		{"filter by familyName and active", func(t *target) next {
			return func(int, int) *request {
				filter := fmt.Sprintf(
					`name.familyName eq "Family%d" and active eq true`, family(t.any().n))
				return get("/Users?filter=" + url.QueryEscape(filter))
			}
		}, `\set i random(1, :n) % 9973
SELECT resource FROM limit_users WHERE family = 'Family' || :i AND active;`},
		{"page of 100 by index", func(t *target) next {
			return func(int, int) *request {
				return get(fmt.Sprintf("/Users?startIndex=%d&count=100",
					1+rand.IntN(max(1, min(t.users, 1000)-100))))
			}
		}, `\set i random(1, 900)
SELECT resource FROM limit_users ORDER BY n LIMIT 100 OFFSET :i;`},
		{"page of 100 by cursor", cursorPages, `\set i random(1, :n - 100)
SELECT resource FROM limit_users WHERE n > :i ORDER BY n LIMIT 100;`},
	}
}

// changes are the operations that change a user.
func changes() []operation {
	return []operation{
		{"PATCH active", func(t *target) next {
			return func(int, int) *request {
				body := patchBody(fmt.Sprintf(
					`{"op":"replace","path":"active","value":%t}`, rand.IntN(2) == 0))
				return &request{
					method: "PATCH", path: "/Users/" + t.any().id, body: []byte(body), want: 200,
				}
			}
		}, updateSQL},
		{"PUT", func(t *target) next {
			return func(int, int) *request {
				u := t.any()
				return &request{
					method: "PUT", path: "/Users/" + u.id,
					body: user(u.n, fmt.Sprintf("Title %d", rand.IntN(1000))), want: 200,
				}
			}
		}, updateSQL},
	}
}

func deletions(t *target) next {
	if t.name == "elimity" {
		return nil
	}
	return func(int, int) *request {
		t.mu.Lock()
		defer t.mu.Unlock()
		if len(t.created) == 0 {
			return nil
		}
		id := t.created[len(t.created)-1]
		t.created = t.created[:len(t.created)-1]
		return &request{method: "DELETE", path: "/Users/" + id, want: 204}
	}
}

func creations(t *target) next {
	return func(int, int) *request {
		r := create(int(t.last.Add(1)))
		r.done = func(body []byte) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.created = append(t.created, resourceID(body))
		}
		return r
	}
}

// stock makes users for those who are to be deleted.
func (t *target) stock(ctx context.Context, l *loader, d time.Duration) error {
	want := int(2500 * d.Seconds())
	for len(t.created) < want {
		if _, err := l.run(ctx, 8, d, creations(t)); err != nil {
			return err
		}
	}
	return nil
}

const updateSQL = "\\set i random(1, :n)\nWITH u AS (UPDATE limit_users SET resource = " +
	"repeat('y', 1100) WHERE n = :i)\nINSERT INTO limit_history (content) VALUES " +
	"(repeat('h', 500));"

// cursorPages reads all users page by page, each client by itself.
func cursorPages(t *target) next {
	if t.name == "elimity" {
		return nil
	}
	return cursorsOf(100)
}

// cursorsOf reads all users by pages of a size.
func cursorsOf(size int) next {
	var mu sync.Mutex
	cursors := make(map[int]string)
	return func(client, _ int) *request {
		mu.Lock()
		defer mu.Unlock()
		r := get(fmt.Sprintf("/Users?count=%d&cursor=%s", size, url.QueryEscape(cursors[client])))
		r.done = func(body []byte) {
			head, _, _ := strings.Cut(string(body[:min(len(body), 1000)]), `"Resources"`)
			_, rest, _ := strings.Cut(head, `"nextCursor":"`)
			next, _, _ := strings.Cut(rest, `"`)
			mu.Lock()
			defer mu.Unlock()
			cursors[client] = next
		}
		return r
	}
}

// membership adds a member to a group of a size, and removes it again.
func membership(size int) operation {
	return operation{fmt.Sprintf("add or remove a member, group of %d",
		size), func(t *target) next {
		groups := t.groups[size]
		if len(groups) == 0 {
			return nil
		}
		outside := t.ids[:len(t.ids)-size] // the last ones are its members
		return func(client, n int) *request {
			group := groups[client%len(groups)]
			id := outside[(client*7919+n/2)%len(outside)].id
			body := patchBody(fmt.Sprintf(
				`{"op":"add","path":"members","value":[{"value":%q}]}`, id))
			if n%2 == 1 {
				body = patchBody(fmt.Sprintf(
					`{"op":"remove","path":"members[value eq \"%s\"]"}`, id))
			}
			return &request{
				method: "PATCH", path: "/Groups/" + group, body: []byte(body), want: 204,
			}
		}
	}, "\\set i random(1, :n)\nWITH m AS (INSERT INTO limit_members (g, n) VALUES (" +
		fmt.Sprint(size) + ", :i) ON CONFLICT DO NOTHING)\n" +
		"INSERT INTO limit_history (content) VALUES (repeat('h', 400));"}
}

func readGroup(size int) operation {
	return operation{fmt.Sprintf("read a group of %d", size), func(t *target) next {
		groups := t.groups[size]
		if len(groups) == 0 {
			return nil
		}
		return func(client, _ int) *request { return get("/Groups/" + groups[client%len(groups)]) }
	}, fmt.Sprintf("SELECT u.n, u.name FROM limit_members AS m JOIN limit_users AS u ON u.n = m.n "+
		"WHERE m.g = %d LIMIT %d;", size, size)}
}

// known is a user whose id was read.
type known struct {
	n  int // as in the name
	id string
}

// sample is how many users a load is spread over at the most.
const sample = 60_000

// prepare reads the ids of users from all over, and makes groups.
func (t *target) prepare(ctx context.Context, sizes []int) error {
	l := newLoader(t, 1)
	t.last.Store(10_000_000)
	paging := "cursor="
	for read := 0; read < t.users; {
		body, err := l.send(ctx, get("/Users?count=200&attributes=id,userName&"+paging))
		if err != nil {
			return err
		}
		var page struct {
			NextCursor string
			Resources  []struct{ ID, UserName string }
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return err
		}
		for _, u := range page.Resources {
			var n int
			if _, err := fmt.Sscanf(u.UserName, "user%d@", &n); err == nil &&
				rand.IntN(t.users) < sample {
				t.ids = append(t.ids, known{n, u.ID})
			}
		}
		read += len(page.Resources)
		if paging = "cursor=" + url.QueryEscape(page.NextCursor); page.NextCursor == "" {
			break
		}
	}
	if len(t.ids) == 0 {
		return fmt.Errorf("%s has no users", t.name)
	}
	t.groups = make(map[int][]string)
	for _, size := range sizes {
		if size >= len(t.ids) {
			continue
		}
		members := make([]string, size)
		for i, u := range t.ids[len(t.ids)-size:] {
			members[i] = fmt.Sprintf(`{"value":%q}`, u.id)
		}
		for i := range groupsOfSize {
			body := fmt.Sprintf(
				`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],`+
					`"displayName":"Group of %d, %d","members":[%s]}`,
				size, i, strings.Join(members, ","))
			answer, err := l.send(ctx, &request{
				method: "POST", path: "/Groups?attributes=id", body: []byte(body), want: 201,
			})
			if err != nil {
				return err
			}
			t.groups[size] = append(t.groups[size], resourceID(answer))
		}
	}
	return nil
}

// groupsOfSize is how many groups there are of each size.
const groupsOfSize = 4
