package command

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster/server/administration"
	"muster/server/provisioning"
	"muster/usage"
)

const keyExample = `  muster-server key create --instance acme --user scim-sync
  muster-server key create --instance acme --user scim-watch --access read --network 203.0.113.0/24`

func newKey() *cobra.Command {
	c := &cobra.Command{Use: "key", Short: "Make, list and revoke API keys"}
	create := &cobra.Command{
		Use: "create", Short: "Make an API key and print it, once", Args: cobra.NoArgs,
		RunE: runIn(createKey),
		Long: `Make an API key on behalf of an integration user who is at least lite admin. The
key decides to which instance a provider provisions. It is printed once: only a
digest of it is kept.`,
		Example: keyExample,
	}
	create.Flags().String("user", "", "the integration user")
	create.Flags().Int("days", 365, "for how many days the key is valid")
	withPermit(create)
	if err := create.MarkFlagRequired("user"); err != nil {
		panic(err)
	}
	list := &cobra.Command{
		Use: "list", Short: "List the API keys of an instance", Args: cobra.NoArgs,
		RunE: runIn(listKeys),
	}
	rotate := &cobra.Command{
		Use:   "rotate KEY-ID",
		Short: "Make a key that takes the place of another, and print it, once",
		Args:  cobra.ExactArgs(1), RunE: runIn(rotateKey),
		Long: `Make an API key for the same integration user. The old key stays valid for the
overlap: give the provider the new one meanwhile.`,
		Example: "  muster-server key rotate 6fr54l3lzi --instance acme --overlap 48h",
	}
	rotate.Flags().Duration("overlap", 24*time.Hour, "for how long the old key stays valid")
	rotate.Flags().Int("days", 365, "for how many days the new key is valid")
	revoke := &cobra.Command{
		Use: "revoke KEY-ID", Short: "Revoke an API key; it stops working at once",
		Args: cobra.ExactArgs(1), RunE: runIn(revokeKey),
	}
	withInstance(create, list, rotate, revoke)
	withJSON(create, list, rotate)
	c.AddCommand(create, list, rotate, revoke)
	return c
}

// withPermit adds the flags that say how far a key can be used.
func withPermit(c *cobra.Command) {
	c.Flags().String("access", "full",
		"what it is for: full, users (no groups), or read (no changes)")
	usage.Complete(c, "access", usage.OneOf("full", "users", "read"))
	c.Flags().StringSlice("network", nil,
		"an address or a network that it is taken from, such as 203.0.113.0/24; can be repeated; "+
			"all by default")
}

// permit reads these flags.
func permit(c *cobra.Command) (p administration.Permit) {
	p.Access, _ = c.Flags().GetString("access")
	p.Networks, _ = c.Flags().GetStringSlice("network")
	return p
}

// networks shows networks.
func networks(list []string) string {
	if len(list) == 0 {
		return "all"
	}
	return strings.Join(list, ", ")
}

func createKey(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	userName, _ := c.Flags().GetString("user")
	days, err := keyDays(c)
	if err != nil {
		return err
	}
	k, err := a.admin.CreateKey(c.Context(), sc, userName, days, permit(c))
	if err != nil {
		return err
	}
	return a.printKey(c, k)
}

func rotateKey(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	days, err := keyDays(c)
	if err != nil {
		return err
	}
	overlap, _ := c.Flags().GetDuration("overlap")
	k, err := a.admin.RotateKey(c.Context(), sc, args[0], overlap, days)
	if err != nil {
		return err
	}
	return a.printKey(c, k)
}

// keyDays reads for how many days a key is to be valid.
func keyDays(c *cobra.Command) (int, error) {
	days, _ := c.Flags().GetInt("days")
	if days < 1 {
		return 0, fmt.Errorf("--days %d: a key is valid for at least one day", days)
	}
	return days, nil
}

// printKey prints a new key, which nobody can see again.
func (a *application) printKey(c *cobra.Command, k administration.NewKey) error {
	return a.print(c, k, func() error {
		return a.line("%s\n\nThis is the only time that the key is shown. Its id is %s; it "+
			"expires on %s.", k.Key, k.ID, k.Expires.Format(time.DateOnly))
	})
}

func listKeys(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	keys, err := a.admin.ListKeys(c.Context(), sc)
	if err != nil {
		return err
	}
	return a.print(c, keys, func() error {
		rows := make([][]string, len(keys))
		for i, k := range keys {
			used := "-"
			if k.LastUsed != nil {
				used = stamp(*k.LastUsed)
			}
			rows[i] = []string{
				k.ID, k.User, k.State, k.Access, networks(k.Networks), stamp(k.Created),
				stamp(k.Expires), used, k.LastAddress,
			}
		}
		return a.table("KEY ID | USER | STATE | ACCESS | NETWORKS | CREATED | EXPIRES | LAST "+
			"USED | FROM", rows)
	})
}

func revokeKey(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	changed, err := a.admin.Instances.RevokeKey(c.Context(), sc.Instance, args[0], sc.Actor)
	if err != nil {
		return err
	}
	if !changed {
		return a.line("key %s is revoked already", args[0])
	}
	return a.line("key %s is revoked", args[0])
}
