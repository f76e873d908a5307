// Command muster-simulator is the identity provider's side: an account
// modeled on OneLogin that provisions its users to a SCIM server, and
// rehearses rollouts. See the README.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"muster/simulator/account"
	"muster/simulator/client"
	"muster/simulator/cycle"
	"muster/simulator/state"
)

// errNotAsPlanned ends the process with 1 after the reasons were printed.
var errNotAsPlanned = errors.New("not as planned")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRoot().ExecuteContext(ctx)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err == nil:
		return
	case interrupted:
		fmt.Fprintln(os.Stderr, "muster-simulator: stopped; the same command goes on where this one stopped")
	case !errors.Is(err, errNotAsPlanned):
		fmt.Fprintln(os.Stderr, "muster-simulator:", err)
	}
	os.Exit(1)
}

// newRoot returns the command with all its subcommands.
func newRoot() *cobra.Command {
	c := &cobra.Command{
		Use:   "muster-simulator",
		Short: "An identity provider that provisions users over SCIM, and rehearses rollouts",
		Long: `muster-simulator plays the identity provider: it holds an account (users, roles,
apps) in files, and provisions it to any SCIM 2.0 server as OneLogin does. What
it remembers between cycles is in a state file beside the account.

  muster-simulator enable -f account.yaml --app acme        test the connection
  muster-simulator sync -f account.yaml --app acme --dry-run  show what would happen
  muster-simulator sync -f account.yaml --app acme          run one provisioning cycle
  muster-simulator rehearse -f rollout.yaml                 rehearse a rollout, wave by wave

It exits with 0 when all went well, and with 1 when something did not.`,
		SilenceUsage: true, SilenceErrors: true,
	}
	c.AddCommand(newRehearse(), newSync(), newCheck(), newEnable(), newRefresh(), newUsers(), newApprovals(), newRetry(), newLog())
	return c
}

// withAccount adds the flags that name an account and an app of it.
func withAccount(commands ...*cobra.Command) {
	for _, c := range commands {
		c.Flags().StringP("file", "f", "account.yaml", "the account")
		c.Flags().String("app", "", "the app; may be left out when the account has one only")
		withState(c)
	}
}

func withState(c *cobra.Command) {
	c.Flags().String("state", "", "the state file; by default it is beside the file, with the ending .state.db")
}

func withJSON(commands ...*cobra.Command) {
	for _, c := range commands {
		c.Flags().Bool("json", false, "print JSON, for scripts")
	}
}

func asJSON(c *cobra.Command) bool {
	yes, err := c.Flags().GetBool("json")
	return err == nil && yes
}

// session is an app of an account with what is remembered of it.
type session struct {
	account *account.Account
	app     *account.App
	state   *state.File
}

// run makes the function of a command of one that works on an app.
func run(f func(s *session, c *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		path, _ := c.Flags().GetString("file")
		a, err := account.Load(path)
		if err != nil {
			return err
		}
		name, _ := c.Flags().GetString("app")
		app, err := a.App(name)
		if err != nil {
			return err
		}
		st, err := openState(c, path)
		if err != nil {
			return err
		}
		return errors.Join(f(&session{a, app, st}, c, args), st.Close())
	}
}

// openState opens the state file that belongs to an account or a rollout.
func openState(c *cobra.Command, beside string) (*state.File, error) {
	path, _ := c.Flags().GetString("state")
	if path == "" {
		path = strings.TrimSuffix(beside, filepath.Ext(beside)) + ".state.db"
	}
	return state.Open(c.Context(), path)
}

// withRetries adds the flags that say how hard a client tries.
func withRetries(commands ...*cobra.Command) {
	for _, c := range commands {
		c.Flags().Uint("tries", 6, "how often a request is sent while its failure may pass: no answer, 429, or 5xx")
		c.Flags().Duration("wait", 0, "the first pause between two tries, each about half longer than the one before (default 200ms)")
		c.Flags().Int("concurrency", 4, "how many users are worked on at once")
	}
}

// connect returns a client for an app, with its base URL.
func connect(c *cobra.Command, app *account.App) (*client.Client, string, error) {
	what := "app " + app.Name + ": configuration."
	base, err := app.Configuration.BaseURL.Read(what + "base_url")
	if err != nil {
		return nil, "", err
	}
	token, err := app.Configuration.BearerToken.Read(what + "bearer_token")
	if err != nil {
		return nil, "", err
	}
	o := client.Options{BaseURL: base, Token: token, Headers: app.Configuration.Headers}
	if f := c.Flags().Lookup("tries"); f != nil {
		o.Tries, _ = c.Flags().GetUint("tries")
		o.Wait, _ = c.Flags().GetDuration("wait")
	}
	cl, err := client.New(o)
	if err != nil {
		return nil, "", fmt.Errorf("app %s: %w", app.Name, err)
	}
	return cl, base, nil
}

// cycle returns a cycle of the session's app.
func (s *session) cycle(c *cobra.Command) (*cycle.Cycle, error) {
	cl, _, err := connect(c, s.app)
	if err != nil {
		return nil, err
	}
	n := 0
	if c.Flags().Lookup("concurrency") != nil {
		n, _ = c.Flags().GetInt("concurrency")
	}
	return &cycle.Cycle{App: s.app, Directory: s.account.Directory, State: s.state, Client: cl, Concurrency: n}, nil
}
