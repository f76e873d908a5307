package engine

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite" // the driver
)

// sqliteReaders is how many connections to SQLite read.
const sqliteReaders = 10

// sqliteFile is what SQLite needs beyond a pool of connections. It knows one
// writer at a time, and queueing for one connection is fairer than its busy
// timeout.
type sqliteFile struct {
	readers prepared
	turn    chan struct{} // holds one token while nobody writes
	// conn is the connection that writes, and kept its statements.
	conn *sql.Conn
	kept map[string]*sql.Stmt
}

// createPrivate makes a file that only its owner may read, unless it is there:
// it names people. SQLite makes the files beside it alike.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// sqlitePragmas are those of each connection.
const sqlitePragmas = "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)" +
	"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)"

func connectSQLite(ctx context.Context, path string) (*DB, error) {
	if path == "" || strings.HasPrefix(path, ":memory:") {
		return nil, errors.New("sqlite needs a path, such as sqlite:./muster.db")
	}
	if err := createPrivate(path); err != nil {
		return nil, fmt.Errorf("the database file %s cannot be opened: %w", path, err)
	}
	open := func(options string, connections int) *sqlx.DB {
		u := fileURL(path, sqlitePragmas+options)
		pool := sqlx.MustOpen("sqlite", u.String())
		pool.SetMaxOpenConns(connections)
		pool.SetMaxIdleConns(connections)
		return pool
	}
	// One connection writes, and one is for migrations.
	db := &DB{
		pool:    open("&_txlock=immediate", 2),
		sqlite:  newSQLiteFile(open("&_pragma=query_only(1)", sqliteReaders)),
		Dialect: Dialect{Name: "SQLite", begin: "BEGIN IMMEDIATE"},
	}
	db.shares.divide(sqliteReaders)
	// The writer goes first: it creates the file.
	for _, pool := range []*sqlx.DB{db.pool, db.sqlite.readers.pool} {
		if err := db.pingSQLite(ctx, pool); err != nil {
			err = fmt.Errorf("the database file %s cannot be opened: %w", path, err)
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

// fileURL returns the name of a file as SQLite's driver takes it.
func fileURL(path, query string) *url.URL {
	escaped := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	return &url.URL{Scheme: "file", Opaque: escaped, RawQuery: query}
}

// pingSQLite opens a connection. While another process turns the file to
// WAL, SQLite answers that it is busy, and does not wait as it does elsewhere.
func (db *DB) pingSQLite(ctx context.Context, pool *sqlx.DB) error {
	for wait := time.Millisecond; ; wait *= 2 {
		err := pool.PingContext(ctx)
		if err == nil || !db.retryable(err) || wait > 4*time.Second {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

func newSQLiteFile(readers *sqlx.DB) *sqliteFile {
	f := &sqliteFile{
		readers: prepared{pool: readers},
		turn:    make(chan struct{}, 1), kept: make(map[string]*sql.Stmt),
	}
	f.turn <- struct{}{}
	return f
}

// open takes the connection that writes out of a pool. While another process
// writes, SQLite would sleep longer and longer, and miss when the file is free;
// see [DB.Update].
func (f *sqliteFile) open(ctx context.Context, pool *sqlx.DB) (err error) {
	if f.conn, err = pool.Conn(ctx); err == nil {
		_, err = f.conn.ExecContext(ctx, "PRAGMA busy_timeout = 0")
	}
	return err
}

func (f *sqliteFile) close() error {
	var err error
	if f.conn != nil {
		err = f.conn.Close()
	}
	return errors.Join(err, f.readers.pool.Close())
}

// write calls do with the connection that writes, when it is free.
func (f *sqliteFile) write(ctx context.Context, do func(runner) error) error {
	select {
	case <-f.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { f.turn <- struct{}{} }()
	return do(sequence{f.prepare})
}

func (f *sqliteFile) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := f.kept[query]; s != nil {
		return s, nil
	}
	s, err := f.conn.PrepareContext(ctx, ForSQLite(query))
	if err != nil {
		return nil, err
	}
	if len(f.kept) >= maxPrepared {
		for _, old := range f.kept {
			_ = old.Close()
		}
		clear(f.kept)
	}
	f.kept[query] = s
	return s, nil
}

// anyOf is how a statement asks for one of many values, as one parameter.
var anyOf = regexp.MustCompile(`= ANY \(CAST\(\? AS \w+\[\]\)\)`)

// ForSQLite returns a query as SQLite takes it. Statements are written as
// PostgreSQL takes them, so that they can be tried in psql; SQLite knows no
// arrays, for which it has JSON, and no locks of rows, because it locks the whole
// database when a transaction begins.
func ForSQLite(query string) string {
	query = strings.TrimSuffix(strings.TrimSuffix(query, " FOR UPDATE"), " FOR KEY SHARE")
	return anyOf.ReplaceAllString(query, "IN (SELECT value FROM json_each(?))")
}

// argsForSQLite returns arguments with JSON in place of lists.
func argsForSQLite(args []any) ([]any, error) {
	for i, arg := range args {
		list, ok := arg.([]string)
		if !ok {
			continue
		}
		text, err := json.Marshal(list)
		if err != nil {
			return nil, err
		}
		args = slices.Clone(args)
		args[i] = string(text)
	}
	return args, nil
}
