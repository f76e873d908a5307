package screen

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// FuzzQuote: whatever a word is, a shell takes it for that word.
func FuzzQuote(f *testing.F) {
	for _, word := range []string{
		"", "a b", "it's", "$(x)", "`x`", "\\", "*", "-n", "é", "a\nb", `"`,
	} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		if strings.ContainsRune(word, 0) {
			return
		}
		c := exec.CommandContext(t.Context(), "sh", "-c", "printf '%s' "+quote(word))
		out, err := c.Output()
		if err != nil || string(out) != word {
			t.Errorf("%q became %q, %v", word, out, err)
		}
	})
}

func TestRelative(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "just now", -3 * time.Second: "just now", 59 * time.Second: "59 seconds ago",
		time.Minute: "1 minute ago", 90 * time.Minute: "2 hours ago",
		47 * time.Hour: "47 hours ago", 72 * time.Hour: "3 days ago",
		-365 * 24 * time.Hour: "in 365 days",
	} {
		if got := relative(now.Add(-d), now); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	if got := ago((*time.Time)(nil), now); got != "never" {
		t.Errorf("no time is %s", got)
	}
}

// TestEscaped: what somebody is called is text, wherever it stands on a page.
func TestEscaped(t *testing.T) {
	p, err := NewPages(fstest.MapFS{"x.html": {Data: []byte(
		`{{define "main"}}<a title="{{.Page}}" href="{{.Page}}">{{.Page}}</a>` +
			`{{command "x" .Page}}{{end}}`,
	)}}, "/x")
	if err != nil {
		t.Fatal(err)
	}
	const evil = `"><script>alert(1)</script><a href='javascript:alert(1)`
	text, err := p.render("x", Frame{
		Title: evil, Place: evil, Person: evil, Notice: evil, Problem: evil,
		Nav:   []Section{{Title: evil, Links: []Link{{Text: evil, URL: "javascript:alert(1)"}}}},
		Trail: []Link{{Text: evil, URL: evil}},
	}, content{Page: evil})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "<script>alert") ||
		strings.Contains(string(text), `href="javascript:`) {
		t.Errorf("it is on the page: %s", text)
	}
}

// TestIdle: a session ends after half an hour without a page, whatever the browser has;
// and a page read before that keeps it.
func TestIdle(t *testing.T) {
	pages, err := NewPages(fstest.MapFS{
		"x.html":     {Data: []byte(`{{define "main"}}it is {{.Person}}{{end}}`)},
		"error.html": {Data: []byte(`{{define "main"}}{{end}}`)},
	}, "/")
	if err != nil {
		t.Fatal(err)
	}
	s := &Site{
		Pages: pages, Sessions: NewSessions("x", "/", false), Log: slog.New(slog.DiscardHandler),
		SignIn: "/in", Frame: func(*Visit) Frame { return Frame{} },
		Explain: func(error) *ProblemError { return nil },
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /in", s.Open(func(v *Visit) error { return s.Begin(v, "ada", nil) }))
	mux.HandleFunc("GET /ago", s.Open(func(v *Visit) error {
		d, err := time.ParseDuration(v.FormValue("d"))
		s.Sessions.Put(v.Context(), seenValue, time.Now().Add(-d).UTC().Format(time.RFC3339))
		return err
	}))
	x := func(v *Visit) error { return v.Show("x", "X", nil) }
	mux.HandleFunc("GET /x", s.Form(x, x))
	server := httptest.NewServer(s.Guard(mux))
	defer server.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}}
		answer, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	get("/in")
	for _, step := range []struct {
		idle string
		in   bool
	}{{"0s", true}, {"29m", true}, {"1m", true}, {"31m", false}, {"0s", false}} {
		get("/ago?d=" + step.idle)
		if in := strings.Contains(get("/x"), "it is ada"); in != step.in {
			t.Errorf("after %s: signed in is %v", step.idle, in)
		}
	}
}
