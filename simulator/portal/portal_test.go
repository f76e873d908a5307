package portal

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/sample"
	"muster/simulator/administration"
	"muster/simulator/state"
)

// secret is the bearer token of the account.
const secret = "muster_acme_0123456789_very-secret"

// fixture is a portal on the sample's account, whose server takes its time to answer.
type fixture struct {
	*httptest.Server
	t      *testing.T
	portal *Portal
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"account.yaml", "users.csv", "rollout.yaml"} {
		text, err := sample.Read(name)
		fatal(t, err)
		fatal(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)
	for name, value := range map[string]string{
		"ACME_BASE_URL": slow.URL + "/scim/v2", "ACME_TOKEN": secret,
		"GLOBEX_BASE_URL": slow.URL + "/scim/v2", "GLOBEX_TOKEN": secret,
	} {
		t.Setenv(name, value)
	}
	files, err := administration.OpenFiles(filepath.Join(dir, "account.yaml"))
	fatal(t, err)
	st, err := state.Open(t.Context(), filepath.Join(dir, "state.db"))
	fatal(t, err)
	p, err := New(Config{
		Files: files, State: st, RolloutFile: filepath.Join(dir, "rollout.yaml"),
		Log: slog.New(slog.DiscardHandler),
	})
	fatal(t, err)
	f := &fixture{httptest.NewServer(p.Handler()), t, p}
	t.Cleanup(func() {
		f.Close()
		p.Close()
		fatal(t, st.Close())
	})
	return f
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) do(b *http.Client, method, path, host string, form url.Values) (int, string) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.URL+path,
		strings.NewReader(form.Encode()))
	fatal(f.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if host != "" {
		r.Host = host
	}
	answer, err := b.Do(r)
	fatal(f.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	fatal(f.t, err)
	return answer.StatusCode, string(text)
}

func (f *fixture) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	fatal(f.t, err)
	return &http.Client{Jar: jar}
}

func (f *fixture) signIn() *http.Client {
	b := f.browser()
	u, err := url.Parse(f.portal.Link(f.URL))
	fatal(f.t, err)
	status, text := f.do(b, http.MethodPost, "/sign-in", "", u.Query())
	if status != http.StatusOK || !strings.Contains(text, "Applications") {
		f.t.Fatalf("sign in: %d %s", status, text)
	}
	return b
}

func paths() []string {
	return []string{
		"/", "/add", "/apps/acme", "/apps/acme/parameters", "/apps/acme/rules",
		"/apps/acme/provisioning", "/apps/acme/access", "/apps/acme/users",
		"/apps/acme/users/10001", "/apps/acme/cycle", "/apps/acme/activity", "/users",
		"/users/new", "/users/import",
		"/users/10001", "/rollout", "/job", "/changes",
	}
}

// TestPages: each page is for who has the link alone, at this machine alone; none shows
// the token; and what a form sends without the token of the session changes nothing.
func TestPages(t *testing.T) {
	f := newFixture(t)
	b, nobody := f.signIn(), f.browser()
	_, version, err := f.portal.Files.Load()
	fatal(t, err)
	for _, path := range paths() {
		status, text := f.do(b, http.MethodGet, path, "", nil)
		if status != http.StatusOK || strings.Contains(text, secret) {
			t.Errorf("%s: %d %s", path, status, text)
		}
		if _, text := f.do(nobody, http.MethodGet, path, "", nil); !strings.Contains(text,
			"muster-simulator portal -f") {
			t.Errorf("%s is shown to somebody else: %s", path, text)
		}
		for _, host := range []string{
			"mallory.example", "127.0.0.1.mallory.example:80", "10.0.0.1",
		} {
			if status, _ := f.do(b, http.MethodGet, path, host, nil); status !=
				http.StatusMisdirectedRequest {
				t.Errorf("%s as %s: %d", path, host, status)
			}
		}
		status, text = f.do(b, http.MethodPost, path, "", url.Values{
			"version": {version}, "do": {"delete"}, "name": {"x"}, "token": {"x"},
			"what": {"sync"},
		})
		if status != http.StatusForbidden && status != http.StatusNotFound {
			t.Errorf("a form without token at %s: %d %s", path, status, text)
		}
	}
	if _, now, err := f.portal.Files.Load(); err != nil || now != version {
		t.Errorf("the files have changed: %v", err)
	}
	for _, wrong := range []string{"", "x", strings.ToLower(f.portal.secret)} {
		_, text := f.do(f.browser(), http.MethodPost, "/sign-in", "", url.Values{"secret": {wrong}})
		if strings.Contains(text, "Applications") {
			t.Errorf("the secret %q signs in", wrong)
		}
	}
}

// TestJobs: one thing is done at a time, here and in other processes; it can be stopped,
// and is when the portal ends.
func TestJobs(t *testing.T) {
	f := newFixture(t)
	b := f.signIn()
	_, page := f.do(b, http.MethodGet, "/apps/acme/cycle", "", nil)
	_, rest, _ := strings.Cut(page, `name="form-token" value="`)
	token, _, _ := strings.Cut(rest, `"`)
	run := url.Values{"form-token": {token}, "what": {"sync"}}
	status, text := f.do(b, http.MethodPost, "/apps/acme/cycle", "", run)
	if status != http.StatusOK || !strings.Contains(text, "Stop") {
		t.Fatalf("%d %s", status, text)
	}
	if unlock, err := f.portal.State.Lock("another process"); err == nil {
		t.Errorf("another process works with the state, too: %v", unlock())
	}
	status, text = f.do(b, http.MethodPost, "/apps/acme/cycle", "", run)
	if status != http.StatusUnprocessableEntity || !strings.Contains(text, "is under way") {
		t.Errorf("a second one: %d %s", status, text)
	}
	_, text = f.do(b, http.MethodPost, "/job", "", url.Values{"form-token": {token}})
	if !strings.Contains(text, "It was stopped.") {
		t.Errorf("stopped: %s", text)
	}
	unlock, err := f.portal.State.Lock("another process")
	fatal(t, err)
	status, text = f.do(b, http.MethodPost, "/apps/acme/cycle", "", run)
	if status != http.StatusUnprocessableEntity || !strings.Contains(text, "in use by") {
		t.Errorf("beside another process: %d %s", status, text)
	}
	fatal(t, unlock())
	if status, text = f.do(b, http.MethodPost, "/apps/acme/cycle", "", run); status != 200 {
		t.Errorf("after it has ended: %d %s", status, text)
	}
	done := make(chan struct{})
	go func() {
		f.portal.Close()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Error("the portal does not end")
	}
}
