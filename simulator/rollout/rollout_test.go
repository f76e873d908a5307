package rollout_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
		"users.csv": "username,roles,status\nanna,Staff,1\nben,,1\n", "account.yaml": accountText,
		"rollout.yaml": text,
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
	if r.App.Name != "acme" || *w.Expect.PickedUp != 1 || *w.Expect.Created != 0 ||
		w.Expect.Updated != nil || w.Gate.MaxConflicts != 2 || w.Expect.GroupsCreated == nil {
		t.Errorf("got %+v", w)
	}
}

func TestLoadRefuses(t *testing.T) {
	wave := func(s string) string {
		return "rollout: T\napp: acme\nwaves:\n  - name: W\n    " + s + "\n"
	}
	for name, test := range map[string]struct{ text, want string }{
		"no name": {"app: acme\nwaves: []\n", "rollout: the name"},
		"no wave": {"rollout: T\napp: acme\n", "waves: there is none"},
		"no app":  {"rollout: T\nwaves: []\n", "acme, globex"},
		"a wave twice": {
			"rollout: T\napp: acme\nwaves:\n  - {name: W, users: {everybody: true}}\n  - {name: " +
				"w, users: {everybody: true}}\n", "another wave is called",
		},
		"less than nobody": {
			wave("users: {everybody: true}\n    expect: {created: -1}"), "created is -1",
		},
		"an unknown app": {"rollout: T\napp: initech\n", `no app "initech"`},
		"an unknown key": {"rollout: T\nwave: []\n", "rollout.yaml:2:1: unknown field"},
		"no account":     {"rollout: T\naccount: none.yaml\n", "none.yaml"},
		"a wave without name": {
			"rollout: T\napp: acme\nwaves: [{users: {everybody: true}}]\n", "waves[0]",
		},
		"a wave of nobody": {wave("users: {}"), "chooses nobody"},
		"an unknown role":  {wave("users: {roles: [Boss]}"), `no role "Boss"`},
		"an unknown user":  {wave("users: {list: [zoe]}"), `"zoe" is nobody`},
		"too many percent": {wave("users: {percent: 120}"), "120"},
		"a change of nothing": {
			wave("users: {percent: 1}\n    changes: [{field: title, to: x}]"), "changes[0]",
		},
		"a change of two kinds": {
			wave("users: {percent: 1}\n    changes: [{suspend: anna, delete: ben}]"), "changes[0]",
		},
		"a check of nothing": {
			wave("users: {percent: 1}\n    check: [{active: true}]"),
			"rollout.yaml:6: waves[0].check[0]: a check is of",
		},
		"a check of both": {
			wave("users: {percent: 1}\n    check: [{group: G, active: true}]"), "only its members",
		},
		"a user with members": {
			wave("users: {percent: 1}\n    check: [{user: anna, members: 2}]"), "check[0].members",
		},
		"an odd rollback": {
			wave("users: {percent: 1}\n    rollback: {created: hide}"),
			"rollback.created: \"hide\" is no choice",
		},
		"a change of no field": {
			wave("users: {percent: 1}\n    changes: [{set: anna, to: x}]"), "changes[0]",
		},
	} {
		if _, err := load(t, test.text); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

// TestPercent: about that part of the people, the same ones each time, and
// those of a smaller part are in a larger one.
func TestPercent(t *testing.T) {
	dir := t.TempDir()
	var people strings.Builder
	people.WriteString("id,username\n")
	for i := range 2000 {
		fmt.Fprintf(&people, "%d,user%d\n", 10001+i, i)
	}
	for name, content := range map[string]string{
		"users.csv":    people.String(),
		"account.yaml": "account: A\nusers: users.csv\napps: [{name: acme}]\n",
		"rollout.yaml": "rollout: R\nwaves: [{name: A, users: {percent: 10}}, {name: B, users: " +
			"{percent: 30}}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := func() (list [2][]string) {
		r, err := rollout.Load(filepath.Join(dir, "rollout.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range r.Waves {
			for _, u := range r.Account.Directory.Users {
				if w.Users.Has(u, r.Account.Directory) {
					list[i] = append(list[i], u.Key)
				}
			}
		}
		return list
	}
	first := in()
	if a, b := len(first[0]), len(first[1]); a < 150 || a > 250 || b < 520 || b > 680 {
		t.Errorf("10 %% are %d and 30 %% are %d of 2000", a, b)
	}
	if again := in(); !slices.Equal(first[0], again[0]) || !slices.Equal(first[1], again[1]) {
		t.Error("other people the second time")
	}
	for _, key := range first[0] {
		if !slices.Contains(first[1], key) {
			t.Errorf("%s is among 10 %%, and not among 30 %%", key)
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
