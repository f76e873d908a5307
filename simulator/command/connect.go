package command

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"muster/simulator/account"
	"muster/simulator/client"
	"muster/simulator/cycle"
	"muster/simulator/fault"
	"muster/usage"
)

// withConnection adds the flags that say how an app's server is spoken to.
func withConnection(commands ...*cobra.Command) {
	for _, c := range commands {
		c.Flags().Uint("tries", 6,
			"how often a request is sent while its failure may pass: no answer, 429, or 5xx")
		c.Flags().Duration("wait", 0,
			"the first pause between two tries, each about half longer than the one before "+
				"(default 200ms)")
		c.Flags().Duration("timeout", time.Minute, "how long one request may take")
		c.Flags().String("ca-file", "",
			"a file of certificates in PEM that are trusted beside the system's")
		c.Flags().Int("concurrency", 4, "how many users are worked on at once")
		c.Flags().String("profile", "",
			"the `NAME` of the provider whose requests are sent; muster-simulator profiles lists "+
				"them (default: the app's, else onelogin)")
		usage.Complete(c, "profile", usage.OneOf(profileNames()...))
		c.Flags().String("fault", "",
			"break the line on purpose, such as drop-after=5%,429=0.1,latency=20%:50ms, or all=3%")
		c.Flags().Uint64("fault-seed", 1, "the same seed breaks the same requests")
	}
}

// link is an app's server with how it is spoken to.
type link struct {
	*client.Client
	base   string
	faults *fault.Transport // nil without faults
}

// connect returns a client for an app.
func connect(c *cobra.Command, app *account.App) (*link, error) {
	what := "app " + app.Name + ": configuration."
	base, err := app.Configuration.BaseURL.Read(what + "base_url")
	if err != nil {
		return nil, err
	}
	token, err := app.Configuration.BearerToken.Read(what + "bearer_token")
	if err != nil {
		return nil, err
	}
	name := app.Configuration.Profile
	if given, _ := c.Flags().GetString("profile"); given != "" {
		name = given
	}
	o := client.Options{BaseURL: base, Token: token, Headers: app.Configuration.Headers}
	if o.Profile, err = client.ProfileNamed(name); err != nil {
		return nil, err
	}
	o.Tries, _ = c.Flags().GetUint("tries")
	o.Wait, _ = c.Flags().GetDuration("wait")
	o.Timeout, _ = c.Flags().GetDuration("timeout")
	transport := client.NewTransport()
	if file, _ := c.Flags().GetString("ca-file"); file != "" {
		if err := client.Trust(transport, file); err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
	}
	o.Transport = transport
	l := &link{base: base}
	if text, _ := c.Flags().GetString("fault"); text != "" {
		plan, err := fault.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("--fault: %w", err)
		}
		seed, _ := c.Flags().GetUint64("fault-seed")
		l.faults = &fault.Transport{Base: transport, Plan: plan, Seed: seed}
		o.Transport = l.faults
	}
	if l.Client, err = client.New(o); err != nil {
		return nil, fmt.Errorf("app %s: %w", app.Name, err)
	}
	return l, nil
}

// tell says on stderr which faults happened.
func (l *link) tell() {
	if l.faults == nil {
		return
	}
	counts := l.faults.Counts()
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(os.Stderr, "fault %-13s %d times\n", k, counts[k])
	}
}

// cycle returns a cycle of the session's app.
func (s *session) cycle(c *cobra.Command) (*cycle.Cycle, *link, error) {
	l, err := connect(c, s.app)
	if err != nil {
		return nil, nil, err
	}
	n, _ := c.Flags().GetInt("concurrency")
	return &cycle.Cycle{
		Account: s.account.Name, App: s.app, Directory: s.account.Directory, State: s.state,
		Client: l.Client, Concurrency: n,
	}, l, nil
}

// profileNames are those of the providers whose requests can be sent.
func profileNames() []string {
	var names []string
	for _, p := range client.Profiles() {
		names = append(names, p.Name)
	}
	return names
}
