package command

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"muster/usage"
)

// commands returns all that can be run, by their paths without the program's name.
func commands(c *cobra.Command) (list []*cobra.Command) {
	for _, below := range c.Commands() {
		list = append(list, commands(below)...)
	}
	if !c.HasSubCommands() && c.Name() != "completion" {
		list = append(list, c)
	}
	return list
}

// try runs a command line, and returns the status and what was told of an error.
func try(t *testing.T, args ...string) (status int, told string) {
	t.Helper()
	c := newRoot()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(args)
	err := c.ExecuteContext(t.Context())
	if err != nil {
		told = err.Error()
	}
	return usage.Status(err), told
}

// TestWrongCommandLines: each command refuses an argument too few, one too many, and
// a flag that it does not have, with 2, and touches no database.
func TestWrongCommandLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.db")
	tried := 0
	for _, c := range commands(newRoot()) {
		words := strings.Fields(c.CommandPath())[1:]
		if words[0] == "completion" || words[0] == "help" {
			continue
		}
		takes := strings.Fields(c.Use)[1:]
		lines := [][]string{{"--no-such-flag"}, append(slices.Clone(takes), "more", "and", "more")}
		if len(takes) > 0 {
			lines = append(lines, takes[:len(takes)-1])
		}
		for _, line := range lines {
			tried++
			args := slices.Concat(words, line, []string{"--database", "sqlite:" + path})
			status, told := try(t, args...)
			if status != usage.Wrong || !strings.Contains(told, "usage: muster-server ") {
				t.Errorf("%v: got %d, %s", args, status, told)
			}
		}
	}
	if _, err := os.Stat(path); err == nil || tried < 100 {
		t.Errorf("%d command lines were tried, and the database is there: %v", tried, err)
	}
	for line, want := range map[string]string{
		"user bogus": "there are: create, delete, list", "user lst": "perhaps list",
		"key crate": "perhaps create", "key": "which command of muster-server key?",
		"serv": "perhaps serve", "user create": "NAME is missing",
		"key create": "--user is missing",
	} {
		if status, told := try(t, strings.Fields(line)...); status != usage.Wrong ||
			!strings.Contains(told, want) {
			t.Errorf("%s: got %d, %s; want %s", line, status, told, want)
		}
	}
}

// TestSlipInDatabase: no command makes a database that is not there, but for those
// that are for it.
func TestSlipInDatabase(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "slip.db")
	t.Chdir(dir)
	tried := 0
	for _, c := range commands(newRoot()) {
		words := strings.Fields(c.CommandPath())[1:]
		if c.Annotations[creates] != "" || words[0] == "completion" || words[0] == "help" ||
			words[0] == "man" {
			continue
		}
		args := slices.Concat(words, strings.Fields(c.Use)[1:])
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Annotations[cobra.BashCompOneRequiredFlag] != nil {
				args = append(args, "--"+f.Name, "24h")
			}
		})
		args = append(args, "--database", "sqlite:"+path)
		status, told := try(t, args...)
		if strings.Contains(told, "there is no database "+path) {
			tried++
			if status != usage.Bad {
				t.Errorf("%v: got %d", args, status)
			}
		}
		if _, err := os.Stat(path); err == nil {
			t.Fatalf("%v made the database", args)
		}
	}
	if tried < 40 {
		t.Errorf("%d commands said that there is no database", tried)
	}
}

// TestInstanceLeftOut: --instance may be left out where there is one only, or the
// variable names it.
func TestInstanceLeftOut(t *testing.T) {
	db := "sqlite:" + filepath.Join(t.TempDir(), "one.db")
	must(t, db, "migrate")
	_, told := try(t, "user", "list", "--database", db)
	if !strings.Contains(told, "no instance yet") {
		t.Errorf("got %s", told)
	}
	must(t, db, "instance", "create", "acme")
	must(t, db, "user", "create", "anna")
	must(t, db, "instance", "create", "globex")
	var status int
	status, told = try(t, "user", "create", "ben", "--database", db)
	if status != usage.Wrong || !strings.Contains(told, "--instance is missing, and there are 2") {
		t.Errorf("got %d, %s", status, told)
	}
	t.Setenv(instanceVariable, "globex")
	must(t, db, "user", "create", "ben")
	if out := must(t, db, "user", "list", "--instance", "globex", "--json"); !strings.Contains(out,
		`"ben"`) || strings.Contains(out, `"anna"`) {
		t.Errorf("got %s", out)
	}
}

// TestVariableWithASlip: a variable that nobody reads is warned of, with the one that
// is perhaps meant.
func TestVariableWithASlip(t *testing.T) {
	db := "sqlite:" + filepath.Join(t.TempDir(), "one.db")
	t.Setenv("MUSTER_DATABSE", "postgres://nowhere")
	out := must(t, db, "migrate")
	if !strings.Contains(out, "MUSTER_DATABSE is set") || !strings.Contains(out,
		"perhaps MUSTER_DATABASE is meant") {
		t.Errorf("got %s", out)
	}
}

// TestCompletion: the shell is offered instances and fields as they are.
func TestCompletion(t *testing.T) {
	db := "sqlite:" + filepath.Join(t.TempDir(), "one.db")
	must(t, db, "instance", "create", "acme")
	must(t, db, "instance", "create", "globex")
	must(t, db, "field", "create", "country", "--instance", "acme")
	must(t, db, "mapping", "set", `addresses[type eq "work"].country`, "country", "--instance", "acme")
	for line, want := range map[string]string{
		"user list --database " + db + " --instance ":                   "acme\nglobex",
		"instance create x --edition ":                                  "unlimited",
		"mapping delete --database " + db + " --instance acme ":         "country",
		"user update-field --database " + db + " --instance acme scimS": "scimSyncJobTitle",
		"history list --outcome ":                                       "refused",
		"serve --log-level ":                                            "warn",
	} {
		c := newRoot()
		var out bytes.Buffer
		c.SetOut(&out)
		c.SetArgs(append([]string{cobra.ShellCompNoDescRequestCmd}, strings.Split(line, " ")...))
		err := c.ExecuteContext(t.Context())
		if err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: got %s, %v, want %s", line, out.String(), err, want)
		}
	}
}
