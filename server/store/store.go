// Package store keeps everything in a relational database: PostgreSQL, or
// SQLite embedded in the program. There is one set of queries; dialect.go
// holds what differs. The package implements the interfaces that instance,
// provisioning and history declare.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"muster/queue"
	"muster/server/instance"
)

// Store is a database with the schema of this version. Any number of servers
// may share one.
type Store struct {
	db *sqlx.DB
	d  dialect
	// lite is what SQLite needs beyond that; nil on PostgreSQL.
	lite *lite
	// lanes are for short reads from PostgreSQL; nil on SQLite.
	lanes   *lanes
	writers writers
	shares  shares

	userKind, groupKind *kind
	// counted is set where the database counts the users of an instance.
	counted bool
}

// Open connects to the database that a name stands for, sqlite:PATH or a
// postgres:// URL, and brings its schema up to date.
func Open(ctx context.Context, name string) (*Store, error) {
	s, err := connect(ctx, name)
	if err != nil {
		return nil, err
	}
	s.userKind, s.groupKind = userKind(), groupKind()
	s.writers.queues, s.d.insertions = make(map[string]*queue.Queue[*job]), s.d.makeInsertions()
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate database: %w", err), s.Close())
	}
	if s.counted, err = s.counts(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.lite == nil {
		s.lanes = newLanes(s)
	} else {
		if err := s.lite.open(ctx, s.db); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Close ends the connections.
func (s *Store) Close() error {
	if s.lite != nil {
		return errors.Join(s.lite.close(), s.db.Close())
	}
	return s.db.Close()
}

// LimitConnections sets how many connections to PostgreSQL there are at the
// most, at least two. SQLite, which is in the same process, has its own.
func (s *Store) LimitConnections(n int) {
	if s.lite == nil {
		s.db.SetMaxOpenConns(n)
		s.db.SetMaxIdleConns(n)
		s.shares.divide(n)
	}
}

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.PingContext(ctx) }

// Engine names the database engine: "PostgreSQL" or "SQLite".
func (s *Store) Engine() string { return s.d.name }

//go:embed migrations/*.sql
var migrations embed.FS

func (s *Store) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(s.d.rowSecurity(), s.d.lightRowSecurity(), s.d.tuning(), s.d.counts(), s.d.clients(), s.d.indexes())}
	if s.d.postgres {
		// A lock in a table works where there are no advisory locks.
		locker, err := lock.NewPostgresTableLocker()
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithLocker(locker))
	}
	return goose.NewProvider(s.d.goose, s.db.DB, files, options...)
}

// migrate brings the schema up to date. Several processes may do so at once:
// PostgreSQL has a lock for it. On SQLite each migration is a transaction, so
// that the slower process fails on what the faster one has just done. As long
// as the schema advances, it goes on from there.
func (s *Store) migrate(ctx context.Context) error {
	for {
		p, err := s.provider()
		if err != nil {
			return err
		}
		before, target, err := p.GetVersions(ctx)
		if err != nil || before == target {
			return err
		}
		if _, err = p.Up(ctx); err == nil {
			return nil
		}
		if after, _, again := p.GetVersions(ctx); again != nil || after == before {
			return errors.Join(err, again)
		}
	}
}

// Migration is the state of one migration of the schema.
type Migration struct {
	Version int64
	Applied time.Time // zero if it is pending
}

// Migrations returns the state of all migrations.
func (s *Store) Migrations(ctx context.Context) ([]Migration, error) {
	p, err := s.provider()
	if err != nil {
		return nil, err
	}
	status, err := p.Status(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Migration, len(status))
	for i, m := range status {
		list[i] = Migration{Version: m.Source.Version, Applied: m.AppliedAt}
	}
	return list, nil
}

// tx is a transaction. Its methods take queries with "?" for parameters. It
// begins in the same round trip as its first statement.
type tx struct {
	d      *dialect
	runner runner
	// begun and committed tell that BEGIN was sent, and COMMIT answered.
	begun, committed bool

	// These are of a transaction of an instance's writer: the instance, its
	// chain and whether it has one, and the rows of the history that are
	// written at the end.
	instanceID string
	chain      chainRow
	chained    bool
	rows       entryRows
}

// attempts is how often a transaction is run when the database asks for it,
// and busyTime for how long if another process writes to the file of SQLite.
const (
	attempts = 20
	busyTime = 10 * time.Second
)

// pause returns how long to wait before a transaction is run again: a little
// longer each time, and not all the same; false if it is given up.
func (d *dialect) pause(attempt int, began time.Time) (time.Duration, bool) {
	if d.postgres {
		return time.Duration(rand.Int64N(int64(time.Millisecond) << min(attempt, 7))), attempt < attempts
	}
	return time.Millisecond/2 + time.Duration(rand.Int64N(int64(time.Millisecond))), time.Since(began) < busyTime
}

// update runs f in a transaction that writes. If the database could not
// serialize it with others, f runs again: it must have no effect but on the
// transaction.
func (s *Store) update(ctx context.Context, f func(*tx) error) (err error) {
	ctx, end := s.span(ctx, "transaction")
	defer func() { end(err) }()
	began := time.Now()
	for i := 1; ; i++ {
		var committed bool
		if committed, err = s.once(ctx, f); err == nil || committed || !s.d.retryable(err) {
			return err
		}
		wait, again := s.d.pause(i, began)
		if !again {
			return fmt.Errorf("transaction given up after %d attempts: %w", i, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

func (s *Store) once(ctx context.Context, f func(*tx) error) (committed bool, err error) {
	err = s.writer(ctx, func(r runner) error {
		t := &tx{d: &s.d, runner: r}
		err := f(t)
		if err == nil && !t.committed {
			err = t.finish(ctx, nil)
		}
		if committed = t.committed; err != nil && t.begun && !committed {
			// The context may have ended, and the connection is used again.
			err = errors.Join(err, s.d.rollback(context.WithoutCancel(ctx), r))
		}
		return err
	})
	return committed, err
}

// run sends statements together.
func (t *tx) run(ctx context.Context, list ...statement) error {
	if !t.begun {
		t.begun = true
		list = append([]statement{{query: t.d.begin}}, list...)
	}
	return t.runner.run(ctx, list)
}

// finish sends the last statements of the transaction, its history, and its
// end, together.
func (t *tx) finish(ctx context.Context, last []statement) error {
	commit := statement{query: "COMMIT", read: func(r rows) error {
		r.Next()
		t.committed = r.Err() == nil
		return nil
	}}
	return t.run(ctx, slices.Concat(last, t.linked(), []statement{commit})...)
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = t.run(ctx, statement{query: query, args: args, changed: &n})
	return n, err
}

// get reads one row into dest.
func (t *tx) get(ctx context.Context, dest any, query string, args ...any) error {
	return t.run(ctx, statement{query: query, args: args, read: one(dest)})
}

// list reads all rows into the slice dest; an argument that is a slice
// becomes a list of parameters, for IN (?).
func (t *tx) list(ctx context.Context, dest any, query string, args ...any) error {
	st, err := in(query, args...)
	if err != nil {
		return err
	}
	st.read = all(dest)
	return t.run(ctx, st)
}

// send sends statements that only read, outside of a transaction.
func (s *Store) send(ctx context.Context, list ...statement) (err error) {
	ctx, end := s.span(ctx, "read", list...)
	defer func() { end(err) }()
	return s.reader(ctx, func(r runner) error { return r.run(ctx, list) })
}

// quick sends statements that only read, and that an index makes short,
// together with those of others. If one is not short after all, all of them go
// once more, by themselves: what reads their answers begins anew then.
func (s *Store) quick(ctx context.Context, list ...statement) error {
	if s.lanes == nil {
		return s.send(ctx, list...)
	}
	return s.inLane(ctx, &s.lanes.short, list)
}

// inLane sends statements with those of a queue, unless the instance asks for
// too much.
func (s *Store) inLane(ctx context.Context, q *queue.Queue[*errand], list []statement) error {
	id := instance.Confined(ctx)
	if s.lanes.isSlow(id) {
		return s.alone(ctx, list...)
	}
	ctx, end := s.span(ctx, "read", list...)
	err := s.lanes.read(ctx, q, list)
	end(err)
	if s.d.timedOut(err) && ctx.Err() == nil {
		s.lanes.slow.Add(id, time.Now().Add(slowTime))
		return s.alone(ctx, list...)
	}
	return err
}

// common sends statements by which an index may find many rows: as quick does,
// if few of the instance do so now.
func (s *Store) common(ctx context.Context, list ...statement) error {
	if s.lanes == nil {
		return s.alone(ctx, list...)
	}
	leave, ok := s.lanes.enter(instance.Confined(ctx))
	if !ok {
		return s.alone(ctx, list...)
	}
	defer leave()
	return s.inLane(ctx, &s.lanes.common, list)
}

// get reads one row, which an index finds, outside of a transaction.
func (s *Store) get(ctx context.Context, dest any, query string, args ...any) error {
	return s.quick(ctx, statement{query: query, args: args, read: one(dest)})
}

// list reads rows outside of a transaction, as tx.list does.
func (s *Store) list(ctx context.Context, dest any, query string, args ...any) error {
	st, err := in(query, args...)
	if err != nil {
		return err
	}
	st.read = all(dest)
	return s.read(ctx, st)
}

// chunk is how many values stand in one IN list at the most.
const chunk = 1000

// chunks calls f with parts of ids.
func chunks(ids []string, f func([]string) error) error {
	for len(ids) > 0 {
		n := min(len(ids), chunk)
		if err := f(ids[:n]); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// tuples returns a row of parameters for each row of values: (?, ?), (?, ?).
func tuples(rows [][]any) string {
	if len(rows) == 0 {
		return ""
	}
	row := "(?" + strings.Repeat(", ?", len(rows[0])-1) + ")"
	return row + strings.Repeat(", "+row, len(rows)-1)
}

func millis(t time.Time) int64 { return t.UnixMilli() }

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// null returns s, or NULL if it is empty.
func null(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }
