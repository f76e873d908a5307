package rollout_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/simulator/rollout"
)

const accountText = `account: Acme
users: users.csv
roles: [Staff]
apps: [{name: acme}, {name: globex}]
`

func load(t *testing.T, text string) (*rollout.Rollout, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"users.csv": "username,roles,status\nanna,Staff,1\nben,,1\n", "account.yaml": accountText, "rollout.yaml": text,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return rollout.Load(filepath.Join(dir, "rollout.yaml"))
}

func TestLoad(t *testing.T) {
	r, err := load(t, `rollout: Test
app: acme
waves:
  - name: Pilot
    users: {roles: [staff], list: [ben], percent: 5}
    changes:
      - {set: anna, field: status, to: "2"}
      - suspend: ben
    expect: {picked_up: 1, created: 0, conflicts: [anna], groups_created: []}
    gate: {max_conflicts: 2}
`)
	if err != nil {
		t.Fatal(err)
	}
	w := r.Waves[0]
	if r.App.Name != "acme" || *w.Expect.PickedUp != 1 || *w.Expect.Created != 0 || w.Expect.Updated != nil || w.Gate.MaxConflicts != 2 || w.Expect.GroupsCreated == nil {
		t.Errorf("got %+v", w)
	}
}

func TestLoadRefuses(t *testing.T) {
	wave := func(s string) string { return "rollout: T\napp: acme\nwaves:\n  - name: W\n    " + s + "\n" }
	for name, test := range map[string]struct{ text, want string }{
		"no name":               {"app: acme\nwaves: []\n", "rollout: the name"},
		"no wave":               {"rollout: T\napp: acme\n", "waves: there is none"},
		"no app":                {"rollout: T\nwaves: []\n", "acme, globex"},
		"an unknown app":        {"rollout: T\napp: initech\n", `no app "initech"`},
		"an unknown key":        {"rollout: T\nwave: []\n", "rollout.yaml:2:1: unknown field"},
		"no account":            {"rollout: T\naccount: none.yaml\n", "none.yaml"},
		"a wave without name":   {"rollout: T\napp: acme\nwaves: [{users: {everybody: true}}]\n", "waves[0]"},
		"a wave of nobody":      {wave("users: {}"), "chooses nobody"},
		"an unknown role":       {wave("users: {roles: [Boss]}"), `no role "Boss"`},
		"an unknown user":       {wave("users: {list: [zoe]}"), `"zoe" is nobody`},
		"too many percent":      {wave("users: {percent: 120}"), "120"},
		"a change of nothing":   {wave("users: {percent: 1}\n    changes: [{field: title, to: x}]"), "changes[0]"},
		"a change of two kinds": {wave("users: {percent: 1}\n    changes: [{suspend: anna, delete: ben}]"), "changes[0]"},
		"a change of no field":  {wave("users: {percent: 1}\n    changes: [{set: anna, to: x}]"), "changes[0]"},
	} {
		if _, err := load(t, test.text); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

// TestSample loads what is shipped.
func TestSample(t *testing.T) {
	r, err := rollout.Load("../../sample/rollout.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.Account.Directory.Users); n != 600 || len(r.Waves) != 3 {
		t.Errorf("%d people, %d waves", n, len(r.Waves))
	}
}
