// Package engine sends statements to a database: PostgreSQL, or SQLite
// embedded in the program. It holds what is true of any table: connections,
// the dialects, transactions, how statements share a round trip, whose turn it
// is, and which tenant's rows a statement may see. It knows no table.
//
// A statement that only reads goes by what it costs, from [DB.Lookup], which an
// index answers at once, to [DB.Scan], which may read all that a tenant has.
// Whatever writes is a transaction: [DB.Update].
package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// DB is a database. Any number of programs may use one at the same time.
type DB struct {
	Dialect
	// Hooks are for tests. They are set before the database is used.
	Hooks Hooks

	options Options
	pool    *sqlx.DB
	// sqlite is what SQLite needs beyond the pool; nil on PostgreSQL.
	sqlite *sqliteFile
	// batcher is for short reads from PostgreSQL; nil on SQLite.
	batcher *batcher
	shares  shares
}

// Options say what the database is used for.
type Options struct {
	// Prepare is called once, before any statement is sent: it brings the
	// schema up to date. It may be nil.
	Prepare func(context.Context, *DB) error
	// Tenant returns whose work a context is.
	Tenant func(context.Context) Tenant
	// Check returns a statement whose Read returns an error unless the tenant
	// is at its revision; it is sent before others if there is a revision.
	Check func(Tenant) Statement
	// TooLong returns the error for what was given up after the time that a
	// scan may take; cheap tells the client what would be cheaper.
	TooLong func(limit time.Duration, cheap string) error
}

// Hooks are called with what goes to PostgreSQL.
type Hooks struct {
	// Statement is called with each statement, and RoundTrip with each time
	// that statements are sent and waited for.
	Statement func(query string, args []any)
	RoundTrip func()
}

// Open connects to the database that a name stands for, sqlite:PATH or a
// postgres:// URL.
func Open(ctx context.Context, name string, o Options) (*DB, error) {
	db, err := connect(ctx, name)
	if err != nil {
		return nil, err
	}
	db.options = o
	if o.Prepare != nil {
		if err := o.Prepare(ctx, db); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	if db.sqlite == nil {
		db.batcher = newBatcher(db)
	} else if err := db.sqlite.open(ctx, db.pool); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// connect opens the connections to the database that a name stands for.
func connect(ctx context.Context, name string) (*DB, error) {
	switch {
	case strings.HasPrefix(name, "sqlite:"):
		return connectSQLite(ctx, strings.TrimPrefix(name, "sqlite:"))
	case strings.HasPrefix(name, "postgres://"), strings.HasPrefix(name, "postgresql://"):
		return connectPostgres(ctx, name)
	}
	return nil, fmt.Errorf("the database %q is not known: give sqlite:PATH, such as"+
		" sqlite:./muster.db, or a postgres:// URL", redact(name))
}

// redact hides the password in a URL.
func redact(name string) string {
	if u, err := url.Parse(name); err == nil {
		return u.Redacted()
	}
	return "…"
}

// Close ends the connections.
func (db *DB) Close() error {
	if db.sqlite != nil {
		return errors.Join(db.sqlite.close(), db.pool.Close())
	}
	return db.pool.Close()
}

// DefaultConnections is how many connections to PostgreSQL there are at the
// most, unless [DB.LimitConnections] says otherwise.
const DefaultConnections = 20

// LimitConnections sets how many connections to PostgreSQL there are at the
// most, at least two. SQLite, which is in the same process, has its own.
func (db *DB) LimitConnections(n int) {
	if db.sqlite == nil {
		db.pool.SetMaxOpenConns(n)
		db.pool.SetMaxIdleConns(n)
		db.shares.divide(n)
	}
}

// Ping tells whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.pool.PingContext(ctx) }

// Pool returns the connections that may write, for migrations and for what is
// done once: what is sent there is for no tenant, and on SQLite
// only one of them is left.
func (db *DB) Pool() *sqlx.DB { return db.pool }

// Pools returns the pools of connections, by names for people.
func (db *DB) Pools() map[string]*sql.DB {
	if db.sqlite != nil {
		return map[string]*sql.DB{
			"sqlite-write": db.pool.DB, "sqlite-read": db.sqlite.readers.pool.DB,
		}
	}
	return map[string]*sql.DB{"postgresql": db.pool.DB}
}
