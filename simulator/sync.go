package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"muster/simulator/client"
	"muster/simulator/cycle"
	"muster/simulator/report"
)

func newSync() *cobra.Command {
	c := &cobra.Command{
		Use: "sync", Short: "Run one provisioning cycle of an app", Args: cobra.NoArgs, RunE: run(sync),
		Long: `Run one provisioning cycle: look each new user up by user name, pick the account
up or create it, send what changed, suspend and delete who left, and put users
into groups. A cycle without changes writes nothing. One that is cut off is
completed by the next. Users who fail are not tried again until their data
change or an administrator retries them (see retry), unless the app has
provisioning.retry_failed.`,
		Example: `  muster-simulator sync -f account.yaml --app acme --dry-run
  muster-simulator sync -f account.yaml --app acme`,
	}
	c.Flags().Bool("dry-run", false, "show what would happen, user by user, and write nothing")
	withAccount(c)
	withRetries(c)
	withJSON(c)
	return c
}

func sync(s *session, c *cobra.Command, _ []string) error {
	cy, err := s.cycle(c)
	if err != nil {
		return err
	}
	if !asJSON(c) {
		p := report.NewProgress(os.Stderr)
		cy.Progress = p.Show
	}
	do := cy.Run
	if dry, _ := c.Flags().GetBool("dry-run"); dry {
		do = cy.DryRun
	}
	r, err := do(c.Context())
	show := report.Cycle
	if asJSON(c) {
		show = func(w io.Writer, r *cycle.Report) error { return report.JSON(w, r) }
	}
	// What was done is shown, even if the cycle was cut off.
	if err = errors.Join(err, show(c.OutOrStdout(), r)); err != nil {
		return err
	}
	if !r.DryRun && r.Count(cycle.Conflict)+r.Count(cycle.Failed) > 0 {
		return errNotAsPlanned
	}
	return nil
}

func newEnable() *cobra.Command {
	c := &cobra.Command{
		Use: "enable", Short: "Test the connection of an app, as the button Enable does", Args: cobra.NoArgs, RunE: run(enable),
		Long: `Test the connection of an app, as the button Enable does: look up a user who does
not exist. Nothing is written. Where the server tells for which instance the
token is, and the app's configuration names another one, that is an error.`,
		Example: "  muster-simulator enable -f account.yaml --app acme",
	}
	withAccount(c)
	withRetries(c)
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
	cy, err := s.cycle(c)
	if err != nil {
		return err
	}
	found, err := cy.Enable(c.Context())
	result := connection{App: s.app.Name, Status: "connected", Instance: found.Instance, Note: found.Note}
	if err != nil {
		result.Status, result.Reason = "failed", explain(err)
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
		line = fmt.Sprintf("app %s is connected; the server does not tell for which instance the token is", s.app.Name)
	}
	if found.Note != "" {
		line += "\nnote: " + found.Note
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), line)
	return err
}

// explain adds to an error what an administrator can do about it.
func explain(err error) string {
	var down *client.DownError
	switch status := client.Status(err); {
	case errors.As(err, &down):
		return down.Error() + "; check the base URL, and that the server runs"
	case status == 401:
		return err.Error() + "; check the SCIM bearer token"
	case status == 404, status/100 == 3:
		return err.Error() + "; check the base URL, which ends in /scim/v2"
	}
	return err.Error()
}

func newRefresh() *cobra.Command {
	c := &cobra.Command{
		Use: "refresh", Short: "Read the groups of the application, as Entitlements → Refresh does", Args: cobra.NoArgs, RunE: run(refresh),
		Long: `Read the groups of the application and show which of those that the app's rules
set are there already. The names must be the same for a group to be picked up.`,
	}
	withAccount(c)
	withRetries(c)
	withJSON(c)
	return c
}

func refresh(s *session, c *cobra.Command, _ []string) error {
	cy, err := s.cycle(c)
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
