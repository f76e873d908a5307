package conformance_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cucumber/godog"

	"muster/features"
	"muster/features/conformance"
	"muster/features/harness"
)

// TestLevels: each scenario of the protocol has one level, and the place of its
// sentence in an RFC.
func TestLevels(t *testing.T) {
	suite := godog.TestSuite{
		Options: &godog.Options{FS: features.Files(), Paths: []string{"protocol"}},
	}
	list, err := suite.RetrieveFeatures()
	if err != nil {
		t.Fatal(err)
	}
	place, scenarios := regexp.MustCompile(`^@rfc\d{4}-[1-9][\d.]*$`), 0
	for _, f := range list {
		for _, p := range f.Pickles {
			var levels, places []string
			for _, tag := range p.Tags {
				name := strings.TrimPrefix(tag.Name, "@")
				if slices.Contains(harness.Levels(), name) {
					levels = append(levels, name)
				}
				if place.MatchString(tag.Name) {
					places = append(places, name)
				}
			}
			if len(levels) != 1 || len(places) == 0 || levels[0] == "guide" {
				t.Errorf("%s: %q has the levels %v and the places %v", p.Uri, p.Name, levels,
					places)
			}
			scenarios++
		}
	}
	if scenarios < 250 {
		t.Errorf("there are %d scenarios", scenarios)
	}
}

// verdict is a line of docs/conformance.md: a level, a place, and a scenario.
var verdict = regexp.MustCompile("^\\| @(\\w+) \\| (RFC [^|]*?) \\| `(.*)` \\| (.+) \\|$")

// TestVerdicts: docs/conformance.md judges everything that a server on
// elimity-com/scim fails at, and nothing else.
func TestVerdicts(t *testing.T) {
	r, err := conformance.Run(t.Context(), harness.Target{BaseURL: newElimity(t), Token: "secret"},
		conformance.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join("..", "..", "docs", "conformance.md"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	judged := make(map[string]bool)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if m := verdict.FindStringSubmatch(lines.Text()); m != nil {
			judged[m[1]+" "+m[2]+" "+strings.ReplaceAll(m[3], "¦", "|")] = true
		}
	}
	for _, s := range r.Sections {
		for _, f := range s.Failures {
			key := f.Level + " " + f.Place + " " + f.Scenario
			if !judged[key] {
				t.Errorf("there is no verdict on: | @%s | %s | `%s` | … |", f.Level, f.Place, f.Scenario)
			}
			delete(judged, key)
		}
	}
	for key := range judged {
		t.Errorf("there is a verdict on what does not fail: %s", key)
	}
}

// TestOpen: a server that lets everybody in, and sends null for no resources, is
// told so once, and fails nothing for it.
func TestOpen(t *testing.T) {
	base, err := url.Parse(newElimity(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: base.Scheme, Host: base.Host})
	open := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", "Bearer secret")
		proxy.ServeHTTP(nulls{w}, r)
	}))
	t.Cleanup(open.Close)
	guarded, err := conformance.Run(t.Context(),
		harness.Target{BaseURL: base.String(), Token: "secret"}, conformance.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := conformance.Run(t.Context(), harness.Target{BaseURL: open.URL + "/scim/v2"},
		conformance.Options{})
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(r.Survey, "\n")
	if !strings.Contains(said, "who has no token") || !strings.Contains(said, "Resources is null") {
		t.Errorf("the survey says %s", said)
	}
	if r.NotAsked["authentication"] != 5 || r.Failed != guarded.Failed {
		t.Errorf("%d failed, and %d at the same server with tokens; not asked: %v", r.Failed,
			guarded.Failed, r.NotAsked)
	}
}

// nulls writes null for an empty list of resources.
type nulls struct{ http.ResponseWriter }

func (w nulls) WriteHeader(status int) {
	w.Header().Del("Content-Length")
	w.ResponseWriter.WriteHeader(status)
}

func (w nulls) Write(text []byte) (int, error) {
	changed := strings.Replace(string(text), `"Resources":[]`, `"Resources":null`, 1)
	_, err := w.ResponseWriter.Write([]byte(changed))
	return len(text), err
}
