package httpapi_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster/server/asynchronous"
	"muster/server/events"
	"muster/server/history"
	"muster/server/httpapi"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/store"
)

// unreliable is a store that fails as planned: before it has written, or after it.
type unreliable struct {
	provisioning.Store
	mu   sync.Mutex
	plan []int
}

var errStruck = errors.New("struck")

func (u *unreliable) write(f func() error) error {
	u.mu.Lock()
	step := 0
	if len(u.plan) > 0 {
		step, u.plan = u.plan[0], u.plan[1:]
	}
	u.mu.Unlock()
	if step == 1 {
		return errStruck
	}
	if err := f(); err != nil || step == 0 {
		return err
	}
	return errStruck
}

func (u *unreliable) strike(plan []int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.plan = plan
}

func (u *unreliable) CreateUser(
	ctx context.Context, x *provisioning.User, e *history.Entry,
) error {
	return u.write(func() error { return u.Store.CreateUser(ctx, x, e) })
}

func (u *unreliable) UpdateUser(ctx context.Context, c provisioning.UserUpdate) error {
	return u.write(func() error { return u.Store.UpdateUser(ctx, c) })
}

func (u *unreliable) DeleteUser(
	ctx context.Context, x *provisioning.User, version int64, e *history.Entry,
) error {
	return u.write(func() error { return u.Store.DeleteUser(ctx, x, version, e) })
}

func (u *unreliable) CreateGroup(
	ctx context.Context, g *provisioning.Group, c provisioning.MemberChange,
	e provisioning.EntryFunc,
) error {
	return u.write(func() error { return u.Store.CreateGroup(ctx, g, c, e) })
}

func (u *unreliable) UpdateGroup(
	ctx context.Context, c provisioning.GroupUpdate,
) (changed bool, err error) {
	err = u.write(func() (err error) {
		changed, err = u.Store.UpdateGroup(ctx, c)
		return err
	})
	return changed, err
}

func (u *unreliable) DeleteGroup(
	ctx context.Context, g *provisioning.Group, version int64, e *history.Entry,
) error {
	return u.write(func() error { return u.Store.DeleteGroup(ctx, g, version, e) })
}

// forgetful is a store of requests that fails as planned, too.
type forgetful struct {
	asynchronous.Store
	plan *unreliable
}

func (f *forgetful) CompleteRequest(
	ctx context.Context, owner string, r *asynchronous.Request, rows []*history.Entry,
) error {
	return f.plan.write(func() error { return f.Store.CompleteRequest(ctx, owner, r, rows) })
}

// postponing is a server that does requests after they were answered, on a store that
// can be made to fail.
type postponing struct {
	*fixture
	store *unreliable
}

func newPostponing(t *testing.T) *postponing {
	t.Helper()
	p := &postponing{store: &unreliable{}}
	var later *asynchronous.Service
	p.fixture = newFixtureWith(t, func(s provisioning.Store) provisioning.Store {
		p.store.Store = s
		return p.store
	}, func(c *httpapi.Config) {
		s := c.Admin.Outbox.(*store.Store)
		c.Events = events.New(s, c.Admin.Users, c.PublicURL, nil, c.Log)
		later = asynchronous.New(&forgetful{s, p.store}, slog.New(slog.DiscardHandler))
		later.Retry, c.Requests = time.Millisecond, later
	})
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { later.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
	return p
}

// as sends a request to an instance.
func (p *postponing) as(slug, method, path, body string, headers ...string) answer {
	p.t.Helper()
	return p.send(method, "/scim/v2"+path, body,
		append([]string{"Authorization", "Bearer " + p.keys[slug]}, headers...)...)
}

// completion waits for the end of a request, and returns its events.
func (p *postponing) completion(slug, txn string) (list []events.Claims) {
	p.t.Helper()
	for range 500 {
		a := p.as(slug, "GET", "/Requests/"+txn, "")
		if a.status == http.StatusAccepted {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if a.status != http.StatusOK {
			p.t.Fatalf("completion: %d %s", a.status, a.text)
		}
		tokens := []string{a.text}
		if sets, ok := a.body["sets"].(map[string]any); ok {
			tokens = nil
			for _, t := range sets {
				tokens = append(tokens, t.(string))
			}
		}
		for _, t := range tokens {
			list = append(list, claimsOf(p.t, t))
		}
		place := func(c events.Claims) (n int) {
			_, text, _ := strings.Cut(c.Txn, ":")
			_, _ = fmt.Sscan(text, &n)
			return n
		}
		slices.SortFunc(list, func(a, b events.Claims) int { return place(a) - place(b) })
		return list
	}
	p.t.Fatal("the request is never done")
	return nil
}

func claimsOf(t *testing.T, token string) (c events.Claims) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %q", token)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	fatal(t, err)
	fatal(t, json.Unmarshal(text, &c))
	return c
}

// payload returns what a completion says.
func payload(t *testing.T, c events.Claims) map[string]any {
	t.Helper()
	m, ok := c.Events[events.AsyncResponse.URI("")].(map[string]any)
	if !ok || len(c.Events) != 1 {
		t.Fatalf("no completion: %v", c.Events)
	}
	return m
}

// drawBulk draws a bulk request. Names begin with side. What is updated changes: an
// update without a change leaves no row by which a later attempt could know of it.
func drawBulk(rt *rapid.T) func(side string) string {
	n := rapid.IntRange(1, 6).Draw(rt, "operations")
	users, groups := []string{"u-none"}, []string{"g-none"}
	kinds := make([]int, n)
	for i := range n {
		switch kinds[i] = rapid.IntRange(0, 6).Draw(rt, "kind"); kinds[i] {
		case 0, 1:
			users = append(users, fmt.Sprintf("u%d", i))
		case 2:
			groups = append(groups, fmt.Sprintf("g%d", i))
		}
	}
	user, group := rapid.SampledFrom(users), rapid.SampledFrom(groups)
	either := rapid.SampledFrom(slices.Concat(users[1:], groups[1:], []string{""}))
	list := make([]string, n)
	for i, kind := range kinds {
		name := rapid.SampledFrom([]string{"anna", "ben", "carl"}).Draw(rt, "name")
		switch kind {
		case 0, 1:
			manager := ""
			if to := user.Draw(rt, "manager"); to != "u-none" {
				manager = `,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":` +
					`{"manager":{"value":"bulkId:` + to + `"}}`
			}
			list[i] = fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"u%d","data":`+
				`{"userName":"SIDE-%s","password":"secret"%s}}`, i, name, manager)
		case 2:
			members := ""
			if to := either.Draw(rt, "member"); to != "" {
				members = `,"members":[{"value":"bulkId:` + to + `"}]`
			}
			list[i] = fmt.Sprintf(`{"method":"POST","path":"/Groups","bulkId":"g%d","data":`+
				`{"displayName":"%s"%s}}`, i, name, members)
		case 3:
			list[i] = fmt.Sprintf(`{"method":"PATCH","path":"/Users/bulkId:%s","data":{"Operations":`+
				`[{"op":"replace","path":"title","value":"%s %d"}]}}`, user.Draw(rt, "user"), name, i)
		case 4:
			list[i] = fmt.Sprintf(`{"method":"DELETE","path":"/Users/bulkId:%s"}`,
				user.Draw(rt, "user"))
		case 5:
			list[i] = fmt.Sprintf(`{"method":"PUT","path":"/Groups/bulkId:%s","data":`+
				`{"displayName":"%s %d"}}`, group.Draw(rt, "group"), name, i)
		default:
			list[i] = `{"method":"DELETE","path":"/Users/nobody"}`
		}
	}
	allowed := rapid.IntRange(0, 2).Draw(rt, "failOnErrors")
	return func(side string) string {
		fail := ""
		if allowed > 0 {
			fail = fmt.Sprintf(`"failOnErrors":%d,`, allowed)
		}
		return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],` + fail +
			`"Operations":[` + strings.ReplaceAll(strings.Join(list, ","), "SIDE", side) + `]}`
	}
}

// TestPostponedIsTheSame: a Bulk that is done later, while writes fail before and after
// they are committed, leaves what the same Bulk leaves that is done at once: the same
// resources, rows of the history and outcomes, none lost and none twice.
func TestPostponedIsTheSame(t *testing.T) {
	p := newPostponing(t)
	rapid.Check(t, func(rt *rapid.T) {
		defer p.clear()
		bulk := drawBulk(rt)
		plan := rapid.SliceOfN(rapid.IntRange(0, 2), 0, 8).Draw(rt, "plan")
		before := [2]string{p.rows("acme"), p.rows("globex")}
		want := p.as("acme", "POST", "/Bulk", bulk("acme"))
		if want.status != http.StatusOK {
			rt.Fatalf("bulk: %d %s", want.status, want.text)
		}
		p.store.strike(plan)
		a := p.as("globex", "POST", "/Bulk", bulk("globex"), "Prefer", "respond-async")
		txn := a.header.Get("Set-Txn")
		if a.status != http.StatusAccepted || a.text != "" ||
			a.header.Get("Preference-Applied") != "respond-async" || txn == "" {
			rt.Fatalf("accepted: %d %s %v", a.status, a.text, a.header)
		}
		list := p.completion("globex", txn)
		p.store.strike(nil)
		operations := want.body["Operations"].([]any)
		for i, c := range list {
			if c.Txn != fmt.Sprintf("%s:%d", txn, i) {
				rt.Errorf("operation %d has the transaction %s", i, c.Txn)
			}
			got := payload(t, c)
			if got["status"] == "424" {
				continue // an answer leaves it out
			}
			if len(operations) == 0 {
				rt.Fatalf("%v was done, and not at once", got)
			}
			o := operations[0].(map[string]any)
			operations = operations[1:]
			for _, name := range []string{"method", "status", "bulkId", "version"} {
				if got[name] != o[name] {
					rt.Errorf("operation %d: %s %v, at once %v", i, name, got[name], o[name])
				}
			}
		}
		if len(operations) > 0 {
			rt.Errorf("%v were done at once, and not later", operations)
		}
		if got, want := p.left("globex"), p.left("acme"); got != want {
			rt.Errorf("done later:\n%s\nat once:\n%s", got, want)
		}
		got := strings.TrimPrefix(p.rows("globex"), before[1])
		if want := strings.TrimPrefix(p.rows("acme"), before[0]); got != want {
			rt.Errorf("rows later:\n%s\nat once:\n%s", got, want)
		}
	})
}

// left describes the users and groups of an instance, without what is its own.
func (p *postponing) left(slug string) string {
	p.t.Helper()
	names, lines := make(map[string]string), []string{}
	var groups []map[string]any
	for _, v := range p.as(slug, "GET", "?count=200", "").body["Resources"].([]any) {
		r := v.(map[string]any)
		if name, ok := r["userName"].(string); ok {
			names[r["id"].(string)] = strings.TrimPrefix(name, slug+"-")
			manager := ""
			if e, ok := r[scim.EnterpriseUserURN].(map[string]any); ok {
				m := e["manager"].(map[string]any)
				manager = strings.TrimPrefix(fmt.Sprint(m["displayName"]), slug+"-")
			}
			lines = append(lines, fmt.Sprint("user ", names[r["id"].(string)], " ", r["title"], " ",
				manager))
			continue
		}
		groups = append(groups, r)
		names[r["id"].(string)] = r["displayName"].(string)
	}
	for _, g := range groups {
		var members []string
		list, _ := p.as(slug, "GET", "/Groups/"+g["id"].(string), "").body["members"].([]any)
		for _, m := range list {
			members = append(members, names[m.(map[string]any)["value"].(string)])
		}
		slices.Sort(members)
		lines = append(lines, fmt.Sprint("group ", g["displayName"], " ", members))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// rows lists what was done and refused in an instance, in its order.
func (p *postponing) rows(slug string) string {
	p.t.Helper()
	var b strings.Builder
	fatal(p.t, p.users.History(p.t.Context(),
		history.Query{InstanceID: p.scopes[slug].Instance.ID}, func(e *history.Entry) error {
			if e.Outcome != history.Failed && e.Action != history.RequestComplete {
				fmt.Fprintln(&b, e.Action, e.Outcome, strings.TrimPrefix(e.Target.Name, slug+"-"))
			}
			return nil
		}))
	return b.String()
}

// clear deletes all users and groups.
func (p *postponing) clear() {
	for _, slug := range []string{"acme", "globex"} {
		for _, kind := range []string{"/Groups", "/Users"} {
			list, _ := p.as(slug, "GET", kind+"?count=200", "").body["Resources"].([]any)
			for _, r := range list {
				p.as(slug, "DELETE", kind+"/"+r.(map[string]any)["id"].(string), "")
			}
		}
	}
}
