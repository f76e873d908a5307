package conformance_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster/features/harness"
)

// stranger is muster-simulator with a generated company, against a server
// that is not ours.
type stranger struct {
	t       *testing.T
	command string
	dir     string
	server  *elimityHandler
}

// run runs a command, and returns what it printed, and its exit code.
func (s *stranger) run(args ...string) (string, int) {
	s.t.Helper()
	c := exec.CommandContext(s.t.Context(), s.command, args...)
	c.Dir = s.dir
	out, err := c.CombinedOutput()
	if c.ProcessState == nil {
		s.t.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}

// report runs a command that prints a report.
func (s *stranger) report(
	code int, args ...string,
) (outcomes map[string]int, unsupported []string) {
	s.t.Helper()
	out, got := s.run(append(args, "--json")...)
	var r struct {
		Items       []struct{ Outcome string }
		Unsupported []string
	}
	start := strings.Index(out, "{")
	if got != code || start < 0 {
		s.t.Fatalf("%v ended with %d:\n%s", args, got, out)
	}
	if err := json.NewDecoder(strings.NewReader(out[start:])).Decode(&r); err != nil {
		s.t.Fatalf("%v: %v:\n%s", args, err, out)
	}
	outcomes = make(map[string]int)
	for _, item := range r.Items {
		outcomes[item.Outcome]++
	}
	return outcomes, r.Unsupported
}

// people returns the active and the suspended user names of users.csv.
func (s *stranger) people() (active, suspended []string) {
	s.t.Helper()
	f, err := os.Open(filepath.Join(s.dir, "users.csv"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		s.t.Fatal(err)
	}
	status := slices.Index(rows[0], "status")
	for _, row := range rows[1:] {
		if row[status] == "2" {
			suspended = append(suspended, row[1])
		} else {
			active = append(active, row[1])
		}
	}
	return active, suspended
}

// there returns the user names that the server has, by whether they are
// active.
func (s *stranger) there() map[string]bool {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	names := make(map[string]bool)
	for _, r := range s.server.kept {
		active, given := r.Attributes["active"].(bool)
		names[r.Attributes["userName"].(string)] = active || !given
	}
	return names
}

func newStranger(t *testing.T, people string) *stranger {
	t.Helper()
	s := &stranger{t: t, dir: t.TempDir()}
	var err error
	if s.command, err = harness.Command(t.Context(), "simulator", s.dir); err != nil {
		t.Fatal(err)
	}
	base, users := startElimity(t)
	s.server = users
	t.Setenv("ACME_BASE_URL", base)
	t.Setenv("ACME_TOKEN", "secret")
	if out, code := s.run("generate", ".", "--people", people); code != 0 {
		t.Fatal(out)
	}
	return s
}

// template has the server take what is sent: it refuses "active" as a string,
// which a macro gives. A suspension sends it as a boolean.
func (s *stranger) template() {
	s.t.Helper()
	path := filepath.Join(s.dir, "account.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	changed := strings.Replace(string(text), "configuration:\n",
		"configuration:\n    json_template: template.json\n", 1)
	if changed == string(text) {
		s.t.Fatal("the account has another form")
	}
	for name, content := range map[string]string{
		"account.yaml": changed, "template.json": string(withoutActive(s.t)),
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// TestStranger provisions a company of 500 into a small server on
// elimity-com/scim, which has no PATCH, and follows it for some months.
func TestStranger(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short no processes are started")
	}
	s := newStranger(t, "500")

	// As it is, the server refuses everybody, and says why.
	if outcomes, _ := s.report(1, "sync"); outcomes["failed"] != 500 {
		t.Fatalf("with a string for active: %v", outcomes)
	}
	out, _ := s.run("sync")
	if !strings.Contains(out, "All 500 failed for the same reason") ||
		strings.Count(out, "400 invalidValue") != 1 || !strings.Contains(out, `"active": true`) {
		t.Errorf("the reason is not shown:\n%s", out)
	}
	s.template()

	out, code := s.run("preflight", "--account", "account.yaml", "--app", "acme")
	if code != 0 || !strings.Contains(out, "Nothing stands in the way") {
		t.Errorf("preflight: %d\n%s", code, out)
	}
	outcomes, unsupported := s.report(0, "sync")
	if outcomes["created"] != 500 || len(unsupported) != 1 ||
		!strings.Contains(unsupported[0], "members of groups: the server answered 501") {
		t.Errorf("first cycle: %v, %v", outcomes, unsupported)
	}
	if outcomes, _ := s.report(0, "sync"); len(outcomes) != 0 {
		t.Errorf("second cycle: %v", outcomes)
	}

	// Months later people have left, come, and changed their names.
	if out, code := s.run("generate", ".", "--people", "500", "--months", "6"); code != 0 {
		t.Fatal(out)
	}
	outcomes, _ = s.report(0, "sync")
	for _, what := range []string{"created", "deleted", "updated"} {
		if outcomes[what] == 0 {
			t.Errorf("nobody was %s: %v", what, outcomes)
		}
	}
	active, suspended := s.people()
	there := s.there()
	for _, name := range active {
		if !there[name] {
			t.Errorf("%s is not there, or not active", name)
		}
	}
	for _, name := range suspended {
		if there[name] {
			t.Errorf("%s is active", name)
		}
	}
	if len(there) < len(active) || len(there) > len(active)+len(suspended) {
		t.Errorf("%d accounts for %d active and %d suspended people", len(there), len(active),
			len(suspended))
	}

	// What is changed there by hand is found.
	s.server.mu.Lock()
	for id, r := range s.server.kept {
		if r.Attributes["userName"] == active[0] {
			r.Attributes["title"] = "Queen"
			s.server.kept[id] = r
		}
	}
	s.server.mu.Unlock()
	if outcomes, _ := s.report(0, "drift"); outcomes["corrected"] != 1 {
		t.Errorf("drift: %v", outcomes)
	}
	if outcomes, _ := s.report(0, "reapply"); outcomes["corrected"] != 1 {
		t.Errorf("re-apply: %v", outcomes)
	}
	if outcomes, _ := s.report(0, "drift"); len(outcomes) != 0 {
		t.Errorf("drift after a re-apply: %v", outcomes)
	}

	// A pickup: the provider starts anew, and finds everybody by name.
	if err := os.Remove(filepath.Join(s.dir, "account.state.db")); err != nil {
		t.Fatal(err)
	}
	if outcomes, _ := s.report(0, "sync"); outcomes["picked up"] != len(active) {
		t.Errorf("pickup: %v of %d", outcomes, len(active))
	}
}
