package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"muster/secevent"
	"muster/simulator/listener"
	"muster/terminal"
	"muster/usage"
)

func newListen() *cobra.Command {
	c := &cobra.Command{
		Use: "listen", Short: "Receive a server's events (RFC 9967), and show them",
		Args: cobra.NoArgs, RunE: listen,
		Long: `Receive the SCIM events of a server (RFC 9967): pushed to an address of this machine
(RFC 8935), or polled for (RFC 8936). Signatures are verified with the keys that the
issuer publishes, and issuer and audience are looked at.

To see what a server does when its receiver misbehaves, a part of the events is refused
for good (--refuse), for now (--busy), delayed, or lost with the connection: half of these
before they were taken, and half after it.

It ends with Ctrl-C, after --for, or after --count events, and says what it has seen. It
exits with 1 if a token was not right, or if there were fewer than --count.`,
		Example: `  muster-simulator listen --issuer http://127.0.0.1:8080 --listen 127.0.0.1:9100
  muster-server feed create me --instance demo --push http://127.0.0.1:9100/
  muster-simulator listen --issuer https://scim.example.com \
      --poll https://scim.example.com/events/feeds/ID --token TOKEN
  muster-simulator listen --issuer http://127.0.0.1:8080 --listen 127.0.0.1:9100 \
      --refuse 5% --busy 10% --lose 10% --delay 20%:300ms --seed 7`,
	}
	f := c.Flags()
	f.String("issuer", "", "the public URL of the server, as its tokens name it; with --keys, any")
	f.String("keys", "", "the URL of the issuer's keys; its /events/jwks.json by default")
	f.String("audience", "", "the \"aud\" that is taken; any by default")
	f.String("listen", "", "address and port to listen on for what is pushed")
	f.String("authorization", "", "the Authorization header that must come with it")
	f.String("poll", "", "the URL of the feed to poll")
	f.String("token", "", "the token of the feed; MUSTER_TOKEN by default")
	f.String("refuse", "", "the part that is refused for good, such as 5%")
	f.String("busy", "", "the part that is refused for now")
	f.String("lose", "", "the part whose connection breaks off")
	f.String("delay", "", "the part that is delayed, and how long at the most: 20%:300ms")
	f.Uint64("seed", 1, "of the faults: the same seed gives the same ones")
	f.Int("count", 0, "end after so many events")
	f.Duration("for", 0, "end after that time")
	f.Bool("json", false, "a line of JSON for each event, and for the end")
	c.MarkFlagsOneRequired("listen", "poll")
	c.MarkFlagsMutuallyExclusive("listen", "poll")
	c.MarkFlagsOneRequired("issuer", "keys")
	return c
}

// errEnough ends listening.
var errEnough = errors.New("enough events")

func listen(c *cobra.Command, _ []string) error {
	faults, err := faultsOf(c)
	if err != nil {
		return err
	}
	f := func(name string) string { return c.Flags().Lookup(name).Value.String() }
	count, _ := c.Flags().GetInt("count")
	most, _ := c.Flags().GetDuration("for")
	asJSON, _ := c.Flags().GetBool("json")
	ctx, cancel := context.WithCancelCause(c.Context())
	defer cancel(nil)
	l := &listener.Listener{
		Verifier: &secevent.Verifier{
			Issuer: strings.TrimSuffix(f("issuer"), "/"), KeysURL: f("keys"),
			Audience: f("audience"),
		},
		Authorization: f("authorization"), Faults: faults,
	}
	n := 0
	l.Show = func(t *secevent.Token) {
		showEvent(c.OutOrStdout(), t, asJSON)
		if n++; n == count {
			cancel(errEnough)
		}
	}
	if most > 0 {
		defer time.AfterFunc(most, func() { cancel(errEnough) }).Stop()
	}
	if f("poll") != "" {
		token := f("token")
		if token == "" {
			token = os.Getenv("MUSTER_TOKEN")
		}
		l.Poll(ctx, f("poll"), token, c.ErrOrStderr())
	} else if err := serveListener(ctx, c, l, f("listen")); err != nil {
		return err
	}
	return summarize(c, l.Counts(), count, asJSON)
}

// serveListener takes what is pushed, until ctx ends.
func serveListener(
	ctx context.Context, c *cobra.Command, l *listener.Listener, address string,
) error {
	var lc net.ListenConfig
	at, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", address, err)
	}
	fmt.Fprintf(c.ErrOrStderr(), "listening at http://%s/; Ctrl-C ends it\n", at.Addr())
	s := &http.Server{Handler: l.Handler(), ReadHeaderTimeout: 10 * time.Second}
	var group sync.WaitGroup
	group.Go(func() {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), portalTime)
		defer cancel()
		if s.Shutdown(end) != nil {
			_ = s.Close()
		}
	})
	err = s.Serve(at)
	group.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// faultsOf reads the flags that have the listener behave badly.
func faultsOf(c *cobra.Command) (listener.Faults, error) {
	var f listener.Faults
	f.Seed, _ = c.Flags().GetUint64("seed")
	for name, to := range map[string]*float64{
		"refuse": &f.Refuse, "busy": &f.Busy, "lose": &f.Lose, "delay": &f.Delay,
	} {
		value := c.Flags().Lookup(name).Value.String()
		if value == "" {
			continue
		}
		if name == "delay" {
			rate, longest, _ := strings.Cut(value, ":")
			d, err := time.ParseDuration(longest)
			if err != nil || d <= 0 {
				return f, usage.Errorf("--delay %q: give a part and the longest time, such as "+
					"20%%:300ms", value)
			}
			value, f.Longest = rate, d
		}
		number, percent := strings.CutSuffix(value, "%")
		rate, err := strconv.ParseFloat(number, 64)
		if percent {
			rate /= 100
		}
		if err != nil || !(rate >= 0 && rate <= 1) {
			return f, usage.Errorf("--%s %q is no part: give 5%% or 0.05", name, value)
		}
		*to = rate
	}
	if sum := f.Busy + f.Lose; sum >= 1 {
		return f, usage.Errorf("--busy and --lose add up to %.0f%%: nothing would ever be taken",
			100*sum)
	}
	return f, nil
}

// showEvent writes one line for an event.
func showEvent(w io.Writer, t *secevent.Token, asJSON bool) {
	if asJSON {
		writeLine(w, t)
		return
	}
	var names, about []string
	for _, uri := range slices.Sorted(maps.Keys(t.Events)) {
		names = append(names, strings.TrimPrefix(uri, "urn:ietf:params:scim:event:"))
		p := listener.PayloadOf(t, uri)
		if p.Method != "" {
			about = append(about, p.Method+" "+p.Status)
		}
		if p.Version != "" {
			about = append(about, p.Version)
		}
		if len(p.Attributes) > 0 {
			about = append(about, strings.Join(p.Attributes, ", "))
		}
		if len(p.Data) > 0 {
			about = append(about, string(p.Data))
		}
	}
	subject := t.Subject.URI
	if t.Subject.ExternalID != "" {
		subject += " (" + t.Subject.ExternalID + ")"
	}
	fmt.Fprintln(w, terminal.Harmless(strings.Join([]string{
		time.Unix(t.Time, 0).Format(time.TimeOnly), strings.Join(names, " + "), subject,
		strings.Join(about, "  "),
	}, "  ")))
}

func writeLine(w io.Writer, v any) {
	text, err := json.Marshal(v)
	if err == nil {
		_, _ = fmt.Fprintf(w, "%s\n", text)
	}
}

// summarize says what was seen. It returns [errNotAsPlanned] if that was not right.
func summarize(c *cobra.Command, n listener.Counts, count int, asJSON bool) error {
	if asJSON {
		writeLine(c.OutOrStdout(), n)
	} else {
		fmt.Fprintf(c.OutOrStdout(), "\n%d events of %d resources", n.Events, n.Resources)
		for _, part := range []struct {
			n    int
			text string
		}{
			{n.Again, "came again"},
			{n.Older, "came behind a later version"},
			{n.Refused, "refused"},
			{n.Busy, "put off"},
			{n.Lost, "lost with the connection"},
			{n.Delayed, "delayed"},
			{n.Invalid, "tokens not right"},
		} {
			if part.n > 0 {
				fmt.Fprintf(c.OutOrStdout(), "; %d %s", part.n, part.text)
			}
		}
		fmt.Fprintln(c.OutOrStdout())
	}
	if n.Invalid > 0 || n.Events < count {
		return errNotAsPlanned
	}
	return nil
}
