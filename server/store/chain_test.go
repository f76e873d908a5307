package store_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/store"
	"muster/server/store/pgtest"
)

func TestChain(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "m.db")
		testChain(t, "sqlite:"+path, "sqlite", path)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		name := pgtest.Open(t)
		testChain(t, name, "pgx", name)
	})
}

// testChain writes rows, and then changes them behind the server's back.
func testChain(t *testing.T, name, driver, dsn string) {
	s := open(t, name)
	now := time.Now()
	users, err := provisioning.NewService(s, slog.New(slog.DiscardHandler),
		func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	actor := history.Actor{Kind: history.Administrator, Name: "test"}
	i, err := instance.NewService(s, s, func() time.Time { return now }).Create(t.Context(),
		instance.Instance{Slug: "acme"}, actor)
	if err != nil {
		t.Fatal(err)
	}
	sc := provisioning.Scope{Instance: i, Actor: actor}
	add := func(names ...string) {
		t.Helper()
		for _, n := range names {
			if _, err := users.AddUser(t.Context(), sc, provisioning.Account{
				Fields: mapping.Fields{mapping.UserName: n}, Role: instance.PlainUser,
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	verify := func(rows, unsealed int, problems ...string) {
		t.Helper()
		v, err := users.VerifyHistory(t.Context(), sc, nil)
		if err != nil {
			t.Fatal(err)
		}
		if v.Rows != rows || v.Unsealed != unsealed || len(v.Problems) != len(problems) {
			t.Fatalf("%d rows, %d unsealed, problems %q; want %d, %d, %q", v.Rows, v.Unsealed,
				v.Problems, rows, unsealed, problems)
		}
		for n, want := range problems {
			if !strings.Contains(v.Problems[n], want) {
				t.Errorf("got %q, want %q", v.Problems[n], want)
			}
		}
	}
	db, err := sqlx.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	tamper := func(query string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	add("anna", "ben", "carl", "dora")
	verify(5, 0)
	tamper("UPDATE history SET target_name = 'anna' WHERE target_name = 'ben'")
	verify(5, 0, "user.create anna) was altered")
	tamper("UPDATE history SET target_name = 'ben' WHERE target_name = 'anna' AND changes LIKE " +
		"'%\"ben\"%'")
	verify(5, 0)

	// A server of an older version writes rows that are linked later.
	add("emil")
	verify(6, 0)
	tamper("UPDATE history SET seq = NULL, link = NULL WHERE seq > 3")
	tamper("UPDATE history_chains SET seq = 3, link = (SELECT link FROM history WHERE seq = 3)")
	verify(6, 3)
	adoptAtOnce(t, s)
	verify(6, 0)

	tamper("UPDATE history SET detail = 'x' WHERE seq = 2")
	verify(6, 0, "user.create anna) was altered")
	tamper("UPDATE history SET detail = '' WHERE seq = 2")

	tamper("UPDATE history SET seq = 99 WHERE seq = 3")
	tamper("UPDATE history SET seq = 3 WHERE seq = 4")
	tamper("UPDATE history SET seq = 4 WHERE seq = 99")
	verify(6, 0, "is not linked", "is not linked", "is not linked")
	tamper("UPDATE history SET seq = 99 WHERE seq = 3")
	tamper("UPDATE history SET seq = 3 WHERE seq = 4")
	tamper("UPDATE history SET seq = 4 WHERE seq = 99")
	verify(6, 0)

	// Rows are pruned by their age, and the rest still verifies.
	now = now.Add(48 * time.Hour)
	add("fred")
	if n, err := users.PruneHistory(t.Context(), sc, 24*time.Hour); err != nil || n != 6 {
		t.Fatalf("%d rows pruned, %v", n, err)
	}
	verify(2, 0)
	if n, err := users.PruneHistory(t.Context(), sc, 24*time.Hour); err != nil || n != 0 {
		t.Errorf("%d rows pruned again, %v", n, err)
	}
	add("gina", "hugo")
	tamper("DELETE FROM history WHERE target_name = 'gina'")
	verify(3, 0, "a row is missing before")
	tamper("DELETE FROM history WHERE target_name = 'hugo'")
	verify(2, 0, "rows were removed from the end")
	tamper("DELETE FROM history WHERE target_name = 'fred'")
	verify(1, 0, "a row is missing before", "rows were removed from the end")
}

// adoptAtOnce has several servers adopt what an older version left.
func adoptAtOnce(t *testing.T, s *store.Store) {
	t.Helper()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 4 {
				if _, err := s.Adopt(context.Background(), 2); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
