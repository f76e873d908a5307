package store_test

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/patch"
	"muster/server/scim/tolerance"
	"muster/server/store/pgtest"
)

// cutter stands before a database, and cuts an answer after some bytes.
type cutter struct {
	net.Listener
	to string
	// left is how many bytes of answers still pass; below zero all do.
	left atomic.Int64
}

func (c *cutter) serve() {
	for {
		client, err := c.Accept()
		if err != nil {
			return
		}
		go func() {
			server, err := net.Dial("tcp", c.to)
			if err != nil {
				_ = client.Close()
				return
			}
			go func() {
				_, _ = io.Copy(server, client)
				_ = server.Close()
			}()
			_, _ = io.Copy(client, &limited{server, c})
			_, _ = client.Close(), server.Close()
		}()
	}
}

// limited reads answers until there are no bytes left.
type limited struct {
	net.Conn
	*cutter
}

// Read reads a part of an answer.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	left := l.left.Load()
	if left < 0 || err != nil {
		return n, err
	}
	if int64(n) >= left {
		l.left.Store(-1) // one connection only
		return int(left), io.EOF
	}
	l.left.Add(int64(-n))
	return n, nil
}

// Close closes the connection, and not the listener.
func (l *limited) Close() error { return l.Conn.Close() }

// TestCutAnswers cuts the answers of the database after each number of bytes:
// that nothing came is never taken for that there is nothing, and what is
// acknowledged is in the history.
func TestCutAnswers(t *testing.T) {
	name := pgtest.Open(t)
	u, err := url.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{Listener: l, to: u.Host}
	c.left.Store(-1)
	defer l.Close()
	go c.serve()
	u.Host = l.Addr().String()
	s := open(t, u.String())
	actor := history.Actor{Kind: history.Administrator, Name: "root"}
	i, err := instance.NewService(s, s, nil).Create(t.Context(), instance.Instance{Slug: "cut"},
		actor)
	if err != nil {
		t.Fatal(err)
	}
	users, err := provisioning.NewService(s, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	sc := provisioning.Scope{Instance: i, Actor: actor, Policy: tolerance.New(false)}
	anna, err := users.AddUser(t.Context(), sc,
		provisioning.Account{Fields: mapping.Fields{mapping.UserName: "anna"}})
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := make(map[string]bool)
	whole := func() { // connects again
		t.Helper()
		for range 20 {
			if _, err = users.User(t.Context(), sc, anna.ID); err == nil {
				return
			}
		}
		t.Fatal(err)
	}
	for n := int64(0); n < 3000; n += 43 {
		whole()
		c.left.Store(n)
		if _, err := users.User(t.Context(), sc, anna.ID); scim.AsError(err) != nil {
			t.Errorf("an answer that ends after %d bytes: %v", n, err)
		}
		c.left.Store(-1)
		whole()
		id := fmt.Sprint("cut-", n)
		sc.Actor.RequestID = id
		c.left.Store(n)
		body, err := scim.DecodeObject(
			[]byte(fmt.Sprintf(`{"Operations":[{"op":"replace","path":"title","value":"%d"}]}`, n)))
		if err != nil {
			t.Fatal(err)
		}
		ops, err := patch.Parse(users.UserType(i), body, tolerance.New(false))
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = users.PatchUser(t.Context(), sc, anna.ID, ops, nil)
		c.left.Store(-1)
		if acknowledged[id] = err == nil; scim.AsError(err) != nil {
			t.Errorf("a change whose answer ends after %d bytes: %v", n, err)
		}
	}
	found := make(map[string]int)
	err = s.History(t.Context(), history.Query{InstanceID: i.ID, Outcome: history.Done},
		func(e *history.Entry) error {
			found[e.Actor.RequestID]++
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for id, ok := range acknowledged {
		if ok {
			count++
		}
		if ok && found[id] != 1 || found[id] > 1 {
			t.Errorf("the request %s (acknowledged: %t) has %d rows in the history", id, ok,
				found[id])
		}
	}
	if count == 0 || count == len(acknowledged) {
		t.Errorf("%d of %d changes were acknowledged: nothing is shown", count, len(acknowledged))
	}
}
