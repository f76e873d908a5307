package store

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"muster/server/instance"
)

//go:embed rowsecurity.sql
var rowSecurity string

// rowSecurityVersion is the migration that runs rowsecurity.sql, on
// PostgreSQL only: SQLite has nothing like it.
const rowSecurityVersion = 9

func (d dialect) rowSecurity() *goose.Migration {
	return goose.NewGoMigration(rowSecurityVersion, &goose.GoFunc{RunTx: func(ctx context.Context, t *sql.Tx) error {
		if !d.postgres {
			return nil
		}
		_, err := t.ExecContext(ctx, rowSecurity)
		return err
	}}, nil)
}

// confinement is what a connection remembers of itself.
const confinement = "muster.instance"

// conn returns a connection of a pool that is confined as the context is; see
// [instance.Confine]. The caller must close it. A connection that has the
// right confinement from before costs nothing more.
func (s *Store) conn(ctx context.Context, pool *sqlx.DB) (*sqlx.Conn, error) {
	c, err := pool.Connx(ctx)
	if err != nil || !s.d.postgres {
		return c, err
	}
	id := instance.Confined(ctx)
	err = c.Raw(func(driver any) error {
		pg := driver.(*stdlib.Conn).Conn()
		data := pg.PgConn().CustomData()
		if was, _ := data[confinement].(string); was == id {
			return nil
		}
		// If this fails it is not known what holds, and the next user sets it.
		data[confinement] = "unknown"
		if _, err := pg.Exec(ctx, "SELECT set_config('"+confinement+"', $1, false)", id); err != nil {
			return fmt.Errorf("confine a connection: %w", err)
		}
		data[confinement] = id
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Confines reports whether the database keeps instances apart by row-level
// security: PostgreSQL does, unless the user of the connections is above it.
func (s *Store) Confines(ctx context.Context) (bool, error) {
	if !s.d.postgres {
		return false, nil
	}
	var above bool
	err := s.get(ctx, &above, "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
	return !above, err
}
