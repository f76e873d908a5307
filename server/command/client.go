package command

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"muster/server/administration"
	"muster/server/oauth"
	"muster/server/provisioning"
)

const clientExample = `  muster-server client create --instance acme --user scim-sync \
      --jwks-url https://idp.example.com/jwks
  muster-server client create --instance acme --user scim-sync --jwks keys.json`

func newClient() *cobra.Command {
	c := &cobra.Command{
		Use: "client", Short: "Register, list and revoke OAuth 2.0 clients, which need no API key",
		Long: `Register OAuth 2.0 clients. A client authenticates at /oauth2/token by a JWT that
it signs (RFC 7523), and gets an access token that is valid for ten minutes:
nothing secret is stored on either side but the client's private key, on its own.`,
	}
	create := &cobra.Command{
		Use: "create", Short: "Register a client of an instance", Args: cobra.NoArgs,
		RunE:    runIn(createClient),
		Example: clientExample,
	}
	create.Flags().String("user", "", "the integration user on whose behalf its tokens are made")
	create.Flags().String("jwks", "", "a file with the client's public keys, as a JSON Web Key Set")
	create.Flags().String("jwks-url", "",
		"where the client publishes its public keys, so that it can exchange them by itself")
	withPermit(create)
	if err := create.MarkFlagRequired("user"); err != nil {
		panic(err)
	}
	list := &cobra.Command{
		Use: "list", Short: "List the clients of an instance", Args: cobra.NoArgs,
		RunE: runIn(listClients),
	}
	revoke := &cobra.Command{
		Use: "revoke CLIENT-ID", Short: "Revoke a client and its tokens, at once",
		Args: cobra.ExactArgs(1), RunE: runIn(revokeClient),
	}
	withInstance(create, list, revoke)
	withJSON(create, list)
	c.AddCommand(create, list, revoke)
	return c
}

func createClient(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	made := administration.NewClient{Permit: permit(c)}
	made.User, _ = c.Flags().GetString("user")
	made.KeySetURL, _ = c.Flags().GetString("jwks-url")
	file, _ := c.Flags().GetString("jwks")
	from := "--jwks-url"
	switch {
	case (file == "") == (made.KeySetURL == ""):
		return errors.New("give either --jwks, a file, or --jwks-url")
	case file != "":
		from = "--jwks: " + file
		var err error
		if made.KeySet, err = os.ReadFile(file); err != nil {
			return fmt.Errorf("--jwks: %w", err)
		}
	}
	if err := oauth.CheckKeySet(c.Context(), made.KeySet, made.KeySetURL); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	client, err := a.admin.CreateClient(c.Context(), sc, made)
	if err != nil {
		return err
	}
	return a.print(c, client, func() error {
		return a.line("%s\n\nThis is the client_id. Its assertions have it as iss and sub.",
			client.ID)
	})
}

func listClients(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	list, err := a.admin.ListClients(c.Context(), sc)
	if err != nil {
		return err
	}
	rows := make([][]string, len(list))
	for i, x := range list {
		keys := x.JWKSURL
		if keys == "" {
			keys = "(stored)"
		}
		rows[i] = []string{
			x.ID, x.User, x.State, x.Access, networks(x.Networks), stamp(x.Created), keys,
		}
	}
	return a.print(c, list, func() error {
		return a.table("CLIENT ID | USER | STATE | ACCESS | NETWORKS | CREATED | KEYS", rows)
	})
}

func revokeClient(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	changed, err := a.admin.Instances.RevokeClient(c.Context(), sc.Instance, args[0], sc.Actor)
	if err != nil {
		return err
	}
	if !changed {
		return a.line("client %s is revoked already", args[0])
	}
	return a.line("client %s is revoked, with its tokens", args[0])
}
