// Package command is the command line of muster-simulator: a file for each
// noun. Each command loads the account and what is remembered of it, has
// package cycle or rollout work on it, and prints the report.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster/simulator/account"
	"muster/simulator/state"
	"muster/terminal"
	"muster/usage"
)

// errNotAsPlanned ends the process with 1 after the reasons were printed.
var errNotAsPlanned = errors.New("not as planned")

// Main runs the command that the arguments of the process name, until ctx ends,
// and returns the status to exit with. What went wrong is on errs.
func Main(ctx context.Context, errs io.Writer) int {
	err := newRoot().ExecuteContext(ctx)
	switch {
	case err == nil, errors.Is(err, errNotAsPlanned) && ctx.Err() == nil:
	case ctx.Err() != nil:
		fmt.Fprintln(errs,
			"muster-simulator: stopped; the same command goes on where this one stopped")
	default:
		fmt.Fprintln(errs, terminal.Red(errs, "muster-simulator:"), terminal.Harmless(err.Error()))
	}
	return usage.Status(err)
}

// variables are those that this program reads, beside what account.yaml names.
func variables() []string {
	return []string{
		"MUSTER_TOKEN", "MUSTER_TOKEN_2", "MUSTER_TARGET", "MUSTER_TARGET_2", "MUSTER_ADMIN",
	}
}

// warnOfVariables tells of those that are nearly one of ours: account.yaml may name
// any.
func warnOfVariables(c *cobra.Command, _ []string) {
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "MUSTER_") || slices.Contains(variables(), name) {
			continue
		}
		if near := usage.Near(name, variables()); near != "" {
			fmt.Fprintf(c.ErrOrStderr(), "muster-simulator: warning: %s is set, and is no "+
				"variable of muster-simulator; perhaps %s is meant\n", name, near)
		}
	}
}

// newRoot returns the command with all its subcommands.
func newRoot() *cobra.Command {
	c := &cobra.Command{
		Use:   "muster-simulator",
		Short: "An identity provider that provisions users over SCIM, and rehearses rollouts",
		Long: `muster-simulator plays the identity provider: it holds an account (users, roles,
apps) in files, and provisions it to any SCIM 2.0 server as OneLogin does, or as
another provider would. What it remembers between cycles is in a state file
beside the account.

What stands in the tabs of an app in OneLogin's portal stands in account.yaml:
Configuration, Parameters, Rules, Provisioning, Access. What one clicks there is a
command here:

  Configuration → Enable, Disable     enable, disable
  the list of apps                    apps
  Users, with their states            users
  Users → approve, skip, retry        approvals, retry
  Entitlements → Refresh              refresh
  Reapply entitlement mappings        reapply (and drift, which only looks)
  Activity                            log
  (another server, the same app)      forget

A rollout, from the first look to the last wave:

  generate company --people 600                   a company to practice with
  enable -f account.yaml --app acme               is it connected, and to which instance?
  preflight -f rollout.yaml                       what would happen, and what to mend first
  sync -f account.yaml --app acme --dry-run       the same, user by user
  rehearse -f rollout.yaml --html rehearsal.html  wave by wave, with gates
  rehearse -f rollout.yaml --resume               after a gate was shut and the cause mended
  rollback -f rollout.yaml                        take the last wave back
  sync -f account.yaml --app acme                 one provisioning cycle, from then on

As another provider, and over a bad line:

  muster-simulator sync --app acme --profile entra
  muster-simulator sync --app acme --fault drop-after=5%,429=10%,latency=20%:50ms --fault-seed 7

It exits with 0 when all went well, with 1 when something did not or was found, and
with 2 when the command line is not right; the reason is on stderr. Ctrl-C finishes
the users who are being worked on and stops; the same command goes on from there. A
second Ctrl-C stops at once.`,
		SilenceUsage: true, SilenceErrors: true, PersistentPreRun: warnOfVariables,
	}
	c.AddGroup(
		&cobra.Group{ID: "rollout", Title: "Rollouts:"},
		&cobra.Group{ID: "app", Title: "Apps of an account:"},
		&cobra.Group{ID: "people", Title: "People:"},
		&cobra.Group{ID: "other", Title: "Other:"},
	)
	for group, commands := range map[string][]*cobra.Command{
		"rollout": {newPreflight(), newRehearse(), newRollback(), newSandbox()},
		"app": {
			newApps(), newSync(), newEnable(), newDisable(), newRefresh(), newReapply(), newDrift(),
			newUsers(), newApprovals(), newRetry(), newLog(), newForget(), newPortal(),
		},
		"people": {
			newGenerate(), newDirectory(), newUnsupported("import-users"),
			newUnsupported("import-groups"), newUnsupported("sync-password"),
		},
		"other": {newListen(), newCheck(), newSchema(), newProfiles(), newVersion(), newMan()},
	} {
		for _, x := range commands {
			x.GroupID = group
			c.AddCommand(x)
		}
	}
	c.SetHelpCommandGroupID("other")
	c.SetCompletionCommandGroupID("other")
	usage.Prepare(c)
	return c
}

// withAccount adds the flags that name an account and an app of it.
func withAccount(commands ...*cobra.Command) {
	for _, c := range commands {
		c.Flags().StringP("file", "f", "account.yaml", "the account")
		c.Flags().String("app", "", "the app; may be left out when the account has one only")
		usage.Complete(c, "app", completeApps)
		withState(c)
	}
}

func withState(c *cobra.Command) {
	c.Flags().String("state", "",
		"the state file; by default it is beside the account, with the ending .state.db")
}

func withJSON(commands ...*cobra.Command) {
	for _, c := range commands {
		c.Flags().Bool("json", false, "print JSON, for scripts")
	}
}

func asJSON(c *cobra.Command) bool {
	yes, err := c.Flags().GetBool("json")
	return err == nil && yes
}

// session is an app of an account with what is remembered of it.
type session struct {
	account *account.Account
	app     *account.App
	state   *state.File
}

// run makes the function of a command of one that works on an app.
func run(
	f func(s *session, c *cobra.Command, args []string) error,
) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		path, _ := c.Flags().GetString("file")
		a, err := account.Load(path)
		if err != nil {
			return err
		}
		name, _ := c.Flags().GetString("app")
		app, err := a.App(name)
		if err != nil {
			return err
		}
		st, err := openState(c, path)
		if err != nil {
			return err
		}
		return errors.Join(f(&session{a, app, st}, c, args), st.Close())
	}
}

// openState opens the state file that belongs to an account or a rollout.
func openState(c *cobra.Command, beside string) (*state.File, error) {
	path, _ := c.Flags().GetString("state")
	if path == "" {
		path = strings.TrimSuffix(beside, filepath.Ext(beside)) + ".state.db"
	}
	return state.Open(c.Context(), path)
}
