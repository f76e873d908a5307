package migrations

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"

	"muster/server/store/engine"
)

// lightRowSecurity returns the migration. Of each table that a query names,
// PostgreSQL prepares what its policy reads, however few rows there are: so a
// policy reads one setting once. Who is in which group by their ids alone can
// be read by all, because to prove that an id may be seen costs more than the
// reading: names and everything else come from users and groups, which are
// confined, and to change members takes a group that is.
func lightRowSecurity(postgres bool) *goose.Migration {
	return goose.NewGoMigration(11, &goose.GoFunc{
		RunTx: func(ctx context.Context, t *sql.Tx) error {
			if !postgres {
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
					statements = append(statements,
						"CREATE POLICY read ON "+table+" FOR SELECT USING (true)",
						"CREATE POLICY instance ON "+table+" USING ("+condition+")")
				default:
					statements = append(statements,
						"CREATE POLICY instance ON "+table+" USING ("+condition+")")
				}
				for _, statement := range statements {
					if _, err := t.ExecContext(ctx, statement); err != nil {
						return fmt.Errorf("%s: %w", statement, err)
					}
				}
			}
			return nil
		},
	}, nil)
}

// ownRows returns what makes a policy of a table whose column names the
// instance.
func ownRows(table, column string) string {
	const mine = "(SELECT CAST(nullif(current_setting('" + engine.TenantSetting +
		"', true), '') AS uuid))"
	return "CREATE POLICY instance ON " + table + " USING (COALESCE(" + column + " = " + mine +
		", true))"
}

// wall returns the statements that keep the rows of a new table apart by their
// instance_id.
func wall(table string) []string {
	return []string{
		"ALTER TABLE " + table + " ENABLE ROW LEVEL SECURITY",
		"ALTER TABLE " + table + " FORCE ROW LEVEL SECURITY", ownRows(table, "instance_id"),
	}
}
