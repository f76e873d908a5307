package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
)

// tuning returns the migration.
func tuning(postgres bool) *goose.Migration {
	statements := []string{
		// A reference to the instance locks its row for each row that is
		// written: all writers of an instance would queue for one row.
		// Instances are never deleted, and none but an authenticated one is
		// ever written for.
		"ALTER TABLE users DROP CONSTRAINT IF EXISTS users_instance_id_fkey",
		"ALTER TABLE groups DROP CONSTRAINT IF EXISTS groups_instance_id_fkey",
		"ALTER TABLE history DROP CONSTRAINT IF EXISTS history_instance_id_fkey",
		// Each index of the history costs as much as the row. The key holds the
		// instance, by which all queries go.
		"ALTER TABLE history DROP CONSTRAINT history_pkey",
		"DROP INDEX history_instance",
		"ALTER TABLE history ADD PRIMARY KEY (instance_id, id)",
		"DROP INDEX history_seq",
		"CREATE UNIQUE INDEX history_seq ON history (instance_id, seq) WHERE seq IS NOT NULL",
		// With this the users of an instance are counted in the index alone.
		"DROP INDEX users_instance",
		"CREATE INDEX users_instance ON users (instance_id, id) INCLUDE (integration)",
		// A new version of a row that finds room on its page needs no new
		// entries in the indexes whose values have not changed.
		"ALTER TABLE users SET (fillfactor = 85)",
		"ALTER TABLE groups SET (fillfactor = 85)",
		"ALTER TABLE instances SET (fillfactor = 50)",
		"ALTER TABLE api_keys SET (fillfactor = 50)",
		"ALTER TABLE history_chains SET (fillfactor = 50)",
	}
	// pglz, the default, costs more than all the rest of a write. Not every
	// PostgreSQL was built with LZ4.
	lz4 := []string{
		"ALTER TABLE users ALTER COLUMN resource SET COMPRESSION lz4",
		"ALTER TABLE users ALTER COLUMN search SET COMPRESSION lz4",
		"ALTER TABLE users ALTER COLUMN fields SET COMPRESSION lz4",
		"ALTER TABLE history ALTER COLUMN changes SET COMPRESSION lz4",
	}
	return goose.NewGoMigration(12,
		&goose.GoFunc{RunTx: func(ctx context.Context, t *sql.Tx) error {
			if !postgres {
				return nil
			}
			for _, statement := range statements {
				if _, err := t.ExecContext(ctx, statement); err != nil {
					return fmt.Errorf("%s: %w", statement, err)
				}
			}
			for _, statement := range lz4 {
				if err := ifSupported(ctx, t, statement); err != nil {
					return fmt.Errorf("%s: %w", statement, err)
				}
			}
			return nil
		}}, nil)
}

// ifSupported runs statements that not every server of PostgreSQL's kin knows:
// all of them, or none.
func ifSupported(ctx context.Context, t *sql.Tx, statements ...string) error {
	if _, err := t.ExecContext(ctx, "SAVEPOINT optional"); err != nil {
		return err
	}
	for _, statement := range statements {
		_, err := t.ExecContext(ctx, statement)
		var refused *pgconn.PgError
		if errors.As(err, &refused) {
			_, err := t.ExecContext(ctx, "ROLLBACK TO SAVEPOINT optional")
			return err
		}
		if err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
