package migrations

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
)

// indexes returns the migration. As long as PostgreSQL has no statistics, it
// believes that an instance has one user, so that each index that begins with
// the instance looks as good as any other; and the plan that it makes then
// stays. So only one begins with the instance, and of those that look equal
// the newest is taken, which the others are.
func indexes(postgres bool) *goose.Migration {
	return goose.NewGoMigration(15, &goose.GoFunc{RunTx: func(
		ctx context.Context, t *sql.Tx,
	) error {
		if !postgres {
			return nil
		}
		for _, statement := range []string{
			"DROP INDEX users_email", // nothing is found by it
			"DROP INDEX users_external_id",
			"CREATE INDEX users_external_id ON users (external_id, instance_id)",
			"DROP INDEX users_display_name",
			"CREATE INDEX users_display_name ON users (display_name_key, instance_id)",
			"DROP INDEX users_family_name",
			"CREATE INDEX users_family_name ON users (family_name_key, instance_id)",
			"DROP INDEX users_manager_pending",
			"CREATE INDEX users_manager_pending ON users (manager_key, instance_id) WHERE " +
				"manager_id IS NULL AND manager_key IS NOT NULL",
		} {
			if _, err := t.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	}}, nil)
}
