package command

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster/server/administration"
	"muster/server/events"
	"muster/server/provisioning"
	"muster/usage"
)

const feedExample = `  muster-server feed create app --instance acme \
      --push https://app.example.com/events --authorization "Bearer TOKEN"
  muster-server feed create suspensions --instance acme --poll --type deactivate --type delete
  muster-server feed create crm --instance acme --poll --filter 'userType eq "Sales"' --mode full`

func newFeed() *cobra.Command {
	c := &cobra.Command{
		Use: "feed", Short: "Tell listeners of changes, as SCIM events (RFC 9967)",
		Long: `A feed tells one receiver of the changes of an instance: as signed Security Event
Tokens, pushed to it (RFC 8935) or polled by it (RFC 8936). It is a position in the
change history: each change is told at least once, those of one resource in their order.`,
	}
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a feed", Args: cobra.ExactArgs(1), RunE: runIn(createFeed),
		Long:    `Make a feed. With --poll it prints the token that its receiver polls with, once.`,
		Example: feedExample,
	}
	create.Flags().String("push", "", "the URL of the receiver to push to")
	create.Flags().Bool("poll", false, "the receiver polls")
	create.MarkFlagsOneRequired("push", "poll")
	create.MarkFlagsMutuallyExclusive("push", "poll")
	create.Flags().String("authorization", "", "the Authorization header for the receiver")
	create.Flags().String("mode", "notice",
		"notice: the names of what changed; full: with the values")
	usage.Complete(create, "mode", usage.OneOf("notice", "full"))
	create.Flags().StringSlice("type", nil,
		"a type of event: create, patch, put, delete, activate, deactivate, "+
			"feed-add, feed-remove, asyncresp; can be repeated; all by default")
	create.Flags().String("filter", "", "a SCIM filter: only resources that match it")
	create.Flags().String("audience", "", "the \"aud\" of the tokens; the feed's URL by default")
	create.Flags().String("from", "",
		"tell of changes since then: a time, such as 2026-05-01T08:00:00Z, or 36h for as long ago")
	list := &cobra.Command{
		Use: "list", Short: "List the feeds of an instance, with what went wrong last",
		Args: cobra.NoArgs, RunE: runIn(listFeeds),
	}
	show := &cobra.Command{
		Use: "show NAME", Short: "Show a feed", Args: cobra.ExactArgs(1), RunE: runIn(showFeed),
	}
	pause := &cobra.Command{
		Use: "pause NAME", Short: "Pause a feed; what happens meanwhile is told later",
		Args: cobra.ExactArgs(1), RunE: runIn(pauseFeed),
	}
	resume := &cobra.Command{
		Use: "resume NAME", Short: "Go on", RunE: runIn(resumeFeed), Args: cobra.ExactArgs(1),
	}
	rewind := &cobra.Command{
		Use: "rewind NAME", Short: "Tell again of all changes since a time",
		Args: cobra.ExactArgs(1), RunE: runIn(rewindFeed),
		Example: `  muster-server feed rewind app --instance acme --to 2026-05-01T08:00:00Z
  muster-server feed rewind app --instance acme --to 36h`,
	}
	rewind.Flags().String("to", "", "a time, or for how long ago, such as 36h")
	if err := rewind.MarkFlagRequired("to"); err != nil {
		panic(err)
	}
	parked := &cobra.Command{
		Use: "parked NAME", Short: "Show the events that the receiver has refused for good",
		Args: cobra.ExactArgs(1), RunE: runIn(parkedEvents),
	}
	parked.Flags().Bool("drop", false, "delete them: they were looked at")
	remove := &cobra.Command{
		Use: "delete NAME", Short: "Delete a feed, and what is parked of it",
		Args: cobra.ExactArgs(1), RunE: runIn(deleteFeed),
	}
	rotate := &cobra.Command{
		Use: "rotate-key", Short: "Sign the events of all instances with a new key",
		Args: cobra.NoArgs, RunE: run(rotateEventKey),
		Long: `Make a new key that signs events, for the whole deployment. It is published at
/events/jwks.json at once and signs a few seconds later; the old one stays published for
30 days, so that what it has signed can be verified.`,
	}
	withInstance(create, list, show, pause, resume, rewind, parked, remove)
	withJSON(create, list, show, parked)
	c.AddCommand(create, list, show, pause, resume, rewind, parked, remove, rotate)
	return c
}

// moment reads a time, or how long ago it was.
func moment(flag, value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(value); err == nil && d >= 0 {
		return time.Now().Add(-d), nil
	}
	at, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return at, usage.Errorf("--%s %q is no time: give one such as 2026-05-01T08:00:00Z, or "+
			"how long ago, such as 36h", flag, value)
	}
	return at, nil
}

func createFeed(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	n := administration.NewFeed{
		Name: args[0], Push: text(c, "push"), Authorization: text(c, "authorization"),
		Mode: text(c, "mode"), Filter: text(c, "filter"), Audience: text(c, "audience"),
	}
	n.Types, _ = c.Flags().GetStringSlice("type")
	var err error
	if n.From, err = moment("from", text(c, "from")); err != nil {
		return err
	}
	f, err := a.admin.CreateFeed(c.Context(), sc, n)
	if err != nil {
		return err
	}
	return a.print(c, f, func() error {
		if f.Token == "" {
			return a.line("feed %s of instance %s pushes to %s", f.Name, sc.Instance.Slug, f.URL)
		}
		return a.line("%s\n\nThis is the only time that the token is shown. The receiver polls "+
			"with it, as RFC 8936 says:\nPOST %s, below the server's address.", f.Token, f.Path)
	})
}

func listFeeds(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	list, err := a.admin.ListFeeds(c.Context(), sc)
	if err != nil {
		return err
	}
	return a.print(c, list, func() error {
		rows := make([][]string, len(list))
		for i, f := range list {
			to, last := f.URL, "-"
			if to == "" {
				to = f.Path
			}
			if f.DeliveredAt != nil {
				last = stamp(*f.DeliveredAt)
			}
			rows[i] = []string{
				f.Name, string(f.Delivery), to, string(f.Mode), f.State,
				strconv.FormatInt(f.Position, 10), strconv.FormatInt(f.Behind, 10),
				strconv.FormatInt(f.Delivered, 10), last, strconv.Itoa(f.Parked), f.Error,
			}
		}
		return a.table("FEED | DELIVERY | TO | MODE | STATE | POSITION | BEHIND | DELIVERED | "+
			"LAST | PARKED | ERROR", rows)
	})
}

func showFeed(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	f, err := a.admin.ShowFeed(c.Context(), sc, args[0])
	if err != nil {
		return err
	}
	return a.print(c, f, func() error {
		for _, row := range [][2]string{
			{"feed", f.Name},
			{"id", f.ID},
			{"delivery", string(f.Delivery)},
			{"url", f.URL},
			{"path", f.Path},
			{"mode", string(f.Mode)},
			{"types", strings.Join(f.Types, ", ")},
			{"filter", f.Filter},
			{"audience", f.Audience},
			{"state", f.State},
			{"position", strconv.FormatInt(f.Position, 10)},
			{"behind", strconv.FormatInt(f.Behind, 10) + " rows of the history"},
			{"delivered", strconv.FormatInt(f.Delivered, 10)},
			{"parked", strconv.Itoa(f.Parked)},
			{"error", f.Error},
		} {
			if row[1] == "" {
				continue
			}
			if err := a.line("%-10s %s", row[0], row[1]); err != nil {
				return err
			}
		}
		return nil
	})
}

func pauseFeed(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	return a.setPaused(c, sc, args[0], true)
}

func resumeFeed(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	return a.setPaused(c, sc, args[0], false)
}

func (a *application) setPaused(
	c *cobra.Command, sc provisioning.Scope, name string, pause bool,
) error {
	changed, err := a.admin.PauseFeed(c.Context(), sc, name, pause)
	if err != nil {
		return err
	}
	state := map[bool]string{true: "paused", false: "not paused"}[pause]
	if !changed {
		return a.line("feed %s is %s already", name, state)
	}
	return a.line("feed %s is %s", name, state)
}

func rewindFeed(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	to, err := moment("to", text(c, "to"))
	if err != nil {
		return err
	}
	rows, err := a.admin.RewindFeed(c.Context(), sc, args[0], to)
	if err != nil {
		return err
	}
	return a.line("feed %s tells again of %d rows of the history", args[0], rows)
}

func parkedEvents(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	if drop, _ := c.Flags().GetBool("drop"); drop {
		n, err := a.admin.DropParked(c.Context(), sc, args[0])
		if err != nil {
			return err
		}
		return a.line("%d events deleted", n)
	}
	list, err := a.admin.ParkedEvents(c.Context(), sc, args[0])
	if err != nil {
		return err
	}
	return a.print(c, list, func() error {
		rows := make([][]string, len(list))
		for i, p := range list {
			about := "a row of the history that is gone"
			if p.Entry != nil {
				about = string(p.Entry.Action) + " " + p.Entry.Target.Name
			}
			rows[i] = []string{p.ID, stamp(p.At), about, p.Error}
		}
		return a.table("EVENT | AT | ABOUT | ERROR", rows)
	})
}

func deleteFeed(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	if err := a.admin.DeleteFeed(c.Context(), sc, args[0]); err != nil {
		return err
	}
	return a.line("feed %s is deleted", args[0])
}

func rotateEventKey(a *application, c *cobra.Command, _ []string) error {
	id, err := events.RotateKey(c.Context(), a.store, time.Now())
	if err != nil {
		return err
	}
	return a.line("key %s is published now, and signs in a few seconds", id)
}

// sendEvents begins to send events.
func (a *application) sendEvents(
	c *cobra.Command, public string, log *slog.Logger,
) (*events.Service, error) {
	allowed, err := proxies(text(c, "allow-networks"))
	if err != nil {
		return nil, fmt.Errorf("--allow-networks: %w", err)
	}
	s := events.New(a.store, a.admin.Users, strings.TrimSuffix(public, "/"), allowed, log)
	a.store.OnHistory(s.Written)
	a.beside.Go(func() { s.Run(c.Context()) })
	return s, nil
}
