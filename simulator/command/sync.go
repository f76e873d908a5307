package command

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"muster/simulator/administration"
	"muster/simulator/report"
)

func newSync() *cobra.Command {
	c := &cobra.Command{
		Use: "sync", Short: "Run one provisioning cycle of an app", Args: cobra.NoArgs,
		RunE: run(func(s *session, c *cobra.Command, _ []string) error {
			return s.runCycle(c, false, dryRun(c))
		}),
		Long: `Run one provisioning cycle: look each new user up by user name, pick the account
up or create it, send what changed, suspend and delete who left, and put users
into groups. A cycle without changes writes nothing. One that is cut off, by
Ctrl-C, a crash or a server that is down, is completed by the next. Users who
fail are not tried again until their data change or an administrator retries them
(see retry), unless the app has provisioning.retry_failed.

Managers come before those who report to them. Requests that fail for a while are
tried again, with growing pauses, or when the server says (Retry-After); a server
that is down is left alone and tried by one request at a time.

What is remembered belongs to one account and one server: at another one the cycle is
refused, because the ids mean other people there (see --state, and forget). Before an
account is written whose id is remembered, its user name is compared: one that was
renamed at the application is reported as drifted, and left as it is without --force.
One process at a time works with a state file.`,
		Example: `  muster-simulator sync -f account.yaml --app acme --dry-run
  muster-simulator sync -f account.yaml --app acme
  muster-simulator sync --app acme --profile okta --trace --json
  muster-simulator sync --app acme --fault all=3% --fault-seed 7`,
	}
	c.Flags().Bool("dry-run", false, "show what would happen, user by user, and write nothing")
	withCycle(c)
	return c
}

// withCycle adds the flags of commands that run a cycle.
func withCycle(c *cobra.Command) {
	c.Flags().Bool("trace", false, "keep the requests that are sent for each user, for --json")
	c.Flags().Bool("force", false,
		"run although the app is in quarantine, and overwrite accounts that are called otherwise "+
			"than when they were written last")
	withAccount(c)
	withConnection(c)
	withJSON(c)
}

func dryRun(c *cobra.Command) bool {
	yes, _ := c.Flags().GetBool("dry-run")
	return yes
}

func newReapply() *cobra.Command {
	c := &cobra.Command{
		Use:   "reapply",
		Short: "Send all mappings again, and correct what was changed at the application",
		Args:  cobra.NoArgs,
		RunE: run(func(s *session, c *cobra.Command, _ []string) error {
			return s.runCycle(c, true, dryRun(c))
		}),
		Long: `Read the account of everybody who is provisioned, and correct what differs from
what it should be, as "Reapply entitlement mappings" does: what was changed or
deleted at the application by hand, and what a change of the app's parameters,
rules or template asks for. What an app with provisioning.changes_need_reapply
held back is sent.`,
		Example: `  muster-simulator reapply -f account.yaml --app acme`,
	}
	c.Flags().Bool("dry-run", false,
		"show what would be corrected, user by user, and write nothing")
	withCycle(c)
	return c
}

func newDrift() *cobra.Command {
	c := &cobra.Command{
		Use: "drift", Short: "Show what was changed at the application by hand", Args: cobra.NoArgs,
		RunE: run(func(s *session, c *cobra.Command, _ []string) error {
			return s.runCycle(c, true, true)
		}),
		Long: `Read the account of everybody who is provisioned, and show what differs from what
it should be. Nothing is written; reapply corrects it.`,
	}
	withCycle(c)
	return c
}

// runCycle runs a cycle, or foretells it, and shows what came of it.
func (s *session) runCycle(c *cobra.Command, reapply, dry bool) error {
	cy, l, err := s.cycle(c)
	if err != nil {
		return err
	}
	if !dry {
		unlock, err := s.state.Lock(c.CommandPath() + " --app " + s.app.Name)
		if err != nil {
			return err
		}
		defer unlock() //nolint:errcheck // the end of the process unlocks, too
	}
	cy.Reapply = reapply
	cy.Trace, _ = c.Flags().GetBool("trace")
	cy.Force, _ = c.Flags().GetBool("force")
	if !asJSON(c) {
		p := report.NewProgress(os.Stderr)
		cy.Progress = p.Show
	}
	do := cy.Run
	if dry {
		do = cy.DryRun
	}
	r, err := do(c.Context())
	tellFaults(l)
	show := report.Cycle
	if asJSON(c) {
		show = report.CycleJSON
	}
	// What was done is shown, even if the cycle was cut off.
	if r != nil {
		err = errors.Join(err, show(c.OutOrStdout(), r))
	}
	if err != nil {
		return err
	}
	if !r.DryRun && r.Wrong() > 0 {
		return errNotAsPlanned
	}
	return nil
}

func newEnable() *cobra.Command {
	c := &cobra.Command{
		Use: "enable", Short: "Test the connection of an app, as the button Enable does",
		Args: cobra.NoArgs, RunE: run(enable),
		Long: `Test the connection of an app, as the button Enable does: look up a user who does
not exist. Nothing is written. Where the server tells for which instance the
token is, and the app's configuration names another one, that is an error. An app
that was disabled, or is in quarantine, is provisioned again from then on. With
the profile jumpcloud a user and a group are created and deleted, as JumpCloud does.`,
		Example: "  muster-simulator enable -f account.yaml --app acme",
	}
	withAccount(c)
	withConnection(c)
	withJSON(c)
	return c
}

// connection is the outcome of a connection test, as scripts see it.
type connection struct {
	App      string `json:"app"`
	Status   string `json:"status"` // "connected" or "failed"
	Instance string `json:"instance,omitempty"`
	Note     string `json:"note,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

func enable(s *session, c *cobra.Command, _ []string) error {
	cy, _, err := s.cycle(c)
	if err != nil {
		return err
	}
	found, err := cy.Enable(c.Context())
	result := connection{
		App: s.app.Name, Status: "connected", Instance: found.Instance, Note: found.Note,
	}
	if err != nil {
		result.Status, result.Reason = "failed", administration.Explain(err)
	}
	if asJSON(c) {
		if printed := report.JSON(c.OutOrStdout(), result); printed != nil || err == nil {
			return printed
		}
		return errNotAsPlanned
	}
	if err != nil {
		return fmt.Errorf("app %s is not connected: %s", s.app.Name, result.Reason)
	}
	line := fmt.Sprintf("app %s is connected to the instance %s", s.app.Name, found.Instance)
	if found.Instance == "" {
		line = fmt.Sprintf("app %s is connected; the server does not tell for which instance "+
			"the token is", s.app.Name)
	}
	if found.Note != "" {
		line += "\nnote: " + found.Note
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), line)
	return err
}

func newDisable() *cobra.Command {
	c := &cobra.Command{
		Use:   "disable",
		Short: "Disable the API connection of an app: no cycle runs until it is enabled again",
		Args:  cobra.NoArgs,
		RunE: run(func(s *session, c *cobra.Command, _ []string) error {
			err := administration.Disable(c.Context(), s.app.Name, s.state)
			if err == nil {
				_, err = fmt.Fprintf(c.OutOrStdout(),
					"the API connection of the app %s is disabled\n", s.app.Name)
			}
			return err
		}),
	}
	withAccount(c)
	return c
}

func newRefresh() *cobra.Command {
	c := &cobra.Command{
		Use: "refresh", Short: "Read the groups of the application, as Entitlements → Refresh does",
		Args: cobra.NoArgs, RunE: run(refresh),
		Long: `Read the groups of the application and show which of those that the app's rules
set are there already. The names must be the same for a group to be picked up.`,
	}
	withAccount(c)
	withConnection(c)
	withJSON(c)
	return c
}

func refresh(s *session, c *cobra.Command, _ []string) error {
	cy, _, err := s.cycle(c)
	if err != nil {
		return err
	}
	e, err := cy.Entitlements(c.Context())
	if err != nil {
		return err
	}
	if asJSON(c) {
		return report.JSON(c.OutOrStdout(), e)
	}
	return report.Entitlements(c.OutOrStdout(), e)
}
