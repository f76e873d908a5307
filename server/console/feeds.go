package console

import (
	"strings"
	"time"

	"muster/screen"
	"muster/server/administration"
)

// feedsPage shows the feeds of an instance. Made is a new one whose token is shown this
// once, on the answer to the form that made it.
type feedsPage struct {
	Feeds  []administration.Feed
	Made   *administration.MadeFeed
	Server string
	Path   string
	May    bool
	Slug   string
}

func (v *visit) showFeeds() error { return v.feeds(nil) }

func (v *visit) feeds(made *administration.MadeFeed) error {
	list, err := v.console.Admin.ListFeeds(v.Context(), v.scope)
	if err != nil {
		return err
	}
	v.Trail = []screen.Link{{Text: "Settings"}, {Text: "Feeds of events"}}
	return v.Show("feeds", "Feeds of events", feedsPage{
		list, made, strings.TrimSuffix(v.console.PublicURL, "/"), v.path("feeds"), v.May(),
		v.scope.Instance.Slug,
	})
}

// sendFeed makes a feed.
func (v *visit) sendFeed() error {
	n := administration.NewFeed{
		Name: strings.TrimSpace(v.PostFormValue("feed")),
		Push: strings.TrimSpace(v.PostFormValue("push")), Mode: v.PostFormValue("mode"),
		Authorization: strings.TrimSpace(v.PostFormValue("authorization")),
		Filter:        v.PostFormValue("filter"),
	}
	made, err := v.console.Admin.CreateFeed(v.Context(), v.scope, n)
	if err != nil {
		return err
	}
	if made.Token == "" {
		return v.Go(v.path("feeds"), "The feed %s pushes to its receiver from now on.", made.Name)
	}
	v.Form = nil
	return v.feeds(&made)
}

// showFeed shows a feed, and what its receiver has refused for good.
func (v *visit) showFeed() error {
	f, err := v.console.Admin.ShowFeed(v.Context(), v.scope, v.PathValue("feed"))
	if err != nil {
		return err
	}
	parked, err := v.console.Admin.ParkedEvents(v.Context(), v.scope, f.Name)
	if err != nil {
		return err
	}
	v.Trail = []screen.Link{{Text: "Feeds of events", URL: v.path("feeds")}}
	return v.Show("feed", "Feed "+f.Name, struct {
		administration.Feed
		Events []administration.ParkedEvent
		May    bool
		Path   string
		Slug   string
	}{f, parked, v.May(), v.path(""), v.scope.Instance.Slug})
}

// sendFeedChange pauses a feed, has it go on or begin again at a time, drops what is
// parked of it, or deletes it.
func (v *visit) sendFeedChange() error {
	name := v.PathValue("feed")
	here := v.path("feeds", name)
	switch do := v.PostFormValue("do"); do {
	case "pause", "resume":
		if _, err := v.console.Admin.PauseFeed(v.Context(), v.scope, name,
			do == "pause"); err != nil {
			return err
		}
		if do == "pause" {
			return v.Go(here, "The feed is paused. What happens meanwhile is told later.")
		}
		return v.Go(here, "The feed goes on.")
	case "rewind":
		ago, err := time.ParseDuration(strings.TrimSpace(v.PostFormValue("ago")))
		if err != nil || ago < 0 {
			return screen.Fail("%q is no time: give how long ago, such as 36h.",
				v.PostFormValue("ago"))
		}
		n, err := v.console.Admin.RewindFeed(v.Context(), v.scope, name, time.Now().Add(-ago))
		if err != nil {
			return err
		}
		return v.Go(here, "The feed tells again of %d rows of the history.", n)
	case "drop":
		n, err := v.console.Admin.DropParked(v.Context(), v.scope, name)
		if err != nil {
			return err
		}
		return v.Go(here, "%d events are dropped.", n)
	case "delete":
		if err := v.typed(name); err != nil {
			return err
		}
		if err := v.console.Admin.DeleteFeed(v.Context(), v.scope, name); err != nil {
			return err
		}
		return v.Go(v.path("feeds"), "The feed %s is deleted.", name)
	}
	return screen.Fail("Choose what is to be done: pause, resume, rewind, drop or delete.")
}
