package main

import (
	"time"

	"github.com/spf13/cobra"
)

func newAdminToken() *cobra.Command {
	c := &cobra.Command{
		Use: "admin-token", Short: "Make, list and revoke tokens of the admin API",
		Long: `A token of the admin API is for all instances: whoever holds it can do below
/admin/v1 what these commands do. The API keys of providers are not taken there.`,
	}
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a token and print it, once", Args: cobra.ExactArgs(1), RunE: run(createAdminToken),
		Long:    "Make a token and print it, once. NAME is who holds it; the change history shows it.",
		Example: "  muster-server admin-token create deploy-pipeline --days 90",
	}
	create.Flags().Int("days", 90, "for how many days the token is valid")
	list := &cobra.Command{Use: "list", Short: "List all tokens", Args: cobra.NoArgs, RunE: run(listAdminTokens)}
	revoke := &cobra.Command{Use: "revoke TOKEN-ID", Short: "Revoke a token; it stops working at once", Args: cobra.ExactArgs(1), RunE: run(revokeAdminToken)}
	withJSON(create, list)
	c.AddCommand(create, list, revoke)
	return c
}

func createAdminToken(a *application, c *cobra.Command, args []string) error {
	days, err := keyDays(c)
	if err != nil {
		return err
	}
	t, err := a.admin.CreateAdminToken(c.Context(), args[0], days)
	if err != nil {
		return err
	}
	return a.printKey(c, t)
}

func listAdminTokens(a *application, c *cobra.Command, _ []string) error {
	tokens, err := a.admin.Instances.AdminTokens(c.Context())
	if err != nil {
		return err
	}
	type tokenJSON struct {
		ID      string    `json:"id"`
		Name    string    `json:"name"`
		State   string    `json:"state"`
		Created time.Time `json:"created"`
		Expires time.Time `json:"expires"`
	}
	described := make([]tokenJSON, len(tokens))
	rows := make([][]string, len(tokens))
	for i, t := range tokens {
		state := t.State(time.Now())
		described[i] = tokenJSON{t.ID, t.Name, state, t.Created, t.Expires}
		rows[i] = []string{t.ID, t.Name, state, stamp(t.Created), stamp(t.Expires)}
	}
	return a.print(c, described, func() error { return a.table("TOKEN ID | NAME | STATE | CREATED | EXPIRES", rows) })
}

func revokeAdminToken(a *application, c *cobra.Command, args []string) error {
	if err := a.admin.Instances.RevokeAdminToken(c.Context(), args[0]); err != nil {
		return err
	}
	return a.line("token %s is revoked", args[0])
}
