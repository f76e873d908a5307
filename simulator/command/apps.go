package command

import (
	"errors"

	"github.com/spf13/cobra"

	"muster/simulator/account"
	"muster/simulator/client"
	"muster/simulator/report"
	"muster/simulator/state"
)

func newApps() *cobra.Command {
	c := &cobra.Command{
		Use: "apps", Short: "Show the apps of an account, and how they are", Args: cobra.NoArgs,
		RunE: apps,
		Long: `Show the apps of an account: where each provisions to and as which provider, whether
its API connection and its provisioning are enabled, whether it is in quarantine, and
how many users are in which state. No request is sent.`,
	}
	c.Flags().StringP("file", "f", "account.yaml", "the account")
	withState(c)
	withJSON(c)
	return c
}

func apps(c *cobra.Command, _ []string) (err error) {
	path, _ := c.Flags().GetString("file")
	a, err := account.Load(path)
	if err != nil {
		return err
	}
	st, err := openState(c, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	list := make([]report.App, len(a.Apps))
	for i, app := range a.Apps {
		if list[i], err = describe(c, app, st); err != nil {
			return err
		}
	}
	if asJSON(c) {
		return report.JSON(c.OutOrStdout(), list)
	}
	return report.Apps(c.OutOrStdout(), list)
}

func describe(c *cobra.Command, app *account.App, st *state.File) (report.App, error) {
	r := report.App{
		Name: app.Name, Instance: app.Configuration.Instance, Connection: "enabled",
		Provisioning: app.Provisioning.Enabled, Users: make(map[state.Status]int),
	}
	var err error
	if r.BaseURL, err = app.Configuration.BaseURL.Read("base_url"); err != nil {
		r.BaseURL = err.Error()
	}
	p, err := client.ProfileNamed(app.Configuration.Profile)
	if err != nil {
		return r, err
	}
	r.Profile = p.Name
	known, err := st.App(c.Context(), app.Name)
	if err != nil {
		return r, err
	}
	switch q := known.Quarantine; {
	case known.Disabled:
		r.Connection = "disabled"
	case q != nil:
		r.Connection = "in quarantine until " + q.Until.Local().Format("2006-01-02 15:04") + ": " +
			q.Reason
	}
	return r, st.EachRecord(c.Context(), app.Name, func(rec *state.Record) error {
		r.Users[rec.Status]++
		return nil
	})
}
