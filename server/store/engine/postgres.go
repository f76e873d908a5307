package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
)

func connectPostgres(ctx context.Context, name string) (*DB, error) {
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
	pool := sqlx.NewDb(stdlib.OpenDB(*config, stdlib.OptionAfterConnect(planOnce)), "pgx")
	db := &DB{pool: pool, Dialect: Dialect{
		Name: "PostgreSQL", Postgres: true, begin: "BEGIN",
	}}
	db.LimitConnections(DefaultConnections)
	if err := pool.PingContext(ctx); err != nil {
		err = fmt.Errorf("the database %s does not answer: %w", redact(name), err)
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

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

// SessionSettings have a connection plan each prepared statement once, and run
// it by itself. PostgreSQL would plan those with a LIMIT again each time, which
// takes longer than to run them; and in a large database it would start workers
// for some, which takes longer, too. The plan stays while the tables grow: in
// an empty one all of them would be read whole, so that is only done where no
// index serves, and what is then reckoned to be dear is not compiled.
const SessionSettings = `SET plan_cache_mode = force_generic_plan;
	SET max_parallel_workers_per_gather = 0;
	SET enable_seqscan = off;
	SET jit = off`

func planOnce(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, SessionSettings)
	var unknown *pgconn.PgError
	if errors.As(err, &unknown) {
		return nil // one of PostgreSQL's kin, which plans in its own way
	}
	return err
}

// onConnection calls f with what sends statements on one connection to
// PostgreSQL, on which only the rows of the tenant can be seen.
func (db *DB) onConnection(ctx context.Context, t Tenant, f func(runner) error) (err error) {
	conn, err := db.pool.Connx(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Raw(func(driver any) error {
		p := pipeline{driver.(*stdlib.Conn).Conn(), &db.Hooks}
		return f(&prefixed{runner: p, first: append([]Statement{setTenant(t.ID)}, db.check(t)...)})
	})
}
