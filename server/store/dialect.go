package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect holds what differs between the engines.
type dialect struct {
	name     string
	postgres bool
	goose    goose.Dialect
	// forUpdate locks the rows that a SELECT reads. SQLite locks the whole
	// database when a transaction begins.
	forUpdate string
	// begin begins a transaction that writes.
	begin string
	insertions
	// observe is called with each statement that goes to PostgreSQL, and trip
	// with each round trip; both are for tests, and nil otherwise.
	observe func(query string, args []any)
	trip    func()
}

// dangling reports whether a write referred to a row that is gone.
func (d *dialect) dangling(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23503"
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}

// refused reports whether the database has refused to do what it was asked
// for, and nothing of it is done.
func (d *dialect) refused(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) { // violated constraints, bad data, and rollbacks
		return slices.Contains([]string{"22", "23", "40"}, pg.Code[:min(2, len(pg.Code))]) && pg.Code != "40003"
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_CONSTRAINT
}

// rollback takes a transaction back.
func (d *dialect) rollback(ctx context.Context, r runner) error {
	err := r.run(ctx, []statement{{query: "ROLLBACK"}})
	if !d.postgres && err != nil && strings.Contains(err.Error(), "no transaction is active") {
		return nil // SQLite has done so already
	}
	return err
}

// numbered returns a query with the parameters as PostgreSQL writes them.
func (d *dialect) numbered(query string) string { return sqlx.Rebind(sqlx.DOLLAR, query) }

// sent returns the query of a statement as it is sent.
func (d *dialect) sent(s statement) string {
	query := d.numbered(s.query)
	if d.observe != nil {
		d.observe(query, s.args)
	}
	return query
}

// goes tells that a round trip begins.
func (d *dialect) goes() {
	if d.trip != nil {
		d.trip()
	}
}

// stale reports whether err is that of [check].
func (d *dialect) stale(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "22012"
}

// connect opens the connections to the database that a name stands for.
func connect(ctx context.Context, name string) (*Store, error) {
	switch {
	case strings.HasPrefix(name, "sqlite:"):
		return connectSQLite(ctx, strings.TrimPrefix(name, "sqlite:"))
	case strings.HasPrefix(name, "postgres://"), strings.HasPrefix(name, "postgresql://"):
		return connectPostgres(ctx, name)
	}
	return nil, fmt.Errorf("the database %q is not known: give sqlite:PATH, such as sqlite:./muster.db, or a postgres:// URL", redact(name))
}

// redact hides the password in a URL.
func redact(name string) string {
	if u, err := url.Parse(name); err == nil {
		return u.Redacted()
	}
	return "…"
}

func connectPostgres(ctx context.Context, name string) (*Store, error) {
	config, err := pgx.ParseConfig(name)
	if err != nil {
		return nil, fmt.Errorf("the database URL is not valid: %w", err) // pgx hides the password
	}
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &bufferedConn{Conn: c, r: bufio.NewReaderSize(c, readBuffer)}, nil
	}
	db := sqlx.NewDb(stdlib.OpenDB(*config, stdlib.OptionAfterConnect(planOnce)), "pgx")
	s := &Store{db: db, d: dialect{name: "PostgreSQL", postgres: true, goose: goose.DialectPostgres, forUpdate: " FOR UPDATE", begin: "BEGIN"}}
	s.LimitConnections(DefaultConnections)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("the database %s does not answer: %w", redact(name), err), s.Close())
	}
	return s, nil
}

// DefaultConnections is how many connections to PostgreSQL there are at the
// most, unless [Store.LimitConnections] says otherwise.
const DefaultConnections = 20

// readBuffer is how much is read from PostgreSQL at once: pages are longer
// than the driver would.
const readBuffer = 64 << 10

// bufferedConn is a connection that reads ahead.
type bufferedConn struct {
	net.Conn
	r *bufio.Reader
}

// Read reads what is there.
func (c *bufferedConn) Read(p []byte) (int, error) { return c.r.Read(p) }

// planOnce has a connection plan each prepared statement once, and run it by
// itself. PostgreSQL would plan those with a LIMIT again each time, which takes
// longer than to run them; and in a large database it would start workers for
// some, which takes longer, too. The plan stays while the tables grow: in an
// empty one all of them would be read whole, so that is only done where no
// index serves, and what is then reckoned to be dear is not compiled.
func planOnce(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, "SET plan_cache_mode = force_generic_plan; SET max_parallel_workers_per_gather = 0; SET enable_seqscan = off; SET jit = off")
	var unknown *pgconn.PgError
	if errors.As(err, &unknown) {
		return nil // one of PostgreSQL's kin, which plans in its own way
	}
	return err
}

// private makes a file that only its owner may read, unless it is there: it
// names people. SQLite makes the files beside it alike.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func connectSQLite(ctx context.Context, path string) (*Store, error) {
	if path == "" || strings.HasPrefix(path, ":memory:") {
		return nil, errors.New("sqlite needs a path, such as sqlite:./muster.db")
	}
	if err := private(path); err != nil {
		return nil, fmt.Errorf("the database file %s cannot be opened: %w", path, err)
	}
	open := func(options string, connections int) *sqlx.DB {
		u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()}
		u.RawQuery = "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)" + options
		db := sqlx.MustOpen("sqlite", u.String())
		db.SetMaxOpenConns(connections)
		db.SetMaxIdleConns(connections)
		return db
	}
	// One connection writes, and one is for migrations.
	s := &Store{
		db: open("&_txlock=immediate", 2), lite: newLite(open("&_pragma=query_only(1)", sqliteReaders)),
		d: dialect{name: "SQLite", goose: goose.DialectSQLite3, begin: "BEGIN IMMEDIATE"},
	}
	s.shares.divide(sqliteReaders)
	// The writer goes first: it creates the file.
	for _, db := range []*sqlx.DB{s.db, s.lite.reads.db} {
		if err := s.pingSQLite(ctx, db); err != nil {
			return nil, errors.Join(fmt.Errorf("the database file %s cannot be opened: %w", path, err), s.Close())
		}
	}
	return s, nil
}

// pingSQLite opens a connection. While another process turns the file to
// WAL, SQLite answers that it is busy, and does not wait as it does elsewhere.
func (s *Store) pingSQLite(ctx context.Context, db *sqlx.DB) error {
	for wait := time.Millisecond; ; wait *= 2 {
		err := db.PingContext(ctx)
		if err == nil || !s.d.retryable(err) || wait > 4*time.Second {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// retryable reports whether a transaction that failed with err may succeed
// if it is run again: 40001 and 40P01 of PostgreSQL and its kin.
func (d dialect) retryable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code()&0xff == sqlite3.SQLITE_BUSY
	}
	return false
}

// taken returns the unique constraint that a write violated, or "". SQLite
// gives the columns and not the name.
func (d dialect) taken(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return pg.ConstraintName
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) && lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE {
		switch text := lite.Error(); {
		case strings.Contains(text, "users.user_name_key"):
			return "users_user_name"
		case strings.Contains(text, "groups.display_name_key"):
			return "groups_display_name"
		case strings.Contains(text, "instances.slug"):
			return "instances_slug"
		}
	}
	return ""
}

// The methods below write SQL that reaches into the column "search", a JSON
// document. Names come from schemas, never from a client; they are quoted
// all the same.

// field returns the text at a path of names below a JSON value.
func (d dialect) field(value string, names ...string) string {
	if !d.postgres {
		return "json_extract(" + value + ", " + sqlitePath(names) + ")"
	}
	for i, name := range names {
		arrow := "->"
		if i == len(names)-1 {
			arrow = "->>"
		}
		value += arrow + literal(name)
	}
	return "(" + value + ")"
}

// boolean returns the condition that the text of field is true, or false.
func (d dialect) boolean(field string, want bool) string {
	if d.postgres {
		return fmt.Sprintf("%s = '%t'", field, want)
	}
	if want {
		return field + " = 1"
	}
	return field + " = 0"
}

// number returns the text of field as a number.
func (d dialect) number(field string) string {
	if d.postgres {
		return "CAST(" + field + " AS double precision)"
	}
	return field
}

// elements returns a FROM item that has a row for each element of the array
// at a path, and the SQL for the place of such an element; the element itself
// is e.value.
func (d dialect) elements(value string, names ...string) (from, place string) {
	if !d.postgres {
		return "json_each(" + value + ", " + sqlitePath(names) + ") AS e", "e.key"
	}
	for _, name := range names {
		value += "->" + literal(name)
	}
	return "jsonb_array_elements(" + value + ") WITH ORDINALITY AS e(value, place)", "e.place"
}

// someTrue returns the SQL for whether a condition is true for some row.
func (d dialect) someTrue(condition string) string {
	if d.postgres {
		return "COALESCE(bool_or(" + condition + "), FALSE)"
	}
	return "COALESCE(max(" + condition + "), FALSE)"
}

// memberships returns the SQL for the groups of a row of users, as a JSON
// array: whether a group is in another one stands with it, so that those by
// which a user is in others are looked for only where there are some.
func (d dialect) memberships() string {
	list, object := "json_group_array", "json_object"
	if d.postgres {
		list, object = "json_agg", "json_build_object"
	}
	return "(SELECT " + list + "(" + object + `('id', g.id, 'display', g.display_name,
		'nested', CASE WHEN EXISTS (SELECT 1 FROM group_groups AS gg WHERE gg.child_id = g.id) THEN 1 ELSE 0 END))
		FROM group_users AS gu JOIN groups AS g ON g.id = gu.group_id WHERE gu.user_id = users.id)`
}

// membershipsOf returns a query for the groups of the users whose ids a query
// gives. On PostgreSQL each of them is looked up by itself: without the fences
// it may read the memberships, or the groups, of all instances to join them.
func (d dialect) membershipsOf(ids string) string {
	const nested = "EXISTS (SELECT 1 FROM group_groups AS gg WHERE gg.child_id = g.id) AS nested"
	if !d.postgres {
		return "SELECT gu.user_id, g.id, g.display_name, " + nested +
			" FROM group_users AS gu JOIN groups AS g ON g.id = gu.group_id WHERE gu.user_id IN (" + ids + ")"
	}
	return "SELECT chosen.id, g.id, g.display_name, " + nested + " FROM (" + ids + `) AS chosen
		CROSS JOIN LATERAL (SELECT group_id FROM group_users WHERE user_id = chosen.id OFFSET 0) AS gu
		CROSS JOIN LATERAL (SELECT id, display_name FROM groups WHERE id = gu.group_id OFFSET 0) AS g`
}

// castType returns the name of a type of PostgreSQL's for a CAST. SQLite
// casts by the name's affinity, which would make a number of a uuid.
func (d dialect) castType(name string) string {
	if !d.postgres && name == "uuid" {
		return "text"
	}
	return name
}

// bytewise makes a comparison of order one of bytes.
func (d dialect) bytewise(text string) string {
	if d.postgres {
		return text + ` COLLATE "C"`
	}
	return text
}

// contains, hasPrefix and hasSuffix return conditions on a text with one
// parameter, which must not be empty; hasSuffix takes it twice.
func (d dialect) contains(text string) string {
	if d.postgres {
		return "strpos(" + text + ", ?) > 0"
	}
	return "instr(" + text + ", ?) > 0"
}

func (d dialect) hasPrefix(text string) string {
	if d.postgres {
		return "starts_with(" + text + ", ?)"
	}
	return "instr(" + text + ", ?) = 1"
}

func (d dialect) hasSuffix(text string) string {
	if d.postgres {
		return "right(" + text + ", char_length(CAST(? AS text))) = ?"
	}
	return "substr(" + text + ", -length(?)) = ?"
}

func sqlitePath(names []string) string {
	var b strings.Builder
	b.WriteString("$")
	for _, name := range names {
		b.WriteString(`."` + strings.ReplaceAll(name, `"`, "") + `"`)
	}
	return literal(b.String())
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
