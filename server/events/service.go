package events

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"muster/lease"
	"muster/server/history"
	"muster/server/instance"
)

// The paths below the server's address.
const (
	KeysPath = "/events/jwks.json"
	base     = "/events/feeds/"
)

// FeedPath returns the path at which a feed is polled.
func FeedPath(id string) string { return base + id }

// Store keeps feeds, and the keys that sign.
type Store interface {
	// CreateFeed returns instance.ErrExists if the instance has one of that name, and
	// sets the place to the end of the history.
	CreateFeed(ctx context.Context, f *Feed, e *history.Entry) error
	Feeds(ctx context.Context, instanceID string) ([]*Feed, error)
	// Feed returns instance.ErrNotFound if there is none.
	Feed(ctx context.Context, id string) (*Feed, error)
	// ChangeFeed lets change decide on a feed, and takes it from who sends it.
	ChangeFeed(ctx context.Context, instanceID, id string, change func(*Feed) error,
		e *history.Entry) error
	DeleteFeed(ctx context.Context, instanceID, id string, e *history.Entry) error
	// HistoryPlace returns the place before the first row that is not before a time.
	HistoryPlace(ctx context.Context, instanceID string, at time.Time) (int64, error)
	// HistoryAfter calls yield with the rows of the chain behind a place.
	HistoryAfter(ctx context.Context, instanceID string, after int64,
		yield func(history.Sealed) error) error
	Chain(ctx context.Context, instanceID string) (history.Chain, error)

	// DueFeeds returns the feeds that are pushed and behind their history, and
	// HasPushed whether there are any that are pushed.
	DueFeeds(ctx context.Context) ([]Due, error)
	HasPushed(ctx context.Context) (bool, error)
	// ClaimFeed makes a server the owner of a feed, in place of the one that was
	// seen; nil if another one was faster. BeatFeeds tells that an owner lives, and
	// ReleaseFeeds that it sends nothing any more.
	ClaimFeed(ctx context.Context, seen Due, owner string) (*Feed, error)
	BeatFeeds(ctx context.Context, owner string) error
	ReleaseFeeds(ctx context.Context, owner string) error
	// SettleFeed writes how far an owner has come; instance.ErrNotFound if the feed
	// is not its own any more. SettlePoll does so for one that is polled, and returns
	// instance.ErrChanged if it is not as it was.
	SettleFeed(ctx context.Context, owner string, p Progress) error
	SettlePoll(ctx context.Context, was *Feed, p Progress) error
	Parked(ctx context.Context, feedID string) ([]Parked, error)
	CountParked(ctx context.Context, feedID string) (int, error)
	// Unpark deletes what is parked of a feed, and returns how much that was.
	Unpark(ctx context.Context, feedID string) (int, error)
	// EventKeys returns the keys, the newest first; AddEventKey retires the others,
	// and with first set does nothing if there is one.
	EventKeys(ctx context.Context) ([]Key, error)
	AddEventKey(ctx context.Context, k Key, first bool) error
	Instance(ctx context.Context, id string) (*instance.Instance, error)
}

// Resources says how resources are now.
type Resources interface {
	// Matches reports whether the resource that an entry is about matches the filter
	// of a feed now.
	Matches(ctx context.Context, i *instance.Instance, f *Feed, e *history.Entry) (bool, error)
}

// Service sends events to those who listen. Its zero parts are set by [New].
type Service struct {
	// Retry is how long to wait after a failure; after each further one it is twice as
	// long, up to half a minute. Zero stands for a fifth of a second.
	Retry time.Duration

	store     Store
	resources Resources
	public    string
	log       *slog.Logger
	keys      keys
	// owner names this server among others.
	owner                 string
	production, sandboxed *http.Client

	mu      sync.Mutex
	sending map[string]bool
	watch   lease.Watch[Due]
	waiting map[chan struct{}]bool
	// stopped is closed when the server stops.
	stopped chan struct{}
	written chan struct{}
	// waits has a token when somebody has begun to wait.
	waits chan struct{}
	// pushed is whether there were feeds to push when it was asked.
	pushed bool
	asked  time.Time
}

// New returns a service at an address, which may push to private networks that are
// allowed.
func New(store Store, r Resources, public string, allowed []netip.Prefix,
	log *slog.Logger,
) *Service {
	return &Service{
		store: store, resources: r, public: public, log: log, keys: keys{store: store},
		owner:      uuid.NewString(),
		production: newClient(allowed, false), sandboxed: newClient(allowed, true),
		sending: make(map[string]bool),
		waiting: make(map[chan struct{}]bool), stopped: make(chan struct{}),
		written: make(chan struct{}, 1), waits: make(chan struct{}, 1),
	}
}

const (
	// lookTime is how often feeds are looked for that are behind: how late an event
	// is at the most which another server has written. Of its own changes the server
	// is told, but does not look more often than once in shortLook.
	lookTime  = 100 * time.Millisecond
	shortLook = 10 * time.Millisecond
	// longLook is how often it looks whether anybody listens at all.
	longLook = time.Second
)

// Written tells that the history has grown.
func (s *Service) Written() {
	select {
	case s.written <- struct{}{}:
	default:
	}
}

// Run sends what there is to send, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { s.beat(ctx) })
	failing := false
	for ctx.Err() == nil {
		listened, err := s.listened(ctx)
		if err == nil && listened {
			err = s.look(ctx, &group)
		}
		if err != nil && ctx.Err() == nil && !failing {
			s.log.WarnContext(ctx, "events cannot be looked for; it is tried again", "error", err)
		}
		failing = err != nil
		if !s.wake() && !listened {
			select {
			case <-ctx.Done():
			case <-s.waits:
			case <-time.After(longLook):
			}
			continue
		}
		lease.Sleep(ctx, shortLook)
		select {
		case <-ctx.Done():
		case <-s.written:
		case <-time.After(lookTime - shortLook):
		}
	}
	close(s.stopped)
	group.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lease.DeadTime)
	defer cancel()
	if err := s.store.ReleaseFeeds(ctx, s.owner); err != nil {
		s.log.WarnContext(ctx, "the feeds of this server are taken over late", "error", err)
	}
}

// listened reports whether there are feeds that are pushed. It asks no more than once
// in longLook.
func (s *Service) listened(ctx context.Context) (bool, error) {
	if time.Since(s.asked) < longLook {
		return s.pushed, nil
	}
	var err error
	s.pushed, err = s.store.HasPushed(ctx)
	s.asked = time.Now()
	return s.pushed, err
}

// wake has those who wait look again. It reports whether there are any.
func (s *Service) wake() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.waiting {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	return len(s.waiting) > 0
}

// wait makes a place for one who waits to be woken, until leave is called.
func (s *Service) wait() (woken <-chan struct{}, leave func()) {
	c := make(chan struct{}, 1)
	s.mu.Lock()
	s.waiting[c] = true
	s.mu.Unlock()
	select {
	case s.waits <- struct{}{}:
	default:
	}
	return c, func() {
		s.mu.Lock()
		delete(s.waiting, c)
		s.mu.Unlock()
	}
}

func (s *Service) beat(ctx context.Context) {
	lease.Beat(ctx, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.sending) > 0
	}, func(ctx context.Context) error { return s.store.BeatFeeds(ctx, s.owner) },
		func(err error) {
			s.log.WarnContext(ctx, "the owner of feeds cannot tell that it lives", "error", err)
		})
}

// look begins to send the feeds that are behind and that nobody sends.
func (s *Service) look(ctx context.Context, group *sync.WaitGroup) error {
	due, err := s.store.DueFeeds(ctx)
	if err != nil {
		return err
	}
	dead := s.watch.Look(due, func(d Due) string { return d.ID })
	for _, d := range due {
		s.mu.Lock()
		mine := s.sending[d.ID]
		s.mu.Unlock()
		free := d.Owner == "" || d.Owner == s.owner || dead(d)
		if mine || !free {
			continue
		}
		f, err := s.store.ClaimFeed(ctx, d, s.owner)
		if err != nil {
			return err
		}
		if f != nil {
			s.begin(ctx, f, group)
		}
	}
	return nil
}

// begin sends a feed.
func (s *Service) begin(ctx context.Context, f *Feed, group *sync.WaitGroup) {
	s.mu.Lock()
	s.sending[f.ID] = true
	s.mu.Unlock()
	group.Go(func() {
		defer func() {
			s.mu.Lock()
			delete(s.sending, f.ID)
			s.mu.Unlock()
		}()
		i, err := s.store.Instance(ctx, f.InstanceID)
		if err == nil {
			x := &sender{
				Service: s, feed: f, sandbox: i.Environment == instance.Sandbox,
				done: f.done(), tries: make(map[int64]int),
			}
			err = x.run(ctx)
		}
		// A feed that is somebody else's now, or was changed, is not this server's to
		// speak of.
		if err != nil && ctx.Err() == nil && !errors.Is(err, instance.ErrNotFound) {
			s.log.WarnContext(ctx, "a feed cannot be sent; it is tried again", "feed", f.Name,
				"error", err)
			lease.Sleep(ctx, time.Second)
		}
	})
}

// now returns what says how a resource of one instance is now.
func (s *Service) now(ctx context.Context) current {
	var i *instance.Instance
	return func(f *Feed, row history.Sealed) (matches bool, err error) {
		if i == nil {
			if i, err = s.store.Instance(ctx, f.InstanceID); err != nil {
				return false, err
			}
		}
		return s.resources.Matches(ctx, i, f, row.Entry)
	}
}

// PublicKeys returns the keys by which events are verified.
func (s *Service) PublicKeys(ctx context.Context) (*jose.JSONWebKeySet, error) {
	return s.keys.Public(ctx)
}

// RotateKey makes a new key, which signs once all servers publish it.
func RotateKey(ctx context.Context, store Store, now time.Time) (string, error) {
	k, err := newKey(now)
	if err != nil {
		return "", err
	}
	return k.ID, store.AddEventKey(ctx, k, false)
}
