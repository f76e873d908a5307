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

// policies are the conditions under which a row belongs to the instance that
// stands for $, by table. Members and links have no instance of their own:
// they are seen with the group, or the user, that they belong to.
func policies() map[string]string {
	const own, group, user = "instance_id = $",
		"EXISTS (SELECT 1 FROM groups AS g WHERE g.id = group_id)",
		"EXISTS (SELECT 1 FROM users AS u WHERE u.id = user_id)"
	return map[string]string{
		"instances": "id = $", "users": own, "groups": own, "api_keys": own, "history": own,
		"history_chains": own, "objects": own, "outbox": own,
		"group_users": group, "group_groups": group, "user_objects": user,
	}
}

// rowSecurity returns the migration. FORCE holds for the owner of the tables
// too; superusers are beyond it.
func rowSecurity(postgres bool) *goose.Migration {
	return goose.NewGoMigration(9, &goose.GoFunc{RunTx: func(ctx context.Context, t *sql.Tx) error {
		if !postgres {
			return nil
		}
		// In a SELECT of its own the setting is read once a query, not once a row.
		const setting = "nullif(current_setting('" + engine.TenantSetting + "', true), '')"
		conditions := policies()
		for _, table := range slices.Sorted(maps.Keys(conditions)) {
			mine := strings.ReplaceAll(conditions[table], "$", "(SELECT CAST("+setting+" AS uuid))")
			for _, statement := range []string{
				"ALTER TABLE " + table + " ENABLE ROW LEVEL SECURITY",
				"ALTER TABLE " + table + " FORCE ROW LEVEL SECURITY",
				"CREATE POLICY instance ON " + table + " USING ((SELECT " + setting +
					") IS NULL OR " + mine + ")",
			} {
				if _, err := t.ExecContext(ctx, statement); err != nil {
					return fmt.Errorf("%s: %w", statement, err)
				}
			}
		}
		return nil
	}}, nil)
}
