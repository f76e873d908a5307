package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"muster/simulator/account"
	"muster/simulator/administration"
	"muster/simulator/report"
	"muster/simulator/rollout"
)

// withRollout adds the flags of commands that work on a rollout.
func withRollout(commands ...*cobra.Command) {
	for _, c := range commands {
		c.Flags().StringP("file", "f", "rollout.yaml", "the rollout")
		withState(c)
		withConnection(c)
		withJSON(c)
	}
}

const rehearseExample = `  muster-simulator preflight -f rollout.yaml
  muster-simulator preflight --account account.yaml --app acme   # everybody at once`

func newPreflight() *cobra.Command {
	c := &cobra.Command{
		Use:   "preflight",
		Short: "Foretell a rollout by reading the application, and say what to mend first",
		Args:  cobra.NoArgs, RunE: preflight,
		Long: `Read the application and foretell, wave by wave and without writing anything, who
would be picked up, who would be created, and what would go wrong:

  conflicts      the user name is taken: by another person of the account, or in
                 another instance, as far as the account has apps for them whose
                 token is at hand
  near misses    there is an account that differs in spaces, punctuation or accents,
                 or has the same e-mail address under another user name: a second one
                 would be created
  groups         which match by name, which nearly do
  attributes     what the server does not publish, what the template does not send
  people         without a user name, or whose manager does not arrive

Each comes with its fix, ready to paste. It exits with 1 while there are problems.`,
		Example: rehearseExample,
	}
	withRollout(c)
	c.Flags().String("account", "",
		"an account, instead of a rollout: everybody who is assigned to the app")
	c.Flags().String("app", "", "the app of that account")
	return c
}

func preflight(c *cobra.Command, _ []string) error {
	r, l, closing, err := rehearsal(c)
	if err != nil {
		return err
	}
	result, err := r.Preflight(c.Context())
	tellFaults(l)
	if err = errors.Join(err, closing()); err != nil {
		return err
	}
	if asJSON(c) {
		err = report.JSON(c.OutOrStdout(), result)
	} else {
		err = report.Preflight(c.OutOrStdout(), result)
	}
	if err == nil && result.Problems() > 0 {
		err = errNotAsPlanned
	}
	return err
}

func newRehearse() *cobra.Command {
	c := &cobra.Command{
		Use: "rehearse", Short: "Rehearse a rollout, wave by wave", Args: cobra.NoArgs,
		RunE: rehearse,
		Long: `Rehearse a rollout: run its waves one after the other. Before each, foretell what
will happen by reading the application; after it, compare what happened with that and
with the plan, check the outcome by reading the application again, and stop at the
gate when something is not as planned. It exits with 0 when everything is as planned,
and with 1 and the list of what is not.`,
		Example: `  muster-simulator rehearse -f rollout.yaml --html rehearsal.html
  muster-simulator rehearse -f rollout.yaml --resume
  muster-simulator rehearse -f rollout.yaml --junit rehearsal.xml --markdown rehearsal.md --json`,
	}
	withRollout(c)
	c.Flags().Bool("resume", false,
		"go on with the wave at which the rollout was stopped; users who failed are tried again")
	c.Flags().String("html", "", "write the report as an HTML page to this file")
	c.Flags().String("report", "",
		"write the report as JSON to this `FILE`; muster-simulator schema report prints its schema")
	c.Flags().String("markdown", "", "write the report as Markdown to this file")
	c.Flags().String("list", "",
		"write what was done for whom, wave by wave, as CSV to this file: for the "+
			"application's owner")
	c.Flags().String("junit", "", "write the report in JUnit's format to this file")
	return c
}

// plan returns the rollout that the flags name, and the account's file: what
// the provider remembers is beside it, so that a sync goes on from a rollout.
func plan(c *cobra.Command) (*rollout.Rollout, string, error) {
	if path, _ := c.Flags().GetString("account"); path != "" {
		a, err := account.Load(path)
		if err != nil {
			return nil, "", err
		}
		name, _ := c.Flags().GetString("app")
		app, err := a.App(name)
		if err != nil {
			return nil, "", err
		}
		return rollout.Everybody(a, app), path, nil
	}
	path, _ := c.Flags().GetString("file")
	r, err := rollout.Load(path)
	if err != nil {
		return nil, "", err
	}
	return r, r.AccountFile, nil
}

// rehearsal returns what the commands on rollouts work with; closing ends it.
func rehearsal(c *cobra.Command) (
	r *rollout.Rehearsal, l *administration.Link, closing func() error, err error,
) {
	p, path, err := plan(c)
	if err != nil {
		return nil, nil, nil, err
	}
	how, err := line(c)
	if err != nil {
		return nil, nil, nil, err
	}
	st, err := openState(c, path)
	if err != nil {
		return nil, nil, nil, err
	}
	if r, l, err = administration.Rehearsal(p, st, how); err != nil {
		return nil, nil, nil, errors.Join(err, st.Close())
	}
	return r, l, st.Close, nil
}

func rehearse(c *cobra.Command, _ []string) error {
	r, l, closing, err := rehearsal(c)
	if err != nil {
		return err
	}
	unlock, err := r.State.Lock(c.CommandPath() + ": " + r.Rollout.Name)
	if err != nil {
		return errors.Join(err, closing())
	}
	defer unlock() //nolint:errcheck // the end of the process unlocks, too
	r.Resume, _ = c.Flags().GetBool("resume")
	if !asJSON(c) {
		p := report.NewProgress(os.Stderr)
		p.Start(fmt.Sprintf("Rehearsing %q: %d people, app %s at %s", r.Rollout.Name,
			len(r.Rollout.Account.Directory.Users), r.Rollout.App.Name, l.Base))
		r.Began = func(position int, w *rollout.Wave) {
			p.Start(fmt.Sprintf("Wave %d of %d: %s", position, len(r.Rollout.Waves), w.Name))
		}
		r.Progress = p.Show
	}
	result, err := r.Run(c.Context())
	tellFaults(l)
	if err = errors.Join(err, publish(c, result), closing()); err != nil {
		return err
	}
	if !result.AsPlanned {
		return errNotAsPlanned
	}
	return nil
}

func newRollback() *cobra.Command {
	c := &cobra.Command{
		Use: "rollback", Short: "Take the last wave of a rollout back", Args: cobra.NoArgs,
		RunE: rollBack,
		Long: `Take the last wave that ran back: accounts that it created are deleted (or suspended,
or kept, as rollback.created of the wave says), those that it picked up or changed get
what they had before, those that it deleted are made again under a new id, and groups
that it created are deleted when they are empty. The provider forgets the wave;
rehearse --resume runs it again. The command again takes back the wave before.

That an account is managed by the provider now is not taken back at the application:
there is no such operation in SCIM.`,
		Example: `  muster-simulator rollback -f rollout.yaml`,
	}
	withRollout(c)
	return c
}

func rollBack(c *cobra.Command, _ []string) error {
	r, l, closing, err := rehearsal(c)
	if err != nil {
		return err
	}
	unlock, err := r.State.Lock(c.CommandPath() + ": " + r.Rollout.Name)
	if err != nil {
		return errors.Join(err, closing())
	}
	defer unlock() //nolint:errcheck // the end of the process unlocks, too
	if !asJSON(c) {
		r.Progress = report.NewProgress(os.Stderr).Show
	}
	result, err := r.Rollback(c.Context())
	tellFaults(l)
	if result != nil {
		show := report.RolledBack
		if asJSON(c) {
			show = func(w io.Writer, r *rollout.RolledBack) error { return report.JSON(w, r) }
		}
		err = errors.Join(err, show(c.OutOrStdout(), result))
	}
	if err = errors.Join(err, closing()); err == nil && len(result.Problems) > 0 {
		err = errNotAsPlanned
	}
	return err
}

func asReport(w io.Writer, r *rollout.Result) error { return report.JSON(w, r) }

// publish shows the result in all the forms that were asked for.
func publish(c *cobra.Command, result *rollout.Result) error {
	show := report.Rehearsal
	if asJSON(c) {
		show = asReport
	}
	errs := show(c.OutOrStdout(), result)
	for _, form := range []struct {
		flag  string
		write func(io.Writer, *rollout.Result) error
	}{
		{"report", asReport},
		{"html", report.HTML},
		{"markdown", report.Markdown},
		{"junit", report.JUnit},
		{"list", report.List},
	} {
		path, _ := c.Flags().GetString(form.flag)
		if path == "" {
			continue
		}
		if err := writeFile(path, result, form.write); err != nil {
			errs = errors.Join(errs, fmt.Errorf("--%s: %w", form.flag, err))
			continue
		}
		if !asJSON(c) {
			fmt.Fprintf(c.OutOrStdout(), "Report: %s\n", filepath.Clean(path))
		}
	}
	return errs
}

// writeFile writes a report that only its owner may read: it names people.
func writeFile[T any](path string, result T, write func(io.Writer, T) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(write(f, result), f.Close())
}
