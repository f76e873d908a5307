package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/schema"
	"muster/server/store/pgtest"
)

// onBoth runs a test on a store of each engine.
func onBoth(t *testing.T, test func(t *testing.T, s *Store)) {
	for engine, name := range map[string]func(*testing.T) string{
		"SQLite": func(t *testing.T) string {
			return "sqlite:" + filepath.Join(t.TempDir(), "m.db")
		},
		"PostgreSQL": func(t *testing.T) string { return pgtest.Open(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			s, err := Open(t.Context(), name(t))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			test(t, s)
		})
	}
}

// town makes an instance with people.
func (f *planned) town(slug string, people int) {
	f.instance(slug)
	for n := range people {
		r := schema.Resource{
			"userName": fmt.Sprint(slug, n), "title": strings.Repeat("t", 500),
			"emails": []any{map[string]any{"value": fmt.Sprint(slug, n, "@x")}},
		}
		_, err := f.users.CreateUser(f.t.Context(), f.sc, r)
		f.must(err)
	}
}

// worst is a filter that takes as long as one can.
func worst(first string) string {
	terms := []string{`emails[value eq "` + first + `"]`}
	for n := range 98 {
		terms = append(terms, fmt.Sprintf(`emails[value co "nobody-%d"]`, n))
	}
	return strings.Join(terms, " or ")
}

// TestScansAreBounded: what takes too long is given up with an error that says
// what would be cheap, before the first row and after it, and leaves nothing
// behind: no connection that is in use, none that still works.
func TestScansAreBounded(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		f := &planned{t: t, s: s}
		f.town("acme", 300)
		ctx := instance.WithRevision(t.Context(), f.sc.Instance)
		rt := f.users.UserType(f.sc.Instance)
		query := func(ctx context.Context, text string, limit int) error {
			_, _, err := f.users.Users(ctx, f.sc,
				provisioning.Query{Filter: f.filter(rt, text), Limit: limit})
			return err
		}
		s.LimitScans(time.Millisecond)
		for _, first := range []string{"acme0@x", "none"} {
			for _, limit := range []int{0, 1, 1000} {
				err := query(ctx, worst(first), limit)
				if e := scim.AsError(err); limit != 1 &&
					(e == nil || e.Status != 400 || e.Type != scim.TooMany ||
						e.Limit != "scan-time" ||
						!strings.Contains(e.Detail, "Cheap is eq for id, userName")) {
					t.Errorf("%s, %d: got %v", first, limit, err)
				}
			}
		}
		s.LimitScans(time.Minute)
		for _, text := range []string{
			`userName eq "acme7"`, `userName eq "acme7" or externalId eq "x"`,
		} {
			if err := query(ctx, text, 10); err != nil {
				t.Errorf("what an index answers: %v", err)
			}
		}
		s.LimitScans(time.Millisecond) // no matter to a lookup that the database knows
		if err := query(ctx, `userName eq "acme8"`, 10); err != nil {
			t.Errorf("what an index answers was bounded, too: %v", err)
		}
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if err := query(gone, worst("none"), 10); !errors.Is(err, context.Canceled) {
			t.Errorf("a client who is gone: %v", err)
		}
		s.LimitScans(0)
		if err := query(ctx, worst("none"), 1000); err != nil {
			t.Errorf("without a bound: %v", err)
		}
		for name, pool := range s.Pools() {
			if n := pool.Stats().InUse; name != "sqlite-write" && n > 0 {
				t.Errorf("%s: %d connections are in use", name, n)
			}
		}
		if s.db.Postgres {
			var n int
			f.must(s.db.Pool().GetContext(t.Context(), &n,
				"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE "+
					"'%nobody%' AND pid <> pg_backend_pid()"))
			if n > 0 {
				t.Errorf("%d scans still run", n)
			}
			var timeout string
			f.must(s.db.Pool().GetContext(t.Context(), &timeout, "SHOW statement_timeout"))
			if timeout != "0" {
				t.Errorf("the bound has stayed on the connection: %s", timeout)
			}
		}
	})
}

// TestOneInstanceWaits: an instance whose scans take all that it may have
// waits for them, or is told at once to come again; its short requests, and
// whatever another instance wants, go on.
func TestOneInstanceWaits(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		much, little := &planned{t: t, s: s}, &planned{t: t, s: s}
		much.town("much", 5)
		little.town("little", 5)
		s.db.Scans().Queue, s.db.Scans().Wait = 1, 50*time.Millisecond
		scan := func(f *planned) error {
			_, _, err := f.users.Users(instance.WithRevision(t.Context(), f.sc.Instance), f.sc,
				provisioning.Query{
					Filter: f.filter(f.users.UserType(f.sc.Instance), `title co "t"`), Limit: 10,
				})
			return err
		}
		for range s.db.Scans().Share {
			leave, err := s.db.Scans().Enter(t.Context(), much.sc.Instance.ID)
			if err != nil {
				t.Fatal(err)
			}
			defer leave()
		}
		var wait sync.WaitGroup
		statuses := make(chan int, 20)
		for range 20 {
			wait.Go(func() {
				if e := scim.AsError(scan(much)); e != nil && e.Limit == "scans" &&
					e.RetryAfter > 0 {
					statuses <- e.Status
				}
			})
		}
		wait.Wait()
		close(statuses)
		told := make(map[int]int)
		for status := range statuses {
			told[status]++
		}
		if told[429]+told[503] != 20 || told[429] < 1 || told[503] < 1 {
			t.Errorf("those who had to wait were told %v", told)
		}
		if err := scan(little); err != nil {
			t.Errorf("another instance: %v", err)
		}
		for _, f := range []*planned{much, little} {
			ctx := instance.WithRevision(t.Context(), f.sc.Instance)
			list, _, err := f.users.Users(ctx, f.sc, provisioning.Query{Limit: 1})
			if err != nil || len(list) != 1 {
				t.Fatalf("a page: %v", err)
			}
			if _, err := f.users.PlainUser(ctx, f.sc, list[0].ID); err != nil {
				t.Errorf("a user: %v", err)
			}
			if _, _, err := f.users.SetActive(ctx, f.sc, list[0], false); err != nil {
				t.Errorf("a change: %v", err)
			}
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("readiness: %v", err)
		}
	})
}
