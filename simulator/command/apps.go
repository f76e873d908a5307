package command

import (
	"errors"

	"github.com/spf13/cobra"

	"muster/simulator/account"
	"muster/simulator/administration"
	"muster/simulator/report"
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
		if list[i], err = administration.Describe(c.Context(), app, st); err != nil {
			return err
		}
	}
	if asJSON(c) {
		return report.JSON(c.OutOrStdout(), list)
	}
	return report.Apps(c.OutOrStdout(), list)
}
