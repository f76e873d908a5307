package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

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
	revoke := &cobra.Command{Use: "revoke KEY-ID", Short: "Revoke an API key; it stops working at once", Args: cobra.ExactArgs(1), RunE: run(revokeKey)}
	withInstance(create, list, revoke)
	withJSON(create, list)
	c.AddCommand(create, list, revoke)
	return c
}

func createKey(a *application, c *cobra.Command, _ []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	days, _ := c.Flags().GetInt("days")
	if days < 1 {
		return fmt.Errorf("--days %d: a key is valid for at least one day", days)
	}
	userName, _ := c.Flags().GetString("user")
	k, text, err := a.instances.CreateKey(c.Context(), sc.Instance, userName, time.Duration(days)*24*time.Hour, sc.Actor)
	if err != nil {
		return err
	}
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
	}
	described := make([]keyJSON, len(keys))
	rows := make([][]string, len(keys))
	for i, k := range keys {
		described[i] = keyJSON{k.ID, k.UserName, k.State(time.Now()), k.Created, k.Expires}
		rows[i] = []string{k.ID, k.UserName, described[i].State, stamp(k.Created), stamp(k.Expires)}
	}
	return a.print(c, described, func() error { return a.table("KEY ID | USER | STATE | CREATED | EXPIRES", rows) })
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
