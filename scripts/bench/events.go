package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"muster/server/store/pgtest"
)

// events is what feeds of events cost, and how fast they are.
type events struct {
	// Alone, Polled and Pushed are changes a second of an instance without feeds, with
	// ten that are polled, and with ten that are pushed at the same time; in turn.
	Alone, Polled, Pushed float64
	// Delivered is how many events a second one receiver is pushed that lie ready.
	Events    int
	Delivered float64
	// Lag is how long after the answer to a change its event arrives, while nothing else
	// happens.
	Lags int
	Lag  measured
}

const (
	eventUsers  = 200
	eventFeeds  = 10
	eventRounds = 12
	eventsReady = 5000
	lagRounds   = 100
)

// ear is a receiver that is pushed events, and takes all of them.
type ear struct {
	*httptest.Server
	mu      sync.Mutex
	n       int
	arrived map[string]time.Time // by transaction
	// first and last are when the first and the last one arrived.
	first, last time.Time
}

func newEar() *ear {
	e := &ear{arrived: make(map[string]time.Time)}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		now := time.Now()
		var c struct {
			Subject struct{ URI string } `json:"sub_id"`
		}
		if parts := strings.Split(string(text), "."); err == nil && len(parts) == 3 {
			claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
			_ = json.Unmarshal(claims, &c)
		}
		e.mu.Lock()
		if e.n++; e.n == 1 {
			e.first = now
		}
		e.last, e.arrived[c.Subject.URI] = now, now
		e.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	}))
	return e
}

func (e *ear) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.n
}

// fed is an instance with users, and with feeds.
type fed struct {
	*bench
	name, database string
	*target
}

// fedInstance makes an instance, which may push to this machine.
func (b *bench) fedInstance(
	ctx context.Context, name, database string, server *target,
) (*fed, error) {
	holder := "scim-sync-" + name
	var key string
	for _, args := range [][]string{
		{"instance", "create", name, "--environment", "sandbox"},
		{"user", "create", holder, "--instance", name, "--integration", "--role", "lite-admin"},
		{"key", "create", "--instance", name, "--user", holder, "--json"},
	} {
		var err error
		if key, err = b.run(ctx, database, args...); err != nil {
			return nil, err
		}
	}
	f := &fed{b, name, database, &target{name: name, token: keyIn(key), bases: server.bases}}
	l := newLoader(f.target, 1)
	for n := range eventUsers {
		body, err := l.send(ctx, &request{
			method: "POST", path: "/Users", want: 201,
			body: fmt.Appendf(nil, `{"userName":"%s%d"}`, name, n),
		})
		if err != nil {
			return nil, err
		}
		f.ids = append(f.ids, known{n, resourceID(body)})
	}
	return f, nil
}

// feed makes a feed; half of those that are polled have a filter, half the values.
func (f *fed) feed(ctx context.Context, n int, to *ear) error {
	args := []string{"feed", "create", fmt.Sprint("f", n), "--instance", f.name}
	switch {
	case to != nil:
		args = append(args, "--push", to.URL)
	case n%2 == 0:
		args = append(args, "--poll", "--filter", `title eq "Analyst"`)
	default:
		args = append(args, "--poll", "--mode", "full")
	}
	_, err := f.run(ctx, f.database, args...)
	return err
}

// changes suspend and reactivate users, each a change with an event.
func (f *fed) changes() next {
	return func(client, n int) *request {
		// A client has users of its own, so that each request is a change.
		u := f.ids[(client*17+n/2)%len(f.ids)]
		return &request{
			method: "PATCH", path: "/Users/" + u.id, want: 200, body: []byte(patchBody(fmt.Sprintf(
				`{"op":"replace","path":"title","value":"%d-%d"}`, client, n))),
		}
	}
}

// measureEvents measures feeds on a database of their own.
func (o options) measureEvents(
	ctx context.Context, server *pgtest.Server,
) (e *events, err error) {
	name, drop, err := server.Database(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	b := &bench{options: o, setup: setup{Servers: 1}}
	defer func() { err = errors.Join(err, b.stop()) }()
	database := server.Direct(ctx, name)
	at, err := b.empty(ctx, "events", database)
	if err != nil {
		return nil, err
	}
	e = &events{}
	if err := b.feedCosts(ctx, database, at, e); err != nil {
		return nil, err
	}
	progress("changes: %.0f/s without feeds, %.0f/s with %d polled, %.0f/s with %d pushed", e.Alone,
		e.Polled, eventFeeds, e.Pushed, eventFeeds)
	if err := b.feedSpeed(ctx, database, at, e); err != nil {
		return nil, err
	}
	progress("%d events at %.0f/s; idle, they arrive after %v (95 %%: %v)", e.Events, e.Delivered,
		e.Lag.P50, e.Lag.P95)
	return e, nil
}

// feedCosts measures changes of instances without and with feeds, in turn.
func (b *bench) feedCosts(
	ctx context.Context, database string, at *target, e *events,
) error {
	to := newEar()
	defer to.Close()
	var list []*fed
	for _, name := range []string{"alone", "polled", "pushed"} {
		f, err := b.fedInstance(ctx, name, database, at)
		if err != nil {
			return err
		}
		list = append(list, f)
		for n := range eventFeeds {
			switch name {
			case "polled":
				err = f.feed(ctx, n, nil)
			case "pushed":
				err = f.feed(ctx, n, to)
			}
			if err != nil {
				return err
			}
		}
	}
	var sums [3]float64
	for round := range eventRounds + 1 {
		for n := range list { // in another order each time: a machine grows faster and slower
			i := (n + round) % len(list)
			f := list[i]
			l := newLoader(f.target, b.clients[0])
			got, err := l.run(ctx, b.clients[0], b.time, f.changes())
			if err != nil {
				return err
			}
			if round > 0 { // the first one finds everything cold
				sums[i] += got.PerSecond / eventRounds
			}
			if err := quiet(ctx, to); err != nil {
				return err
			}
		}
	}
	e.Alone, e.Polled, e.Pushed = sums[0], sums[1], sums[2]
	return nil
}

// quiet waits until nothing more arrives: what is left of one load is no burden of the
// next one.
func quiet(ctx context.Context, to *ear) error {
	for before := -1; ; {
		n := to.count()
		if n == before {
			return nil
		}
		before = n
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// feedSpeed measures how fast one receiver is pushed events.
func (b *bench) feedSpeed(
	ctx context.Context, database string, at *target, e *events,
) error {
	f, err := b.fedInstance(ctx, "speed", database, at)
	if err != nil {
		return err
	}
	to := newEar()
	defer to.Close()
	if err := f.feed(ctx, 0, to); err != nil {
		return err
	}
	if _, err := b.run(ctx, database, "feed", "pause", "f0", "--instance", f.name); err != nil {
		return err
	}
	l := newLoader(f.target, 8)
	mine := f.changes()
	for e.Events < eventsReady {
		sent := 0
		var mu sync.Mutex
		if _, err := l.run(ctx, 8, time.Second, func(client, n int) *request {
			r := mine(client, e.Events+n)
			r.done = func([]byte) {
				mu.Lock()
				defer mu.Unlock()
				sent++
			}
			return r
		}); err != nil {
			return err
		}
		e.Events += sent
	}
	if _, err := b.run(ctx, database, "feed", "resume", "f0", "--instance", f.name); err != nil {
		return err
	}
	for to.count() < e.Events {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	to.mu.Lock()
	e.Delivered = float64(e.Events) / to.last.Sub(to.first).Seconds()
	to.mu.Unlock()
	return f.lag(ctx, l, to, e)
}

// lag measures how late an event is while nothing else happens.
func (f *fed) lag(ctx context.Context, l *loader, to *ear, e *events) error {
	var all []time.Duration
	for n := range lagRounds {
		u := f.ids[n%len(f.ids)]
		time.Sleep(100 * time.Millisecond)
		to.mu.Lock()
		delete(to.arrived, "/Users/"+u.id)
		to.mu.Unlock()
		r := f.changes()(99, n)
		r.path = "/Users/" + u.id
		if _, err := l.send(ctx, r); err != nil {
			return err
		}
		answered := time.Now()
		for {
			to.mu.Lock()
			at, ok := to.arrived["/Users/"+u.id]
			to.mu.Unlock()
			if ok {
				all = append(all, max(0, at.Sub(answered)))
				break
			}
			if time.Since(answered) > 10*time.Second {
				return errors.New("an event did not arrive within ten seconds")
			}
			time.Sleep(200 * time.Microsecond)
		}
	}
	slices.Sort(all)
	e.Lags, e.Lag = len(all), summarize(all, time.Second)
	return nil
}

// eventsTable renders what feeds cost.
func (r *report) eventsTable(b *strings.Builder) {
	e := r.Events
	if e == nil {
		return
	}
	b.WriteString("\n### Feeds of events\n\n| what | measured |\n| --- | --: |\n")
	for _, row := range [][2]string{
		{"changes/s of an instance without feeds", thousands(e.Alone)},
		{
			fmt.Sprintf("the same with %d feeds that are polled", eventFeeds),
			fmt.Sprintf("%s (%s)", thousands(e.Polled), ratio(e.Polled/e.Alone)),
		},
		{
			fmt.Sprintf("the same with %d feeds that are pushed meanwhile, on the same processors",
				eventFeeds),
			fmt.Sprintf("%s (%s)", thousands(e.Pushed), ratio(e.Pushed/e.Alone)),
		},
		{
			fmt.Sprintf("events/s pushed to one receiver, of %s that lie ready",
				thousands(float64(e.Events))),
			thousands(e.Delivered),
		},
		{
			"how late an event arrives when idle: p50, p95, p99",
			fmt.Sprintf("%s, %s, %s", short(e.Lag.P50), short(e.Lag.P95), short(e.Lag.P99)),
		},
	} {
		fmt.Fprintf(b, "| %s | %s |\n", row[0], row[1])
	}
}
