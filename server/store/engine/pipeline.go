package engine

import (
	"context"
	"database/sql"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jmoiron/sqlx"
)

// runner sends statements, one after the other or together.
type runner interface {
	run(ctx context.Context, list []Statement) error
}

// pipeline sends statements to PostgreSQL in one round trip.
type pipeline struct {
	conn  *pgx.Conn
	hooks *Hooks
}

// sent returns the query of a statement as it is sent.
func (h *Hooks) sent(s Statement) string {
	query := numbered(s.Query)
	if h.Statement != nil {
		h.Statement(query, s.Args)
	}
	return query
}

// goes tells that a round trip begins.
func (h *Hooks) goes() {
	if h.RoundTrip != nil {
		h.RoundTrip()
	}
}

// numbered returns a query with the parameters as PostgreSQL writes them.
func numbered(query string) string { return sqlx.Rebind(sqlx.DOLLAR, query) }

type pgRows struct{ pgx.Rows }

// Names returns the names of the columns.
func (r pgRows) Names() []string {
	fields := r.FieldDescriptions()
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.Name
	}
	return list
}

func (p pipeline) run(ctx context.Context, list []Statement) (err error) {
	var b pgx.Batch
	for _, s := range list {
		b.Queue(p.hooks.sent(s), s.Args...)
	}
	p.hooks.goes()
	answers := p.conn.SendBatch(ctx, &b)
	defer func() {
		if closeErr := answers.Close(); err == nil {
			err = closeErr // else it is the same one
		}
	}()
	for _, s := range list {
		answer, err := answers.Query()
		if err == nil && s.Read != nil {
			err = s.Read(pgRows{answer})
		}
		if answer.Close(); err == nil {
			err = answer.Err()
		}
		if err != nil {
			return err
		}
		if s.Changed != nil {
			*s.Changed = answer.CommandTag().RowsAffected()
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

// Names returns the names of the columns.
func (r sqlRows) Names() []string {
	list, _ := r.Columns() // of open rows there is no error
	return list
}

func (q sequence) run(ctx context.Context, list []Statement) error {
	for _, s := range list {
		prepared, err := q.prepare(ctx, s.Query)
		if err != nil {
			return err
		}
		if err := q.one(ctx, prepared, s); err != nil {
			return err
		}
	}
	return nil
}

func (q sequence) one(ctx context.Context, prepared *sql.Stmt, s Statement) error {
	args, err := argsForSQLite(s.Args)
	if err != nil {
		return err
	}
	if s.Read == nil {
		result, err := prepared.ExecContext(ctx, args...)
		if err == nil && s.Changed != nil {
			*s.Changed, err = result.RowsAffected()
		}
		return err
	}
	answer, err := prepared.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer answer.Close()
	if err := s.Read(sqlRows{answer}); err != nil {
		return err
	}
	return answer.Err()
}

// prepared keeps the statements of a pool of connections.
type prepared struct {
	pool *sqlx.DB
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
	//nolint:sqlclosecheck // it is kept
	s, err := p.pool.PrepareContext(ctx, ForSQLite(query))
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

// prefixed sends some statements before those that it is asked to send first,
// in the same round trip.
type prefixed struct {
	runner
	first []Statement
}

func (c *prefixed) run(ctx context.Context, list []Statement) error {
	list = slices.Concat(c.first, list)
	c.first = nil
	if len(list) == 0 {
		return nil
	}
	return c.runner.run(ctx, list)
}
