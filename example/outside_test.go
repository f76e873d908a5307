package example

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOutside: a team uses the steps from a module of its own, outside of this
// repository, with commands that were built before, and none of this machine's
// flags for Go. It does what docs/conformance.md says.
func TestOutside(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short nothing is built")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir, commands := t.TempDir(), os.Getenv("MUSTER_TEST_COMMANDS")
	if commands == "" {
		commands = t.TempDir()
		for _, name := range []string{"server", "simulator"} {
			in(t, root, nil, "go", "build", "-o", filepath.Join(commands, "muster-"+name), "./"+name)
		}
	}
	for _, name := range []string{"example_test.go", "joiners.feature"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"GOFLAGS=", "GOWORK=off", "MUSTER_TEST_COMMANDS=" + commands}
	in(t, dir, env, "go", "mod", "init", "team.example/joiners")
	in(t, dir, env, "go", "mod", "edit", "-require=muster@v0.0.0", "-replace=muster="+root)
	// The versions that the suite was tested with.
	copyFile(t, filepath.Join(root, "go.sum"), filepath.Join(dir, "go.sum"))
	in(t, dir, env, "go", "mod", "tidy")
	out := in(t, dir, env, "go", "test", "-count=1", "-v", "./...")
	if !strings.Contains(out, "--- PASS: TestJoiners") || !strings.Contains(out, "1 passed") {
		t.Errorf("the team's feature did not run:\n%s", out)
	}
}

// in runs a command in a directory, and returns what it printed.
func in(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir = dir
	c.Env = slices.Concat(os.Environ(), env)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
