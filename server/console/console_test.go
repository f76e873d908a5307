package console_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2-proxy/mockoidc"

	"muster/server/administration"
	"muster/server/console"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/store"
)

// fixture is a console on SQLite with an instance, reached over HTTP.
type fixture struct {
	*httptest.Server
	t     *testing.T
	admin *administration.Service
	// ahead is how far the clock of sign-in is ahead, in seconds.
	ahead atomic.Int64
}

func newFixture(t *testing.T, openID func(public string) *console.OpenID) *fixture {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "m.db"))
	fatal(t, err)
	t.Cleanup(func() { fatal(t, s.Close()) })
	log := slog.New(slog.DiscardHandler)
	users, err := provisioning.NewService(s, log, nil)
	fatal(t, err)
	f := &fixture{t: t}
	clock := func() time.Time { return time.Now().Add(time.Duration(f.ahead.Load()) * time.Second) }
	f.admin = &administration.Service{
		Instances: instance.NewService(s, s, clock), Users: users, Outbox: s, Feeds: s,
	}
	_, err = f.admin.Instances.Create(t.Context(), instance.Instance{Slug: "acme"},
		history.Actor{Kind: history.Administrator, Name: "test"})
	fatal(t, err)
	var handler http.Handler
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	config := console.Config{
		Admin: f.admin, Sessions: s, PublicURL: f.URL, SCIM: f.URL + "/scim/v2", Log: log,
	}
	if openID != nil {
		config.OpenID = openID(f.URL)
	}
	c, err := console.New(config)
	fatal(t, err)
	handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.ServeConsole(w, r, history.Actor{Address: "192.0.2.1"})
	})
	return f
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// browser is one with cookies of its own.
func (f *fixture) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	fatal(f.t, err)
	return &http.Client{Jar: jar}
}

// signIn returns a browser in which somebody is signed in.
func (f *fixture) signIn(p instance.Person) *http.Client {
	f.t.Helper()
	secret, err := f.admin.Instances.CreateSignInLink(f.t.Context(), p)
	fatal(f.t, err)
	b := f.browser()
	status, text := f.post(b, "/console/sign-in/link", url.Values{"secret": {secret}})
	if status != http.StatusOK || !strings.Contains(text, p.Name) {
		f.t.Fatalf("%s is not signed in: %d %s", p.Name, status, text)
	}
	return b
}

func (f *fixture) get(b *http.Client, path string) (int, string) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.URL+path, nil)
	fatal(f.t, err)
	return f.do(b, r)
}

func (f *fixture) post(b *http.Client, path string, form url.Values) (int, string) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, f.URL+path,
		strings.NewReader(form.Encode()))
	fatal(f.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return f.do(b, r)
}

func (f *fixture) do(b *http.Client, r *http.Request) (int, string) {
	f.t.Helper()
	answer, err := b.Do(r)
	fatal(f.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	fatal(f.t, err)
	return answer.StatusCode, string(text)
}

// TestLinkOnce: of many who open a link at the same moment one is signed in, and of
// those who come when it has expired nobody.
func TestLinkOnce(t *testing.T) {
	f := newFixture(t, nil)
	secret, err := f.admin.Instances.CreateSignInLink(t.Context(), instance.Person{Name: "ada"})
	fatal(t, err)
	for range 3 { // to look at it uses nothing up
		if status, _ := f.get(f.browser(), "/console/sign-in/link?secret="+secret); status != 200 {
			t.Fatalf("the link is shown with status %d", status)
		}
	}
	var in atomic.Int32
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			_, err := f.admin.Instances.SignIn(t.Context(), secret)
			var refused *instance.RefusedError
			switch {
			case err == nil:
				in.Add(1)
			case !errors.As(err, &refused):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("%d were signed in by one link", in.Load())
	}
	late, err := f.admin.Instances.CreateSignInLink(t.Context(), instance.Person{Name: "ada"})
	fatal(t, err)
	f.ahead.Store(int64(instance.SignInLife/time.Second) + 1)
	for _, secret := range []string{late, secret, "", "nonsense"} {
		status, text := f.post(f.browser(), "/console/sign-in/link", url.Values{"secret": {secret}})
		if status != http.StatusNotFound || !strings.Contains(text, "does not sign in any more") {
			t.Errorf("the link %q: %d %s", secret, status, text)
		}
	}
}

// pages are those of an instance, and the role that it takes to see each.
func pages() map[string]instance.AdminRole {
	return map[string]instance.AdminRole{
		"": instance.Reader, "/settings": instance.Reader, "/provisioning": instance.Reader,
		"/provisioning/restore": instance.Administrator,
		"/provisioning/apply":   instance.Administrator, "/users": instance.Reader,
		"/users/new": instance.LiteAdministrator, "/groups": instance.Reader,
		"/groups/new": instance.LiteAdministrator, "/keys": instance.Administrator,
		"/clients": instance.Administrator, "/fields": instance.Reader,
		"/objects": instance.Reader, "/rules": instance.Reader,
		"/feeds":        instance.Administrator,
		"/update-field": instance.LiteAdministrator, "/history": instance.Auditor,
		"/history/export": instance.Auditor, "/history/verify": instance.Auditor,
	}
}

// TestRolesSeePages: each role sees what it may and nothing else, and nothing leads to
// what it may not see.
func TestRolesSeePages(t *testing.T) {
	f := newFixture(t, nil)
	links := regexp.MustCompile(`href="(/console/instances/acme[^"?]*)`)
	for _, role := range instance.AdminRoles() {
		b := f.signIn(instance.Person{Name: "ada", Role: role, Instance: "acme"})
		led := make(map[string]bool)
		for path, needs := range pages() {
			status, text := f.get(b, "/console/instances/acme"+path)
			want := http.StatusForbidden
			if role.May(needs) {
				want = http.StatusOK
			}
			if status != want {
				t.Errorf("%s at %q: %d, want %d", role, path, status, want)
			}
			for _, m := range links.FindAllStringSubmatch(text, -1) {
				led[m[1]] = true
			}
		}
		for link := range led {
			if status, _ := f.get(b, link); status != http.StatusOK {
				t.Errorf("%s is led to %s, which answers %d", role, link, status)
			}
		}
	}
	nobody := f.browser()
	for path := range pages() {
		if _, text := f.get(nobody, "/console/instances/acme"+path); !strings.Contains(text,
			"console link --user") {
			t.Errorf("%q is shown to somebody who is not signed in: %s", path, text)
		}
	}
}

// TestFormsNeedTokens: whatever a form sends without the token of the session does
// nothing, and neither does one from a page of another origin.
func TestFormsNeedTokens(t *testing.T) {
	f := newFixture(t, nil)
	b := f.signIn(instance.Person{Name: "ada"})
	for path := range pages() {
		status, text := f.post(b, "/console/instances/acme"+path, url.Values{
			"do": {"apply"}, "name": {"acme"}, "userName": {"mallory"}, "title": {"x"},
		})
		if status != http.StatusForbidden && status != http.StatusNotFound {
			t.Errorf("a form without token at %q: %d %s", path, status, text)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		f.URL+"/console/account", strings.NewReader("everywhere=yes"))
	fatal(t, err)
	r.Header.Set("Origin", "https://mallory.example")
	if status, text := f.do(b, r); status != http.StatusForbidden {
		t.Errorf("a form of another site: %d %s", status, text)
	}
	if status, _ := f.get(b, "/console/account"); status != http.StatusOK {
		t.Error("the session has ended")
	}
}

// TestOpenID signs in by a real exchange of OpenID Connect.
func TestOpenID(t *testing.T) {
	provider, err := mockoidc.Run()
	fatal(t, err)
	t.Cleanup(func() { _ = provider.Shutdown() })
	groups, err := console.ParseGroups("owner=Muster Owners; reader@acme=Acme Readers")
	fatal(t, err)
	f := newFixture(t, func(public string) *console.OpenID {
		o, err := console.NewOpenID(t.Context(), console.OpenIDConfig{
			Issuer: provider.Issuer(), ClientID: provider.ClientID,
			ClientSecret: provider.ClientSecret, Claim: "groups", Groups: groups, PublicURL: public,
		})
		fatal(t, err)
		return o
	})
	who := func(verified bool, groups ...string) *mockoidc.MockUser {
		return &mockoidc.MockUser{
			Subject: "4711", Email: "ada@example.com", EmailVerified: verified, Groups: groups,
		}
	}
	for name, c := range map[string]struct {
		user   *mockoidc.MockUser
		to     string
		status int
		want   string
	}{
		"an owner": {who(true, "Other", "Muster Owners"), "", 200, "Instances"},
		"a reader": {who(true, "Acme Readers"), "", 200, "Overview"},
		"the first group": {
			who(true, "Acme Readers", "Muster Owners"), "/console/account", 200, "owner",
		},
		"no group":      {who(true), "", 403, "is in no group that may use the console"},
		"another group": {who(true, "muster owners"), "", 403, "is in no group"},
		"not verified":  {who(false, "Muster Owners"), "/console/account", 200, "4711"},
		"a page of somebody else": {
			who(true, "Muster Owners"), "https://mallory.example/console/", 200, "Instances",
		},
	} {
		provider.QueueUser(c.user)
		status, text := f.get(f.browser(), "/console/sign-in/openid?to="+url.QueryEscape(c.to))
		if status != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	// An answer that belongs to no sign-in of this browser.
	for _, cookie := range []string{"", "a.b.c.", "x.y.z.Lw"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			f.URL+"/console/sign-in/openid/back?code=x&state=s", nil)
		fatal(t, err)
		if cookie != "" {
			r.AddCookie(&http.Cookie{Name: "muster_console_way", Value: cookie})
		}
		status, text := f.do(f.browser(), r)
		if status != http.StatusForbidden || !strings.Contains(text, "Begin anew.") ||
			strings.Contains(text, "did not accept") {
			t.Errorf("with the cookie %q: %d %s", cookie, status, text)
		}
	}
}

// TestParseGroups: what is not right says what would be.
func TestParseGroups(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "[]",
		" ; ":                         "[]",
		"owner=A":                     "[{A owner }]",
		"reader@acme = B=C ; owner=A": "[{B=C reader acme} {A owner }]",
		"king=A":                      "error",
		"owner":                       "error",
		"owner=":                      "error",
		"=A":                          "error",
	} {
		list, err := console.ParseGroups(text)
		got := fmt.Sprint(list)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: %s %v, want %s", text, got, err, want)
		}
	}
}
