package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"

	"muster/server/instance"
)

// statement is one that goes to the database, alone or together with others.
// PostgreSQL answers those that go together in one round trip.
type statement struct {
	query string // with "?" for parameters
	args  []any
	// read reads the rows of the answer; nil if nobody needs them.
	read func(rows) error
	// changed is where the number of changed rows goes; nil if nobody needs
	// it.
	changed *int64
}

// rows are those of an answer, of either engine.
type rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	names() []string
}

// runner sends statements, one after the other or together.
type runner interface {
	run(ctx context.Context, list []statement) error
}

// in spreads arguments that are slices over a list of parameters, for IN (?).
func in(query string, args ...any) (statement, error) {
	query, args, err := sqlx.In(query, args...)
	return statement{query: query, args: args}, err
}

// pipeline sends statements to PostgreSQL in one round trip.
type pipeline struct {
	conn *pgx.Conn
	d    *dialect
}

type pgRows struct{ pgx.Rows }

func (r pgRows) names() []string {
	fields := r.FieldDescriptions()
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.Name
	}
	return list
}

func (p pipeline) run(ctx context.Context, list []statement) (err error) {
	var b pgx.Batch
	for _, s := range list {
		b.Queue(p.d.sent(s), s.args...)
	}
	p.d.goes()
	answers := p.conn.SendBatch(ctx, &b)
	defer func() {
		if closeErr := answers.Close(); err == nil {
			err = closeErr // else it is the same one
		}
	}()
	for _, s := range list {
		answer, err := answers.Query()
		if err == nil && s.read != nil {
			err = s.read(pgRows{answer})
		}
		if answer.Close(); err == nil {
			err = answer.Err()
		}
		if err != nil {
			return err
		}
		if s.changed != nil {
			*s.changed = answer.CommandTag().RowsAffected()
		}
	}
	return nil
}

// sequence sends statements to SQLite, one after the other: it is in the same
// process.
type sequence struct {
	prepare func(context.Context, string) (*sql.Stmt, error)
}

type sqlRows struct{ *sql.Rows }

func (r sqlRows) names() []string {
	list, _ := r.Columns() // of open rows there is no error
	return list
}

func (q sequence) run(ctx context.Context, list []statement) error {
	for _, s := range list {
		prepared, err := q.prepare(ctx, s.query)
		if err != nil {
			return err
		}
		if err := q.one(ctx, prepared, s); err != nil {
			return err
		}
	}
	return nil
}

func (q sequence) one(ctx context.Context, prepared *sql.Stmt, s statement) error {
	if s.read == nil {
		result, err := prepared.ExecContext(ctx, s.args...)
		if err == nil && s.changed != nil {
			*s.changed, err = result.RowsAffected()
		}
		return err
	}
	answer, err := prepared.QueryContext(ctx, s.args...)
	if err != nil {
		return err
	}
	defer answer.Close()
	if err := s.read(sqlRows{answer}); err != nil {
		return err
	}
	return answer.Err()
}

// prepared keeps the statements of a pool of connections.
type prepared struct {
	db   *sqlx.DB
	mu   sync.Mutex
	kept map[string]*sql.Stmt
}

// maxPrepared is how many statements are kept. Filters of clients make ever
// new ones.
const maxPrepared = 500

func (p *prepared) get(ctx context.Context, query string) (*sql.Stmt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.kept[query]; s != nil {
		return s, nil
	}
	s, err := p.db.PrepareContext(ctx, query) //nolint:sqlclosecheck // it is kept
	if err != nil {
		return nil, err
	}
	if p.kept == nil || len(p.kept) >= maxPrepared {
		// Those in use end when their users have closed them.
		for _, old := range p.kept {
			_ = old.Close()
		}
		p.kept = make(map[string]*sql.Stmt)
	}
	p.kept[query] = s
	return s, nil
}

// one reads exactly one row into dest, or returns sql.ErrNoRows.
func one(dest any) func(rows) error {
	return func(r rows) error {
		if !r.Next() {
			return noRow(r, sql.ErrNoRows)
		}
		return scan(r, reflect.ValueOf(dest).Elem())
	}
}

// noRow returns what it means that there was no row, unless the connection
// broke before it came: then nobody knows.
func noRow(r rows, meaning error) error {
	if err := r.Err(); err != nil {
		return err
	}
	return meaning
}

// all reads all rows into the slice that dest points to.
func all(dest any) func(rows) error {
	return func(r rows) error {
		slice := reflect.ValueOf(dest).Elem()
		slice.SetLen(0)
		for n := 0; r.Next(); n++ {
			breathe(n)
			element := reflect.New(slice.Type().Elem()).Elem()
			if err := scan(r, element); err != nil {
				return err
			}
			slice.Set(reflect.Append(slice, element))
		}
		return r.Err()
	}
}

// breathe lets other requests go first, now and then: what reads thousands of
// rows would keep a processor for ten milliseconds at a time.
func breathe(row int) {
	if row%32 == 31 {
		runtime.Gosched()
	}
}

// columns finds the fields of structs by their tag "db", as sqlx does.
var columns = reflectx.NewMapper("db")

// scan reads a row into a struct, or into something that takes one column.
func scan(r rows, v reflect.Value) error {
	if _, scans := v.Addr().Interface().(sql.Scanner); scans || v.Kind() != reflect.Struct {
		return r.Scan(v.Addr().Interface())
	}
	names := r.names()
	fields := make([]any, len(names))
	for i, path := range columns.TraversalsByName(v.Type(), names) {
		if len(path) == 0 {
			return fmt.Errorf("%v has no field for the column %s", v.Type(), names[i])
		}
		fields[i] = reflectx.FieldByIndexes(v, path).Addr().Interface()
	}
	return r.Scan(fields...)
}

// reader calls f with what sends statements that only read.
func (s *Store) reader(ctx context.Context, f func(runner) error) error {
	c := instance.ConfinementOf(ctx)
	if s.lite != nil {
		return f(&checked{runner: sequence{s.lite.reads.get}, first: check(c)})
	}
	return s.onConnection(ctx, c, f)
}

// writer calls f with what sends the statements of a transaction.
func (s *Store) writer(ctx context.Context, f func(runner) error) error {
	c := instance.ConfinementOf(ctx)
	if s.lite != nil {
		return s.lite.write(ctx, func(r runner) error { return f(&checked{runner: r, first: check(c)}) })
	}
	return s.onConnection(ctx, c, f)
}

// checked sends some statements before those that it is asked to send first,
// in the same round trip.
type checked struct {
	runner
	first []statement
}

func (c *checked) run(ctx context.Context, list []statement) error {
	list = slices.Concat(c.first, list)
	c.first = nil
	if len(list) == 0 {
		return nil
	}
	return c.runner.run(ctx, list)
}

// check returns what finds out that an instance is set up in another way than
// a request believes. PostgreSQL divides by zero then, so that nothing that
// was sent together with it happens; SQLite gives NULL.
func check(c instance.Confinement) []statement {
	if c.Revision == 0 {
		return nil
	}
	return []statement{{
		query: "SELECT 1 / (CASE WHEN revision = ? THEN 1 ELSE 0 END) FROM instances WHERE id = ?",
		args:  []any{c.Revision, c.InstanceID},
		read: func(r rows) error {
			var is sql.NullInt64
			if err := one(&is)(r); err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			if !is.Valid {
				return instance.ErrStale
			}
			return nil
		},
	}}
}

// onConnection calls f with what sends statements on one connection to
// PostgreSQL, which is confined as c says; see [instance.Confine].
func (s *Store) onConnection(ctx context.Context, c instance.Confinement, f func(runner) error) (err error) {
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Raw(func(driver any) error {
		p := pipeline{driver.(*stdlib.Conn).Conn(), &s.d}
		err := f(&checked{runner: p, first: append([]statement{confineStatement(c.InstanceID)}, check(c)...)})
		if s.d.stale(err) {
			err = instance.ErrStale
		}
		return err
	})
}
