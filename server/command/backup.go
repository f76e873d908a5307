package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"muster/server/store"
)

func newBackup() *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "Copy the database of SQLite into a new file, while it is used",
		Args: cobra.ExactArgs(1), RunE: run(backup),
		Long: `Copy the database of SQLite into a new file, as it is at one moment. Servers and
commands may go on meanwhile. The copy is checked before it gets its name.

For PostgreSQL use pg_dump; docs/operate.md tells with which options.`,
		Example: "  muster-server backup /backup/muster-$(date +%F).db --database " +
			"sqlite:./muster.db",
	}
}

func backup(a *application, c *cobra.Command, args []string) error {
	err := a.store.Backup(c.Context(), args[0])
	if errors.Is(err, store.ErrNoFile) {
		return errors.New("this is for SQLite; for PostgreSQL: pg_dump --format=custom " +
			"--enable-row-security --file=FILE, with the URL of the database")
	}
	if err != nil {
		return err
	}
	return a.line("%s is a whole copy of the database", args[0])
}

func newRestore() *cobra.Command {
	return &cobra.Command{
		Use: "restore FILE", Short: "Make a database of SQLite of a backup",
		Args: cobra.ExactArgs(1), RunE: restore,
		Long: `Make the database file that --database names of a backup. It must not exist: stop
the server, and move the old file and those that end in -wal and -shm away first.
A backup of an older version is brought up to date.`,
		Example: "  muster-server restore /backup/muster-2026-11-25.db --database " +
			"sqlite:./muster.db",
	}
}

func restore(c *cobra.Command, args []string) error {
	path, ok := strings.CutPrefix(text(c, "database"), "sqlite:")
	if !ok {
		return errors.New(
			"this is for SQLite; for PostgreSQL: pg_restore --no-owner --dbname=URL " +
				"FILE, into an empty database")
	}
	if err := store.Restore(c.Context(), args[0], path); err != nil {
		return err
	}
	return run(func(a *application, c *cobra.Command, _ []string) error { // brings it up to date
		list, err := a.admin.Instances.List(c.Context())
		if err != nil {
			return fmt.Errorf("%s was written, and cannot be read: %w", path, err)
		}
		return a.line("%s is restored, with %d instances", path, len(list))
	})(c, args)
}
