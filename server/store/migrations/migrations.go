// Package migrations brings the schema of the database up to date, one step
// after the other: in SQL where one text serves both engines, and in Go where
// what is done depends on the engine, or on what its server supports. They
// stand in the order of their numbers, and only go forward. A migration that
// was released is never changed.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"muster/server/store/engine"
)

//go:embed *.sql
var files embed.FS

func provider(db *engine.DB) (*goose.Provider, error) {
	dialect := goose.DialectSQLite3
	options := []goose.ProviderOption{
		goose.WithDisableGlobalRegistry(true),
		goose.WithGoMigrations(
			rowSecurity(db.Postgres), lightRowSecurity(db.Postgres), tuning(db.Postgres),
			counts(db.Postgres), clients(db.Postgres), indexes(db.Postgres),
			events(db.Postgres), requests(db.Postgres)),
	}
	if db.Postgres {
		dialect = goose.DialectPostgres
		// A lock in a table works where there are no advisory locks.
		locker, err := lock.NewPostgresTableLocker()
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithLocker(locker))
	}
	return goose.NewProvider(dialect, db.Pool().DB, files, options...)
}

// steps returns the migration that runs statements in one transaction.
func steps(version int64, statements []string) *goose.Migration {
	return goose.NewGoMigration(version,
		&goose.GoFunc{RunTx: func(ctx context.Context, t *sql.Tx) error {
			for _, statement := range statements {
				if _, err := t.ExecContext(ctx, statement); err != nil {
					return fmt.Errorf("%s: %w", statement, err)
				}
			}
			return nil
		}}, nil)
}

// Up brings the schema up to date. Several processes may do so at once:
// PostgreSQL has a lock for it. On SQLite each migration is a transaction, so
// that the slower process fails on what the faster one has just done. As long
// as the schema advances, it goes on from there.
func Up(ctx context.Context, db *engine.DB) error {
	for {
		p, err := provider(db)
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

// List returns the state of all migrations.
func List(ctx context.Context, db *engine.DB) ([]Migration, error) {
	p, err := provider(db)
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

// Newest returns the number of the last migration that this program knows.
func Newest(db *engine.DB) (int64, error) {
	p, err := provider(db)
	if err != nil {
		return 0, err
	}
	sources := p.ListSources()
	return sources[len(sources)-1].Version, nil
}

// applied reads the number of the last migration that was done.
const applied = "SELECT max(version_id) FROM goose_db_version WHERE is_applied"

// Applied returns the number of the last migration that was done, or 0. It
// changes nothing.
func Applied(ctx context.Context, db *engine.DB) (int64, error) {
	if there, err := db.HasTable(ctx, "goose_db_version"); err != nil || !there {
		return 0, err
	}
	var version sql.NullInt64
	if err := db.Pool().GetContext(ctx, &version, applied); err != nil {
		return 0, fmt.Errorf("migrations: %w", err)
	}
	return version.Int64, nil
}

// newestFile is the number of the last migration: a file is looked at without
// a provider, which would write into it.
const newestFile = 20

// CheckFile returns an error unless a file of SQLite is a database of this
// program, of a version that it knows.
func CheckFile(ctx context.Context, file *sql.DB, path string) error {
	var schema int64
	if err := file.QueryRowContext(ctx, applied).Scan(&schema); err != nil {
		return fmt.Errorf("%s is a database, but not one of muster-server: %w", path, err)
	}
	if schema > newestFile {
		return fmt.Errorf(
			"%s has the schema %d, of a newer version of muster-server than this one,"+
				" which knows %d", path, schema, newestFile)
	}
	return nil
}

// uuidType returns the type of a column for an id.
func uuidType(postgres bool) string {
	if postgres {
		return "uuid"
	}
	return "text"
}
