package command

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster/simulator/administration"
	"muster/simulator/report"
	"muster/simulator/state"
)

func newUsers() *cobra.Command {
	c := &cobra.Command{
		Use: "users", Short: "Show the users of an app with their provisioning states",
		Args:    cobra.NoArgs,
		Example: "  muster-simulator users --app acme --status failed",
		RunE: run(func(s *session, c *cobra.Command, _ []string) error {
			status, _ := c.Flags().GetString("status")
			if known := state.Statuses(); status != "" &&
				!slices.Contains(known, state.Status(status)) {
				return fmt.Errorf("there is no state %q; use one of %v", status, known)
			}
			records, err := s.records(c,
				func(r *state.Record) bool {
					return status == "" || r.Status == state.Status(status)
				})
			if err != nil {
				return err
			}
			if asJSON(c) {
				return report.JSON(c.OutOrStdout(), records)
			}
			return report.Records(c.OutOrStdout(), records)
		}),
	}
	c.Flags().String("status", "", "only those in this state")
	withAccount(c)
	withJSON(c)
	return c
}

// records returns what is remembered of the users of the app whom choose
// chooses, sorted by user name.
func (s *session) records(
	c *cobra.Command, choose func(*state.Record) bool,
) ([]*state.Record, error) {
	return administration.Records(c.Context(), s.app.Name, s.state, choose)
}

// withChoice adds the flags that choose users.
func withChoice(commands ...*cobra.Command) {
	for _, c := range commands {
		c.Flags().StringArray("user", nil,
			"the user name of one of them; may be given several times")
		c.Flags().Bool("all", false, "all of them")
		c.MarkFlagsOneRequired("user", "all")
		c.MarkFlagsMutuallyExclusive("user", "all")
	}
}

// chosen returns the records that the flags choose of those that qualify. A
// name that does not is an error, and then nothing is done.
func (s *session) chosen(
	c *cobra.Command, qualifies func(*state.Record) bool, what string,
) ([]*state.Record, error) {
	records, err := s.records(c, qualifies)
	if err != nil {
		return nil, err
	}
	if all, _ := c.Flags().GetBool("all"); all {
		return records, nil
	}
	names, _ := c.Flags().GetStringArray("user")
	var list []*state.Record
	for _, name := range names {
		i := slices.IndexFunc(records,
			func(r *state.Record) bool { return strings.EqualFold(r.UserName, name) })
		if i < 0 {
			return nil, fmt.Errorf("%q is none of the users %s of the app %s; `muster-simulator "+
				"users` shows all", name, what, s.app.Name)
		}
		list = append(list, records[i])
	}
	return list, nil
}

// decide decides about the records that the flags choose, and says so.
func (s *session) decide(c *cobra.Command, d administration.Decision) error {
	records, err := s.chosen(c, d.Qualifies, d.What)
	if err != nil {
		return err
	}
	err = d.Decide(c.Context(), s.app.Name, s.state, records, c.CommandPath()+" --app "+s.app.Name,
		func(r *state.Record) error {
			_, err := fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", r.UserName, d.Done)
			return err
		})
	if err == nil && len(records) == 0 {
		_, err = fmt.Fprintln(c.OutOrStdout(), "there is none")
	}
	return err
}

func newApprovals() *cobra.Command {
	c := &cobra.Command{
		Use: "approvals", Short: "Show, approve and skip the actions that wait for approval",
		Long: `Show, approve and skip the actions that wait because the app requires admin
approval for them. The next sync does what was approved.`,
	}
	list := &cobra.Command{
		Use: "list", Short: "Show the actions that wait", Args: cobra.NoArgs,
		RunE: run(listApprovals),
	}
	approve := &cobra.Command{
		Use: "approve", Short: "Approve actions; the next sync does them", Args: cobra.NoArgs,
		RunE: run(func(s *session, c *cobra.Command, _ []string) error {
			return s.decide(c, administration.Approve())
		}),
	}
	skip := &cobra.Command{
		Use: "skip", Short: "Pass actions over, until the user changes again", Args: cobra.NoArgs,
		RunE: run(func(s *session, c *cobra.Command, _ []string) error {
			return s.decide(c, administration.Skip())
		}),
	}
	withAccount(list, approve, skip)
	withJSON(list)
	withChoice(approve, skip)
	c.AddCommand(list, approve, skip)
	return c
}

func listApprovals(s *session, c *cobra.Command, _ []string) error {
	records, err := s.records(c, administration.Waits)
	if err != nil {
		return err
	}
	if asJSON(c) {
		return report.JSON(c.OutOrStdout(), records)
	}
	return report.Approvals(c.OutOrStdout(), records)
}

func newRetry() *cobra.Command {
	c := &cobra.Command{
		Use: "retry", Short: "Let users who failed be tried again by the next sync",
		Args: cobra.NoArgs,
		RunE: run(func(s *session, c *cobra.Command, _ []string) error {
			return s.decide(c, administration.Retry())
		}),
	}
	withAccount(c)
	withChoice(c)
	return c
}

func newForget() *cobra.Command {
	c := &cobra.Command{
		Use: "forget",
		Short: "Drop what is remembered of an app, so that everybody is looked up by " +
			"user name again", Args: cobra.NoArgs,
		RunE: run(func(s *session, c *cobra.Command, _ []string) error {
			unlock, err := s.state.Lock(c.CommandPath() + " --app " + s.app.Name)
			if err != nil {
				return err
			}
			defer unlock() //nolint:errcheck // the end of the process unlocks, too
			n, err := s.state.ForgetApp(c.Context(), s.app.Name)
			if err == nil {
				_, err = fmt.Fprintf(c.OutOrStdout(),
					"%d people of the app %s are remembered no more; the next cycle looks "+
						"everybody up by user name\n", n, s.app.Name)
			}
			return err
		}),
		Long: `Drop what the state file remembers of an app: the ids of accounts, what waits for
approval, failures, and the waves of its rollouts, which cannot be taken back any
more. Nothing is changed at the application. It is the way to another server, or to
one that was restored from a backup, when its accounts are to be picked up by user
name. People who left since the last cycle are forgotten, too, and their accounts stay.`,
		Example: `  muster-simulator forget -f account.yaml --app acme`,
	}
	withAccount(c)
	return c
}

func newLog() *cobra.Command {
	c := &cobra.Command{
		Use: "log", Short: "Show what was done for the users of an app", Args: cobra.NoArgs,
		RunE: run(func(s *session, c *cobra.Command, _ []string) error {
			entries, err := s.state.Entries(c.Context(), s.app.Name)
			if err != nil {
				return err
			}
			if name, _ := c.Flags().GetString("user"); name != "" {
				entries = slices.DeleteFunc(entries,
					func(e state.Entry) bool { return !strings.EqualFold(e.User, name) })
			}
			if asJSON(c) {
				return report.JSON(c.OutOrStdout(), entries)
			}
			var errs error
			for _, e := range entries {
				line := fmt.Sprintf("%s  %-20s %s", e.Time.Local().Format("2006-01-02 15:04:05"),
					e.Outcome, e.User)
				if e.Detail != "" {
					line += "  " + e.Detail
				}
				_, err := fmt.Fprintln(c.OutOrStdout(), line)
				errs = errors.Join(errs, err)
			}
			return errs
		}),
	}
	c.Flags().String("user", "", "only what was done for the user of this name")
	withAccount(c)
	withJSON(c)
	return c
}
