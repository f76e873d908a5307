package engine

import (
	"context"
	"time"
)

// Description is what can be seen of a database's server.
type Description struct {
	// Version is that of the engine's program.
	Version string
	// Latency is what one round trip takes; 0 of SQLite.
	Latency time.Duration
	// AboveRowSecurity: see [DB.AboveRowSecurity].
	AboveRowSecurity bool
	// Ahead is how much the clock of the database is ahead of that here, as
	// exactly as the latency allows.
	Ahead time.Duration
}

// Describe looks at the server of the database, and changes nothing.
func (db *DB) Describe(ctx context.Context) (d Description, err error) {
	if !db.Postgres {
		err = db.pool.GetContext(ctx, &d.Version, "SELECT sqlite_version()")
		return d, err
	}
	if err := db.pool.GetContext(ctx, &d.Version, "SHOW server_version"); err != nil {
		return d, err
	}
	if err := db.pool.GetContext(ctx, &d.AboveRowSecurity, aboveRowSecurity); err != nil {
		return d, err
	}
	var now time.Time
	began := time.Now()
	if err := db.pool.GetContext(ctx, &now, "SELECT clock_timestamp()"); err != nil {
		return d, err
	}
	d.Latency = time.Since(began)
	d.Ahead = now.Sub(began.Add(d.Latency / 2))
	return d, nil
}

// HasTable reports whether there is a table of that name.
func (db *DB) HasTable(ctx context.Context, name string) (bool, error) {
	query := "SELECT count(*) FROM sqlite_master WHERE name = ?"
	if db.Postgres {
		query = `SELECT count(*) FROM pg_tables
			WHERE tablename = $1 AND schemaname = ANY (current_schemas(false))`
	}
	var n int
	err := db.pool.GetContext(ctx, &n, query, name)
	return n > 0, err
}
