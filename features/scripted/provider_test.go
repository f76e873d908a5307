package scripted_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster/features/harness"

	"muster/features/harness/scripted"
	"muster/features/steps"
)

// target is a server with what a test may do there past the provider.
type target struct {
	t           *testing.T
	base, token string
	// script is set for one that behaves as told.
	script *scripted.Server
}

// newScripted starts a server that behaves as told.
func newScripted(t *testing.T) *target {
	t.Helper()
	if testing.Short() {
		t.Skip("with -short no processes are started")
	}
	s := scripted.New()
	t.Cleanup(s.Close)
	return &target{t, s.BaseURL(), scripted.Token, s}
}

// onEach runs a test with two targets of each kind: two instances of ours, and
// two servers that behave as told.
func onEach(t *testing.T, f func(t *testing.T, first, second *target)) {
	if testing.Short() {
		t.Skip("with -short no processes are started")
	}
	t.Run("muster", func(t *testing.T) {
		h, err := harness.New(t.Context(), t.TempDir(),
			"sqlite:"+filepath.Join(t.TempDir(), "m.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := h.Close(); err != nil {
				t.Error(err)
			}
		})
		var both []*target
		for _, slug := range []string{"acme", "globex"} {
			x, err := steps.NewTarget(t.Context(), h, slug)
			if err != nil {
				t.Fatal(err)
			}
			both = append(both, &target{t: t, base: x.BaseURL, token: x.Token})
		}
		f(t, both[0], both[1])
	})
	t.Run("scripted", func(t *testing.T) { f(t, newScripted(t), newScripted(t)) })
}

// send sends a request past the provider.
func (x *target) send(method, path string, body any) map[string]any {
	x.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		x.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(x.t.Context(), method, x.base+path, bytes.NewReader(text))
	if err != nil {
		x.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+x.token)
	r.Header.Set("Content-Type", "application/scim+json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		x.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		x.t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, answer, err)
	}
	var v map[string]any
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &v); err != nil {
			x.t.Fatal(err)
		}
	}
	return v
}

// users returns the accounts as lines "userName title active", sorted, and
// their ids by user name.
func (x *target) users() (lines []string, ids map[string]string) {
	x.t.Helper()
	ids = make(map[string]string)
	list, _ := x.send("GET", "/Users?count=200", nil)["Resources"].([]any)
	for _, v := range list {
		u := v.(map[string]any)
		name, _ := u["userName"].(string)
		title, _ := u["title"].(string)
		state := "active"
		if u["active"] == false || u["active"] == "false" {
			state = "suspended"
		}
		lines = append(lines, strings.Join(strings.Fields(name+" "+title+" "+state), " "))
		ids[name] = u["id"].(string)
	}
	slices.Sort(lines)
	return lines, ids
}

// has fails the test unless the accounts are these.
func (x *target) has(want ...string) {
	x.t.Helper()
	if got, _ := x.users(); !slices.Equal(got, want) {
		x.t.Errorf("the server has\n  %s\nwant\n  %s", strings.Join(got, "\n  "),
			strings.Join(want, "\n  "))
	}
}

// simulator is the variable with the path of the provider's program.
const simulator = "MUSTER_TEST_SIMULATOR"

// TestMain builds the provider's program, once.
func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	if flag.Parse(); testing.Short() {
		return m.Run() // no test needs the command
	}
	dir, err := os.MkdirTemp("", "scripted-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	path, err := harness.Command(context.Background(), "simulator", dir)
	if err == nil {
		err = os.Setenv(simulator, path)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// provider is muster-simulator with an account.
type provider struct {
	t       *testing.T
	dir     string
	command string
	at      *target
}

// newProvider returns a provider with an app at a target.
func newProvider(t *testing.T, at *target, users string) *provider {
	t.Helper()
	p := &provider{t: t, dir: t.TempDir(), command: os.Getenv(simulator), at: at}
	p.account("Acme", "")
	p.users(users)
	return p
}

func (p *provider) write(name, text string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// account writes account.yaml; provisioning is what stands there beside
// enabled, one setting a line.
func (p *provider) account(name, provisioning string) {
	p.t.Helper()
	p.write("account.yaml", `account: `+name+`
users: users.csv
roles: [Staff]
apps:
  - name: acme
    configuration:
      base_url: {env: ACME_BASE_URL}
      bearer_token: {env: ACME_TOKEN}
    provisioning:
      enabled: true
`+provisioning+`
    parameters:
      groups: {included: true}
    rules:
      - {name: Groups, set_groups_from_roles: ".*"}
    access: {roles: [Staff]}
`)
}

// users writes users.csv.
func (p *provider) users(text string) {
	p.t.Helper()
	p.write("users.csv", text)
}

func (p *provider) cmd(args ...string) *exec.Cmd {
	c := exec.CommandContext(p.t.Context(), p.command, args...)
	c.Dir = p.dir
	c.Env = append(os.Environ(), "ACME_BASE_URL="+p.at.base, "ACME_TOKEN="+p.at.token)
	return c
}

// run runs a command, which has to end with code and to say all of says.
func (p *provider) run(code int, args string, says ...string) string {
	p.t.Helper()
	c := p.cmd(strings.Fields(args)...)
	out, err := c.CombinedOutput()
	if c.ProcessState == nil {
		p.t.Fatal(err)
	}
	if got := c.ProcessState.ExitCode(); got != code {
		p.t.Errorf("%s ended with %d, want %d:\n%s", args, got, code, out)
	}
	for _, text := range says {
		if !strings.Contains(string(out), text) {
			p.t.Errorf("%s does not say %q:\n%s", args, text, out)
		}
	}
	return string(out)
}

// outcomes runs a command that prints a report as JSON, and returns how many
// people had which outcome. It has to end well.
func (p *provider) outcomes(args string) map[string]int {
	p.t.Helper()
	c := p.cmd(append(strings.Fields(args), "--json")...)
	out, err := c.Output()
	if c.ProcessState == nil || c.ProcessState.ExitCode() != 0 {
		p.t.Fatalf("%s: %v\n%s", args, err, out)
	}
	var r struct{ Items []struct{ Outcome string } }
	if err := json.Unmarshal(out, &r); err != nil {
		p.t.Fatalf("%s: %v\n%s", args, err, out)
	}
	counts := make(map[string]int)
	for _, item := range r.Items {
		counts[item.Outcome]++
	}
	return counts
}
