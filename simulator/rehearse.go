package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"muster/simulator/report"
	"muster/simulator/rollout"
)

func newRehearse() *cobra.Command {
	c := &cobra.Command{
		Use: "rehearse", Short: "Rehearse a rollout, wave by wave", Args: cobra.NoArgs, RunE: rehearse,
		Long: `Rehearse a rollout: run its waves one after the other, compare each with what is
planned, check the outcome by reading the application, and stop at a gate when
something is not as planned. It exits with 0 when everything is as planned, and
with 1 and the list of what is not.`,
		Example: `  muster-simulator rehearse -f rollout.yaml --html rehearsal.html
  muster-simulator rehearse -f rollout.yaml --resume`,
	}
	c.Flags().StringP("file", "f", "rollout.yaml", "the rollout")
	c.Flags().Bool("resume", false, "go on with the wave at which the rollout was stopped; users who failed are tried again")
	c.Flags().String("html", "", "write the report as an HTML page to this file")
	c.Flags().String("report", "", "write the report as JSON to this file")
	withState(c)
	withRetries(c)
	withJSON(c)
	return c
}

func rehearse(c *cobra.Command, _ []string) (err error) {
	path, _ := c.Flags().GetString("file")
	r, err := rollout.Load(path)
	if err != nil {
		return err
	}
	cl, base, err := connect(c, r.App)
	if err != nil {
		return err
	}
	st, err := openState(c, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	rehearsal := &rollout.Rehearsal{Rollout: r, State: st, Client: cl, BaseURL: base}
	rehearsal.Resume, _ = c.Flags().GetBool("resume")
	rehearsal.Concurrency, _ = c.Flags().GetInt("concurrency")
	if !asJSON(c) {
		p := report.NewProgress(os.Stderr)
		p.Start(fmt.Sprintf("Rehearsing %q: %d people, app %s at %s", r.Name, len(r.Account.Directory.Users), r.App.Name, base))
		rehearsal.Began = func(position int, w *rollout.Wave) {
			p.Start(fmt.Sprintf("Wave %d of %d: %s", position, len(r.Waves), w.Name))
		}
		rehearsal.Progress = p.Show
	}
	result, err := rehearsal.Run(c.Context())
	if err = errors.Join(err, publish(c, result)); err != nil {
		return err
	}
	if !result.AsPlanned {
		return errNotAsPlanned
	}
	return nil
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
			fmt.Fprintf(c.OutOrStdout(), "Report: %s\n", path)
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
