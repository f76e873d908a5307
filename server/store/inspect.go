package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"time"

	"muster/server/instance"
	"muster/server/store/engine"
	"muster/server/store/migrations"
)

// Inspection is what can be seen of a database without changing it.
type Inspection struct {
	engine.Description
	// Engine is "PostgreSQL" or "SQLite".
	Engine string
	// Missing is set if the file of SQLite is not there.
	Missing bool
	// Schema is the last migration that was done, or 0; and Newest the last
	// one that this program knows.
	Schema, Newest int64
	// Expiring are the keys that end soon; nil if the schema is not the newest.
	Expiring []instance.ExpiringKey
}

// Inspect looks at the database that a name stands for; see [Open]. It changes
// nothing, and makes nothing that is not there. Keys that end within a window are
// listed.
func Inspect(
	ctx context.Context, name string, window time.Duration,
) (i Inspection, err error) {
	if path, ok := strings.CutPrefix(name, "sqlite:"); ok {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return Inspection{Engine: "SQLite", Missing: true}, nil
		}
	}
	db, err := engine.Open(ctx, name, engine.Options{})
	if err != nil {
		return i, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	i.Engine = db.Name
	if i.Newest, err = migrations.Newest(db); err != nil {
		return i, err
	}
	if i.Schema, err = migrations.Applied(ctx, db); err != nil {
		return i, err
	}
	if i.Schema == i.Newest {
		now := time.Now()
		if i.Expiring, err = expiringKeys(ctx, db, now, now.Add(window)); err != nil {
			return i, err
		}
	}
	i.Description, err = db.Describe(ctx)
	return i, err
}

// manyUnsealed is up to how many rows are counted that are not sealed.
const manyUnsealed = 100_000

// Backlog returns how many rows of the history are not in their chain yet, and
// how old the oldest of them is, both of up to a hundred thousand; and how
// many invitations are not sent, and accepted requests not done.
func (s *Store) Backlog(ctx context.Context) (
	unsealed int, oldest time.Duration, unsent, waiting int, err error,
) {
	var r struct {
		N     int           `db:"n"`
		Since sql.NullInt64 `db:"since"`
	}
	err = s.db.Read(ctx,
		engine.Statement{
			Query: `SELECT count(*) AS n, min(at) AS since
				FROM (SELECT at FROM history WHERE seq IS NULL LIMIT ?) AS unsealed`,
			Args: []any{manyUnsealed}, Read: engine.One(&r),
		},
		engine.Statement{
			Query: "SELECT count(*) FROM outbox WHERE sent IS NULL", Read: engine.One(&unsent),
		},
		engine.Statement{
			Query: "SELECT count(*) FROM accepted_requests WHERE completed = 0",
			Read:  engine.One(&waiting),
		})
	if r.Since.Valid {
		oldest = max(0, time.Since(fromMillis(r.Since.Int64)))
	}
	return r.N, oldest, unsent, waiting, err
}
