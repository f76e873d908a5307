package store_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"muster/server/asynchronous"
	"muster/server/events"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/store"
	"muster/server/store/pgtest"
	"muster/server/workflow"
)

// TestRowSecurity fills two instances, and then works for one of
// them: with the store, and with queries that forget to name the instance.
func TestRowSecurity(t *testing.T) {
	name := pgtest.Open(t)
	s := open(t, name)
	if above, err := s.AboveRowSecurity(t.Context()); err != nil || above {
		t.Fatalf("the database user is above row-level security: %v", err)
	}
	acme, globex := fill(t, s, "acme"), fill(t, s, "globex")
	ids := map[string]string{"acme": acme.instance, "globex": globex.instance}

	own := instance.WithTenant(t.Context(), globex.instance)
	if _, err := s.User(own, acme.instance, acme.user, false); !errors.Is(err,
		provisioning.ErrNotFound) {
		t.Errorf("the user of acme: %v", err)
	}
	if _, err := s.User(own, globex.instance, globex.user, false); err != nil {
		t.Errorf("the user of globex: %v", err)
	}
	if holder, _, err := s.NameHolder(own, "anna@acme"); err != nil ||
		holder != acme.instance {
		t.Errorf("the holder of a user name is found in all instances: got %q, %v", holder, err)
	}
	// The connection of the pool that was for one serves others again.
	for range 30 {
		if _, err := s.User(t.Context(), acme.instance, acme.user, false); err != nil {
			t.Fatal(err)
		}
	}

	db, err := sqlx.Open("pgx", name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var tables []string
	if err := db.Select(&tables,
		`SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'
		AND table_name NOT IN ('goose_db_version', 'goose_lock', 'admin_tokens',
		'client_assertions', 'held_back', 'rate_buckets', 'audit_positions', 'sign_in_links',
		'console_sessions', 'event_keys') ORDER BY 1`); err != nil {
		t.Fatal(err)
	}
	if len(tables) != 16 {
		t.Errorf("tables %v: does each have a policy?", tables)
	}
	count := func(table string) (n int) {
		t.Helper()
		if err := db.Get(&n, "SELECT count(*) FROM "+table); err != nil {
			t.Fatal(err)
		}
		return n
	}
	all := make(map[string]int)
	for _, table := range tables {
		if all[table] = count(table); all[table] < 2 {
			t.Errorf("%s has %d rows: the test shows nothing", table, all[table])
		}
	}
	for _, slug := range []string{"globex", "acme"} {
		db.MustExec("SELECT set_config('muster.instance', $1, false)", ids[slug])
		for _, table := range tables {
			if strings.HasPrefix(table, "group_") {
				continue // ids alone; see below for changes
			}
			if n := count(table); 2*n != all[table] {
				t.Errorf("%s sees %d of %d rows of %s", slug, n, all[table], table)
			}
		}
	}
	// It is acme's turn now: globex can be neither changed nor added to.
	for _, query := range []string{
		"UPDATE users SET version = version + 1 WHERE instance_id = $1",
		"DELETE FROM group_users WHERE group_id IN (SELECT id FROM groups WHERE instance_id = $1)",
		"DELETE FROM history WHERE instance_id = $1",
		"UPDATE api_keys SET revoked = 1 WHERE instance_id = $1",
		"UPDATE instances SET edition = 'x' WHERE id = $1",
	} {
		r, err := db.Exec(query, globex.instance)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := r.RowsAffected(); err != nil || n != 0 {
			t.Errorf("%s: %d rows, %v", query, n, err)
		}
	}
	if _, err := db.Exec("INSERT INTO group_users (group_id, user_id) SELECT group_id, $1 FROM "+
		"group_users", acme.user); err == nil {
		t.Error("a user was put into a group of globex")
	}
	if _, err := db.Exec("INSERT INTO objects (id, instance_id, type, name, name_key) VALUES ($1, "+
		"$2, 'job-title', 'x', 'x')", acme.user, globex.instance); err == nil {
		t.Error("an object was put into globex")
	}
}

// BenchmarkRowSecurity compares reads with and without row-level security.
func BenchmarkRowSecurity(b *testing.B) {
	s, err := store.Open(b.Context(), pgtest.Open(b))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	f := fill(b, s, "acme")
	addUsers(b, s, f, 2000)
	for _, wall := range []string{"without", "with"} {
		ctx := b.Context()
		if wall == "with" {
			ctx = instance.WithTenant(ctx, f.instance)
		}
		b.Run("User/"+wall, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.User(ctx, f.instance, f.user, false); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("Page/"+wall, func(b *testing.B) {
			for b.Loop() {
				list, _, err := s.Users(ctx,
					provisioning.Query{InstanceID: f.instance, Limit: 100, Offset: 1000})
				if err != nil || len(list) != 100 {
					b.Fatal(len(list), err)
				}
			}
		})
	}
}

func addUsers(b *testing.B, s *store.Store, f filled, n int) {
	b.Helper()
	users, err := provisioning.NewService(s, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		b.Fatal(err)
	}
	sc := provisioning.Scope{
		Instance: &instance.Instance{ID: f.instance},
		Actor:    history.Actor{Kind: history.Administrator, Name: "test"},
	}
	for i := range n {
		_, err := users.AddUser(b.Context(), sc, provisioning.Account{
			Fields: mapping.Fields{mapping.UserName: fmt.Sprintf("u%d", i)},
			Role:   instance.PlainUser,
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// filled is what the test knows of an instance.
type filled struct{ instance, user string }

// fill makes an instance with something in every table.
func fill(t testing.TB, s *store.Store, slug string) filled {
	t.Helper()
	fatal := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	users, err := provisioning.NewService(s, slog.New(slog.DiscardHandler), nil)
	fatal(err)
	instances := instance.NewService(s, s, nil)
	actor := history.Actor{Kind: history.Administrator, Name: "test"}
	i, err := instances.Create(t.Context(), instance.Instance{Slug: slug}, actor)
	fatal(err)
	sc := provisioning.Scope{Instance: i, Actor: actor}
	_, err = users.AddUser(t.Context(), sc, provisioning.Account{
		Fields: mapping.Fields{mapping.UserName: "scim-" + slug}, Integration: true,
		Role: instance.LiteAdmin,
	})
	fatal(err)
	_, _, err = instances.CreateKey(t.Context(), i, instance.KeyRequest{UserName: "scim-" + slug},
		actor)
	fatal(err)
	_, err = instances.CreateClient(t.Context(), i,
		instance.Client{UserName: "scim-" + slug, KeySet: []byte("{}")}, actor)
	fatal(err)
	action, err := workflow.ParseAction("create:job-title")
	fatal(err)
	rule := workflow.Rule{
		Name: "titles", Field: string(mapping.Email),
		When: workflow.Condition{Kind: workflow.Changed}, Do: []workflow.Action{action},
	}
	fatal(users.SaveWorkflow(t.Context(), sc, workflow.Setup{Rules: []workflow.Rule{rule}},
		history.RuleCreate, "titles", ""))
	sc.Instance, err = instances.BySlug(t.Context(), slug)
	fatal(err)
	u, err := users.AddUser(t.Context(), sc, provisioning.Account{
		Fields: mapping.Fields{
			mapping.UserName: "anna@" + slug, mapping.Email: "anna@" + slug + ".example",
		}, Role: instance.PlainUser,
	})
	fatal(err)
	inner, err := users.AddGroup(t.Context(), sc, "Inner", []string{u.ID})
	fatal(err)
	_, err = users.AddGroup(t.Context(), sc, "Outer", []string{inner.ID})
	fatal(err)
	_, err = s.Adopt(t.Context(), 500)
	fatal(err)
	feed := &events.Feed{
		ID: "feed-" + slug, InstanceID: i.ID, Name: "app",
		Setup: events.Setup{Delivery: events.Push}, Epoch: 1,
	}
	fatal(s.CreateFeed(t.Context(), feed, history.New(i.ID, time.Now(), actor,
		history.FeedCreate, history.Target{Type: "Feed", ID: feed.ID})))
	_, err = s.ClaimFeed(t.Context(), events.Due{ID: feed.ID}, "a server")
	fatal(err)
	fatal(s.SettleFeed(t.Context(), "a server", events.Progress{
		FeedID: feed.ID, InstanceID: i.ID, Epoch: 1,
		Parked: []events.Parked{{Epoch: 1, Seq: 1, Error: "refused"}},
	}))
	fatal(s.AcceptRequest(t.Context(), &asynchronous.Request{
		Txn: asynchronous.NewTxn(), InstanceID: i.ID, Accepted: time.Now(),
	}, "a server"))
	return filled{i.ID, u.ID}
}
