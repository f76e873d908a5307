package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
)

// confinement is the setting of a connection that names the one instance
// whose rows can be read and written on it; with none, all can.
const confinement = "muster.instance"

// rowSecurityVersion is the migration that sets row-level security up, a
// second wall between instances. It is on PostgreSQL only: SQLite has nothing
// like it.
const rowSecurityVersion = 9

// policies are the conditions under which a row belongs to the instance that
// stands for $, by table. Members and links have no instance of their own:
// they are seen with the group, or the user, that they belong to.
func policies() map[string]string {
	const own, group, user = "instance_id = $", "EXISTS (SELECT 1 FROM groups AS g WHERE g.id = group_id)", "EXISTS (SELECT 1 FROM users AS u WHERE u.id = user_id)"
	return map[string]string{
		"instances": "id = $", "users": own, "groups": own, "api_keys": own, "history": own, "history_chains": own, "objects": own, "outbox": own,
		"group_users": group, "group_groups": group, "user_objects": user,
	}
}

// rowSecurity returns the migration. FORCE holds for the owner of the tables
// too; superusers are beyond it.
func (d dialect) rowSecurity() *goose.Migration {
	return goose.NewGoMigration(rowSecurityVersion, &goose.GoFunc{RunTx: func(ctx context.Context, t *sql.Tx) error {
		if !d.postgres {
			return nil
		}
		// In a SELECT of its own the setting is read once a query, not once a row.
		const setting = "nullif(current_setting('" + confinement + "', true), '')"
		conditions := policies()
		for _, table := range slices.Sorted(maps.Keys(conditions)) {
			mine := strings.ReplaceAll(conditions[table], "$", "(SELECT CAST("+setting+" AS uuid))")
			for _, statement := range []string{
				"ALTER TABLE " + table + " ENABLE ROW LEVEL SECURITY",
				"ALTER TABLE " + table + " FORCE ROW LEVEL SECURITY",
				"CREATE POLICY instance ON " + table + " USING ((SELECT " + setting + ") IS NULL OR " + mine + ")",
			} {
				if _, err := t.ExecContext(ctx, statement); err != nil {
					return fmt.Errorf("%s: %w", statement, err)
				}
			}
		}
		return nil
	}}, nil)
}

// lightRowSecurityVersion is the migration that makes the policies cheaper.
const lightRowSecurityVersion = 11

// lightRowSecurity returns the migration. Of each table that a query names,
// PostgreSQL prepares what its policy reads, however few rows there are: so a
// policy reads one setting once. Who is in which group by their ids alone can
// be read by all, because to prove that an id may be seen costs more than the
// reading: names and everything else come from users and groups, which are
// confined, and to change members takes a group that is.
func (d dialect) lightRowSecurity() *goose.Migration {
	return goose.NewGoMigration(lightRowSecurityVersion, &goose.GoFunc{RunTx: func(ctx context.Context, t *sql.Tx) error {
		if !d.postgres {
			return nil
		}
		conditions := policies()
		for _, table := range slices.Sorted(maps.Keys(conditions)) {
			condition := conditions[table]
			statements := []string{"DROP POLICY instance ON " + table}
			switch {
			case strings.Contains(condition, "$"):
				column, _, _ := strings.Cut(condition, " = $")
				statements = append(statements, ownRows(table, column))
			case strings.HasPrefix(table, "group_"):
				statements = append(statements, "CREATE POLICY read ON "+table+" FOR SELECT USING (true)",
					"CREATE POLICY instance ON "+table+" USING ("+condition+")")
			default:
				statements = append(statements, "CREATE POLICY instance ON "+table+" USING ("+condition+")")
			}
			for _, statement := range statements {
				if _, err := t.ExecContext(ctx, statement); err != nil {
					return fmt.Errorf("%s: %w", statement, err)
				}
			}
		}
		return nil
	}}, nil)
}

// ownRows returns what makes a policy of a table whose column names the
// instance.
func ownRows(table, column string) string {
	const mine = "(SELECT CAST(nullif(current_setting('" + confinement + "', true), '') AS uuid))"
	return "CREATE POLICY instance ON " + table + " USING (COALESCE(" + column + " = " + mine + ", true))"
}

// AboveRowSecurity reports whether the user of the connections is above
// row-level security, so that it holds nothing back. SQLite has none.
func (s *Store) AboveRowSecurity(ctx context.Context) (above bool, err error) {
	if s.d.postgres {
		err = s.get(ctx, &above, "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
	}
	return above, err
}
