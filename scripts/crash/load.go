package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// account is a user whom the clients made, as far as they were told.
type account struct {
	name, id string
	// titles are what it may be called: the last one that was acknowledged, and
	// those of changes of which nobody can know.
	titles []string
	// deleted is set when that was acknowledged, and maybe when nobody can
	// know whether it exists at all.
	deleted, maybe bool
}

// write is one request that changes something.
type write struct {
	requestID string
	what      string // method, path and status
	// acknowledged is set when it was answered with success; else nobody can
	// know, unless it was refused.
	acknowledged, refused bool
	// changes is set for what has a row in the history whenever it succeeds:
	// who is a member already is added without one.
	changes bool
}

// ledger is what the clients were told.
type ledger struct {
	mu       sync.Mutex
	accounts []*account
	writes   []write
	members  map[string]member // of the group, by user id
	// n counts the requests, and titles those that were given.
	n, titles int
}

// member tells whether a user is in the group.
type member struct{ in, maybe bool }

// client is one that writes until it is told to stop.
type client struct {
	*ledger
	base, token, group string
	http               *http.Client
	chance             *rand.Rand
}

// answerTime is how long a client waits for an answer. What it does not get
// until then may have been done.
const answerTime = 5 * time.Second

// failurePause is how long a client waits after a failure: to fail again at
// once shows nothing more.
const failurePause = 20 * time.Millisecond

// send sends a request that changes something, and puts into the ledger what
// came of it.
func (c *client) send(
	ctx context.Context, method, path string, body any,
) (answer map[string]any, status int) {
	return c.sendAs(ctx, method, path, body, false)
}

// sendAs sends a request that may be done later.
func (c *client) sendAs(
	ctx context.Context, method, path string, body any, later bool,
) (answer map[string]any, status int) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // of maps and strings
	}
	c.mu.Lock()
	c.n++
	w := write{
		requestID: fmt.Sprintf("crash-%d", c.n), changes: !strings.HasPrefix(path, "/Groups/"),
	}
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(text))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/scim+json")
	r.Header.Set("X-Request-Id", w.requestID)
	if later {
		r.Header.Set("Prefer", "respond-async")
	}
	resp, err := c.http.Do(r)
	if err == nil {
		var got []byte
		got, err = io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil {
			status = resp.StatusCode
			_ = json.Unmarshal(got, &answer)
		}
	}
	if status == 0 || status >= 500 {
		time.Sleep(failurePause)
	}
	w.what = fmt.Sprintf("%s %s %d", method, path, status)
	w.acknowledged = status >= 200 && status < 300
	w.refused = status >= 400 && status < 500
	c.mu.Lock()
	c.writes = append(c.writes, w)
	c.mu.Unlock()
	return answer, status
}

// work writes until ctx ends.
func (c *client) work(ctx context.Context) {
	var mine []*account
	for ctx.Err() == nil {
		// A request that is under way is waited for: how it ends must be known.
		at := context.WithoutCancel(ctx)
		switch n := c.chance.IntN(10); {
		case n == 0:
			c.createLater(at)
		case len(mine) < 3 || n < 4:
			if a := c.create(at); a != nil {
				mine = append(mine, a)
			}
		case n < 7:
			c.retitle(at, mine[c.chance.IntN(len(mine))])
		case n < 9:
			c.join(at, mine[c.chance.IntN(len(mine))], c.chance.IntN(3) > 0)
		default:
			i := c.chance.IntN(len(mine))
			c.remove(at, mine[i])
			mine = append(mine[:i], mine[i+1:]...)
		}
	}
}

func (c *client) create(ctx context.Context) *account {
	c.mu.Lock()
	a := &account{name: fmt.Sprintf("crash%d@load.example", len(c.accounts)), titles: []string{"0"}}
	c.accounts = append(c.accounts, a)
	c.mu.Unlock()
	answer, status := c.send(ctx, http.MethodPost, "/Users",
		map[string]any{"userName": a.name, "title": "0", "externalId": "x-" + a.name})
	c.mu.Lock()
	defer c.mu.Unlock()
	if status != http.StatusCreated {
		a.maybe = status == 0 || status >= 500
		a.deleted = !a.maybe
		return nil
	}
	a.id, _ = answer["id"].(string)
	return a
}

// createLater creates a user without waiting for it: from the moment that this is
// accepted, it must happen.
func (c *client) createLater(ctx context.Context) {
	c.mu.Lock()
	a := &account{name: fmt.Sprintf("crash%d@load.example", len(c.accounts)), titles: []string{"0"}}
	c.accounts = append(c.accounts, a)
	c.mu.Unlock()
	_, status := c.sendAs(ctx, http.MethodPost, "/Users",
		map[string]any{"userName": a.name, "title": "0"}, true)
	c.mu.Lock()
	defer c.mu.Unlock()
	a.maybe = status == 0 || status >= 500
	a.deleted = !a.maybe && status != http.StatusAccepted && status != http.StatusCreated
}

func (c *client) retitle(ctx context.Context, a *account) {
	// One that nobody had before: what changes nothing has no row in the
	// history.
	c.mu.Lock()
	c.titles++
	title := fmt.Sprint(c.titles)
	c.mu.Unlock()
	_, status := c.send(ctx, http.MethodPatch, "/Users/"+a.id, patch("replace", "title", title))
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case status == http.StatusOK:
		a.titles = []string{title}
	case status == 0 || status >= 500:
		a.titles = append(a.titles, title)
	}
}

func (c *client) join(ctx context.Context, a *account, in bool) {
	body := patch("add", "members", []any{map[string]any{"value": a.id}})
	if !in {
		body = patch("remove", fmt.Sprintf("members[value eq %q]", a.id), nil)
	}
	_, status := c.send(ctx, http.MethodPatch, "/Groups/"+c.group, body)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case status == http.StatusNoContent:
		c.members[a.id] = member{in: in}
	case status == 0 || status >= 500:
		c.members[a.id] = member{maybe: true}
	}
}

func (c *client) remove(ctx context.Context, a *account) {
	_, status := c.send(ctx, http.MethodDelete, "/Users/"+a.id, nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case status == http.StatusNoContent:
		a.deleted = true
		delete(c.members, a.id)
	case status == 0 || status >= 500:
		a.maybe = true
		c.members[a.id] = member{maybe: true}
	}
}

func patch(op, path string, value any) map[string]any {
	o := map[string]any{"op": op, "path": path}
	if value != nil {
		o["value"] = value
	}
	return map[string]any{
		"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []any{o},
	}
}
