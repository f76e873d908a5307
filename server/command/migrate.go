package command

import (
	"strconv"

	"github.com/spf13/cobra"
)

func newMigrate() *cobra.Command {
	c := &cobra.Command{
		Use: "migrate", Short: "Bring the schema of the database up to date", Args: cobra.NoArgs,
		RunE: run(migrate), Annotations: map[string]string{creates: "yes"},
		Long: `Bring the schema of the database up to date, and show its migrations. Every
other command does the same before it begins, so this is for those who want to
do it at a time of their own. It makes a database of SQLite that is not there.`,
	}
	withJSON(c)
	return c
}

func migrate(a *application, c *cobra.Command, _ []string) error {
	list, err := a.store.Migrations(c.Context())
	if err != nil {
		return err
	}
	type migrationJSON struct {
		Version int64  `json:"version"`
		Applied string `json:"applied"`
	}
	described := make([]migrationJSON, len(list))
	rows := make([][]string, len(list))
	for i, m := range list {
		described[i] = migrationJSON{m.Version, stamp(m.Applied)}
		rows[i] = []string{strconv.FormatInt(m.Version, 10), stamp(m.Applied)}
	}
	return a.print(c, described, func() error { return a.table("MIGRATION | APPLIED", rows) })
}
