package httpapi_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"muster/server/administration"
	"muster/server/history"
	"muster/server/httpapi"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/store"
	"muster/spec"
)

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
