package migrations

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
)

// countSlots is over how many rows PostgreSQL spreads the count of an
// instance, so that its writers do not wait for each other.
const countSlots = 64

// counts returns the migration. Triggers count, and not the statements of
// this program: servers of the version before may still write while this one
// takes over. Where there are no such triggers, as in some of PostgreSQL's kin,
// it does nothing, and users are counted when their number is wanted. Users of
// integrations do not count; a user never becomes one.
func counts(postgres bool) *goose.Migration {
	statements := []string{
		"CREATE TABLE user_counts (instance_id " + uuidType(postgres) +
			" NOT NULL, slot integer NOT NULL, n bigint NOT NULL, PRIMARY KEY (instance_id, slot))",
	}
	if postgres {
		statements = append(statements, "ALTER TABLE user_counts SET (fillfactor = 50)",
			// who writes meanwhile is counted by the triggers
			"LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
		for _, t := range []struct{ event, rows, sign string }{
			{"INSERT", "NEW", ""}, {"DELETE", "OLD", "-"},
		} {
			name := "count_users_" + t.rows
			statements = append(statements,
				fmt.Sprintf(`CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS $$
				BEGIN
					INSERT INTO user_counts AS c (instance_id, slot, n)
						SELECT instance_id, pg_backend_pid() %% %d, %scount(*) FROM changed
						WHERE NOT integration GROUP BY instance_id
						ON CONFLICT (instance_id, slot) DO UPDATE SET n = c.n + EXCLUDED.n;
					RETURN NULL;
				END $$`, name, countSlots, t.sign),
				fmt.Sprintf("CREATE TRIGGER %[1]s AFTER %s ON users REFERENCING %s TABLE AS "+
					"changed FOR EACH STATEMENT EXECUTE FUNCTION %[1]s()", name, t.event, t.rows))
		}
		statements = append(statements, "ALTER TABLE user_counts ENABLE ROW LEVEL SECURITY",
			"ALTER TABLE user_counts FORCE ROW LEVEL SECURITY",
			ownRows("user_counts", "instance_id"))
	} else {
		for _, t := range []struct{ event, row, n string }{
			{"INSERT", "NEW", "1"}, {"DELETE", "OLD", "-1"},
		} {
			statements = append(statements,
				fmt.Sprintf(
					`CREATE TRIGGER count_users_%[2]s AFTER %[1]s ON users
				WHEN NOT %[2]s.integration BEGIN
				INSERT INTO user_counts (instance_id, slot, n) VALUES (%[2]s.instance_id, 0, %[3]s)
				ON CONFLICT (instance_id, slot) DO UPDATE SET n = n + EXCLUDED.n;
			END`, t.event, t.row, t.n))
		}
	}
	statements = append(statements,
		"INSERT INTO user_counts (instance_id, slot, n) SELECT instance_id, 0, count(*) FROM "+
			"users WHERE NOT integration GROUP BY instance_id")
	return goose.NewGoMigration(13,
		&goose.GoFunc{RunTx: func(ctx context.Context, t *sql.Tx) error {
			return ifSupported(ctx, t, statements...)
		}}, nil)
}
