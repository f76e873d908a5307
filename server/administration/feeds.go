package administration

import (
	"context"
	"crypto/rand"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"muster/server/events"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
)

// Feed is a feed of events as administrators see it: without its secrets.
type Feed struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Delivery events.Delivery `json:"delivery"`
	// Path is where a feed is polled, below the server's address.
	Path     string      `json:"path,omitempty"`
	URL      string      `json:"url,omitempty"`
	Mode     events.Mode `json:"mode"`
	Types    []string    `json:"types"`
	Filter   string      `json:"filter,omitempty"`
	Audience string      `json:"audience,omitempty"`
	Created  time.Time   `json:"created"`
	// State is "up to date", "behind", "failing" or "paused".
	State string `json:"state"`
	// Position is the place in the history up to which everything is done, and Behind
	// how many rows there are after it.
	Position    int64      `json:"position"`
	Behind      int64      `json:"behind"`
	Delivered   int64      `json:"delivered"`
	DeliveredAt *time.Time `json:"deliveredAt,omitempty"`
	Parked      int        `json:"parked"`
	Failures    int64      `json:"failures"`
	Error       string     `json:"error,omitempty"`
	ErrorAt     *time.Time `json:"errorAt,omitempty"`
}

// NewFeed is a feed that is to be made.
type NewFeed struct {
	Name string `json:"name"`
	// Push is the URL of a receiver, and Authorization the header that goes with it;
	// without one the feed is polled.
	Push          string   `json:"push"`
	Authorization string   `json:"authorization"`
	Mode          string   `json:"mode"`
	Types         []string `json:"types"`
	Filter        string   `json:"filter"`
	Audience      string   `json:"audience"`
	// From is the time from which on changes are told; zero for from now on.
	From time.Time `json:"from"`
}

// MadeFeed is a feed that was made. Token is what its receiver polls with: nobody can
// see it again.
type MadeFeed struct {
	Feed
	Token string `json:"token,omitempty"`
}

var (
	feedNames   = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)
	headerTexts = regexp.MustCompile(`^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$`)
)

// setup checks how a feed is to be set up.
func (s *Service) setup(sc provisioning.Scope, n NewFeed) (events.Setup, error) {
	x := events.Setup{
		Delivery: events.Poll, Mode: events.Mode(strings.ToLower(n.Mode)),
		Filter: strings.TrimSpace(n.Filter), Audience: n.Audience,
	}
	switch x.Mode {
	case "":
		x.Mode = events.Notice
	case events.Notice, events.Full:
	default:
		return x, instance.Refuse("unknown mode %q: use notice (the names of what changed) or "+
			"full (with the values)", n.Mode)
	}
	if n.Push != "" {
		x.Delivery, x.URL, x.Authorization = events.Push, n.Push, n.Authorization
		if err := events.CheckURL(n.Push,
			sc.Instance.Environment == instance.Sandbox); err != nil {
			return x, err
		}
	}
	if n.Authorization != "" && (n.Push == "" || !headerTexts.MatchString(n.Authorization)) {
		return x, instance.Refuse("the authorization is the header that is sent to a receiver " +
			"which events are pushed to, such as \"Bearer TOKEN\": give it with push, in ASCII, " +
			"on one line")
	}
	for _, name := range n.Types {
		t, err := events.ParseType(name)
		if err != nil {
			return x, err
		}
		if !slices.Contains(x.Types, t) {
			x.Types = append(x.Types, t)
		}
	}
	if x.Filter != "" {
		return x, events.CheckFilter(x.Filter, s.Users.UserType(sc.Instance), s.Users.GroupType())
	}
	return x, nil
}

// CreateFeed makes a feed of events.
func (s *Service) CreateFeed(
	ctx context.Context, sc provisioning.Scope, n NewFeed,
) (MadeFeed, error) {
	if !feedNames.MatchString(n.Name) {
		return MadeFeed{}, instance.Refuse("the name %q of the feed is not valid: use up to 40 "+
			"lower-case letters, digits and hyphens, and begin with a letter", n.Name)
	}
	setup, err := s.setup(sc, n)
	if err != nil {
		return MadeFeed{}, err
	}
	f := &events.Feed{
		ID:         strings.ReplaceAll(uuid.NewString(), "-", ""),
		InstanceID: sc.Instance.ID, Name: n.Name, Setup: setup,
		Created: time.Now().UTC().Truncate(time.Millisecond), Epoch: 1,
	}
	token := ""
	if setup.Delivery == events.Poll {
		token = "feed_" + rand.Text() + rand.Text()
		f.Token = events.Digest(token)
	}
	e := feedEntry(sc, history.FeedCreate, f)
	e.Detail = string(setup.Delivery) + ", " + string(setup.Mode)
	err = s.Feeds.CreateFeed(ctx, f, e)
	if errors.Is(err, instance.ErrExists) {
		return MadeFeed{}, instance.Existing("instance %s has a feed %q already", sc.Instance.Slug,
			n.Name)
	}
	if err == nil && !n.From.IsZero() {
		_, err = s.RewindFeed(ctx, sc, n.Name, n.From)
	}
	if err != nil {
		return MadeFeed{}, err
	}
	shown, err := s.ShowFeed(ctx, sc, n.Name)
	return MadeFeed{shown, token}, err
}

func feedEntry(sc provisioning.Scope, a history.Action, f *events.Feed) *history.Entry {
	return history.New(sc.Instance.ID, time.Now(), sc.Actor, a,
		history.Target{Type: "Feed", ID: f.ID, Name: f.Name})
}

// feed returns the feed of a name.
func (s *Service) feed(
	ctx context.Context, sc provisioning.Scope, name string,
) (*events.Feed, error) {
	list, err := s.Feeds.Feeds(ctx, sc.Instance.ID)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list, func(f *events.Feed) bool { return f.Name == name })
	if i < 0 {
		return nil, instance.Missing("instance %s has no feed %q; `muster-server feed list "+
			"--instance %s` shows its feeds", sc.Instance.Slug, name, sc.Instance.Slug)
	}
	return list[i], nil
}

// ListFeeds returns the feeds of an instance, by name.
func (s *Service) ListFeeds(ctx context.Context, sc provisioning.Scope) ([]Feed, error) {
	list, err := s.Feeds.Feeds(ctx, sc.Instance.ID)
	if err != nil {
		return nil, err
	}
	c, err := s.Feeds.Chain(ctx, sc.Instance.ID)
	if err != nil {
		return nil, err
	}
	shown := make([]Feed, len(list))
	for i, f := range list {
		parked, err := s.Feeds.CountParked(ctx, f.ID)
		if err != nil {
			return nil, err
		}
		shown[i] = describeFeed(f, c, parked)
	}
	return shown, nil
}

// ShowFeed returns the feed of a name.
func (s *Service) ShowFeed(
	ctx context.Context, sc provisioning.Scope, name string,
) (Feed, error) {
	list, err := s.ListFeeds(ctx, sc)
	if err != nil {
		return Feed{}, err
	}
	i := slices.IndexFunc(list, func(f Feed) bool { return f.Name == name })
	if i < 0 {
		_, err := s.feed(ctx, sc, name)
		return Feed{}, err
	}
	return list[i], nil
}

func describeFeed(f *events.Feed, c history.Chain, parked int) Feed {
	d := Feed{
		ID: f.ID, Name: f.Name, Delivery: f.Delivery, URL: f.URL, Mode: f.Mode, Filter: f.Filter,
		Audience: f.Audience, Created: f.Created, Position: f.Seq, Behind: max(0, c.Seq-f.Seq),
		Delivered: f.Delivered, Parked: parked, Failures: f.Failures, Error: f.Error,
		Types: []string{}, State: "up to date",
	}
	if f.Delivery == events.Poll {
		d.Path = events.FeedPath(f.ID)
	}
	types := f.Types
	if len(types) == 0 {
		types = events.Types()
	}
	for _, t := range types {
		d.Types = append(d.Types, t.Name())
	}
	if !f.DeliveredAt.IsZero() {
		d.DeliveredAt = &f.DeliveredAt
	}
	if f.Error != "" {
		d.ErrorAt = &f.ErrorAt
	}
	switch {
	case !f.Paused.IsZero():
		d.State = "paused"
	case f.Error != "":
		d.State = "failing"
	case d.Behind > 0:
		d.State = "behind"
	}
	return d
}

// DeleteFeed deletes a feed, with what was parked of it.
func (s *Service) DeleteFeed(ctx context.Context, sc provisioning.Scope, name string) error {
	f, err := s.feed(ctx, sc, name)
	if err != nil {
		return err
	}
	return s.Feeds.DeleteFeed(ctx, sc.Instance.ID, f.ID, feedEntry(sc, history.FeedDelete, f))
}

// PauseFeed pauses a feed, or has it go on: nothing is lost meanwhile. It reports
// false if it was so before.
func (s *Service) PauseFeed(
	ctx context.Context, sc provisioning.Scope, name string, pause bool,
) (changed bool, err error) {
	f, err := s.feed(ctx, sc, name)
	if err != nil || f.Paused.IsZero() != pause {
		return false, err
	}
	e := feedEntry(sc, history.FeedUpdate, f)
	e.Detail = "goes on"
	if pause {
		e.Detail = "paused"
	}
	err = s.Feeds.ChangeFeed(ctx, sc.Instance.ID, f.ID, func(f *events.Feed) error {
		f.Paused = time.Time{}
		if pause {
			f.Paused = e.Time
		}
		return nil
	}, e)
	return err == nil, err
}

// RewindFeed has a feed tell again of all changes since a time: under other ids, in
// the same transactions. It returns how many rows of the history that are.
func (s *Service) RewindFeed(
	ctx context.Context, sc provisioning.Scope, name string, to time.Time,
) (rows int64, err error) {
	f, err := s.feed(ctx, sc, name)
	if err != nil {
		return 0, err
	}
	place, err := s.Feeds.HistoryPlace(ctx, sc.Instance.ID, to)
	if err != nil {
		return 0, err
	}
	e := feedEntry(sc, history.FeedRewind, f)
	e.Detail = "to " + to.UTC().Format(time.RFC3339)
	err = s.Feeds.ChangeFeed(ctx, sc.Instance.ID, f.ID, func(f *events.Feed) error {
		rows = f.Seq - place
		f.Epoch++
		f.Seq, f.Acked = place, nil
		return nil
	}, e)
	return max(rows, 0), err
}

// ParkedEvent is an event that a receiver has refused for good.
type ParkedEvent struct {
	// ID is the "jti" of the token.
	ID    string         `json:"id"`
	At    time.Time      `json:"at"`
	Error string         `json:"error"`
	Entry *history.Entry `json:"entry,omitempty"`
}

// ParkedEvents returns what a feed's receiver has refused for good, with the rows of
// the history that it is about.
func (s *Service) ParkedEvents(
	ctx context.Context, sc provisioning.Scope, name string,
) ([]ParkedEvent, error) {
	f, err := s.feed(ctx, sc, name)
	if err != nil {
		return nil, err
	}
	parked, err := s.Feeds.Parked(ctx, f.ID)
	list := make([]ParkedEvent, len(parked))
	for i, p := range parked {
		was := *f
		was.Epoch = p.Epoch
		list[i] = ParkedEvent{ID: was.TokenID(p.Seq), At: p.At, Error: p.Error}
		err := s.Feeds.HistoryAfter(ctx, sc.Instance.ID, p.Seq-1, func(r history.Sealed) error {
			if r.Seq == p.Seq {
				list[i].Entry = r.Entry
			}
			return errFound
		})
		if err != nil && !errors.Is(err, errFound) {
			return nil, err
		}
	}
	return list, err
}

// errFound ends a search.
var errFound = errors.New("found")

// DropParked deletes what is parked of a feed: it was looked at.
func (s *Service) DropParked(
	ctx context.Context, sc provisioning.Scope, name string,
) (int, error) {
	f, err := s.feed(ctx, sc, name)
	if err != nil {
		return 0, err
	}
	return s.Feeds.Unpark(ctx, f.ID)
}
