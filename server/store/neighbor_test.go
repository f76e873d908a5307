package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim/schema"
	"muster/server/store/engine"
	"muster/server/store/pgtest"
)

// TestSmallBesideLarge: what is asked of a small instance takes as little when
// a large one lies in the same tables, whether PostgreSQL knows of that or not.
func TestSmallBesideLarge(t *testing.T) {
	name := pgtest.Open(t)
	s, err := Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := &planned{t: t, s: s, seen: make(map[string][]any)}
	f.instance("large")
	f.hot("of the large one")
	f.grow()
	f.instance("small")
	for n := range 20 {
		f.hot(fmt.Sprint("small ", n))
	}
	s.db.Hooks.Statement = f.observe
	f.all()
	s.db.Hooks.Statement = nil

	for _, statistics := range []bool{false, true} {
		if statistics {
			_, err = s.db.Pool().ExecContext(t.Context(), "ANALYZE")
			f.must(err)
		}
		c, err := pgx.Connect(t.Context(), name)
		f.must(err)
		_, err = c.Exec(t.Context(), engine.SessionSettings)
		f.must(err)
		counted := 0
		for n, query := range slices.Sorted(maps.Keys(f.seen)) {
			verb, _, _ := strings.Cut(query, " ")
			if verb != "SELECT" || strings.Contains(query, "set_config") ||
				strings.Contains(query, "1 /") {
				continue
			}
			counted++
			id := fmt.Sprint("q", n)
			pages(t, c, id, query, f.seen[query]) // the first time reads the catalog, too
			if n := pages(t, c, id, query, f.seen[query]); n > 500 {
				t.Errorf("%d pages, with statistics: %t:\n%s", n, statistics, query)
			}
		}
		if counted < 12 {
			t.Errorf("only %d statements were counted", counted)
		}
		f.must(c.Close(context.WithoutCancel(t.Context())))
	}
}

// all asks for all users and groups in every way.
func (f *planned) all() {
	ctx := instance.WithRevision(f.t.Context(), f.sc.Instance)
	users, groups := f.users.UserType(f.sc.Instance), f.users.GroupType()
	attr := func(rt *schema.ResourceType, path string) *schema.Attribute {
		a, _ := rt.Resolve(path)
		return a
	}
	list := func(q provisioning.Query) {
		q.Plain, q.Groups = true, true
		if q.Limit == 0 {
			q.Limit = 10
		}
		_, page, err := f.users.Users(ctx, f.sc, q)
		f.must(err)
		if q.Keyset && page.Next != nil && q.After == nil {
			q.After = page.Next
			_, _, err = f.users.Users(ctx, f.sc, q)
			f.must(err)
		}
	}
	for _, q := range []provisioning.Query{
		{},
		{Limit: 1},
		{Limit: 1000},
		{Offset: 5},
		{Keyset: true},
		{SortBy: attr(users, "title")},
		{SortBy: attr(users, "userName"), Keyset: true},
		{SortBy: attr(users, "displayName")},
		{SortBy: attr(users, "id")},
		{SortBy: attr(users, "meta.lastModified"), Descending: true},
		{SortBy: attr(users, "emails.value"), Keyset: true},
		{Filter: f.filter(users, `title co "x"`)},
		{Filter: f.filter(users, `userName sw "small"`)},
		{Filter: f.filter(users, `active eq true`), Keyset: true},
		{Filter: f.filter(users, `externalId eq "x" or displayName eq "y" or userName eq "z"`)},
		{
			Filter: f.filter(users, `emails co "a" and emails co "b"`),
			SortBy: attr(users, "userName"),
		},
	} {
		list(q)
	}
	for _, q := range []provisioning.Query{
		{Limit: 1},
		{Limit: 10, Keyset: true},
		{Limit: 10, SortBy: attr(groups, "displayName")},
		{Limit: 10, Filter: f.filter(groups, `displayName co "x"`)},
	} {
		_, _, err := f.users.Groups(ctx, f.sc, q)
		f.must(err)
	}
	f.must(f.users.History(ctx, history.Query{InstanceID: f.sc.Instance.ID, Limit: 10},
		func(*history.Entry) error { return nil }))
	f.must(f.users.History(ctx, history.Query{InstanceID: f.sc.Instance.ID, Text: "small"},
		func(*history.Entry) error { return nil }))
	_, err := f.users.VerifyHistory(ctx, f.sc)
	f.must(err)
}
