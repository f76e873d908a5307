package command

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"muster/simulator/account"
	"muster/simulator/administration"
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

// line reads the flags that say how an app's server is spoken to.
func line(c *cobra.Command) (l administration.Line, err error) {
	l.Profile, _ = c.Flags().GetString("profile")
	l.Tries, _ = c.Flags().GetUint("tries")
	l.Wait, _ = c.Flags().GetDuration("wait")
	l.Timeout, _ = c.Flags().GetDuration("timeout")
	l.Concurrency, _ = c.Flags().GetInt("concurrency")
	transport := client.NewTransport()
	l.Transport = transport
	if file, _ := c.Flags().GetString("ca-file"); file != "" {
		if err := client.Trust(transport, file); err != nil {
			return l, fmt.Errorf("--ca-file: %w", err)
		}
	}
	if text, _ := c.Flags().GetString("fault"); text != "" {
		plan, err := fault.Parse(text)
		if err != nil {
			return l, fmt.Errorf("--fault: %w", err)
		}
		l.Faults = &plan
		l.Seed, _ = c.Flags().GetUint64("fault-seed")
	}
	return l, nil
}

// connect returns a link to the server of an app, as the flags have it.
func connect(c *cobra.Command, app *account.App) (*administration.Link, error) {
	l, err := line(c)
	if err != nil {
		return nil, err
	}
	return administration.Connect(app, l)
}

// tellFaults says on stderr which faults happened.
func tellFaults(l *administration.Link) {
	if l.Faults == nil {
		return
	}
	counts := l.Faults.Counts()
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(os.Stderr, "fault %-13s %d times\n", k, counts[k])
	}
}

// cycle returns a cycle of the session's app.
func (s *session) cycle(c *cobra.Command) (*cycle.Cycle, *administration.Link, error) {
	l, err := connect(c, s.app)
	if err != nil {
		return nil, nil, err
	}
	return l.Cycle(s.account, s.app, s.state), l, nil
}

// profileNames are those of the providers whose requests can be sent.
func profileNames() []string {
	var names []string
	for _, p := range client.Profiles() {
		names = append(names, p.Name)
	}
	return names
}
