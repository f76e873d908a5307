package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster/server/console"
	"muster/server/httpapi"
	"muster/server/instance"
	"muster/usage"
)

func newConsole() *cobra.Command {
	c := &cobra.Command{
		Use: "console", Short: "Sign people in to the console, and out of it",
		Long: `The console is the server in a browser, below /console: the mapping editor, users,
groups, API keys, workflow rules and the change history.

People sign in by a link that is made here, good once and for ten minutes, or by
OpenID Connect (see the settings console-issuer and console-groups of serve).`,
	}
	link := &cobra.Command{
		Use: "link", Short: "Print a link that signs somebody in, once, within ten minutes",
		Args: cobra.NoArgs, RunE: run(consoleLink),
		Long: `Print a link that signs somebody in, once, within ten minutes. What he or she does
is in the change history under that name.

  owner          everything: also API keys and OAuth clients
  administrator  users, groups, fields, mapping, rules and objects
  lite-administrator
                 users, groups and objects; sees the setup, and no keys
  reader         sees all but keys, and changes nothing
  auditor        reads the change history, and nothing else`,
		Example: `  muster-server console link --user ada
  muster-server console link --user grace --role reader --instance acme`,
	}
	link.Flags().String("user", "", "who signs in: the name that the change history shows")
	link.Flags().String("role", "owner", "what he or she may do: "+instance.RoleNames())
	usage.Complete(link, "role", usage.OneOf("owner", "administrator", "lite-administrator",
		"reader", "auditor"))
	link.Flags().String("instance", "", "the one instance that it is for; all by default")
	usage.Complete(link, "instance", completeInstances)
	link.Flags().String("url", "", "where browsers reach the server; by default what the "+
		"variable MUSTER_PUBLIC_URL says, or else http://127.0.0.1:8080")
	out := &cobra.Command{
		Use: "sign-out", Short: "End all sessions of somebody, at all servers, at once",
		Args: cobra.NoArgs, RunE: run(consoleSignOut),
		Example: "  muster-server console sign-out --user ada",
	}
	out.Flags().String("user", "", "whose sessions end")
	for _, x := range []*cobra.Command{link, out} {
		if err := x.MarkFlagRequired("user"); err != nil {
			panic(err)
		}
	}
	withJSON(link, out)
	c.AddCommand(link, out)
	return c
}

// signInURL makes a link that signs a person in.
func (a *application) signInURL(
	ctx context.Context, public string, p instance.Person,
) (string, error) {
	secret, err := a.admin.Instances.CreateSignInLink(ctx, p)
	if err != nil {
		return "", err
	}
	return console.LinkURL(public, secret), nil
}

func consoleLink(a *application, c *cobra.Command, _ []string) error {
	p := instance.Person{Role: instance.AdminRole(text(c, "role")), Instance: text(c, "instance")}
	p.Name = text(c, "user")
	public, err := publicURL(text(c, "url"))
	if err != nil {
		return err
	}
	url, err := a.signInURL(c.Context(), public, p)
	if err != nil {
		return err
	}
	made := struct {
		URL     string    `json:"url"`
		User    string    `json:"user"`
		Role    string    `json:"role"`
		Expires time.Time `json:"expires"`
	}{url, p.Name, string(p.Role), time.Now().Add(instance.SignInLife).UTC()}
	return a.print(c, made, func() error {
		return a.line("%s\n\nIt signs %s in once, within ten minutes.", url, p.Name)
	})
}

// publicURL returns where browsers reach the server, by a flag or as serve has it.
func publicURL(flag string) (string, error) {
	if flag != "" {
		return flag, optional(isURL)(flag)
	}
	for _, s := range networkSettings() {
		if s.flag != "public-url" {
			continue
		}
		value, place, err := s.fromEnvironment()
		if err != nil || place != "" {
			return value, err
		}
	}
	return "http://127.0.0.1:8080", nil
}

func consoleSignOut(a *application, c *cobra.Command, _ []string) error {
	name := text(c, "user")
	n, err := a.admin.Instances.SignOut(c.Context(), name)
	if err != nil {
		return err
	}
	ended := struct {
		User  string `json:"user"`
		Ended int    `json:"ended"`
	}{name, n}
	return a.print(c, ended, func() error {
		return a.line("%d sessions of %s have ended", n, name)
	})
}

// openIDTime is how long the identity provider may take to say how it is reached.
const openIDTime = 15 * time.Second

// console makes the console, as it is configured.
func (a *application) console(
	c *cobra.Command, public string, log *slog.Logger,
) (*console.Console, error) {
	config := console.Config{
		Admin: a.admin, Sessions: a.store, PublicURL: public,
		SCIM: strings.TrimSuffix(public, "/") + httpapi.Base, Log: log,
	}
	if issuer := text(c, "console-issuer"); issuer != "" {
		groups, err := console.ParseGroups(text(c, "console-groups"))
		if err != nil {
			return nil, err
		}
		if text(c, "console-client") == "" || len(groups) == 0 {
			return nil, errors.New("--console-issuer needs --console-client, the client_id of " +
				"the console there, and --console-groups, the groups whose members may use it")
		}
		ctx, cancel := context.WithTimeout(c.Context(), openIDTime)
		defer cancel()
		config.OpenID, err = console.NewOpenID(ctx, console.OpenIDConfig{
			Issuer: issuer, ClientID: text(c, "console-client"),
			ClientSecret: text(c, "console-secret"), Claim: text(c, "console-claim"),
			Groups: groups, PublicURL: public,
		})
		if err != nil {
			return nil, fmt.Errorf("--console-issuer %s: %w", issuer, err)
		}
	}
	return console.New(config)
}

// consoleSettings say how people sign in to the console besides by a link.
func consoleSettings() []setting {
	return []setting{
		{
			flag: "console-issuer", check: optional(isURL),
			help: "the issuer of OpenID Connect by which people sign in to the console; without " +
				"it they do so by the links that muster-server console link makes",
		},
		{flag: "console-client", help: "the client_id of the console there; its redirect URI is " +
			"the public URL and /console/sign-in/openid/back"},
		{flag: "console-secret", secret: true, help: "the secret of that client"},
		{
			flag: "console-claim", fallback: "groups",
			help: "the claim of the ID token that holds somebody's groups",
		},
		{
			flag: "console-groups", check: isGroups,
			help: "the groups whose members may use the console, as ROLE=GROUP or " +
				"ROLE@INSTANCE=GROUP, separated by semicolons; the first that somebody is in " +
				"counts",
		},
	}
}

func isGroups(value string) error {
	_, err := console.ParseGroups(value)
	return err
}
