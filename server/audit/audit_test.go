package audit_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster/server/audit"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/store"
)

// town is a database whose history grows.
type town struct {
	store  *store.Store
	users  *provisioning.Service
	scopes []provisioning.Scope
	n      atomic.Int64
}

func newTown(t *testing.T) *town {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	x := &town{store: s}
	if x.users, err = provisioning.NewService(s, slog.New(slog.DiscardHandler), nil); err != nil {
		t.Fatal(err)
	}
	for _, slug := range []string{"acme", "globex"} {
		actor := history.Actor{Kind: history.Administrator, Name: "ada", Address: "192.0.2.1"}
		i, err := instance.NewService(s, s, nil).Create(t.Context(), instance.Instance{Slug: slug},
			actor)
		if err != nil {
			t.Fatal(err)
		}
		x.scopes = append(x.scopes, provisioning.Scope{Instance: i, Actor: actor})
	}
	return x
}

// grow writes rows.
func (x *town) grow(t *testing.T, rows int) {
	t.Helper()
	for range rows {
		n := x.n.Add(1)
		if _, err := x.users.AddUser(t.Context(), x.scopes[n%2], provisioning.Account{
			Fields: mapping.Fields{mapping.UserName: fmt.Sprint("user ", n, " \n\u2028\"")},
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// rows returns the ids of all rows of the history.
func (x *town) rows(t *testing.T) map[string]bool {
	t.Helper()
	ids := make(map[string]bool)
	for _, sc := range x.scopes {
		err := x.store.HistoryAfter(t.Context(), sc.Instance.ID, 0, func(r history.Sealed) error {
			ids[r.ID] = true
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

// event is what a SIEM reads of a line.
type event struct {
	ClassUID int `json:"class_uid"`
	TypeUID  int `json:"type_uid"`
	Activity int `json:"activity_id"`
	Metadata struct {
		UID      string
		Sequence int64
		Tenant   string `json:"tenant_uid"`
	}
	User struct{ Name string }
}

// compare looks for each row of the history among events.
func compare(t interface{ Errorf(string, ...any) }, rows map[string]bool, events []event) {
	told := make(map[string]bool)
	for _, e := range events {
		if told[e.Metadata.UID] = true; !rows[e.Metadata.UID] || e.ClassUID != 3001 ||
			e.TypeUID != 300100+e.Activity || e.Metadata.Sequence == 0 || e.Metadata.Tenant == "" {
			t.Errorf("an event that no row is behind, or that is incomplete: %+v", e)
		}
	}
	for id := range rows {
		if !told[id] {
			t.Errorf("the row %s is not in the audit log", id)
		}
	}
}

func read(t interface{ Errorf(string, ...any) }, path string) (events []event) {
	f, err := os.Open(path)
	if err != nil {
		t.Errorf("%v", err)
		return nil
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Errorf("a line that is no JSON: %v: %s", err, lines.Text())
		}
		events = append(events, e)
	}
	return events
}

// killed is a server that is killed, now and then: before it writes, while it
// writes, or before it keeps the place.
type killed struct {
	audit.Store
	audit.Sink
	path string
	draw func(n int) int
	mu   *sync.Mutex
}

var errKilled = errors.New("killed")

func (k *killed) Write(ctx context.Context, lines [][]byte) error {
	k.mu.Lock()
	what := k.draw(4)
	k.mu.Unlock()
	switch what {
	case 0:
		return errKilled
	case 1: // a line is torn
		f, err := os.OpenFile(k.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err == nil {
			_, err = f.Write(lines[0][:len(lines[0])/2])
			err = errors.Join(err, f.Close())
		}
		return errors.Join(errKilled, err)
	}
	return k.Sink.Write(ctx, lines)
}

func (k *killed) SettleAudit(
	ctx context.Context, sink, instanceID string, seq int64, until time.Time,
) error {
	k.mu.Lock()
	what := k.draw(3)
	k.mu.Unlock()
	if what == 0 {
		return errKilled
	}
	return k.Store.SettleAudit(ctx, sink, instanceID, seq, until)
}

// TestNothingIsLost: however often servers are killed, each row of the history is in
// the file, and each line of it is whole.
func TestNothingIsLost(t *testing.T) {
	x := newTown(t)
	runs := 0
	rapid.Check(t, func(r *rapid.T) {
		runs++
		path := filepath.Join(t.TempDir(), fmt.Sprint(runs, ".jsonl"))
		sink, err := audit.Open(path)
		if err != nil {
			r.Fatal(err)
		}
		x.grow(t, 1)
		var mu sync.Mutex
		draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(r, "what") }
		k := &killed{x.store, sink, path, draw, &mu}
		l := &audit.Log{
			Store: k, Sink: k, Log: slog.New(slog.DiscardHandler), Claim: time.Millisecond,
		}
		for range rapid.IntRange(0, 6).Draw(r, "lives") {
			_ = l.Catch(t.Context()) // it may be killed
			if draw(2) == 0 {
				x.grow(t, 1)
			}
		}
		time.Sleep(2 * time.Millisecond) // a claim of one that was killed ends
		l.Store, l.Sink = x.store, sink
		if err := l.Catch(t.Context()); err != nil {
			r.Fatal(err)
		}
		compare(r, x.rows(t), read(r, path))
	})
}

// TestServersShareASink: of several servers each row is written by one.
func TestServersShareASink(t *testing.T) {
	x := newTown(t)
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	ctx, cancel := context.WithCancel(t.Context())
	var servers sync.WaitGroup
	for range 3 {
		sink, err := audit.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		l := &audit.Log{Store: x.store, Sink: sink, Log: slog.New(slog.DiscardHandler)}
		servers.Go(func() { l.Run(ctx, time.Millisecond) })
	}
	x.grow(t, 300)
	rows := x.rows(t)
	for len(read(t, path)) < len(rows) {
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	servers.Wait()
	events := read(t, path)
	if compare(t, rows, events); len(events) != len(rows) {
		t.Errorf("%d events for %d rows", len(events), len(rows))
	}
}

// TestSyslog: a collector gets each row as RFC 5424 in frames of RFC 6587, though it
// hangs up now and then.
func TestSyslog(t *testing.T) {
	x := newTown(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	var mu sync.Mutex
	var events []event
	go func() {
		for n := 0; ; n++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			collect(t, conn, 5+n*7, func(e event) {
				mu.Lock()
				defer mu.Unlock()
				events = append(events, e)
			})
			_ = conn.Close()
		}
	}()
	sink, err := audit.Open("syslog://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	l := &audit.Log{Store: x.store, Sink: sink, Log: slog.New(slog.DiscardHandler)}
	for range 15 {
		x.grow(t, 3)
		_ = l.Catch(t.Context()) // the collector may have hung up
	}
	if err := errors.Join(l.Catch(t.Context()), sink.Close()); err != nil {
		t.Fatal(err)
	}
	rows := x.rows(t)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		mu.Lock()
		n := len(events)
		mu.Unlock()
		if n >= len(rows) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	mu.Lock()
	defer mu.Unlock()
	compare(t, rows, events)
}

// collect reads some messages of a connection, and then no more.
func collect(t *testing.T, conn net.Conn, messages int, keep func(event)) {
	in := bufio.NewReader(conn)
	for range messages {
		length, err := in.ReadString(' ')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSpace(length))
		if err != nil {
			t.Errorf("a frame begins with %q", length)
			return
		}
		message := make([]byte, n)
		if _, err := io.ReadFull(in, message); err != nil {
			return
		}
		head, body, ok := strings.Cut(string(message), " audit - ")
		var e event
		if err := json.Unmarshal([]byte(body), &e); err != nil || !ok ||
			!strings.HasPrefix(head, "<110>1 2") {
			t.Errorf("a message that is none: %v: %s", err, message)
		}
		keep(e)
	}
}

func TestOpen(t *testing.T) {
	for _, name := range []string{
		"syslog://host", "syslog://:514", "http://host:1", "syslog://host:514/x", "syslog+x://h:1",
	} {
		if _, err := audit.Open(name); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
