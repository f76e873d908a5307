package store_test

import (
	"database/sql"
	"testing"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/store/pgtest"
)

// TestUncounted: a database without triggers is as good, but slower.
func TestUncounted(t *testing.T) {
	name := pgtest.Open(t)
	if err := open(t, name).Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", name)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"DROP TRIGGER count_users_NEW ON users", "DROP TRIGGER count_users_OLD ON users",
		"DROP TABLE user_counts",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, name)
	actor := history.Actor{Kind: history.Administrator, Name: "root"}
	i, err := instance.NewService(s, s, nil).Create(t.Context(),
		instance.Instance{Slug: "uncounted"}, actor)
	if err != nil {
		t.Fatal(err)
	}
	users, err := provisioning.NewService(s, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	sc := provisioning.Scope{Instance: i, Actor: actor}
	for _, name := range []string{"anna", "ben"} {
		if _, err := users.AddUser(t.Context(), sc,
			provisioning.Account{Fields: mapping.Fields{mapping.UserName: name}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, page, err := users.Users(t.Context(), sc, provisioning.Query{}); err != nil ||
		page.Total != 2 {
		t.Errorf("%d users, %v; want 2", page.Total, err)
	}
}
