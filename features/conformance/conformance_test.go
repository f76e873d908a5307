package conformance_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/features/harness"

	"muster/features/conformance"
	"muster/features/steps"
)

// muster is a server of our own, with the commands beside its database.
type muster struct {
	*harness.Harness
	dir, database string
}

func startMuster(t *testing.T) *muster {
	t.Helper()
	if testing.Short() {
		t.Skip("with -short no processes are started")
	}
	m := &muster{dir: t.TempDir()}
	m.database = "sqlite:" + filepath.Join(m.dir, "m.db")
	var err error
	if m.Harness, err = harness.New(t.Context(), m.dir, m.database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// instance makes an instance, and returns it as a target.
func (m *muster) instance(t *testing.T, slug string) harness.Target {
	t.Helper()
	target, err := steps.NewTarget(t.Context(), m.Harness, slug)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// options are those of a run of all features.
func (m *muster) options(t *testing.T) conformance.Options {
	return conformance.Options{
		Simulator: filepath.Join(m.dir, "muster-simulator"), Dir: t.TempDir(),
	}
}

// TestMuster: our own server passes everything, and announces everything.
func TestMuster(t *testing.T) {
	t.Parallel()
	m := startMuster(t)
	target, second, options := m.instance(t, "acme"), m.instance(t, "globex"), m.options(t)
	options.Second, options.FailOn = &second, []string{conformance.Any}
	options.Cucumber, options.HTML = report(t, "json"), report(t, "html")
	theirs := strangersGroups(t, target)
	before := versions(t, target)
	r, err := conformance.Run(t.Context(), target, options)
	if err != nil {
		t.Fatal(err)
	}
	their, after := theirs(), versions(t, target)
	for group, version := range before {
		if after[group] != version || version == "" {
			t.Errorf("somebody else's group %s was of version %s, and is of %q", group, version,
				after[group])
		}
	}
	if text, err := os.ReadFile(options.Cucumber); err != nil || !json.Valid(text) {
		t.Errorf("cucumber's JSON: %v", err)
	}
	checkPage(t, options.HTML, target)
	for _, at := range []harness.Target{target, second} {
		for _, endpoint := range []string{"Users", "Groups"} {
			left := listed(t, at, endpoint)
			if at == target && endpoint == "Groups" {
				// Nothing of theirs is gone, and nothing else is there.
				slices.Sort(left)
				slices.Sort(their)
				if !slices.Equal(left, their) || len(their) < 5+len(groupNames) {
					t.Errorf("groups: got %v, want those of somebody else, %v", left, their)
				}
				continue
			}
			if len(left) > 0 {
				t.Errorf("%d %s are left behind: %v", len(left), endpoint, left)
			}
		}
	}
	for _, s := range r.Sections {
		for _, f := range s.Failures {
			t.Errorf("%s §%s: %s: %s\n%s", s.Document, s.Number, f.Scenario, f.Reason,
				strings.Join(f.Exchanges, "\n"))
		}
		if s.Unsupported > 0 && s.Number != "" {
			t.Errorf("%s §%s: not announced: %v", s.Document, s.Number, s.Lacks)
		}
	}
	if r.Passed < 450 || len(r.Sections) < 35 || r.Administration < 50 {
		t.Errorf("%d scenarios of %d sections passed", r.Passed, len(r.Sections))
	}
}

// groupNames are those of groups in the scenarios.
var groupNames = []string{"Team Sales", "Everybody", "Staff", "Team A", "Chosen", "TEAM B"}

// strangersGroups makes groups of somebody else at a server, which are called as
// those of the scenarios are, and makes more of them now and then, until the
// function that it returns is called: it returns those that were made, as listed
// does.
func strangersGroups(t *testing.T, at harness.Target) (stop func() []string) {
	t.Helper()
	done, made := make(chan struct{}), make(chan []string)
	var names []string
	for _, name := range groupNames {
		id, err := makeGroup(at, name)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name+" ("+id+")")
	}
	go func() {
		for n := 0; ; n++ {
			name := fmt.Sprint("Somebody else's ", n)
			id, err := makeGroup(at, name)
			if err != nil {
				t.Error(err)
			}
			names = append(names, name+" ("+id+")")
			select {
			case <-done:
				made <- names
				return
			case <-time.After(2 * time.Second):
			}
		}
	}()
	return func() []string {
		close(done)
		return <-made
	}
}

// versions returns the version of each group at a server, by its id.
func versions(t *testing.T, at harness.Target) map[string]string {
	t.Helper()
	var list struct {
		Resources []struct {
			ID   string
			Meta struct{ Version string }
		}
	}
	if err := ask(at, http.MethodGet, "/Groups?count=1000", nil, &list); err != nil {
		t.Fatal(err)
	}
	groups := make(map[string]string)
	for _, r := range list.Resources {
		groups[r.ID] = r.Meta.Version
	}
	return groups
}

func makeGroup(at harness.Target, name string) (id string, err error) {
	var group struct{ ID string }
	err = ask(at, http.MethodPost, "/Groups", map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": name,
	}, &group)
	return group.ID, err
}

// ask sends a request with a body, if that is not nil, and decodes the answer
// into dest.
func ask(at harness.Target, method, path string, body, dest any) error {
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			return err
		}
	}
	r, err := http.NewRequest(method, at.BaseURL+path, &text)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+at.Token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return json.NewDecoder(answer.Body).Decode(dest)
}

// TestStoppedLeavesNothing: who stops the run in the middle of a scenario finds
// nothing of it at the server.
func TestStoppedLeavesNothing(t *testing.T) {
	t.Parallel()
	m := startMuster(t)
	stopped := 0
	for n := range 16 {
		target := m.instance(t, fmt.Sprint("stopped", n))
		after := 150 + 90*n // while scenarios run
		if n >= 8 {
			after = 1 + 3*(n-8) // while it is asked what the server offers
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(after)*time.Millisecond)
		_, err := conformance.Run(ctx, target, conformance.Options{})
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			stopped++
		}
		for _, endpoint := range []string{"Users", "Groups"} {
			if left := listed(t, target, endpoint); len(left) > 0 {
				t.Errorf("%d %s are left behind: %v", len(left), endpoint, left)
			}
		}
	}
	if stopped == 0 {
		t.Error("no run was stopped")
	}
}

// listed returns the names of all users, or groups, at a server.
func listed(t *testing.T, at harness.Target, endpoint string) (names []string) {
	t.Helper()
	var list struct {
		Resources []struct{ ID, UserName, DisplayName string }
	}
	if err := ask(at, http.MethodGet, "/"+endpoint+"?count=1000", nil, &list); err != nil {
		t.Fatal(err)
	}
	for _, r := range list.Resources {
		names = append(names, cmp.Or(r.UserName, r.DisplayName)+" ("+r.ID+")")
	}
	return names
}

// TestAdmin: with a command for the administration, the scenarios that need
// it run against a server that was there before.
func TestAdmin(t *testing.T) {
	t.Parallel()
	m := startMuster(t)
	options := m.options(t)
	options.Admin, options.Tags = filepath.Join(m.dir, "admin"), "@admin"
	script := fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\" --database '%s'\n",
		filepath.Join(m.dir, "muster-server"), m.database)
	if err := os.WriteFile(options.Admin, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	r, err := conformance.Run(t.Context(), m.instance(t, "acme"), options)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Sections {
		for _, f := range s.Failures {
			t.Errorf("%s: %s: %s", s.Title, f.Scenario, f.Reason)
		}
	}
	if r.Passed < 90 || r.Unsupported > 0 || r.Administration < 30 {
		t.Errorf("%d passed, %d not supported, %d left out", r.Passed, r.Unsupported,
			r.Administration)
	}
}

// report returns the path of a report of the test: in MUSTER_TEST_REPORTS, so
// that it is kept, or else in a directory of the test's own.
func report(t *testing.T, ending string) string {
	t.Helper()
	dir := os.Getenv("MUSTER_TEST_REPORTS")
	if dir == "" {
		dir = t.TempDir()
	}
	return filepath.Join(dir, t.Name()+"."+ending)
}

// checkPage looks at the features as a page: all is there, linked, and no
// secret is.
func checkPage(t *testing.T, path string, target harness.Target) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Everything passed.", `href="https://www.rfc-editor.org/rfc/rfc7644#section-3.5.2"`,
		"section 3.4.2.2", "PATCH /Users/",
		"An account that was made by hand is picked up, and not doubled",
		"<q>userName is identical to the User Name</q>", "GET /scim/v2/Users?filter=",
	} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("the page does not have %q", want)
		}
	}
	for _, secret := range []string{target.Token, `"password":"t`} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("the page has the secret %.12s…", secret)
		}
	}
}

// TestElimity: the features give a sensible result on a server that is not
// ours. What is expected here is what the library did at the pinned version.
func TestElimity(t *testing.T) {
	junit := report(t, "xml")
	target := harness.Target{BaseURL: newElimity(t), Token: "secret"}
	r, err := conformance.Run(t.Context(), target, conformance.Options{JUnit: junit})
	if err != nil {
		t.Fatal(err)
	}
	sections := make(map[string]*conformance.Section)
	for _, s := range r.Sections {
		sections[s.Document+" "+s.Number] = s
		t.Logf("%s §%s %s: %d passed, %d failed, %d not supported %v", s.Document, s.Number,
			s.Title, s.Passed, s.Failed, s.Unsupported, s.Lacks)
		for _, f := range s.Failures {
			reason, _, _ := strings.Cut(f.Reason, "\n")
			t.Logf("    @%s %s: %s: %.300s", f.Level, f.Place, f.Scenario, reason)
		}
	}
	if s := sections["RFC 7644 3.6"]; s == nil || s.Passed == 0 {
		t.Error("deleting does not work, which the library does well")
	}
	if s := sections["RFC 7644 3.5.2"]; s == nil || s.Passed+len(s.Failures) > 0 ||
		s.Unsupported == 0 || s.Lacks[0] != "patch" {
		t.Errorf("PATCH is not announced, and was tried: %+v", s)
	}
	if s := sections["RFC 9865 2"]; s == nil || s.Failed > 0 || s.Unsupported == 0 {
		t.Errorf("cursors are not announced, and were tried: %+v", s)
	}
	if r.Passed == 0 || r.Failed == 0 || r.Unsupported == 0 {
		t.Errorf("got %d passed, %d failed, %d not supported", r.Passed, r.Failed, r.Unsupported)
	}
	var suite struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
	}
	text, err := os.ReadFile(junit)
	if err == nil {
		err = xml.Unmarshal(text, &suite)
	}
	all := r.Passed + r.Failed + r.Warned + r.Noted + r.Refused + r.Unsupported
	if err != nil || suite.Tests != all || suite.Failures != r.Failed {
		t.Errorf("JUnit: %+v, %v; the report has %+v", suite, err, r.Counts)
	}
}

func TestUnreachable(t *testing.T) {
	for _, target := range []harness.Target{
		{BaseURL: "http://127.0.0.1:1/scim/v2", Token: "x"},
		{BaseURL: newElimity(t), Token: "wrong"},
	} {
		if r, err := conformance.Run(t.Context(), target, conformance.Options{}); err == nil {
			t.Errorf("got %+v", r)
		}
	}
}
