package command

import (
	"cmp"
	"time"

	"github.com/spf13/cobra"

	"muster/server/instance"
	"muster/usage"
)

func newAdminToken() *cobra.Command {
	c := &cobra.Command{
		Use: "admin-token", Short: "Make, list and revoke tokens of the admin API",
		Long: `Whoever holds a token of the admin API can do below /admin/v1 what its role
allows, in one instance or in all. The API keys of providers are not taken there.

  owner          everything: also keys, OAuth clients, instances, and pruning
                 the history
  administrator  users, groups, fields, mapping, rules and objects
  lite-administrator
                 users, groups and objects; it sees the setup, and no keys
  reader         sees users, groups and the setup, no keys, and changes nothing
  auditor        reads the history, and nothing else

What is refused to a token is in the history of the instance that it was about.`,
	}
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a token and print it, once", Args: cobra.ExactArgs(1),
		RunE: run(createAdminToken),
		Long: "Make a token and print it, once. NAME is who holds it; the change history shows it.",
		Example: `  muster-server admin-token create deploy-pipeline --days 90
  muster-server admin-token create revision --role auditor --instance acme`,
	}
	create.Flags().String("role", "owner",
		"what its holder may do: "+instance.RoleNames())
	usage.Complete(create, "role",
		usage.OneOf("owner", "administrator", "lite-administrator", "reader", "auditor"))
	create.Flags().String("instance", "", "the one instance that it is for; all by default")
	create.Flags().Int("days", 90, "for how many days the token is valid")
	list := &cobra.Command{
		Use: "list", Short: "List all tokens", Args: cobra.NoArgs, RunE: run(listAdminTokens),
	}
	revoke := &cobra.Command{
		Use: "revoke TOKEN-ID", Short: "Revoke a token; it stops working at once",
		Args: cobra.ExactArgs(1), RunE: run(revokeAdminToken),
	}
	withJSON(create, list)
	c.AddCommand(create, list, revoke)
	return c
}

func createAdminToken(a *application, c *cobra.Command, args []string) error {
	days, err := keyDays(c)
	if err != nil {
		return err
	}
	role, _ := c.Flags().GetString("role")
	slug, _ := c.Flags().GetString("instance")
	t, err := a.admin.CreateAdminToken(c.Context(),
		instance.AdminToken{Name: args[0], Role: instance.AdminRole(role), Instance: slug}, days)
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
		ID          string     `json:"id"`
		Name        string     `json:"name"`
		Role        string     `json:"role"`
		Instance    string     `json:"instance,omitempty"`
		State       string     `json:"state"`
		Created     time.Time  `json:"created"`
		Expires     time.Time  `json:"expires"`
		LastUsed    *time.Time `json:"lastUsed,omitempty"`
		LastAddress string     `json:"lastAddress,omitempty"`
	}
	described := make([]tokenJSON, len(tokens))
	rows := make([][]string, len(tokens))
	for i, t := range tokens {
		state := t.State(time.Now())
		described[i] = tokenJSON{
			ID: t.ID, Name: t.Name, Role: string(t.Role), Instance: t.Instance, State: state,
			Created: t.Created, Expires: t.Expires, LastAddress: t.LastAddress,
		}
		if !t.LastUsed.IsZero() {
			described[i].LastUsed = &t.LastUsed
		}
		rows[i] = []string{
			t.ID, t.Name, string(t.Role), cmp.Or(t.Instance, "all"), state, stamp(t.Created),
			stamp(t.Expires), stamp(t.LastUsed), t.LastAddress,
		}
	}
	return a.print(c, described, func() error {
		return a.table("TOKEN ID | NAME | ROLE | INSTANCE | STATE | CREATED | EXPIRES | LAST "+
			"USED | FROM", rows)
	})
}

func revokeAdminToken(a *application, c *cobra.Command, args []string) error {
	if err := a.admin.Instances.RevokeAdminToken(c.Context(), args[0]); err != nil {
		return err
	}
	return a.line("token %s is revoked", args[0])
}
