package events_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster/server/administration"
	"muster/server/events"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/store"
	"muster/server/store/pgtest"
)

// town is an instance, and what may be done with it.
type town struct {
	store *store.Store
	admin *administration.Service
	scope provisioning.Scope
}

func newTown(t *testing.T, database string) *town {
	t.Helper()
	return newTownIn(t, database, instance.Sandbox)
}

func newTownIn(t *testing.T, database string, env instance.Environment) *town {
	t.Helper()
	fatal := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(t.Context(), database)
	fatal(err)
	t.Cleanup(func() { _ = s.Close() })
	users, err := provisioning.NewService(s, slog.New(slog.DiscardHandler), nil)
	fatal(err)
	w := &town{store: s, admin: &administration.Service{
		Instances: instance.NewService(s, s, nil), Users: users, Outbox: s, Feeds: s,
	}}
	actor := history.Actor{Kind: history.Administrator, Name: "test"}
	_, err = w.admin.CreateInstance(t.Context(), instance.Instance{
		Slug: "acme", Environment: env,
	}, actor)
	fatal(err)
	w.scope, err = w.admin.Scope(t.Context(), "acme", actor)
	fatal(err)
	return w
}

// receiver counts what arrives. It behaves as told: with an answer of its own to some
// requests.
type receiver struct {
	mu      sync.Mutex
	answers []int // taken one after the other, and then 202
	// versions are those that arrived of each resource, and ids how often each token.
	versions map[string][]string
	ids      map[string]int
	refused  map[string]bool
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	text, err := io.ReadAll(q.Body)
	if err != nil || q.Header.Get("Content-Type") != events.MediaType {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	status := http.StatusAccepted
	if len(r.answers) > 0 {
		status, r.answers = r.answers[0], r.answers[1:]
	}
	switch {
	case status == 0: // it is taken, and the answer is lost
		r.take(string(text))
		panic(http.ErrAbortHandler)
	case status == http.StatusBadRequest:
		r.refused[claims(string(text)).ID] = true
	case status < 300:
		r.take(string(text))
	}
	w.WriteHeader(status)
}

func (r *receiver) take(token string) {
	c := claims(token)
	if r.ids[c.ID]++; r.ids[c.ID] > 1 {
		return
	}
	for _, e := range c.Events {
		if m, _ := e.(map[string]any); m["version"] != nil {
			r.versions[c.Subject.URI] = append(r.versions[c.Subject.URI], fmt.Sprint(m["version"]))
		}
	}
}

func claims(token string) (c events.Claims) {
	if parts := strings.Split(token, "."); len(parts) == 3 {
		if text, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(text, &c)
		}
	}
	return c
}

// TestPushed: whatever a receiver answers, each change arrives, those of a person in
// their order, or is parked; also when the server that sends stops in between, and
// another goes on.
func TestPushed(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		testPushed(t, newTown(t, "sqlite:"+filepath.Join(t.TempDir(), "m.db")))
	})
	t.Run("PostgreSQL", func(t *testing.T) { testPushed(t, newTown(t, pgtest.Open(t))) })
}

func testPushed(t *testing.T, w *town) {
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		to := &receiver{
			versions: make(map[string][]string), ids: make(map[string]int),
			refused: make(map[string]bool),
		}
		to.answers = rapid.SliceOfN(rapid.SampledFrom([]int{202, 202, 200, 0, 400, 429, 500, 503}),
			0, 12).Draw(rt, "answers")
		at := httptest.NewServer(to)
		defer at.Close()
		name := fmt.Sprintf("feed-%d", round)
		if _, err := w.admin.CreateFeed(t.Context(), w.scope,
			administration.NewFeed{Name: name, Push: at.URL, Types: []string{
				"create", "patch",
			}}); err != nil {
			rt.Fatal(err)
		}
		defer func() {
			if err := w.admin.DeleteFeed(t.Context(), w.scope, name); err != nil {
				rt.Fatal(err)
			}
		}()
		ctx, stop := context.WithCancel(t.Context())
		first := serveEvents(ctx, w)
		changes := w.change(rt, round)
		if rapid.Bool().Draw(rt, "stop") {
			stop()
			<-first
			ctx, stop = context.WithCancel(t.Context())
			first = serveEvents(ctx, w)
		}
		defer func() { stop(); <-first }()
		w.untilDone(rt, name)
		to.mu.Lock()
		defer to.mu.Unlock()
		parked, err := w.admin.ParkedEvents(t.Context(), w.scope, name)
		if err != nil {
			rt.Fatal(err)
		}
		// One that comes twice may be taken once and refused once.
		told := maps.Clone(to.ids)
		for _, p := range parked {
			if !to.refused[p.ID] {
				rt.Fatalf("%s is parked, and was not refused", p.ID)
			}
			told[p.ID]++
		}
		if len(told) != changes {
			rt.Fatalf("%d changes, %d arrived or are parked", changes, len(told))
		}
		for uri, list := range to.versions {
			for i := 1; i < len(list); i++ {
				if list[i-1] >= list[i] {
					rt.Fatalf("%s: versions %v are out of their order", uri, list)
				}
			}
		}
	})
}

func serveEvents(ctx context.Context, w *town) <-chan struct{} {
	s := events.New(w.store, w.admin.Users, "http://muster.test", nil,
		slog.New(slog.DiscardHandler))
	s.Retry = time.Millisecond
	w.store.OnHistory(s.Written)
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	return done
}

// change makes people, suspends them, and brings them back: each a change.
func (w *town) change(t *rapid.T, round int) (changes int) {
	for n := range rapid.IntRange(1, 3).Draw(t, "people") {
		u, err := w.admin.Users.AddUser(t.Context(), w.scope, provisioning.Account{
			Fields: mapping.Fields{mapping.UserName: fmt.Sprintf("p%d-%d", round, n)},
			Role:   instance.PlainUser,
		})
		if err != nil {
			t.Fatal(err)
		}
		changes++
		for i := range rapid.IntRange(0, 4).Draw(t, "changes") {
			if _, _, err := w.admin.Users.SetActive(t.Context(), w.scope, u, i%2 == 1); err != nil {
				t.Fatal(err)
			}
			changes++
		}
	}
	return changes
}

// untilDone waits until a feed is at the end of the history.
func (w *town) untilDone(t *rapid.T, name string) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		f, err := w.admin.ShowFeed(t.Context(), w.scope, name)
		if err != nil {
			t.Fatal(err)
		}
		if f.Behind == 0 {
			if f.Error != "" || f.Failures > 0 {
				t.Fatalf("all is delivered or parked, and the feed has failed: %+v", f)
			}
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the feed does not come to its end")
}

// TestPolled: what is not acknowledged comes again, what is does not, whatever else a
// receiver sends.
func TestPolled(t *testing.T) {
	w := newTown(t, "sqlite:"+filepath.Join(t.TempDir(), "m.db"))
	s := events.New(w.store, w.admin.Users, "http://muster.test", nil,
		slog.New(slog.DiscardHandler))
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		name := fmt.Sprintf("poll-%d", round)
		made, err := w.admin.CreateFeed(t.Context(), w.scope, administration.NewFeed{
			Name: name, Types: []string{"create", "patch"},
		})
		if err != nil {
			rt.Fatal(err)
		}
		changes := w.change(rt, round)
		acked := make(map[string]bool)
		for range 200 {
			f, err := s.Receiver(t.Context(), made.ID, made.Token)
			if err != nil {
				rt.Fatal(err)
			}
			most := rapid.IntRange(1, 4).Draw(rt, "most")
			ask := events.PollRequest{MaxEvents: &most, ReturnImmediately: true}
			answer, err := s.Poll(t.Context(), f, ask)
			if err != nil {
				rt.Fatal(err)
			}
			if len(answer.Sets) == 0 {
				break
			}
			back := events.PollRequest{
				MaxEvents: new(int),
				Ack: []string{
					"", "x", made.ID + ".9.1", made.ID + ".1.-1", made.ID + ".1.99999999",
				},
			}
			for id := range answer.Sets {
				if acked[id] {
					rt.Fatalf("%s came again", id)
				}
				if rapid.Bool().Draw(rt, "ack") {
					acked[id] = true
					back.Ack = append(back.Ack, id, id)
				}
			}
			if _, err := s.Poll(t.Context(), f, back); err != nil {
				rt.Fatal(err)
			}
		}
		f, err := w.admin.ShowFeed(t.Context(), w.scope, name)
		if err != nil || len(acked) != changes || f.Behind != 0 || f.Delivered != int64(changes) {
			rt.Fatalf("%d changes, %d acknowledged, %+v: %v", changes, len(acked), f, err)
		}
		if _, err := s.Receiver(t.Context(), made.ID, "another"); err == nil {
			rt.Fatal("another token was taken")
		}
		if err := w.admin.DeleteFeed(t.Context(), w.scope, name); err != nil {
			rt.Fatal(err)
		}
	})
}
