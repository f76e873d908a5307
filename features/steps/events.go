package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"muster/secevent"
)

// eventTime is how long a scenario waits for an event, or for the end of a request.
const eventTime = time.Minute

// quietTime is how long it waits for what must not come.
const quietTime = 700 * time.Millisecond

// registerEvents adds the steps of those who listen to events.
func (w *world) registerEvents(sc *registry) {
	// Makes a sandbox, which may push to this machine.
	sc.Step(`^a sandbox instance "([^"]*)"$`, w.aSandbox)
	// Makes the feed "app", and starts a listener.
	sc.Step(`^an application (polls|is pushed) the events of "([^"]*)"$`,
		func(ctx context.Context, how, instance string) error {
			return w.listener(ctx, how, instance, nil)
		})
	// The same; the table has flags of `feed create`, and of `muster-simulator listen`.
	sc.Step(`^an application (polls|is pushed) the events of "([^"]*)", with:$`, w.listener)
	// All that came about a resource until now, in its order: the events of each token,
	// without what all begin with, and a part of what it says. It waits for as many.
	sc.Step(`^the application hears about "([^"]*)":$`, w.hears)
	// The same about a user, by the User Name.
	sc.Step(`^the application hears about the user "([^"]*)" of "([^"]*)":$`,
		func(ctx context.Context, user, instance string, t *godog.Table) error {
			u, err := w.theUser(ctx, instance, user)
			if err != nil {
				return err
			}
			return w.hears(ctx, "/Users/"+u.ID, t)
		})
	// Imports users from a file with the columns of the table.
	sc.Step(`^an administrator of "([^"]*)" imports the users:$`, w.importsUsers)
	// It waits for a while, in which nothing comes that was not there before.
	sc.Step(`^the application hears nothing more$`, w.hearsNothingMore)
	// The last two events have the same txn.
	sc.Step(`^the last two events are of one transaction$`, func() error {
		list := w.heard.Tokens()
		if len(list) < 2 {
			return fmt.Errorf("%d events came", len(list))
		}
		return expect("txn", list[len(list)-1].Txn, list[len(list)-2].Txn)
	})
	// Each of the users of "users" has an event, and the transaction is the one that was
	// promised.
	sc.Step(`^the application hears of the completion of \{(\w+)\}$`, w.hearsCompletion)
}

// registerAsynchronous adds the steps of clients who do not wait.
func (w *world) registerAsynchronous(sc *registry) {
	// Fetches the completion of a request, once it is there.
	sc.Step(`^the client fetches the completion of \{(\w+)\}$`, w.fetchCompletion)
	// Says what came of the operations, in their order: "201, 409".
	sc.Step(`^the operations were answered with ([\d, ]+)$`, func(want string) error {
		return expect("statuses", strings.Join(w.completed, ", "), want)
	})
	// Says that all operations came to the same, and how many there were.
	sc.Step(`^all (\d+) operations were answered with (\d+)$`, func(n int, want string) error {
		if i := slices.IndexFunc(w.completed, func(s string) bool { return s != want }); i >= 0 {
			return fmt.Errorf("operation %d was answered with %s", i, w.completed[i])
		}
		return expect("operations", len(w.completed), n)
	})
	// A server of the scenario's own, beside the others on the same database.
	sc.Step(`^the client turns to a server of its own$`, func(ctx context.Context) (err error) {
		if w.own, err = w.h.Serve(ctx, "127.0.0.1:0"); err == nil {
			w.recorder.Redirect(w.own.Address)
		}
		return err
	})
	// With kill -9, at once.
	sc.Step(`^that server is killed$`, func() error {
		err := w.own.Stop(os.Kill)
		w.own = nil
		w.recorder.Redirect(w.h.Server.Address)
		return err
	})
	// A Bulk that creates users, whose names begin with a text; it does not wait.
	sc.Step(`^the client sends a Bulk that creates (\d+) users "([^"]*)", and does not wait$`,
		w.manyLater)
	// Waits for the first users whose names begin so.
	sc.Step(`^some of the users "([^"]*)" are there$`, func(ctx context.Context, name string) error {
		var n string
		var err error
		return errors.Join(patiently(ctx, func() bool {
			n, err = w.countUsers(ctx, name)
			return err != nil || n != "0"
		}), err)
	})
	// Counts the users whose names begin so.
	sc.Step(`^there are (\d+) users "([^"]*)"$`, func(ctx context.Context, n int, name string) error {
		total, err := w.countUsers(ctx, name)
		return errors.Join(err, expect("users", total, fmt.Sprint(n)))
	})
}

// countUsers returns how many users have names that begin so.
func (w *world) countUsers(ctx context.Context, name string) (string, error) {
	err := w.request(ctx, http.MethodGet,
		"/Users?count=0&filter=userName+sw+%22"+name+"-{tag}%22", "")
	if err != nil {
		return "", err
	}
	total, err := w.value("/totalResults")
	return fmt.Sprint(total), err
}

func (w *world) aSandbox(ctx context.Context, name string) error {
	return w.newInstance(ctx, name, map[string]any{"environment": "sandbox"})
}

// listener makes a feed, and starts who listens to it. Keys are known by the server that
// everybody knows, whichever sends.
func (w *world) listener(ctx context.Context, how, instance string, t *godog.Table) error {
	feed := []string{"feed", "create", "app", "--instance", w.slug(instance)}
	base := "http://" + w.h.Server.Address
	listen := []string{"--keys", base + "/events/jwks.json"}
	if t != nil {
		for _, row := range t.Rows {
			flag, value := "--"+row.Cells[0].Value, w.fill(row.Cells[1].Value)
			if slices.Contains([]string{"lose", "busy", "delay", "refuse"}, flag[2:]) {
				listen = append(listen, flag, value)
			} else {
				feed = append(feed, flag, value)
			}
		}
	}
	var made struct{ Token, Path string }
	var err error
	if how == "is pushed" {
		w.heard, err = w.h.Listen(ctx, append(listen, "--listen", "127.0.0.1:0")...)
		if err != nil {
			return err
		}
		return w.server(ctx, &made, append(feed, "--push", w.heard.URL)...)
	}
	if err := w.server(ctx, &made, append(feed, "--poll")...); err != nil {
		return err
	}
	w.heard, err = w.h.Listen(ctx,
		append(listen, "--poll", base+made.Path, "--token", made.Token)...)
	return err
}

func (w *world) importsUsers(ctx context.Context, instance string, t *godog.Table) error {
	var b strings.Builder
	for i, row := range t.Rows {
		for j, c := range row.Cells {
			value := c.Value
			if i > 0 && t.Rows[0].Cells[j].Value == "userName" {
				value = w.name(value)
			}
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString(value)
		}
		b.WriteByte('\n')
	}
	const file = "people.csv"
	if err := os.WriteFile(filepath.Join(w.dir, file), []byte(b.String()), 0o600); err != nil {
		return err
	}
	return w.server(ctx, nil, "import", filepath.Join(w.dir, file), "--instance", w.slug(instance))
}

// about returns the events about a resource that have come.
func (w *world) about(uri string) (list []*secevent.Token) {
	for _, t := range w.heard.Tokens() {
		if t.Subject.URI == uri {
			list = append(list, t)
		}
	}
	return list
}

func (w *world) hears(ctx context.Context, uri string, t *godog.Table) error {
	uri = w.fill(uri)
	want := rows(t)
	var list []*secevent.Token
	err := patiently(ctx, func() bool {
		list = w.about(uri)
		return len(list) >= len(want)
	})
	if err == nil {
		time.Sleep(quietTime) // for one too many
		list = w.about(uri)
	}
	var got []string
	for _, t := range list {
		got = append(got, eventNames(t)+"  "+said(t))
	}
	if len(list) != len(want) {
		return errors.Join(err, fmt.Errorf("%d events about %s came:\n%s\n%s", len(list), uri,
			strings.Join(got, "\n"), w.heard.Said()))
	}
	for i, row := range want {
		if eventNames(list[i]) != row["Event"] ||
			!strings.Contains(said(list[i]), w.fill(row["Says"])) {
			return fmt.Errorf("event %d is %s", i+1, got[i])
		}
	}
	return nil
}

// eventNames names the events of a token.
func eventNames(t *secevent.Token) string {
	var names []string
	for uri := range t.Events {
		names = append(names, strings.TrimPrefix(uri, "urn:ietf:params:scim:event:"))
	}
	slices.Sort(names)
	return strings.Join(names, " + ")
}

// said is what a token says, as one text.
func said(t *secevent.Token) string {
	var b strings.Builder
	for _, uri := range slices.Sorted(maps.Keys(t.Events)) {
		b.Write(t.Events[uri])
	}
	return b.String()
}

// patiently waits for something to become true.
func patiently(ctx context.Context, is func() bool) error {
	for end := time.Now().Add(eventTime); !is(); {
		if time.Now().After(end) {
			return fmt.Errorf("nothing came in %v", eventTime)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

func (w *world) hearsNothingMore() error {
	before := len(w.heard.Tokens())
	time.Sleep(quietTime)
	list := w.heard.Tokens()
	if len(list) > before {
		t := list[len(list)-1]
		return fmt.Errorf("it hears %s about %s: %s", eventNames(t), t.Subject.URI, said(t))
	}
	return nil
}

func (w *world) hearsCompletion(ctx context.Context, name string) error {
	return patiently(ctx, func() bool {
		return slices.ContainsFunc(w.heard.Tokens(), func(t *secevent.Token) bool {
			return t.Txn == w.ids[name] && eventNames(t) == "misc:asyncresp"
		})
	})
}

func (w *world) fetchCompletion(ctx context.Context, name string) error {
	var err error
	waited := patiently(ctx, func() bool {
		err = w.request(ctx, http.MethodGet, "/Requests/{"+name+"}", "")
		return err != nil || w.scim.answer.status != http.StatusAccepted
	})
	if err = errors.Join(err, waited); err != nil {
		return err
	}
	if err := w.answerIs(http.StatusOK, ""); err != nil {
		return err
	}
	tokens := map[string]string{"": w.scim.answer.text}
	if body, ok := w.scim.answer.body.(map[string]any); ok {
		tokens = make(map[string]string)
		sets, _ := body["sets"].(map[string]any)
		for id, text := range sets {
			tokens[id], _ = text.(string)
		}
	}
	w.completed = make([]string, len(tokens))
	keys := &secevent.Verifier{KeysURL: "http://" + w.h.Server.Address + "/events/jwks.json"}
	for _, text := range tokens {
		if err := w.noteCompletion(ctx, keys, text, w.ids[name]); err != nil {
			return err
		}
	}
	return nil
}

// noteCompletion verifies a completion, and puts its status to its place.
func (w *world) noteCompletion(
	ctx context.Context, keys *secevent.Verifier, token, txn string,
) error {
	t, err := keys.Verify(ctx, token)
	if err != nil {
		return err
	}
	place := 0
	if rest, ok := strings.CutPrefix(t.Txn, txn+":"); ok {
		if _, err := fmt.Sscan(rest, &place); err != nil {
			return err
		}
	} else if t.Txn != txn {
		return fmt.Errorf("the transaction is %s, and not %s", t.Txn, txn)
	}
	var p struct{ Status string }
	for _, payload := range t.Events {
		if err := json.Unmarshal(payload, &p); err != nil {
			return err
		}
	}
	if place >= len(w.completed) || w.completed[place] != "" {
		return fmt.Errorf("operation %d is completed twice, or there is no such", place)
	}
	w.completed[place] = p.Status
	return nil
}

func (w *world) manyLater(ctx context.Context, n int, name string) error {
	type operation struct {
		Method string         `json:"method"`
		Path   string         `json:"path"`
		BulkID string         `json:"bulkId"`
		Data   map[string]any `json:"data"`
	}
	list := make([]operation, n)
	for i := range list {
		list[i] = operation{http.MethodPost, "/Users", fmt.Sprint("u", i), map[string]any{
			"schemas": []string{userURN}, "userName": fmt.Sprintf("%s-%s-%d", name, w.tag, i),
		}}
	}
	body, err := json.Marshal(map[string]any{
		"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"},
		"Operations": list,
	})
	if err != nil {
		return err
	}
	c, err := w.client(ctx)
	if err != nil {
		return err
	}
	c.headers["Prefer"] = "respond-async"
	return w.request(ctx, http.MethodPost, "/Bulk", string(body))
}
