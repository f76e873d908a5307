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
// a large one lies in the same tables, whether PostgreSQL knows of that or not,
// or only of the large one.
func TestSmallBesideLarge(t *testing.T) {
	for _, stale := range []bool{false, true} {
		t.Run(fmt.Sprintf("stale=%t", stale), func(t *testing.T) {
			name := pgtest.Open(t)
			s, err := Open(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			f := &planned{t: t, s: s, seen: make(map[string][]any)}
			for _, table := range growing() {
				f.must(exec(t.Context(), s, "ALTER TABLE "+table+" SET (autovacuum_enabled = off)"))
			}
			f.instance("large")
			f.hot("of the large one")
			f.grow()
			if stale {
				f.must(exec(t.Context(), s, "ANALYZE"))
			}
			f.instance("small")
			for n := range 20 {
				f.hot(fmt.Sprint("small ", n))
			}
			s.db.Hooks.Statement = f.observe
			f.all()
			s.db.Hooks.Statement = nil
			f.few(name, "before ANALYZE")
			f.must(exec(t.Context(), s, "ANALYZE"))
			f.few(name, "after ANALYZE")
		})
	}
}

// few counts the pages that each statement touches now: few.
func (f *planned) few(name, when string) {
	f.t.Helper()
	c, err := pgx.Connect(f.t.Context(), name)
	f.must(err)
	_, err = c.Exec(f.t.Context(), engine.SessionSettings)
	f.must(err)
	counted := 0
	for n, query := range slices.Sorted(maps.Keys(f.seen)) {
		verb, _, _ := strings.Cut(query, " ")
		if verb != "SELECT" || strings.Contains(query, "set_config") {
			continue
		}
		counted++
		id := fmt.Sprint("q", n)
		pages(f.t, c, id, query, f.seen[query]) // the first time reads the catalog, too
		if n := pages(f.t, c, id, query, f.seen[query]); n > 500 {
			f.t.Errorf("%d pages, %s:\n%s", n, when, query)
		}
	}
	if counted < 12 {
		f.t.Errorf("only %d statements were counted", counted)
	}
	f.must(c.Close(context.WithoutCancel(f.t.Context())))
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
	_, err := f.users.VerifyHistory(ctx, f.sc, nil)
	f.must(err)
}
