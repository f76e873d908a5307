// Package store keeps everything in a relational database: PostgreSQL, or
// SQLite embedded in the program. There is one set of queries; what differs
// between the engines, and how statements reach them, is in package engine. The
// package implements the interfaces that instance, provisioning and history
// declare.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"muster/queue"
	"muster/server/instance"
	"muster/server/scim"
	"muster/server/store/engine"
	"muster/server/store/migrations"
)

// Store is a database with the schema of this version. Any number of servers
// may share one.
type Store struct {
	db      *engine.DB
	writers writers

	userKind, groupKind *kind
	// counted is set where the database counts the users of an instance.
	counted bool
	// written is called when the history has grown; nil if nobody wants to know.
	written func()
}

// OnHistory has f called whenever the history has grown. It is for before the store is
// used by others, and f must not take long.
func (s *Store) OnHistory(f func()) { s.written = f }

// Open connects to the database that a name stands for, sqlite:PATH or a
// postgres:// URL, and brings its schema up to date.
func Open(ctx context.Context, name string) (*Store, error) {
	db, err := engine.Open(ctx, name, engine.Options{
		Prepare: func(ctx context.Context, db *engine.DB) error {
			if err := migrations.Up(ctx, db); err != nil {
				return fmt.Errorf("migrate database: %w", err)
			}
			return nil
		},
		Tenant: tenant, Check: checkRevision, TooLong: tooLong,
	})
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, userKind: userKind(), groupKind: groupKind()}
	s.writers.queues = make(map[string]*queue.Queue[*job])
	if s.counted, err = db.HasTable(ctx, "user_counts"); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// tenant returns the instance that a context is for.
func tenant(ctx context.Context) engine.Tenant { return engine.Tenant(instance.TenantOf(ctx)) }

// checkRevision finds out that an instance is set up in another way than a
// request believes.
func checkRevision(t engine.Tenant) engine.Statement {
	return engine.Statement{
		Query: "SELECT revision FROM instances WHERE id = ?", Args: []any{t.ID},
		Read: func(r engine.Rows) error {
			if !r.Next() {
				return engine.NoRow(r, instance.ErrStale)
			}
			var revision int64
			if err := r.Scan(&revision); err != nil {
				return err
			}
			if revision != t.Revision {
				return instance.ErrStale
			}
			return nil
		},
	}
}

func tooLong(most time.Duration, cheap string) error {
	e := scim.BadRequest(scim.TooMany,
		"to find this takes longer than %v, and was given up. %s", most, cheap)
	e.Limit = "scan-time"
	return e
}

// Close ends the connections.
func (s *Store) Close() error { return s.db.Close() }

// DefaultConnections is how many connections to PostgreSQL there are at the
// most, unless [Store.LimitConnections] says otherwise.
const DefaultConnections = engine.DefaultConnections

// LimitConnections sets how many connections to PostgreSQL there are at the
// most, at least two. SQLite, which is in the same process, has its own.
func (s *Store) LimitConnections(n int) { s.db.LimitConnections(n) }

// LimitScans sets for how long the database may scan for one answer; 0, as
// at first, is no limit. It is for before the store is used.
func (s *Store) LimitScans(most time.Duration) { s.db.LimitScans(most) }

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Engine names the database engine: "PostgreSQL" or "SQLite".
func (s *Store) Engine() string { return s.db.Name }

// Pools returns the pools of connections, by names for people.
func (s *Store) Pools() map[string]*sql.DB { return s.db.Pools() }

// AboveRowSecurity reports whether the user of the connections is above
// row-level security, so that it holds nothing back. SQLite has none.
func (s *Store) AboveRowSecurity(ctx context.Context) (bool, error) {
	return s.db.AboveRowSecurity(ctx)
}

// Migrations returns the state of all migrations.
func (s *Store) Migrations(ctx context.Context) ([]migrations.Migration, error) {
	return migrations.List(ctx, s.db)
}

// Analyze has the database learn what an import has changed, so that it
// plans by it at once, and not only when it finds the time.
func (s *Store) Analyze(ctx context.Context) error {
	return s.db.Analyze(ctx, "users", "history")
}

// KeepAnalyzed has PostgreSQL analyze what grows with the people of a deployment
// when it has grown tenfold, until ctx ends.
func (s *Store) KeepAnalyzed(ctx context.Context, log *slog.Logger) {
	s.db.KeepAnalyzed(ctx, log, growing()...)
}

// growing returns the tables that grow with the people of a deployment.
func growing() []string {
	return []string{
		"users", "groups", "group_users", "group_groups", "history", "user_objects", "objects",
	}
}

// taken returns the unique constraint that a write violated, by the name that
// it has on PostgreSQL, or "".
func (s *Store) taken(err error) string {
	switch constraint := s.db.Duplicate(err); constraint {
	case "users.user_name_key":
		return "users_user_name"
	case "groups.display_name_key":
		return "groups_display_name"
	case "instances.slug":
		return "instances_slug"
	default:
		return constraint
	}
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

func millis(t time.Time) int64 { return t.UnixMilli() }

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// null returns s, or NULL if it is empty.
func null(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }
