// Package command is the command line of muster-server: a file for each noun.
// Each command takes its flags, calls package administration, which the admin
// API calls as well, and prints what came of it.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"muster/server/administration"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/store"
	"muster/terminal"
	"muster/usage"
)

// Main runs the command that the arguments of the process name, and returns
// the status to exit with. What went wrong is on errs.
func Main(ctx context.Context, errs io.Writer) int {
	err := newRoot().ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintln(errs, terminal.Red(errs, "muster-server:"), terminal.Harmless(err.Error()))
	}
	return usage.Status(err)
}

// newRoot returns the command with all its subcommands.
func newRoot() *cobra.Command {
	c := &cobra.Command{
		Use:   "muster-server",
		Short: "A SCIM 2.0 server for the user provisioning of an application",
		Long: `muster-server receives users and groups from an identity provider over SCIM 2.0.

It serves any number of instances (customers); the API key of a request decides
which one it is for. To set one up and serve it:

  muster-server instance create acme --edition enterprise
  muster-server user create scim-sync --instance acme --integration --role lite-admin
  muster-server key create --instance acme --user scim-sync
  muster-server serve

Every flag that has a variable in brackets can be set by it; one that ends in
_FILE names a file with the value. The database is
PostgreSQL (a postgres:// URL) or, by default, SQLite in ./muster.db; serve, migrate
and instance create make one that is not there. --instance may be left out where
there is one instance, or MUSTER_INSTANCE names it.

It exits with 0 when all went well, with 1 when something did not or was found, and
with 2 when the command line is not right; the reason is on stderr.`,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			warnOfVariables(c)
			return configure(c.Flags())
		},
	}
	for _, s := range settings() {
		if s.everywhere {
			s.register(c.PersistentFlags())
		}
	}
	c.AddCommand(
		newServe(), newCheck(), newSettings(), newVersion(), newMan(),
		newMigrate(), newBackup(), newRestore(),
		newInstance(), newUser(), newField(), newMapping(), newRule(), newObject(), newGroup(),
		newImport(), newKey(), newClient(), newAdminToken(), newConsole(),
		newFeed(), newHistory(), newLimits(), newOutbox(), newTolerance(),
	)
	usage.Prepare(c)
	return c
}

// application is everything that a command works on.
type application struct {
	store *store.Store
	// admin is what commands and the admin API share.
	admin *administration.Service
	out   io.Writer
	// width is that of the terminal behind out; 0 if there is none.
	width int
	// beside is what runs beside the answering of requests, and ends before the
	// store is closed.
	beside sync.WaitGroup
}

// open opens the database that the flags of a command name.
func open(c *cobra.Command, log *slog.Logger) (*application, error) {
	name, err := c.Flags().GetString("database")
	if err != nil {
		return nil, err
	}
	if err := mayCreate(c, name); err != nil {
		return nil, err
	}
	s, err := store.Open(c.Context(), name)
	if err != nil {
		return nil, err
	}
	users, err := provisioning.NewService(s, log, nil)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	admin := &administration.Service{
		Instances: instance.NewService(s, s, nil), Users: users, Outbox: s,
		Feeds: s,
	}
	return &application{
		store: s, admin: admin, out: harmless{c.OutOrStdout()},
		width: terminal.Width(c.OutOrStdout()),
	}, nil
}

// creates is the annotation of the commands that may create a database.
const creates = "muster_creates"

// mayCreate refuses a file of SQLite that is not there, unless the command is one
// of those that begin a database: a slip in the name would make an empty one.
func mayCreate(c *cobra.Command, name string) error {
	path, sqlite := strings.CutPrefix(name, "sqlite:")
	if !sqlite || c.Annotations[creates] != "" {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database %s: name the one that there is with --database; "+
			"`muster-server instance create`, `migrate` and `serve` make one", path)
	}
	return nil
}

// run makes the function of a command of one that works on the application.
func run(
	f func(*application, *cobra.Command, []string) error,
) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		a, err := open(c, slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)))
		if err != nil {
			return err
		}
		return errors.Join(f(a, c, args), a.store.Close())
	}
}

// runIn makes the function of a command of one that works on the instance
// that the flag --instance names.
func runIn(
	f func(*application, *cobra.Command, provisioning.Scope, []string) error,
) func(*cobra.Command, []string) error {
	return run(func(a *application, c *cobra.Command, args []string) error {
		sc, err := a.scope(c)
		if err != nil {
			return err
		}
		return f(a, c, sc, args)
	})
}

// administrator is the person at the command line, for the history.
func administrator() history.Actor {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return history.Actor{Kind: history.Administrator, Name: name, Client: "muster-server"}
}

// scope returns the instance that the flag --instance names, or the variable, or
// the only one that there is, with the administrator as the actor.
func (a *application) scope(c *cobra.Command) (provisioning.Scope, error) {
	slug, err := c.Flags().GetString("instance")
	if err != nil {
		return provisioning.Scope{}, err
	}
	if slug == "" {
		list, err := a.admin.Instances.List(c.Context())
		switch {
		case err != nil:
			return provisioning.Scope{}, err
		case len(list) == 0:
			return provisioning.Scope{}, errors.New("there is no instance yet: `muster-server " +
				"instance create NAME` makes one")
		case len(list) > 1:
			return provisioning.Scope{}, usage.Errorf("--instance is missing, and there are %d: "+
				"`muster-server instance list` shows them; MUSTER_INSTANCE can name one", len(list))
		}
		slug = list[0].Slug
	}
	return a.admin.Scope(c.Context(), slug, administrator())
}

// withInstance adds the flag --instance.
func withInstance(commands ...*cobra.Command) {
	for _, c := range commands {
		c.Flags().String("instance", os.Getenv(instanceVariable),
			"the instance; may be left out where there is one only ["+instanceVariable+"]")
		usage.Complete(c, "instance", completeInstances)
	}
}

// instanceVariable names the instance where the flag does not.
const instanceVariable = "MUSTER_INSTANCE"

// withJSON adds the flag --json.
func withJSON(commands ...*cobra.Command) {
	for _, c := range commands {
		c.Flags().Bool("json", false, "print JSON, for scripts")
	}
}
