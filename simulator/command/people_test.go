package command

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// execute runs a command in this process, and returns what it printed.
func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	c := newRoot()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetArgs(args)
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

func must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := execute(t, args...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPeople(t *testing.T) {
	dir := t.TempDir()
	users, account := filepath.Join(dir, "users.csv"), filepath.Join(dir, "account.yaml")
	must(t, "generate", dir, "--people", "50")
	first := read(t, users)
	if out := must(t, "directory", "export", "-f", account); out != first {
		t.Error("export is not what is in the file")
	}

	// The same company later is put over it; the account that was there stays.
	if err := os.WriteFile(account, []byte(read(t, account)+"# mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := must(t, "generate", dir, "--people", "50", "--months", "12"); !strings.Contains(out,
		"account.yaml is there already, and was kept") {
		t.Errorf("got %s", out)
	}
	if read(t, users) == first || !strings.HasSuffix(read(t, account), "# mine\n") {
		t.Error("nothing happened in a year, or the account was overwritten")
	}

	// An import adds, changes, and takes a custom attribute; with --remove it
	// removes.
	must(t, "generate", dir, "--people", "50")
	more := filepath.Join(dir, "more.csv")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(more, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("id,username,title,badge\n10001,ceo@acme.example,Boss,B1\n99,new@acme.example,Seller,\n")
	if out := must(t, "directory", "import", more, "-f", account); !strings.Contains(out,
		"1 added, 1 changed, 0 removed, 49 as they were") {
		t.Errorf("got %s", out)
	}
	if text := read(t, users); !strings.Contains(text, "10001,ceo@acme.example,") ||
		!strings.Contains(text, ",Boss,") ||
		!strings.Contains(strings.SplitN(text, "\n", 2)[0], ",badge") {
		t.Errorf("got %s", text)
	}
	kept := read(t, users)
	write("id,username\n99,new@acme.example\n99,other@acme.example\n")
	if _, err := execute(t, "directory", "import", more, "-f", account); err == nil ||
		!strings.Contains(err.Error(), "line 3") || read(t, users) != kept {
		t.Errorf("a wrong file: %v", err)
	}
	write("id,username\n10001,ceo@acme.example\n10002,two@acme.example\n")
	if out := must(t, "directory", "import", more, "-f", account,
		"--remove"); !strings.Contains(out, "0 added, 1 changed, 49 removed, 1 as they were") {
		t.Errorf("got %s", out)
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	must(t, "generate", dir, "--people", "10")
	account, rollout := filepath.Join(dir, "account.yaml"), filepath.Join(dir, "rollout.yaml")
	t.Setenv("ACME_BASE_URL", "http://127.0.0.1:1/scim/v2")
	t.Setenv("ACME_TOKEN", "x")
	for want, args := range map[string][]string{
		"10 to 1,000,000":        {"generate", dir, "--people", "3"},
		"there is no schema":     {"schema", "shoe"},
		"there is no profile":    {"sync", "-f", account, "--profile", "ping"},
		"there is no fault":      {"sync", "-f", account, "--fault", "flood=1%"},
		"not supported":          {"import-users"},
		"no such file":           {"preflight", "-f", filepath.Join(dir, "none.yaml")},
		"no wave of":             {"rollback", "-f", rollout},
		"does not answer":        {"preflight", "-f", rollout, "--tries", "1"},
		`the account has no app`: {"preflight", "--account", account, "--app", "shoe"},
	} {
		if out, err := execute(t, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %q\n%s", args, err, want, out)
		}
	}
	if !strings.Contains(must(t, "profiles", "--json"), `"entra"`) ||
		!strings.Contains(must(t, "schema", "rollout"), "json-schema.org") {
		t.Error("profiles or schema print nothing")
	}
}

// TestHelp: every command says what it does, and those that people begin with
// have examples.
func TestHelp(t *testing.T) {
	help := must(t, "--help")
	for _, c := range newRoot().Commands() {
		if c.Short == "" || !c.Hidden && !strings.Contains(help, "\n  "+c.Name()) {
			t.Errorf("%s is not in the help", c.Name())
		}
	}
	for _, name := range []string{
		"preflight", "rehearse", "rollback", "sync", "generate", "enable", "reapply", "check",
	} {
		if out := must(t, name, "--help"); !strings.Contains(out, "Examples:") {
			t.Errorf("%s has no example", name)
		}
	}
}
