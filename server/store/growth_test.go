package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim/schema"
	"muster/server/store/engine"
	"muster/server/store/pgtest"
)

// grown is how many users there are in the end.
const grown = 100_000

// TestPlansWithoutStatistics has one connection plan what requests do most in
// an empty database without statistics, lets the database grow, and counts the
// pages that each statement touches then, with the plans of the beginning: at
// most three times as many as once PostgreSQL knows what is in the tables.
func TestPlansWithoutStatistics(t *testing.T) {
	name := pgtest.Open(t)
	s, err := Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.LimitConnections(2) // one is for what lanes read meanwhile
	f := &planned{t: t, s: s, seen: make(map[string][]any)}
	for _, table := range []string{
		"users", "groups", "group_users", "history", "history_chains", "user_counts", "instances",
	} {
		_, err := s.db.Pool().ExecContext(t.Context(),
			"ALTER TABLE "+table+" SET (autovacuum_enabled = off)")
		f.must(err)
	}
	f.instance("grows")
	s.db.Hooks.Statement = f.observe
	f.hot("first")
	s.db.Hooks.Statement = nil

	c, err := pgx.Connect(t.Context(), name)
	f.must(err)
	defer c.Close(context.WithoutCancel(t.Context()))
	_, err = c.Exec(t.Context(), engine.SessionSettings)
	f.must(err)
	queries := slices.Sorted(maps.Keys(f.seen))
	statements := make(map[string]string)
	for n, query := range queries {
		verb, _, _ := strings.Cut(query, " ")
		if !slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE"}, verb) ||
			strings.Contains(query, "set_config") {
			continue
		}
		statements[query] = fmt.Sprint("q", n)
		_, err := c.Prepare(t.Context(), statements[query], query)
		f.must(err)
		pages(t, c, statements[query], query, f.seen[query]) // plans it, too
	}
	f.grow()
	fresh := f.count(c, statements)
	_, err = s.db.Pool().ExecContext(t.Context(), "ANALYZE")
	f.must(err)
	known := f.count(c, statements)
	for query, n := range fresh {
		if n > 3*known[query]+3 {
			t.Errorf("%d pages without statistics, %d with them:\n%s", n, known[query], query)
		}
	}
	if len(fresh) < 25 {
		t.Errorf("only %d statements were counted", len(fresh))
	}
	t.Logf("%d statements", len(fresh))
}

// hot does what a cycle does for each person.
func (f *planned) hot(name string) {
	ctx := instance.WithRevision(f.t.Context(), f.sc.Instance)
	create := func(name, manager string) *provisioning.User {
		r := schema.Resource{"userName": name, "externalId": "x-" + name, "displayName": name}
		if manager != "" {
			r["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"] = map[string]any{
				"manager": map[string]any{"value": manager},
			}
		}
		u, err := f.users.CreateUser(ctx, f.sc, r)
		f.must(err)
		return u
	}
	waits := create(name+" waits", name+" boss")
	boss := create(name+" boss", "")
	u := create(name, name+" boss")
	ut := f.users.UserType(f.sc.Instance)
	for _, text := range []string{
		`userName eq "` + name + `"`, `externalId eq "x-` + name + `"`, `id eq "` + u.ID + `"`,
	} {
		_, _, err := f.users.Users(ctx, f.sc,
			provisioning.Query{Filter: f.filter(ut, text), Limit: 100, Groups: true, Plain: true})
		f.must(err)
	}
	_, err := f.users.PlainUser(ctx, f.sc, u.ID)
	f.must(err)
	_, _, err = f.users.SetActive(ctx, f.sc, u, false)
	f.must(err)
	_, _, err = f.users.ReplaceUser(ctx, f.sc, u.ID,
		schema.Resource{"userName": name + " renamed", "externalId": "y-" + name}, nil)
	f.must(err)
	g, err := f.users.CreateGroup(ctx, f.sc, schema.Resource{
		"displayName": name + " group", "members": []any{map[string]any{"value": boss.ID}},
	})
	f.must(err)
	f.patch(ctx, g.ID, `{"op":"add","path":"members","value":[{"value":"`+u.ID+`"}]}`)
	f.patch(ctx, g.ID, `{"op":"remove","path":"members[value eq \"`+u.ID+`\"]"}`)
	f.patch(ctx, g.ID, `{"op":"add","path":"members","value":[{"value":"`+waits.ID+`"}]}`)
	_, _, err = f.users.Groups(ctx, f.sc, provisioning.Query{
		Filter: f.filter(f.users.GroupType(), `displayName eq "`+name+` group"`), Limit: 100,
	})
	f.must(err)
	f.must(f.users.DeleteUser(ctx, f.sc, boss.ID, nil))
}

// grow makes many users, groups and members, beside other instances.
func (f *planned) grow() {
	for _, query := range []string{
		`INSERT INTO users (id, instance_id, user_name, display, user_name_key, external_id,
			display_name_key, family_name_key, active, integration, role, source,
			resource, search, fields, version, created, modified)
			SELECT gen_random_uuid(), $1, 'u' || n, 'u' || n, 'u' || n, 'e' || n,
				'd' || n, 'f' || n %% 500, true, false, '', '',
				repeat('x', 700), '{}', '{}', 1, 0, 0
			FROM generate_series(1, %d) AS n`,
		`INSERT INTO groups (id, instance_id, display_name, display_name_key, source, resource,
			search, version, created, modified)
			SELECT gen_random_uuid(), $1, 'g' || n, 'g' || n, '', '{}', '{}', 1, 0, 0
			FROM generate_series(1, %d / 200) AS n`,
		`INSERT INTO group_users SELECT g.id, u.id
			FROM (SELECT id, row_number() OVER () AS n FROM groups) AS g,
				(SELECT id, row_number() OVER () AS n FROM users) AS u
			WHERE u.n %% 500 = g.n AND $1 = $1 AND %d > 0 ON CONFLICT DO NOTHING`,
		`INSERT INTO history (id, instance_id, at, actor_kind, actor_name, key_id, request_id,
			client, address, action, target_type, target_id, target_name,
			outcome, status, scim_type, detail, changes, content_hash, seq, link)
			SELECT gen_random_uuid(), $1, 0, '', '', '', '', '', '', '', '', '', '',
				'', 0, '', '', '[]', '', 1000 + n, '' FROM generate_series(1, %d) AS n`,
	} {
		query = fmt.Sprintf(query, grown)
		conn, err := f.s.db.Pool().Connx(f.t.Context())
		f.must(err)
		f.must(conn.Raw(func(driver any) error {
			c := driver.(*stdlib.Conn).Conn()
			_, err := c.Exec(f.t.Context(), "SET enable_seqscan = on")
			if err == nil {
				_, err = c.Exec(f.t.Context(),
					strings.ReplaceAll(query, "$1", "CAST('"+f.sc.Instance.ID+"' AS uuid)"))
			}
			if err == nil {
				_, err = c.Exec(f.t.Context(), "SET enable_seqscan = off")
			}
			return err
		}))
		f.must(conn.Close())
	}
}

// count returns the pages that each statement touches.
func (f *planned) count(c *pgx.Conn, statements map[string]string) map[string]int {
	counted := make(map[string]int)
	for query, name := range statements {
		// The first time reads the catalog, too.
		pages(f.t, c, name, query, f.seen[query])
		counted[query] = pages(f.t, c, name, query, f.seen[query])
	}
	return counted
}

// pages runs a prepared statement, takes back what it did, and returns how
// many pages it touched.
func pages(t *testing.T, c *pgx.Conn, name, query string, args []any) int {
	t.Helper()
	d, err := c.Prepare(t.Context(), name, query)
	if err != nil {
		t.Fatal(err)
	}
	values := make([]string, len(args))
	for i, a := range args {
		buf, err := c.TypeMap().Encode(d.ParamOIDs[i], pgx.TextFormatCode, a, nil)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		values[i] = "NULL"
		if buf != nil {
			values[i] = "'" + strings.ReplaceAll(string(buf), "'", "''") + "'"
		}
	}
	list := ""
	if len(values) > 0 {
		list = "(" + strings.Join(values, ", ") + ")"
	}
	tx, err := c.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	//nolint:errcheck // the next statement would tell
	defer tx.Rollback(context.WithoutCancel(t.Context()))
	var text []byte
	err = tx.QueryRow(t.Context(), "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE "+name+list,
		pgx.QueryExecModeSimpleProtocol).Scan(&text)
	if err != nil {
		if strings.Contains(err.Error(), "duplicate key") {
			return 0
		}
		t.Fatalf("%s: %v", query, err)
	}
	var plans []struct {
		Plan map[string]json.RawMessage `json:"Plan"`
	}
	if err := json.Unmarshal(text, &plans); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, key := range []string{"Shared Hit Blocks", "Shared Read Blocks"} {
		var k int
		_ = json.Unmarshal(plans[0].Plan[key], &k)
		n += k
	}
	return n
}

// TestGrowthIsNoticed has tables grow that autovacuum leaves alone.
func TestGrowthIsNoticed(t *testing.T) {
	s, err := Open(t.Context(), pgtest.Open(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := &planned{t: t, s: s}
	f.must(exec(t.Context(), s, "ALTER TABLE groups SET (autovacuum_enabled = off)"))
	f.must(exec(t.Context(), s,
		"INSERT INTO instances (id, slug, name, edition, environment, created) VALUES ('"+town0+
			"', 'a', '', '', '', 0)"))
	known := make(map[string]int64)
	rows := 0
	add := func(n int) {
		f.must(exec(t.Context(), s,
			fmt.Sprintf(
				`INSERT INTO groups (id, instance_id, display_name, display_name_key, source, resource, search, version, created, modified)
			SELECT gen_random_uuid(), '%s', 'g', 'g' || n, '', '{}', '{}', 1, 0, 0 FROM generate_series(%d, %d) AS n`,
				town0, rows+1, rows+n)))
		rows += n
	}
	estimate := func() (n int) {
		f.must(s.db.Pool().GetContext(t.Context(), &n,
			"SELECT CAST(reltuples AS integer) FROM pg_class WHERE relname = 'groups'"))
		return n
	}
	// What was written is counted with a delay.
	for _, step := range []struct{ add, want int }{{5, -1}, {20, 25}, {100, 25}, {200, 325}} {
		add(step.add)
		got := 0
		for range 40 {
			f.must(s.db.AnalyzeGrown(t.Context(), growing(), known))
			if got = estimate(); got == step.want && step.want == rows {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if got != step.want {
			t.Errorf("with %d rows PostgreSQL knows of %d, want %d", rows, got, step.want)
		}
	}
}

// town0 is the id of an instance.
const town0 = "00000000-0000-7000-8000-000000000001"

func exec(ctx context.Context, s *Store, query string) error {
	_, err := s.db.Pool().ExecContext(ctx, query)
	return err
}
