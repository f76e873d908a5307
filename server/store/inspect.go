package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Inspection is what can be seen of a database without changing it.
type Inspection struct {
	// Engine is "PostgreSQL" or "SQLite", and Version that of its program.
	Engine, Version string
	// Missing is set if the file of SQLite is not there.
	Missing bool
	// Latency is what one round trip takes.
	Latency time.Duration
	// Schema is the last migration that was done, or 0; and Newest the last
	// one that this program knows.
	Schema, Newest int64
	// AboveRowSecurity: see [Store.AboveRowSecurity].
	AboveRowSecurity bool
	// Ahead is how much the clock of the database is ahead of that here, as
	// exactly as the latency allows.
	Ahead time.Duration
}

// Inspect looks at the database that a name stands for; see [Open]. It changes
// nothing, and makes nothing that is not there.
func Inspect(ctx context.Context, name string) (i Inspection, err error) {
	if path, ok := strings.CutPrefix(name, "sqlite:"); ok {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return Inspection{Engine: "SQLite", Missing: true}, nil
		}
	}
	s, err := connect(ctx, name)
	if err != nil {
		return i, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	i.Engine = s.Engine()
	p, err := s.provider()
	if err != nil {
		return i, err
	}
	sources := p.ListSources()
	i.Newest = sources[len(sources)-1].Version
	tables, version := "SELECT count(*) FROM sqlite_master WHERE name = 'goose_db_version'", "SELECT sqlite_version()"
	if s.d.postgres {
		tables, version = "SELECT count(*) FROM pg_tables WHERE tablename = 'goose_db_version' AND schemaname = ANY (current_schemas(false))", "SHOW server_version"
	}
	var n int
	if err := s.db.GetContext(ctx, &n, tables); err != nil {
		return i, err
	}
	if err := s.db.GetContext(ctx, &i.Version, version); err != nil {
		return i, err
	}
	if n > 0 {
		var schema sql.NullInt64
		if err := s.db.GetContext(ctx, &schema, "SELECT max(version_id) FROM goose_db_version WHERE is_applied"); err != nil {
			return i, fmt.Errorf("migrations: %w", err)
		}
		i.Schema = schema.Int64
	}
	if s.d.postgres {
		err = s.inspectServer(ctx, &i)
	}
	return i, err
}

// inspectServer asks what only a server of its own can answer.
func (s *Store) inspectServer(ctx context.Context, i *Inspection) error {
	if err := s.db.GetContext(ctx, &i.AboveRowSecurity, "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"); err != nil {
		return err
	}
	var now time.Time
	began := time.Now()
	if err := s.db.GetContext(ctx, &now, "SELECT clock_timestamp()"); err != nil {
		return err
	}
	i.Latency = time.Since(began)
	i.Ahead = now.Sub(began.Add(i.Latency / 2))
	return nil
}

// Pools returns the pools of connections, by names for people.
func (s *Store) Pools() map[string]*sql.DB {
	if s.lite != nil {
		return map[string]*sql.DB{"sqlite-write": s.db.DB, "sqlite-read": s.lite.reads.db.DB}
	}
	return map[string]*sql.DB{"postgresql": s.db.DB}
}

// manyUnsealed is up to how many rows are counted that are not sealed.
const manyUnsealed = 100_000

// Backlog returns how many rows of the history are not in their chain yet, and
// how old the oldest of them is, both of up to a hundred thousand; and how
// many invitations are not sent.
func (s *Store) Backlog(ctx context.Context) (unsealed int, oldest time.Duration, unsent int, err error) {
	var r struct {
		N     int           `db:"n"`
		Since sql.NullInt64 `db:"since"`
	}
	err = s.read(ctx,
		statement{query: fmt.Sprintf("SELECT count(*) AS n, min(at) AS since FROM (SELECT at FROM history WHERE seq IS NULL LIMIT %d) AS unsealed", manyUnsealed), read: one(&r)},
		statement{query: "SELECT count(*) FROM outbox WHERE sent IS NULL", read: one(&unsent)})
	if r.Since.Valid {
		oldest = max(0, time.Since(fromMillis(r.Since.Int64)))
	}
	return r.N, oldest, unsent, err
}
