package events_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"muster/server/administration"
	"muster/server/events"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/store"
	"muster/server/store/pgtest"
)

// mortal is a store of a server that dies: from then on it writes nothing.
type mortal struct {
	*store.Store
	dead atomic.Bool
}

var errDead = errors.New("killed")

func (m *mortal) SettleFeed(ctx context.Context, owner string, p events.Progress) error {
	if m.dead.Load() {
		return errDead
	}
	return m.Store.SettleFeed(ctx, owner, p)
}

func (m *mortal) BeatFeeds(ctx context.Context, owner string) error {
	if m.dead.Load() {
		return errDead
	}
	return m.Store.BeatFeeds(ctx, owner)
}

func (m *mortal) ReleaseFeeds(ctx context.Context, owner string) error {
	if m.dead.Load() {
		return errDead
	}
	return m.Store.ReleaseFeeds(ctx, owner)
}

// TestTakenOver: a feed that a server has sent is sent by another one within seconds of
// its death, each change at least once and in order; while the server lives, by nobody
// else, however long it waits for its receiver.
func TestTakenOver(t *testing.T) {
	for name, database := range map[string]string{
		"SQLite":     "sqlite:" + filepath.Join(t.TempDir(), "m.db"),
		"PostgreSQL": pgtest.Open(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testTakenOver(t, newTown(t, database))
		})
	}
}

func testTakenOver(t *testing.T, w *town) {
	to := &receiver{
		versions: make(map[string][]string), ids: make(map[string]int),
		refused: make(map[string]bool),
	}
	var slow atomic.Bool
	slow.Store(true)
	at := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		if slow.Load() { // longer than it takes to be thought dead
			time.Sleep(4 * time.Second)
		}
		to.ServeHTTP(rw, q)
	}))
	defer at.Close()
	if _, err := w.admin.CreateFeed(t.Context(), w.scope,
		administration.NewFeed{Name: "app", Push: at.URL}); err != nil {
		t.Fatal(err)
	}
	first := &mortal{Store: w.store}
	s := events.New(first, w.admin.Users, "http://muster.test", nil,
		slog.New(slog.DiscardHandler))
	ctx, kill := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	add := func(i int) {
		u, err := w.admin.Users.AddUser(t.Context(), w.scope, provisioning.Account{
			Fields: mapping.Fields{mapping.UserName: fmt.Sprintf("taken%d", i)},
			Role:   instance.PlainUser,
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.admin.Users.SetActive(t.Context(), w.scope, u, false); err != nil {
			t.Fatal(err)
		}
	}
	add(1)
	time.Sleep(time.Second) // the first server has it now, and waits for the receiver
	other, stop := context.WithCancel(t.Context())
	second := serveEvents(other, w)
	defer func() { stop(); <-second }()
	w.arrived(t, to, 2)
	to.mu.Lock()
	for id, n := range to.ids {
		if n != 1 {
			t.Errorf("%s came %d times, though nobody died", id, n)
		}
	}
	to.mu.Unlock()
	slow.Store(false)
	first.dead.Store(true)
	kill()
	<-ended
	began := time.Now()
	add(2)
	w.arrived(t, to, 4)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the feed was taken over after %v", took)
	}
	to.mu.Lock()
	defer to.mu.Unlock()
	for uri, list := range to.versions {
		if strings.Join(list, " ") != `W/"1" W/"2"` {
			t.Errorf("%s: %v", uri, list)
		}
	}
}

// arrived waits until so many tokens have arrived.
func (w *town) arrived(t *testing.T, to *receiver, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		to.mu.Lock()
		got := len(to.ids)
		to.mu.Unlock()
		if got >= n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d tokens have not arrived", n)
}

// TestTargets: events go where they may, whatever a name means when it is looked up, and
// follow no redirect.
func TestTargets(t *testing.T) {
	for address, allowed := range map[string]bool{
		"https://app.example.com/events": true,
		"http://127.0.0.1:9/":            true,
		"http://[::1]:9/":                true,
		"http://localhost/":              true,
		"http://app.example.com/":        false,
		"http://127.0.0.1.example.com/":  false,
		"https://u:p@example.com/":       false,
		"https://example.com/#x":         false,
		"ftp://example.com/":             false,
		"//example.com":                  false,
		"":                               false,
		"https://":                       false,
	} {
		if err := events.CheckURL(address, true); (err == nil) != allowed {
			t.Errorf("%q in a sandbox: %v", address, err)
		}
		err := events.CheckURL(address, false)
		if (err == nil) != (allowed && strings.HasPrefix(address, "https://")) {
			t.Errorf("%q in production: %v", address, err)
		}
	}
	var reached atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		reached.Add(1)
	}))
	defer target.Close()
	redirect := httptest.NewServer(http.RedirectHandler(target.URL, http.StatusTemporaryRedirect))
	defer redirect.Close()
	for _, test := range []struct {
		name    string
		env     instance.Environment
		url     string
		allowed []netip.Prefix
		says    string
	}{
		{"a redirect", instance.Sandbox, redirect.URL, nil, "answered 307"},
		{
			"this machine, from production", instance.Production,
			strings.Replace(target.URL, "http://", "https://", 1), nil, "no public address",
		},
		{
			"a name of this machine, from production", instance.Production,
			"https://localhost:" + target.URL[strings.LastIndexByte(target.URL, ':')+1:], nil,
			"no public address",
		},
		{
			"this machine, as it is allowed", instance.Production,
			strings.Replace(target.URL, "http://", "https://", 1),
			[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
			"HTTP response to HTTPS client",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newTownIn(t, "sqlite:"+filepath.Join(t.TempDir(), "m.db"), test.env)
			if _, err := w.admin.CreateFeed(t.Context(), w.scope,
				administration.NewFeed{Name: "app", Push: test.url}); err != nil {
				t.Fatal(err)
			}
			s := events.New(w.store, w.admin.Users, "http://muster.test", test.allowed,
				slog.New(slog.DiscardHandler))
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { s.Run(ctx); close(ended) }()
			defer func() { stop(); <-ended }()
			if _, err := w.admin.Users.AddUser(t.Context(), w.scope, provisioning.Account{
				Fields: mapping.Fields{mapping.UserName: "anna"}, Role: instance.PlainUser,
			}); err != nil {
				t.Fatal(err)
			}
			said := ""
			for end := time.Now().Add(20 * time.Second); time.Now().Before(end) &&
				!strings.Contains(said, test.says); time.Sleep(10 * time.Millisecond) {
				f, err := w.admin.ShowFeed(t.Context(), w.scope, "app")
				if err != nil {
					t.Fatal(err)
				}
				said = f.Error
			}
			if !strings.Contains(said, test.says) {
				t.Errorf("the error is %q", said)
			}
		})
	}
	if n := reached.Load(); n > 0 {
		t.Errorf("the target was reached %d times", n)
	}
}

// TestGoesOnAtOnce: a receiver that wants to be left alone for long is not waited for any
// more, once an administrator has paused the feed and lets it go on.
func TestGoesOnAtOnce(t *testing.T) {
	w := newTown(t, "sqlite:"+filepath.Join(t.TempDir(), "m.db"))
	to := &receiver{
		versions: make(map[string][]string), ids: make(map[string]int),
		refused: make(map[string]bool),
	}
	var busy atomic.Bool
	busy.Store(true)
	at := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		if busy.Load() {
			rw.Header().Set("Retry-After", "600")
			rw.WriteHeader(http.StatusTooManyRequests)
			return
		}
		to.ServeHTTP(rw, q)
	}))
	defer at.Close()
	if _, err := w.admin.CreateFeed(t.Context(), w.scope,
		administration.NewFeed{Name: "app", Push: at.URL}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := serveEvents(ctx, w)
	defer func() { stop(); <-ended }()
	if _, err := w.admin.Users.AddUser(t.Context(), w.scope, provisioning.Account{
		Fields: mapping.Fields{mapping.UserName: "anna"}, Role: instance.PlainUser,
	}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		f, err := w.admin.ShowFeed(t.Context(), w.scope, "app")
		if err != nil || time.Now().After(end) {
			t.Fatalf("the receiver was not asked: %v", err)
		}
		if strings.Contains(f.Error, "429") {
			break
		}
	}
	busy.Store(false)
	for _, paused := range []bool{true, false} {
		if _, err := w.admin.PauseFeed(t.Context(), w.scope, "app", paused); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	w.arrived(t, to, 1)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it went on after %v", took)
	}
}
