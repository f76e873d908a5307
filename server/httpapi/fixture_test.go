package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/server/administration"
	"muster/server/history"
	"muster/server/httpapi"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/store"
)

// fixture is a server on SQLite with two instances, reached over HTTP.
type fixture struct {
	*httptest.Server
	t         *testing.T
	instances *instance.Service
	users     *provisioning.Service
	keys      map[string]string
	scopes    map[string]provisioning.Scope
	// adminToken is one of the admin API.
	adminToken string
	log        *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newFixture(t *testing.T, strict bool) *fixture {
	t.Helper()
	return newFixtureOn(t, strict, func(s provisioning.Store) provisioning.Store { return s })
}

// newFixtureOn lets a test stand between the server and its store.
func newFixtureOn(
	t *testing.T, strict bool, between func(provisioning.Store) provisioning.Store,
) *fixture {
	t.Helper()
	return newFixtureWith(t, between, func(c *httpapi.Config) { c.Strict = strict })
}

// newFixtureWith lets a test configure the server, too.
func newFixtureWith(
	t *testing.T, between func(provisioning.Store) provisioning.Store,
	configure func(*httpapi.Config),
) *fixture {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "m.db"))
	fatal(t, err)
	f := &fixture{
		t: t, keys: make(map[string]string), scopes: make(map[string]provisioning.Scope),
		log: &syncBuffer{},
	}
	log := slog.New(slog.NewTextHandler(f.log, nil))
	f.users, err = provisioning.NewService(between(s), log, nil)
	fatal(t, err)
	f.instances = instance.NewService(s, s, nil)
	config := httpapi.Config{
		Admin:     &administration.Service{Instances: f.instances, Users: f.users, Outbox: s},
		PublicURL: "https://scim.example.com", Log: log, Ready: s.Ping,
	}
	configure(&config)
	handler, err := httpapi.New(config)
	fatal(t, err)
	f.Server = httptest.NewServer(handler)
	t.Cleanup(func() {
		f.Close()
		fatal(t, s.Close())
	})
	for _, slug := range []string{"acme", "globex"} {
		f.instance(slug, instance.Enterprise)
	}
	_, f.adminToken, err = f.instances.CreateAdminToken(t.Context(),
		instance.AdminToken{Name: "ada"}, time.Hour)
	fatal(t, err)
	return f
}

func (f *fixture) instance(slug string, edition instance.Edition) {
	f.t.Helper()
	actor := history.Actor{Kind: history.Administrator, Name: "test"}
	i, err := f.instances.Create(f.t.Context(), instance.Instance{Slug: slug, Edition: edition},
		actor)
	fatal(f.t, err)
	f.scopes[slug] = provisioning.Scope{Instance: i, Actor: actor}
	user := "scim-" + slug
	_, err = f.users.AddUser(f.t.Context(), f.scopes[slug], provisioning.Account{
		Fields: mapping.Fields{mapping.UserName: user}, Integration: true, Role: instance.LiteAdmin,
	})
	fatal(f.t, err)
	_, f.keys[slug], err = f.instances.CreateKey(f.t.Context(), i,
		instance.KeyRequest{UserName: user}, actor)
	fatal(f.t, err)
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answer is an answer with its body decoded.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	text   string
}

func (a answer) detail() string {
	s, _ := a.body["detail"].(string)
	return s
}

// send sends a request to the instance acme. Headers come in pairs, over the
// usual ones; an empty value takes one away.
func (f *fixture) send(method, path, body string, headers ...string) answer {
	f.t.Helper()
	return f.sendTo(f.URL, method, path, body, headers...)
}

// sendTo sends a request to one of several servers.
func (f *fixture) sendTo(base, method, path, body string, headers ...string) answer {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, base+path, strings.NewReader(body))
	fatal(f.t, err)
	r.Header.Set("Authorization", "Bearer "+f.keys["acme"])
	if body != "" {
		r.Header.Set("Content-Type", "application/scim+json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	res, err := f.Client().Do(r)
	fatal(f.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	fatal(f.t, err)
	a := answer{status: res.StatusCode, header: res.Header, text: string(text)}
	if kind := res.Header.Get("Content-Type"); len(text) > 0 && strings.Contains(kind, "json") &&
		!strings.Contains(kind, "ndjson") {
		fatal(f.t, json.Unmarshal(text, &a.body))
	}
	return a
}

func userBody(name string) string {
	return `{"schemas":["` + scim.UserURN + `"],"userName":"` + name + `"}`
}

func (f *fixture) createAnna() (id string) {
	f.t.Helper()
	a := f.send("POST", "/scim/v2/Users", userBody("anna"))
	if a.status != http.StatusCreated {
		f.t.Fatalf("create: %d %s", a.status, a.text)
	}
	return a.body["id"].(string)
}

// wantError checks that an answer is a SCIM error.
func wantError(t *testing.T, a answer, status int, typ scim.Type, detail string) {
	t.Helper()
	got, _ := a.body["scimType"].(string)
	if a.status != status || got != string(typ) || !strings.Contains(a.detail(), detail) {
		t.Errorf("got %d %s, want %d %s %q", a.status, a.text, status, typ, detail)
		return
	}
	if schemas := fmt.Sprint(a.body["schemas"]); schemas != "["+scim.ErrorURN+"]" ||
		a.body["status"] != fmt.Sprint(status) {
		t.Errorf("no SCIM error: %s", a.text)
	}
}
