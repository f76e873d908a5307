package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"muster/server/administration"
	"muster/server/history"
	"muster/server/httpapi"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/store"
	"muster/spec"
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

var pathParameter = regexp.MustCompile(`\{\w+\}`)

// TestContract: a route that the document lacks fails New; here each
// operation of the document must be served, and nothing else.
func TestContract(t *testing.T) {
	f := newFixture(t, false)
	doc, err := openapi3.NewLoader().LoadFromData(spec.OpenAPI())
	fatal(t, err)
	for path, item := range doc.Paths.Map() {
		concrete := pathParameter.ReplaceAllString(path, "00000000-0000-7000-8000-000000000000")
		var headers []string
		if strings.HasPrefix(path, httpapi.AdminBase) {
			headers = []string{"Authorization", "Bearer " + f.adminToken}
		}
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			a := f.send(method, concrete, "", headers...)
			switch described := item.GetOperation(method) != nil; {
			case described &&
				(a.status == 405 || strings.Contains(a.detail(), "nothing at this path")):
				t.Errorf("%s %s is in the document and not served: %d", method, path, a.status)
			case !described && a.status != 405:
				t.Errorf("%s %s is served and not in the document: %d %s", method, path, a.status,
					a.text)
			case !described && !strings.Contains(a.header.Get("Allow"), allowed(item)):
				t.Errorf("%s %s: Allow is %q", method, path, a.header.Get("Allow"))
			}
		}
	}
}

func allowed(item *openapi3.PathItem) string {
	if item.Get != nil {
		return "GET, HEAD"
	}
	return ""
}

func TestAuthentication(t *testing.T) {
	f := newFixture(t, false)
	key := f.keys["acme"]
	for name, test := range map[string]struct{ header, detail string }{
		"none":           {"", "no API key"},
		"an empty token": {"Bearer ", "is not"},
		"a blank token":  {"Bearer    ", "is not"},
		"another scheme": {"Basic YTpi", "is not"},
		"a foreign token": {
			"Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", "is not an API key of this server",
		},
		"an unknown key": {
			"Bearer muster_acme_6fr54l3lzi_VFWAx6cijabF40WS3Wa7DOGlEeTGvy0MPv5UTLM3dWM1VzjKs",
			"not known here",
		},
		"a mistyped key": {
			"Bearer " + strings.Replace(key, "muster_acme", "muster_acmf", 1), "checksum",
		},
		"a key that is cut off":  {"Bearer " + key[:len(key)-3], "not complete"},
		"something behind a key": {"Bearer " + key + " x", "not"},
		"the key without Bearer": {key, "is not"},
		"another instance's name": {
			"Bearer " + strings.Replace(key, "_acme_", "_globex_", 1), "checksum",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := f.send("GET", "/scim/v2/Users", "", "Authorization", test.header)
			wantError(t, a, 401, "", test.detail)
			challenge := a.header.Get("WWW-Authenticate")
			if !strings.HasPrefix(challenge, `Bearer realm="muster"`) ||
				(test.header == "") == strings.Contains(challenge, "invalid_token") {
				t.Errorf("WWW-Authenticate: %q", challenge)
			}
		})
	}
	if a := f.send("GET", "/scim/v2/Users", "", "Authorization", "bearer "+key); a.status != 200 {
		t.Errorf("the scheme in lower case: %d", a.status)
	}
	if strings.Contains(f.log.String(), key[len(key)-30:]) {
		t.Error("the log holds a key")
	}
}

// TestNoWayAround: no spelling of a path passes by the authentication, as
// one did in ZITADEL (CVE-2026-32130).
func TestNoWayAround(t *testing.T) {
	f := newFixture(t, false)
	id := f.createAnna()
	for _, path := range []string{
		"/scim/v2/Users", "/scim/v2/%55sers", "/scim/v2/Users/", "//scim/v2/Users",
		"/scim//v2/Users", "/scim/v2/./Users", "/scim/v2/../v2/Users",
		"/healthz/../scim/v2/Users", "/healthz/%2e%2e/scim/v2/Users", "/%73cim/v2/Users/" + id,
		"/scim/v2/Users%2f" + id, "/scim/v2/users",
		"/SCIM/V2/Users", "/healthz%2f..%2fscim/v2/Users", "/scim/v2/Schemas",
		"/scim/v2/ServiceProviderConfig", "/", "/healthz/", "/%68ealthz",
	} {
		for _, method := range []string{
			"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE",
		} {
			r, err := http.NewRequestWithContext(t.Context(), method, f.URL+path, nil)
			fatal(t, err)
			client := &http.Client{
				CheckRedirect: func(*http.Request, []*http.Request) error {
					return http.ErrUseLastResponse
				},
			}
			res, err := client.Do(r)
			fatal(t, err)
			res.Body.Close()
			if res.StatusCode != http.StatusUnauthorized && res.StatusCode != http.StatusNotFound {
				t.Errorf("%s %s without a key: %d", method, path, res.StatusCode)
			}
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if a := f.send("GET", path, "", "Authorization", ""); a.status != 200 ||
			a.body["status"] != "ok" {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
}

func TestEditionWithoutSCIM(t *testing.T) {
	f := newFixture(t, false)
	f.instance("small", instance.Professional)
	a := f.send("GET", "/scim/v2/Users", "", "Authorization", "Bearer "+f.keys["small"])
	wantError(t, a, 403, "", "enterprise and unlimited editions")
}

// TestBadRequests: each is refused with a SCIM error that says what is
// wrong, changes nothing, and is in the change history if it would have
// changed something.
func TestBadRequests(t *testing.T) {
	f := newFixture(t, false)
	id := f.createAnna()
	user := "/scim/v2/Users/" + id
	for name, test := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		typ                scim.Type
		detail             string
	}{
		"not JSON": {
			"POST", "/scim/v2/Users", `userName=ben`, nil, 400, scim.InvalidSyntax,
			"not valid JSON",
		},
		"cut off": {
			"POST", "/scim/v2/Users", `{"userName":"be`, nil, 400, scim.InvalidSyntax,
			"middle of its JSON",
		},
		"no body": {
			"POST", "/scim/v2/Users", ``,
			[]string{"Content-Type", "application/scim+json"},
			400,
			scim.InvalidSyntax, "empty",
		},
		"an array": {
			"POST", "/scim/v2/Users", `[]`, nil, 400, scim.InvalidSyntax, "not a JSON object",
		},
		"two objects": {
			"POST", "/scim/v2/Users", userBody("ben") + `{}`, nil, 400, scim.InvalidSyntax,
			"goes on",
		},
		"a key twice": {
			"POST", "/scim/v2/Users", `{"userName":"a","userName":"b"}`, nil, 400,
			scim.InvalidSyntax, "twice",
		},
		"too deep": {
			"POST", "/scim/v2/Users", strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50),
			nil, 400, scim.InvalidSyntax, "levels",
		},
		"too large": {
			"POST", "/scim/v2/Users", `{"userName":"` + strings.Repeat("x", httpapi.MaxBody) + `"}`,
			nil, 413, "", "larger than",
		},
		"another content type": {
			"POST", "/scim/v2/Users", userBody("ben"),
			[]string{"Content-Type", "text/plain"},
			415,
			"", "application/scim+json",
		},
		"another charset": {
			"POST", "/scim/v2/Users", userBody("ben"),
			[]string{"Content-Type", "application/json; charset=utf-16"},
			415, "", "",
		},
		"an unknown schema": {
			"POST", "/scim/v2/Users", `{"schemas":["urn:x:y"],"userName":"ben"}`, nil, 400,
			scim.InvalidSyntax, `unknown schema "urn:x:y"`,
		},
		"an unknown attribute": {
			"POST", "/scim/v2/Users", `{"userName":"ben","shoeSize":43}`, nil, 400,
			scim.InvalidSyntax, `"shoeSize"`,
		},
		"a wrong type": {
			"POST", "/scim/v2/Users", `{"userName":7}`, nil, 400, scim.InvalidValue, "userName",
		},
		"a wrong type deep": {
			"POST", "/scim/v2/Users", `{"userName":"ben","emails":[{"value":true}]}`, nil, 400,
			scim.InvalidValue, "emails[0].value",
		},
		"no user name": {
			"POST", "/scim/v2/Users", `{"displayName":"Ben"}`, nil, 400, scim.InvalidValue,
			"userName",
		},
		"U+0000": {
			"POST", "/scim/v2/Users", `{"userName":"a\u0000b"}`, nil, 400, scim.InvalidValue,
			"U+0000",
		},
		"a taken name": {
			"POST", "/scim/v2/Users", userBody("ANNA"), nil, 409, scim.Uniqueness,
			"another user of this instance",
		},
		"a group without name": {
			"POST", "/scim/v2/Groups", `{"members":[]}`, nil, 400, scim.InvalidValue, "displayName",
		},
		"a member from nowhere": {
			"POST", "/scim/v2/Groups", `{"displayName":"G","members":[{"value":"nobody"}]}`, nil,
			400, scim.InvalidValue, "nobody",
		},
		"an unknown id": {
			"GET", "/scim/v2/Users/1", ``, nil, 404, "", `User "1" not found`,
		},
		"PUT to an unknown id": {
			"PUT", "/scim/v2/Users/1", userBody("ben"), nil, 404, "", "not found",
		},
		"a bad filter": {
			"GET", "/scim/v2/Users?filter=userName", ``, nil, 400, scim.InvalidFilter, "operator",
		},
		"an unknown in filter": {
			"GET", "/scim/v2/Users?filter=shoeSize+eq+1", ``, nil, 400, scim.InvalidFilter,
			"shoeSize",
		},
		"a filter too deep": {
			"GET",
			"/scim/v2/Users?filter=" + strings.Repeat("(", 40) + "userName+pr" + strings.Repeat(")",
				40), ``, nil, 400, scim.TooMany, "levels",
		},
		"a filter too long": {
			"GET",
			"/scim/v2/Users?filter=" + strings.Repeat("userName+pr+and+", 200) + "userName+pr", ``,
			nil, 400, scim.TooMany, "comparisons",
		},
		"an empty filter": {
			"GET", "/scim/v2/Users?filter=", ``, nil, 400, scim.InvalidFilter, "",
		},
		"a misspelled parameter": {
			"GET", "/scim/v2/Users?fliter=userName+eq+1", ``, nil, 400, scim.InvalidSyntax,
			`"fliter"`,
		},
		"a parameter twice": {
			"GET", "/scim/v2/Users?count=1&count=2", ``, nil, 400, scim.InvalidSyntax, "2 times",
		},
		"count is no number": {
			"GET", "/scim/v2/Users?count=many", ``, nil, 400, scim.InvalidValue, `"count"`,
		},
		"sort by nothing": {
			"GET", "/scim/v2/Users?sortBy=shoeSize", ``, nil, 400, scim.InvalidValue, "shoeSize",
		},
		"both projections": {
			"GET", "/scim/v2/Users?attributes=title&excludedAttributes=name", ``, nil, 400,
			scim.InvalidValue, "",
		},
		"PATCH without ops": {
			"PATCH", user, `{"schemas":["` + scim.PatchOpURN + `"]}`, nil, 400, scim.InvalidValue,
			"Operations",
		},
		"an unknown op": {
			"PATCH", user, `{"Operations":[{"op":"move","path":"title"}]}`, nil, 400,
			scim.InvalidValue, "",
		},
		"an unknown path": {
			"PATCH", user, `{"Operations":[{"op":"replace","path":"shoeSize","value":1}]}`, nil,
			400, scim.InvalidPath, "shoeSize",
		},
		"read-only": {
			"PATCH", user, `{"Operations":[{"op":"replace","path":"id","value":"x"}]}`, nil, 400,
			scim.Mutability, "id",
		},
		"an old version": {
			"PUT", user, userBody("anna"), []string{"If-Match", `W/"7"`}, 412, "", "version",
		},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, f.send(test.method, test.path, test.body, test.headers...), test.status,
				test.typ, test.detail)
		})
	}
	if a := f.send("GET", "/scim/v2/Users", ""); a.body["totalResults"] != 1.0 {
		t.Errorf("something was written: %s", a.text)
	}
	refused := 0
	fatal(t,
		f.users.History(t.Context(),
			history.Query{InstanceID: f.scopes["acme"].Instance.ID, Outcome: history.Refused},
			func(e *history.Entry) error {
				if e.Actor.KeyID == "" || e.Actor.RequestID == "" || e.Detail == "" ||
					e.Status < 400 {
					t.Errorf("the row tells too little: %+v", e)
				}
				refused++
				return nil
			}))
	if refused < 20 {
		t.Errorf("the history has %d refusals", refused)
	}
}

// TestParallelCreations: of many creations of one name at the same moment
// exactly one wins.
func TestParallelCreations(t *testing.T) {
	f := newFixture(t, false)
	var mu sync.Mutex
	statuses := make(map[int]int)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			key := f.keys[[]string{"acme", "globex"}[i%2]]
			a := f.send("POST", "/scim/v2/Users", userBody("anna"), "Authorization", "Bearer "+key)
			mu.Lock()
			defer mu.Unlock()
			statuses[a.status]++
		})
	}
	wg.Wait()
	if statuses[201] != 1 || statuses[409] != 49 {
		t.Errorf("got %v", statuses)
	}
}

// TestIsolation: with the key of one instance nothing of another is found,
// whatever the route.
func TestIsolation(t *testing.T) {
	f := newFixture(t, false)
	user := f.createAnna()
	group := f.send("POST", "/scim/v2/Groups",
		`{"displayName":"G","members":[{"value":"`+user+`"}]}`).body["id"].(string)
	foreign := []string{"Authorization", "Bearer " + f.keys["globex"]}
	patch := func(path string) string {
		return `{"Operations":[{"op":"replace","path":"` + path + `","value":"x"}]}`
	}
	for _, test := range []struct{ method, path, body string }{
		{"GET", "/scim/v2/Users/" + user, ""},
		{"PUT", "/scim/v2/Users/" + user, userBody("anna")},
		{"PATCH", "/scim/v2/Users/" + user, patch("title")},
		{"DELETE", "/scim/v2/Users/" + user, ""},
		{"GET", "/scim/v2/Groups/" + group, ""},
		{"PUT", "/scim/v2/Groups/" + group, `{"displayName":"G"}`},
		{"PATCH", "/scim/v2/Groups/" + group, patch("displayName")},
		{"DELETE", "/scim/v2/Groups/" + group, ""},
	} {
		wantError(t, f.send(test.method, test.path, test.body, foreign...), 404, "", "not found")
	}
	a := f.send("POST", "/scim/v2/Groups", `{"displayName":"G","members":[{"value":"`+user+`"}]}`,
		foreign...)
	wantError(t, a, 400, scim.InvalidValue, user)
	for _, path := range []string{
		"/scim/v2/Users", "/scim/v2/Groups", "/scim/v2/Users?filter=id+eq+%22" + user + "%22",
	} {
		if a := f.send("GET", path, "", foreign...); a.body["totalResults"] != 0.0 ||
			!slices.Equal(a.body["Resources"].([]any), []any{}) {
			t.Errorf("%s: %s", path, a.text)
		}
	}
	// externalId never stands for the id (CVE-2025-41115).
	a = f.send("POST", "/scim/v2/Users", `{"userName":"mallory","externalId":"`+user+`"}`,
		foreign...)
	if a.status != 201 || a.body["id"] == user {
		t.Errorf("got %d %s", a.status, a.text)
	}
}

// TestIntegrationUsersAreHidden: over SCIM they are not there.
func TestIntegrationUsersAreHidden(t *testing.T) {
	f := newFixture(t, false)
	u, err := f.users.UserByName(t.Context(), f.scopes["acme"], "scim-acme")
	fatal(t, err)
	for _, method := range []string{"GET", "DELETE"} {
		wantError(t, f.send(method, "/scim/v2/Users/"+u.ID, ""), 404, "", "not found")
	}
	if a := f.send("GET", "/scim/v2/Users?filter=userName+eq+%22scim-acme%22",
		""); a.body["totalResults"] != 0.0 {
		t.Errorf("got %s", a.text)
	}
	wantError(t,
		f.send("POST", "/scim/v2/Groups", `{"displayName":"G","members":[{"value":"`+u.ID+`"}]}`),
		400, scim.InvalidValue, "")
}

func TestPassword(t *testing.T) {
	f := newFixture(t, false)
	a := f.send("POST", "/scim/v2/Users", `{"userName":"anna","password":"hunter2-secret"}`)
	if a.status != 201 || strings.Contains(a.text, "hunter2") ||
		strings.Contains(f.log.String(), "hunter2") {
		t.Errorf("got %d %s", a.status, a.text)
	}
	strict := newFixture(t, true)
	a = strict.send("POST", "/scim/v2/Users",
		`{"schemas":["`+scim.UserURN+`"],"userName":"anna","password":"hunter2-secret"}`)
	wantError(t, a, 400, scim.InvalidSyntax, `"password"`)
	if strings.Contains(a.text+strict.log.String(), "hunter2") {
		t.Error("the password was repeated")
	}
}

func TestMediaTypes(t *testing.T) {
	f := newFixture(t, false)
	for _, test := range []struct{ contentType, accept, want string }{
		{"application/scim+json", "", "application/scim+json"},
		{"application/json", "", "application/json"},
		{"application/json; charset=utf-8", "*/*", "application/json"},
		{"application/json", "application/scim+json", "application/scim+json"},
		{"application/scim+json", "application/json", "application/json"},
	} {
		name := strings.NewReplacer("/", "-", " ", "", ";", "", "=",
			"").Replace(test.contentType + test.accept)
		a := f.send("POST", "/scim/v2/Users", userBody(name), "Content-Type", test.contentType,
			"Accept", test.accept)
		if got := a.header.Get("Content-Type"); a.status != 201 || got != test.want {
			t.Errorf("%+v: got %d %s", test, a.status, got)
		}
	}
}

func TestVersions(t *testing.T) {
	f := newFixture(t, false)
	path := "/scim/v2/Users/" + f.createAnna()
	first := f.send("GET", path, "").header.Get("ETag")
	if a := f.send("GET", path, "", "If-None-Match", first); a.status != 304 || a.text != "" ||
		a.header.Get("ETag") != first {
		t.Errorf("If-None-Match: %d %q", a.status, a.text)
	}
	change := `{"Operations":[{"op":"replace","path":"title","value":"T"}]}`
	second := f.send("PATCH", path, change, "If-Match", first)
	if second.status != 200 || second.header.Get("ETag") == first {
		t.Errorf("If-Match: %d %s", second.status, second.text)
	}
	if a := f.send("PATCH", path, change); a.header.Get("ETag") != second.header.Get("ETag") {
		t.Error("a change that changes nothing made a new version")
	}
	wantError(t, f.send("DELETE", path, "", "If-Match", first), 412, "", "version")
	if a := f.send("DELETE", path, "", "If-Match", "*"); a.status != 204 {
		t.Errorf("If-Match *: %d", a.status)
	}
}

func TestRequestID(t *testing.T) {
	f := newFixture(t, false)
	a := f.send("POST", "/scim/v2/Users", userBody("anna"), "X-Request-Id", "provider-42")
	if got := a.header.Get("X-Request-Id"); got != "provider-42" ||
		!strings.Contains(f.log.String(), "requestId=provider-42") {
		t.Errorf("got %q, log %s", got, f.log)
	}
	found := false
	fatal(t,
		f.users.History(t.Context(),
			history.Query{InstanceID: f.scopes["acme"].Instance.ID, User: "anna"},
			func(e *history.Entry) error {
				found = found || e.Actor.RequestID == "provider-42"
				return nil
			}))
	if !found {
		t.Error("the history does not have the request id")
	}
	for _, bad := range []string{"with space", strings.Repeat("x", 65), "a\"b"} {
		if got := f.send("GET", "/scim/v2/Users", "", "X-Request-Id",
			bad).header.Get("X-Request-Id"); got == bad || got == "" {
			t.Errorf("%q was taken over", bad)
		}
	}
}

func TestNotReady(t *testing.T) {
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "m.db"))
	fatal(t, err)
	users, err := provisioning.NewService(s, slog.New(slog.DiscardHandler), nil)
	fatal(t, err)
	handler, err := httpapi.New(httpapi.Config{
		Admin: &administration.Service{
			Instances: instance.NewService(s, s, nil), Users: users, Outbox: s,
		}, PublicURL: "http://h", Log: slog.New(slog.DiscardHandler), Ready: s.Ping,
	})
	fatal(t, err)
	fatal(t, s.Close())
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s without a database: %d", path, w.Code)
		}
	}
}

func TestPublicURL(t *testing.T) {
	for _, bad := range []string{"", "scim.example.com", "ftp://x", "http://", "http://h?x=1"} {
		if _, err := httpapi.New(httpapi.Config{PublicURL: bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	f := newFixture(t, false)
	a := f.send("POST", "/scim/v2/Users", userBody("anna"))
	location := "https://scim.example.com/scim/v2/Users/" + a.body["id"].(string)
	if meta := a.body["meta"].(map[string]any); a.header.Get("Location") != location ||
		meta["location"] != location {
		t.Errorf("got %s and %v", a.header.Get("Location"), meta)
	}
}

// TestGroupPatch: the answer to a PATCH of a group does not hold its members
// unless they are asked for.
func TestGroupPatch(t *testing.T) {
	f := newFixture(t, false)
	user := f.createAnna()
	path := "/scim/v2/Groups/" +
		f.send("POST", "/scim/v2/Groups", `{"displayName":"G"}`).body["id"].(string)
	add := `{"Operations":[{"op":"add","path":"members","value":[{"value":"` + user + `"}]}]}`
	if a := f.send("PATCH", path, add); a.status != 204 || a.text != "" ||
		a.header.Get("ETag") == "" {
		t.Errorf("got %d %s", a.status, a.text)
	}
	a := f.send("PATCH", path+"?attributes=members", add)
	if a.status != 200 || len(a.body["members"].([]any)) != 1 {
		t.Errorf("got %d %s", a.status, a.text)
	}
}

// TestBulkLimits: what is larger than announced is refused with 413.
func TestBulkLimits(t *testing.T) {
	f := newFixture(t, false)
	head := `{"schemas":["` + scim.BulkRequestURN + `"],"Operations":[`
	operation := `{"method":"DELETE","path":"/Users/1"}`
	many := head + strings.Repeat(operation+",", httpapi.MaxBulkOperations) + operation + "]}"
	wantError(t, f.send("POST", "/scim/v2/Bulk", many), 413, "", "1000 operations")
	long := head + operation + "]" + strings.Repeat(" ", httpapi.MaxBulkPayload) + "}"
	wantError(t, f.send("POST", "/scim/v2/Bulk", long), 413, "", "1048576 bytes")
	alone := f.send("POST", "/scim/v2/Bulk",
		head+`{"method":"POST","path":"/Users","data":{"userName":"a"}},`+
			`{"method":"POST","path":"/Users","bulkId":"","data":{"userName":"b"}},`+
			`{"method":"POST","path":"/Users","bulkId":"c","data":{"userName":"c"}}]}`)
	var statuses []any
	for _, o := range alone.body["Operations"].([]any) {
		statuses = append(statuses, o.(map[string]any)["status"])
	}
	if !slices.Equal(statuses, []any{"400", "400", "201"}) {
		t.Errorf("POSTs without bulkId fail alone: %v, %s", statuses, alone.text)
	}
	for name, body := range map[string]string{
		"a bulkId twice": `{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"a"}},{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"b"}}`,
		"another method": `{"method":"GET","path":"/Users"}`,
		"no path":        `{"method":"DELETE"}`,
	} {
		if a := f.send("POST", "/scim/v2/Bulk", head+body+"]}"); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	for _, path := range []string{
		"/Bulk", "/Schemas", "/Me", "/Users/../Groups", "/Users?filter=x", "/../../healthz",
	} {
		a := f.send("POST", "/scim/v2/Bulk", head+`{"method":"DELETE","path":"`+path+`"}]}`)
		if list, _ := a.body["Operations"].([]any); len(list) != 1 ||
			list[0].(map[string]any)["status"].(string) < "400" {
			t.Errorf("%s: %s", path, a.text)
		}
	}
}

// TestBulkStaysInItsInstance: the operations have the rights of the request.
func TestBulkStaysInItsInstance(t *testing.T) {
	f := newFixture(t, false)
	id := f.createAnna()
	body := `{"schemas":["` + scim.BulkRequestURN +
		`"],"Operations":[{"method":"DELETE","path":"/Users/` + id + `"}]}`
	a := f.send("POST", "/scim/v2/Bulk", body, "Authorization", "Bearer "+f.keys["globex"])
	if !strings.Contains(a.text, `"status":"404"`) {
		t.Errorf("got %s", a.text)
	}
	if a := f.send("GET", "/scim/v2/Users/"+id, ""); a.status != 200 {
		t.Errorf("the user is gone: %d", a.status)
	}
}

// TestInstancePath: a base URL that names the instance takes its keys only,
// and stands in what is answered.
func TestInstancePath(t *testing.T) {
	f := newFixture(t, false)
	const base = "https://scim.example.com/instances/acme/scim/v2"
	a := f.send("POST", "/instances/acme/scim/v2/Users", userBody("anna"))
	if a.status != 201 || a.header.Get("Location") != base+"/Users/"+a.body["id"].(string) {
		t.Fatalf("got %d %s %s", a.status, a.header.Get("Location"), a.text)
	}
	if a := f.send("GET", "/instances/acme/scim/v2/ServiceProviderConfig/",
		""); !strings.Contains(a.text, base+"/ServiceProviderConfig") {
		t.Errorf("got %s", a.text)
	}
	wrong := f.send("GET", "/instances/globex/scim/v2/Users", "")
	wantError(t, wrong, 403, "", `for the instance "acme", and the base URL is that of "globex"`)
	if wrong.header.Get("X-Muster-Instance") != "" {
		t.Error("the wrong instance was let in")
	}
	found := 0
	fatal(t,
		f.users.History(t.Context(),
			history.Query{InstanceID: f.scopes["acme"].Instance.ID, Outcome: history.Refused},
			func(e *history.Entry) error {
				if e.Action == history.Authenticate && e.Status == 403 {
					found++
				}
				return nil
			}))
	if found != 1 {
		t.Errorf("%d rows in the history of the key's instance", found)
	}
	for _, path := range []string{
		"/instances/acme/scim/v2/Users", "/instances/nobody/scim/v2/Users",
		"/instances/acme/healthz", "/instances//scim/v2/Users", "/instances/acme/scim/v2/%55sers",
	} {
		if a := f.send("GET", path, "", "Authorization", ""); a.status != 401 {
			t.Errorf("%s without a key: %d", path, a.status)
		}
	}
	for _, path := range []string{
		"/instances/acme/healthz", "/instances/acme", "/instances/acme/scim/v2x",
		"/instances/ACME/scim/v2/Users",
	} {
		if a := f.send("GET", path, ""); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

// TestKeyExpires: a key tells of its end in its last days.
func TestKeyExpires(t *testing.T) {
	f := newFixture(t, false)
	if a := f.send("GET", "/scim/v2/Users", ""); a.header.Get("X-Muster-Key-Expires") != "" {
		t.Errorf("a year before: %s", a.header.Get("X-Muster-Key-Expires"))
	}
	i := f.scopes["acme"].Instance
	_, key, err := f.instances.CreateKey(t.Context(), i,
		instance.KeyRequest{UserName: "scim-acme", Life: instance.ExpiryNotice - time.Hour},
		f.scopes["acme"].Actor)
	fatal(t, err)
	a := f.send("GET", "/scim/v2/Users", "", "Authorization", "Bearer "+key)
	if at, err := time.Parse(time.RFC3339, a.header.Get("X-Muster-Key-Expires")); err != nil ||
		time.Until(at) > instance.ExpiryNotice {
		t.Errorf("got %v, %v", at, err)
	}
}
