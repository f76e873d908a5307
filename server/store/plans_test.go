package store

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim/schema"
	"muster/server/store/engine"
	"muster/server/store/pgtest"
)

// scans are those that read a whole table which grows with the deployment.
// Groups within groups are few, and where the query is recursive it is up to
// PostgreSQL how it goes through them.
var scans = regexp.MustCompile(`Seq Scan on (users|group_users|history)\b`)

// TestPlans does what requests do in a database of many instances, and has
// PostgreSQL explain each statement that it got: none may read a whole table
// of users, groups, members or history.
func TestPlans(t *testing.T) {
	name := pgtest.Open(t)
	s, err := Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := &planned{t: t, s: s, seen: make(map[string][]any)}
	f.fill()
	if _, err := s.db.Pool().ExecContext(t.Context(),
		"ANALYZE "+strings.Join(growing(), ", ")); err != nil {
		t.Fatal(err)
	}
	s.db.Hooks.Statement = f.observe
	f.work()
	s.db.Hooks.Statement = nil

	c, err := pgx.Connect(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	if _, err := c.Exec(t.Context(), engine.SessionSettings); err != nil {
		t.Fatal(err)
	}
	explained := 0
	for i, query := range slices.Sorted(maps.Keys(f.seen)) {
		if verb, _, _ := strings.Cut(query,
			" "); !slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}, verb) {
			continue
		}
		explained++
		if plan := f.explain(c, fmt.Sprint("q", i), query); scans.MatchString(plan) {
			t.Errorf("a whole table is read by\n%s\n%s", query, plan)
		}
	}
	if explained < 40 {
		t.Errorf("only %d statements were explained", explained)
	}
	t.Logf("%d statements", explained)
}

// work does what requests and commands do.
func (f *planned) work() {
	ctx := instance.WithRevision(f.t.Context(), f.sc.Instance)
	ut, gt := f.users.UserType(f.sc.Instance), f.users.GroupType()
	for _, text := range []string{
		`userName eq "user5@acme19.example"`, `externalId eq "e5"`, `id eq "` + f.ids[5] + `"`,
		`displayName eq "user5@acme19.example"`,
		`name.familyName eq "Family5" and active eq true`, `userName sw "user5"`,
		`title eq "Engineer"`, `emails.value eq "x"`, `emails[type eq "work"].value eq "x"`,
		`meta.lastModified gt "2020-01-01T00:00:00Z"`, `active eq false`,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "x"`,
	} {
		_, _, err := f.users.Users(ctx, f.sc,
			provisioning.Query{Filter: f.filter(ut, text), Limit: 100, Groups: true, Plain: true})
		f.must(err)
	}
	for _, text := range []string{
		`displayName eq "Group 5"`, `externalId eq "x"`, `members.value eq "` + f.ids[5] + `"`,
		`displayName sw "Group"`,
	} {
		_, _, err := f.users.Groups(ctx, f.sc,
			provisioning.Query{Filter: f.filter(gt, text), Limit: 100})
		f.must(err)
	}
	for _, q := range []provisioning.Query{
		{Limit: 100, Groups: true},
		{Limit: 100, Offset: 300, Groups: true},
		{Limit: 100, Keyset: true, Groups: true},
		{Limit: 100, Keyset: true, Groups: true, After: &provisioning.Position{ID: f.ids[500]}},
		{Limit: 100, SortBy: ut.Attribute("", "userName", "")},
		{},
	} {
		_, _, err := f.users.Users(ctx, f.sc, q)
		f.must(err)
		q.SortBy = nil
		_, _, err = f.users.Groups(ctx, f.sc, q)
		f.must(err)
	}
	f.change(ctx)
	f.rest(ctx)
}

// change writes users and groups.
func (f *planned) change(ctx context.Context) {
	create := func(name, manager string) *provisioning.User {
		r := schema.Resource{"userName": name, "externalId": "x-" + name}
		if manager != "" {
			r["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"] = map[string]any{
				"manager": map[string]any{"value": manager},
			}
		}
		u, err := f.users.CreateUser(ctx, f.sc, r)
		f.must(err)
		return u
	}
	waits := create("waits", "boss")
	create("linked", "user5@acme19.example")
	boss := create("boss", "")
	_, _, err := f.users.SetActive(ctx, f.sc, waits, false)
	f.must(err)
	_, _, err = f.users.ReplaceUser(ctx, f.sc, f.ids[7],
		schema.Resource{"userName": "renamed", "externalId": "renamed"}, nil)
	f.must(err)
	f.must(f.users.DeleteUser(ctx, f.sc, boss.ID, nil))
	f.must(f.users.DeleteUser(ctx, f.sc, f.ids[8], nil))

	outer, err := f.users.CreateGroup(ctx, f.sc, schema.Resource{"displayName": "Outer"})
	f.must(err)
	inner, err := f.users.CreateGroup(ctx, f.sc, schema.Resource{
		"displayName": "Inner", "members": []any{map[string]any{"value": f.ids[9]}},
	})
	f.must(err)
	for _, operations := range []string{
		`{"op":"add","path":"members","value":[{"value":"` + inner.ID + `"},{"value":"` +
			f.ids[10] + `"}]}`,
		`{"op":"remove","path":"members[value eq \"` + f.ids[10] + `\"]"}`,
		`{"op":"replace","path":"displayName","value":"Outermost"}`,
		`{"op":"remove","path":"members"}`,
		`{"op":"add","path":"members","value":[{"value":"` + inner.ID + `"}]}`,
	} {
		f.patch(ctx, outer.ID, operations)
	}
	_, err = f.users.User(ctx, f.sc, f.ids[9]) // in a group within a group
	f.must(err)
	f.must(f.users.Members(ctx, []string{inner.ID, outer.ID},
		func(string, provisioning.Member) error { return nil }))
	f.must(f.users.DeleteGroup(ctx, f.sc, outer.ID, nil))
	_, err = f.users.LinkPending(ctx, f.sc)
	f.must(err)
}

// rest does what is about instances, keys and the history.
func (f *planned) rest(ctx context.Context) {
	admin := provisioning.Scope{
		Instance: f.sc.Instance, Actor: history.Actor{Kind: history.Administrator, Name: "a"},
	}
	h, err := f.users.AddUser(ctx, admin, provisioning.Account{
		Fields: mapping.Fields{mapping.UserName: "holder"}, Integration: true, Role: instance.Admin,
	})
	f.must(err)
	ctx = f.t.Context()
	_, text, err := f.instances.CreateKey(ctx, f.sc.Instance,
		instance.KeyRequest{UserName: h.UserName()}, admin.Actor)
	f.must(err)
	_, err = f.instances.Authenticate(ctx, text, history.Actor{})
	f.must(err)
	_, err = f.users.UserByName(ctx, admin, "holder")
	f.must(err)
	for _, q := range []history.Query{
		{Limit: 50},
		{User: "renamed", Limit: 50},
		{Group: "Group 5", Limit: 50},
		{KeyID: "k", Limit: 50},
		{Outcome: history.Refused, Limit: 50},
		{From: time.Now(), Limit: 50},
		{Text: "engineer", Limit: 50},
		{Before: f.ids[5], Limit: 50},
	} {
		q.InstanceID = f.sc.Instance.ID
		f.must(f.users.History(ctx, q, func(*history.Entry) error { return nil }))
	}
	_, err = f.s.Adopt(ctx, 500)
	f.must(err)
	_, err = f.users.VerifyHistory(ctx, admin, nil)
	f.must(err)
	_, err = f.users.PruneHistory(ctx, admin, time.Hour)
	f.must(err)
	_, err = f.s.Objects(ctx, f.sc.Instance.ID)
	f.must(err)
	_, err = f.s.Links(ctx, f.ids[:3])
	f.must(err)
	f.must(f.users.DeleteUser(ctx, admin, h.ID, nil))
}

// TestRoundTrips counts how often the database is turned to for what
// providers ask for most, once all is warm: with a key that is remembered.
func TestRoundTrips(t *testing.T) {
	s, err := Open(t.Context(), pgtest.Open(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := &planned{t: t, s: s}
	f.instance("acme")
	i := f.sc.Instance
	ctx := instance.WithRevision(t.Context(), i)
	n, trips := 0, 0
	create := func() *provisioning.User {
		n++
		u, err := f.users.CreateUser(ctx, f.sc,
			schema.Resource{"userName": fmt.Sprint("user", n), "externalId": fmt.Sprint("e", n)})
		f.must(err)
		return u
	}
	anna := create()
	g, err := f.users.CreateGroup(ctx, f.sc, schema.Resource{"displayName": "G"})
	f.must(err)
	members := func(operation string) { f.patch(ctx, g.ID, operation) }
	page := func(q provisioning.Query) {
		q.Plain, q.Groups = true, true
		_, _, err := f.users.Users(ctx, f.sc, q)
		f.must(err)
	}
	active := true
	for _, test := range []struct {
		name string
		most int
		f    func()
	}{
		{"get", 1, func() { _, err := f.users.PlainUser(ctx, f.sc, anna.ID); f.must(err) }},
		{"lookup", 1, func() {
			page(provisioning.Query{
				Filter: f.filter(f.users.UserType(i), `userName eq "user1"`), Limit: 100,
			})
		}},
		{"page by index", 1, func() { page(provisioning.Query{Limit: 2}) }},
		{"page by cursor", 1, func() { page(provisioning.Query{Limit: 2, Keyset: true}) }},
		{"create", 2, func() { create() }},
		{
			"patch", 3,
			func() {
				active = !active
				_, _, err := f.users.SetActive(ctx, f.sc, anna, active)
				f.must(err)
			},
		},
		{"put", 3, func() {
			n++
			_, _, err := f.users.ReplaceUser(ctx, f.sc, anna.ID,
				schema.Resource{"userName": "user1", "externalId": "e1", "title": fmt.Sprint(n)},
				nil)
			f.must(err)
		}},
		{
			"add a member", 3,
			func() {
				members(`{"op":"add","path":"members","value":[{"value":"` + anna.ID + `"}]}`)
			},
		},
		{
			"remove a member", 3,
			func() { members(`{"op":"remove","path":"members[value eq \"` + anna.ID + `\"]"}`) },
		},
	} {
		if !strings.HasSuffix(test.name, "member") {
			test.f() // a statement that is new takes a trip more
		}
		s.db.Hooks.RoundTrip = func() { trips++ }
		trips = 0
		test.f()
		s.db.Hooks.RoundTrip = nil
		if trips == 0 || trips > test.most {
			t.Errorf("%s: %d round trips, want %d at the most", test.name, trips, test.most)
		}
		t.Logf("%s: %d", test.name, trips)
	}
	doomed := create()
	s.db.Hooks.RoundTrip = func() { trips++ }
	trips = 0
	f.must(f.users.DeleteUser(ctx, f.sc, doomed.ID, nil))
	if trips != 3 {
		t.Errorf("delete: %d round trips, want 3", trips)
	}
}
