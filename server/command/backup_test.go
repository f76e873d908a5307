package command

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster/server/store/pgtest"
)

// populate makes users, groups and their history.
func populate(t *testing.T, database string) {
	t.Helper()
	must(t, database, "instance", "create", "acme", "--edition", "enterprise")
	must(t, database, "field", "create", "country", "--instance", "acme")
	var people strings.Builder
	for i := range 300 {
		fmt.Fprintf(&people,
			`{"userName":"user%d@acme.example","externalId":"x%d","title":"Čaj %d",`+
				`"emails":[{"value":"user%d@acme.example"}]}`+
				"\n",
			i, i, i, i)
	}
	file := filepath.Join(t.TempDir(), "people.jsonl")
	if err := os.WriteFile(file, []byte(people.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, database, "import", file, "--instance", "acme")
	must(t, database, "group", "create", "Analysts", "--instance", "acme", "--member",
		"user1@acme.example", "--member", "user2@acme.example")
	must(t, database, "user", "create", "scim-sync", "--instance", "acme", "--integration",
		"--role", "lite-admin")
	must(t, database, "key", "create", "--instance", "acme", "--user", "scim-sync")
}

// contents returns every row of every table, sorted.
func contents(t *testing.T, database string) (rows []string) {
	t.Helper()
	driver, dsn, tables := "pgx", database, "SELECT tablename FROM pg_tables WHERE "+
		"schemaname = 'public'"
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, dsn, tables = "sqlite", path, "SELECT name FROM sqlite_master WHERE type = "+
			"'table' AND name NOT LIKE 'sqlite_%'"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	names := scan(t, db, tables)
	if len(names) < 10 {
		t.Fatalf("only the tables %v", names)
	}
	for _, name := range names {
		table := strings.TrimSuffix(name, "|")
		for _, row := range scan(t, db, `SELECT * FROM "`+table+`"`) {
			rows = append(rows, table+": "+row)
		}
	}
	slices.Sort(rows)
	return rows
}

// scan returns the rows of a query as texts.
func scan(t *testing.T, db *sql.DB, query string) (list []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, to := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			to[i] = &values[i]
		}
		if err := rows.Scan(to...); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, v := range values {
			fmt.Fprintf(&b, "%s|", v.String)
		}
		list = append(list, b.String())
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// same compares every row of two databases.
func same(t *testing.T, before, after string) {
	t.Helper()
	a, b := contents(t, before), contents(t, after)
	if len(a) < 600 {
		t.Fatalf("only %d rows to compare", len(a))
	}
	if !slices.Equal(a, b) {
		missing := slices.DeleteFunc(slices.Clone(a),
			func(row string) bool { return slices.Contains(b, row) })
		t.Errorf("%d rows before, %d after; missing: %.500q", len(a), len(b), missing)
	}
	if out := must(t, after, "history", "verify", "--instance", "acme"); out == "" {
		t.Error("the history was not verified")
	}
}

// TestBackup: a copy that was made while a server wrote is whole, and one that
// was made at rest has every row.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	database := "sqlite:" + filepath.Join(dir, "m.db")
	populate(t, database)
	if info, err := os.Stat(filepath.Join(dir, "m.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others can read the database: %v, %v", info.Mode(), err)
	}
	backup, restored := filepath.Join(dir, "backup.db"), "sqlite:"+filepath.Join(dir, "restored.db")
	must(t, database, "backup", backup)
	must(t, restored, "restore", backup)
	same(t, database, restored)
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others can read the backup: %v, %v", info.Mode(), err)
	}

	// While others write.
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 20 {
			if _, err := runCommand(t, database, "user", "create",
				fmt.Sprintf("late%d@acme.example", i), "--instance", "acme"); err != nil {
				t.Error(err)
			}
		}
	}()
	for i := range 3 {
		busy, again := filepath.Join(dir,
			fmt.Sprintf("busy%d.db", i)), fmt.Sprintf("sqlite:%s/again%d.db", dir, i)
		must(t, database, "backup", busy)
		must(t, again, "restore", busy)
		must(t, again, "history", "verify", "--instance", "acme")
	}
	<-done
}

// TestBackupRefuses: nothing that is there is written over, and nothing is
// made of what is no backup.
func TestBackupRefuses(t *testing.T) {
	dir := t.TempDir()
	database := "sqlite:" + filepath.Join(dir, "m.db")
	must(t, database, "instance", "create", "acme")
	backup := filepath.Join(dir, "backup.db")
	must(t, database, "backup", backup)
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(dir, "damaged.db")
	whole, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(damaged,
		append(whole[:8192], bytes.Repeat([]byte{0xff}, len(whole)-8192)...), 0o600); err != nil {
		t.Fatal(err)
	}
	wal := filepath.Join(dir, "left.db")
	if err := os.WriteFile(wal+"-wal", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		database string
		args     []string
		want     string
	}{
		"a backup over a file":      {database, []string{"backup", text}, "exists"},
		"a restore over a database": {database, []string{"restore", backup}, "exists"},
		"a restore beside a -wal":   {"sqlite:" + wal, []string{"restore", backup}, "-wal"},
		"a restore of a text": {
			"sqlite:" + filepath.Join(dir, "new.db"), []string{"restore", text}, "no database",
		},
		"a restore of what is broken": {
			"sqlite:" + filepath.Join(dir, "new.db"), []string{"restore", damaged}, "damaged",
		},
		"a restore of nothing": {
			"sqlite:" + filepath.Join(dir, "new.db"),
			[]string{"restore", filepath.Join(dir, "none")},
			"none",
		},
	} {
		if _, err := runCommand(t, c.database, c.args...); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", what, err, c.want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "new.db")); err == nil {
		t.Error("a database was made of what is no backup")
	}
}

// TestDump: what docs/operate.md says of pg_dump and pg_restore keeps every row.
func TestDump(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short there is no PostgreSQL")
	}
	ctx := t.Context()
	server, err := pgtest.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}()
	var databases [2]string
	for i := range databases {
		name, drop, err := server.Database(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := drop(); err != nil {
				t.Error(err)
			}
		}()
		databases[i] = name
	}
	populate(t, databases[0])
	dump, from, err := server.Command(ctx, databases[0], "pg_dump")
	if err != nil {
		t.Skip(err)
	}
	dump.Args = append(dump.Args, "--format=custom", "--enable-row-security", from)
	var file, complaint bytes.Buffer
	dump.Stdout, dump.Stderr = &file, &complaint
	if err := dump.Run(); err != nil {
		t.Fatalf("%v: %s", err, complaint.String())
	}
	restore, to, err := server.Command(ctx, databases[1], "pg_restore")
	if err != nil {
		t.Fatal(err)
	}
	restore.Args = append(restore.Args, "--no-owner", "--exit-on-error", "--dbname="+to)
	restore.Stdin, restore.Stderr = &file, &complaint
	if err := restore.Run(); err != nil {
		t.Fatalf("%v: %s", err, complaint.String())
	}
	same(t, databases[0], databases[1])
}
