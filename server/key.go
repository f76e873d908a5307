package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"muster/server/instance"
	"muster/server/provisioning"
)

func newKey() *cobra.Command {
	c := &cobra.Command{Use: "key", Short: "Make, list and revoke API keys"}
	create := &cobra.Command{
		Use: "create", Short: "Make an API key and print it, once", Args: cobra.NoArgs, RunE: run(createKey),
		Long: `Make an API key on behalf of an integration user who is at least lite admin. The
key decides to which instance a provider provisions. It is printed once: only a
digest of it is kept.`,
		Example: "  muster-server key create --instance acme --user scim-sync",
	}
	create.Flags().String("user", "", "the integration user")
	create.Flags().Int("days", 365, "for how many days the key is valid")
	if err := create.MarkFlagRequired("user"); err != nil {
		panic(err)
	}
	list := &cobra.Command{Use: "list", Short: "List the API keys of an instance", Args: cobra.NoArgs, RunE: run(listKeys)}
	rotate := &cobra.Command{
		Use: "rotate KEY-ID", Short: "Make a key that takes the place of another, and print it, once", Args: cobra.ExactArgs(1), RunE: run(rotateKey),
		Long: `Make an API key for the same integration user. The old key stays valid for the
overlap: give the provider the new one meanwhile.`,
		Example: "  muster-server key rotate 6fr54l3lzi --instance acme --overlap 48h",
	}
	rotate.Flags().Duration("overlap", 24*time.Hour, "for how long the old key stays valid")
	rotate.Flags().Int("days", 365, "for how many days the new key is valid")
	revoke := &cobra.Command{Use: "revoke KEY-ID", Short: "Revoke an API key; it stops working at once", Args: cobra.ExactArgs(1), RunE: run(revokeKey)}
	withInstance(create, list, rotate, revoke)
	withJSON(create, list, rotate)
	c.AddCommand(create, list, rotate, revoke)
	return c
}

func createKey(a *application, c *cobra.Command, _ []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	life, err := keyLife(c)
	if err != nil {
		return err
	}
	userName, _ := c.Flags().GetString("user")
	k, text, err := a.instances.CreateKey(c.Context(), sc.Instance, userName, life, sc.Actor)
	if err != nil {
		return err
	}
	return a.printKey(c, k, text)
}

func rotateKey(a *application, c *cobra.Command, args []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	life, err := keyLife(c)
	if err != nil {
		return err
	}
	overlap, _ := c.Flags().GetDuration("overlap")
	k, text, err := a.instances.RotateKey(c.Context(), sc.Instance, args[0], overlap, life, sc.Actor)
	if err != nil {
		return err
	}
	return a.printKey(c, k, text)
}

// keyLife returns how long the flags let a key be valid.
func keyLife(c *cobra.Command) (time.Duration, error) {
	days, _ := c.Flags().GetInt("days")
	if days < 1 {
		return 0, fmt.Errorf("--days %d: a key is valid for at least one day", days)
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

// printKey prints a new key, which nobody can see again.
func (a *application) printKey(c *cobra.Command, k *instance.Key, text string) error {
	result := struct {
		Key     string    `json:"key"`
		ID      string    `json:"id"`
		Expires time.Time `json:"expires"`
	}{text, k.ID, k.Expires}
	return a.print(c, result, func() error {
		return a.line("%s\n\nThis is the only time that the key is shown. Its id is %s; it expires on %s.", text, k.ID, k.Expires.Format(time.DateOnly))
	})
}

func listKeys(a *application, c *cobra.Command, _ []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	keys, err := a.instances.Keys(c.Context(), sc.Instance)
	if err != nil {
		return err
	}
	type keyJSON struct {
		ID      string    `json:"id"`
		User    string    `json:"user"`
		State   string    `json:"state"`
		Created time.Time `json:"created"`
		Expires time.Time `json:"expires"`
		// LastUsed is when the key was accepted last, to the minute.
		LastUsed    *time.Time `json:"lastUsed,omitempty"`
		LastAddress string     `json:"lastAddress,omitempty"`
	}
	described := make([]keyJSON, len(keys))
	rows := make([][]string, len(keys))
	for i, k := range keys {
		described[i] = keyJSON{ID: k.ID, User: k.UserName, State: k.State(time.Now()), Created: k.Created, Expires: k.Expires, LastAddress: k.LastAddress}
		if !k.LastUsed.IsZero() {
			described[i].LastUsed = &k.LastUsed
		}
		rows[i] = []string{k.ID, k.UserName, described[i].State, stamp(k.Created), stamp(k.Expires), stamp(k.LastUsed), k.LastAddress}
	}
	return a.print(c, described, func() error { return a.table("KEY ID | USER | STATE | CREATED | EXPIRES | LAST USED | FROM", rows) })
}

func revokeKey(a *application, c *cobra.Command, args []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	changed, err := a.instances.RevokeKey(c.Context(), sc.Instance, args[0], sc.Actor)
	if err != nil {
		return err
	}
	if !changed {
		return a.line("key %s is revoked already", args[0])
	}
	return a.line("key %s is revoked", args[0])
}

func notThere(sc provisioning.Scope, kind, name string) error {
	return fmt.Errorf("instance %s has no %s %q; `muster-server %s list --instance %s` shows all", sc.Instance.Slug, kind, name, kind, sc.Instance.Slug)
}
