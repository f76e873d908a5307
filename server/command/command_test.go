package command

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/server/administration"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/store"
)

// run runs a command on a database, and returns what it printed.
func runCommand(t *testing.T, database string, args ...string) (string, error) {
	t.Helper()
	c := newRoot()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(append(args, "--database", database))
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

func must(t *testing.T, database string, args ...string) string {
	t.Helper()
	out, err := runCommand(t, database, args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

// setUp makes an instance with an integration user.
func setUp(t *testing.T) (database string) {
	t.Helper()
	database = "sqlite:" + filepath.Join(t.TempDir(), "m.db")
	must(t, database, "instance", "create", "acme", "--edition", "enterprise")
	must(t, database, "user", "create", "scim-sync", "--instance", "acme", "--integration",
		"--role", "lite-admin")
	return database
}

func TestKeyIsPrintedOnce(t *testing.T) {
	db := setUp(t)
	var key struct{ Key, ID string }
	out := must(t, db, "key", "create", "--instance", "acme", "--user", "scim-sync", "--json")
	if err := json.Unmarshal([]byte(out), &key); err != nil ||
		!strings.HasPrefix(key.Key, "muster_acme_"+key.ID+"_") {
		t.Fatalf("got %q, %v", out, err)
	}
	list := must(t, db, "key", "list", "--instance", "acme")
	secret := key.Key[strings.LastIndexByte(key.Key, '_')+1:]
	if !strings.Contains(list, key.ID) || strings.Contains(list, secret) {
		t.Errorf("got %s", list)
	}
	must(t, db, "key", "revoke", key.ID, "--instance", "acme")
	if list := must(t, db, "key", "list", "--instance", "acme"); !strings.Contains(list,
		"revoked") {
		t.Errorf("got %s", list)
	}
	if out := must(t, db, "history", "list", "--instance", "acme", "--json"); strings.Contains(out,
		secret) || strings.Count(out, `"key.revoke"`) != 1 {
		t.Errorf("history: %s", out)
	}
}

func TestUsersAndGroups(t *testing.T) {
	db := setUp(t)
	must(t, db, "user", "create", "anna@acme.example", "--instance", "acme", "--first-name", "Anna",
		"--last-name", "Novák", "--job-title", "Analyst")
	must(t, db, "user", "create", "ben@acme.example", "--instance", "acme", "--manager",
		"anna@acme.example")
	must(t, db, "group", "create", "Analysts", "--instance", "acme", "--member",
		"ANNA@acme.example")
	for what, test := range map[string]struct {
		args []string
		want []string
	}{
		"the user": {
			[]string{"user", "show", "anna@acme.example", "--instance", "acme"},
			[]string{"Novák", "Scim Sync Job Title", "Analysts", "manual"},
		},
		"the manager": {
			[]string{"user", "show", "ben@acme.example", "--instance", "acme"},
			[]string{"Direct Manager", "anna@acme.example"},
		},
		"a filter": {
			[]string{"user", "list", "--instance", "acme", "--filter", `title eq "analyst"`},
			[]string{"anna@acme.example"},
		},
		"the group": {
			[]string{"group", "show", "analysts", "--instance", "acme"},
			[]string{"anna@acme.example"},
		},
		"the groups": {[]string{"group", "list", "--instance", "acme"}, []string{"Analysts", "1"}},
		"instance": {
			[]string{"instance", "show", "acme"}, []string{"enterprise", "users        2"},
		},
		"migrations": {[]string{"migrate"}, []string{"MIGRATION", "1"}},
	} {
		out := must(t, db, test.args...)
		for _, want := range test.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q is missing in\n%s", what, want, out)
			}
		}
	}
	must(t, db, "user", "suspend", "anna@acme.example", "--instance", "acme")
	if out := must(t, db, "user", "suspend", "anna@acme.example", "--instance",
		"acme"); !strings.Contains(out, "already") {
		t.Errorf("got %s", out)
	}
	must(t, db, "user", "reactivate", "anna@acme.example", "--instance", "acme")
	must(t, db, "user", "delete", "anna@acme.example", "--instance", "acme")
	if out := must(t, db, "user", "list", "--instance", "acme"); strings.Contains(out, "Novák") {
		t.Errorf("got %s", out)
	}
}

// TestMistakes: each says what is wrong and what to do.
// TestControlCharacters: what a provider sends does not steer a terminal.
func TestControlCharacters(t *testing.T) {
	db := setUp(t)
	must(t, db, "user", "create", "eve", "--instance", "acme", "--display-name",
		"Eve\x1b[2J\u009b31m Nováková\x7f")
	for _, command := range []string{
		"user list", "user show eve", "history list", "history export --format csv",
		"history export",
	} {
		out := must(t, db, append(strings.Fields(command), "--instance", "acme")...)
		if strings.ContainsAny(out, "\x1b\u009b\x7f") || !strings.Contains(out, "Nováková") {
			t.Errorf("%s: %q", command, out)
		}
	}
}

// TestDemo: a demo instance that could not be finished is finished later.
func TestDemo(t *testing.T) {
	db := setUp(t)
	must(t, db, "user", "create", "ada@demo.example", "--instance", "acme")
	s, err := store.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	users, err := provisioning.NewService(s, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	a := &application{
		store: s,
		admin: &administration.Service{
			Instances: instance.NewService(s, s, nil), Users: users, Outbox: s,
		}, out: &out,
	}
	if err := a.demo(t.Context(), "http://h", db); err == nil ||
		!strings.Contains(err.Error(), "is taken") || out.Len() > 0 {
		t.Fatalf("the name of a demo user is taken: got %v, %s", err, &out)
	}
	must(t, db, "user", "delete", "ada@demo.example", "--instance", "acme")
	for _, want := range []string{"API key    muster_demo_", "as it was left; 1 valid API key(s)"} {
		out.Reset()
		if err := a.demo(t.Context(), "http://h", db); err != nil ||
			!strings.Contains(out.String(), want) {
			t.Errorf("got %v, %s, want %s", err, &out, want)
		}
	}
	if list := must(t, db, "user", "list", "--instance", "demo"); strings.Count(list,
		"@demo.example") != 2 {
		t.Errorf("got %s", list)
	}
}

func TestMistakes(t *testing.T) {
	db := setUp(t)
	must(t, db, "user", "create", "anna", "--instance", "acme")
	for _, test := range []struct{ command, want string }{
		{"instance create acme", "instance show acme"},
		{"instance create Acme_1", "lower-case letters"},
		{"instance create new --edition free", "professional, enterprise or unlimited"},
		{"instance create new --environment moon", "production or sandbox"},
		{"instance show nowhere", "instance list"},
		{"instance create", "NAME is missing"},
		{"user create anna --instance acme", "another user of this instance"},
		{"user create ben --instance acme --role king", "user, lite-admin or admin"},
		{"user create ben --instance nowhere", "instance list"},
		{"user show zoe --instance acme", "user list --instance acme"},
		{"user set-role anna king --instance acme", "user, lite-admin or admin"},
		{"user list --instance acme --filter shoeSize", "shoeSize"},
		{"group create G --instance acme --member zoe", `no user "zoe"`},
		{"group show G --instance acme", `"G"`},
		{"key create --instance acme --user anna", "no integration user"},
		{"key create --instance acme --user zoe", "--integration --role lite-admin"},
		{"key create --instance acme --user scim-sync --days 0", "--days"},
		{"key revoke nothing --instance acme", "key list --instance acme"},
		{"history list --instance acme --outcome odd", "done, refused or failed"},
		{"serve --log-format xml", "text or json"},
		{"serve --listen nowhere:99999", "--listen"},
		{"serve --public-url example.com --listen 127.0.0.1:0", "--public-url"},
		{"no-such-command", `there is no "no-such-command"`},
	} {
		if out, err := runCommand(t, db, strings.Fields(test.command)...); err == nil ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, %s; want %q", test.command, err, out, test.want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	name := "sqlite:" + filepath.Join(t.TempDir(), "environment.db")
	t.Setenv("MUSTER_DATABASE", name)
	must(t, "sqlite:"+filepath.Join(t.TempDir(), "flag.db"), "instance", "create", "acme")
	must(t, name, "migrate")
	c := newRoot()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetArgs([]string{"instance", "list", "--json"})
	if err := c.ExecuteContext(t.Context()); err != nil || strings.TrimSpace(out.String()) != "[]" {
		t.Errorf("the flag did not win over the environment: %v, %s", err, out.String())
	}
	t.Setenv("MUSTER_STRICT", "perhaps")
	if _, err := runCommand(t, name, "serve"); err == nil ||
		!strings.Contains(err.Error(), `MUSTER_STRICT is "perhaps"`) {
		t.Errorf("got %v", err)
	}
}

// TestTolerancePage keeps spec/TOLERANCE.md current.
func TestTolerancePage(t *testing.T) {
	var want bytes.Buffer
	if err := writeTolerance(&want); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../spec/TOLERANCE.md")
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("write it anew with `muster-server tolerance --markdown`: %v", err)
	}
}

// TestHelp: each command has a help text.
func TestHelp(t *testing.T) {
	for _, c := range newRoot().Commands() {
		if c.Short == "" {
			t.Errorf("%s has no help", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			if sub.Short == "" {
				t.Errorf("%s has no help", sub.CommandPath())
			}
		}
	}
}

// TestImport: lines that make no user are told, the others are imported, and
// a second run changes nothing.
func TestImport(t *testing.T) {
	db := setUp(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	people := write("people.jsonl",
		"\ufeff"+
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"anna","name":{"familyName":"Novák"}}

{"userName":"ben",`+
			`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"carl"}}}
{"userName":"dora","active":"nonsense"}
{"userName":
{"userName":"carl","active":false}
`)
	refused := filepath.Join(dir, "refused.jsonl")
	out, err := runCommand(t, db, "import", people, "--instance", "acme", "--provisioned",
		"--refused", refused)
	if err == nil || !strings.Contains(err.Error(), "2 lines made no user") {
		t.Errorf("got %v", err)
	}
	for _, want := range []string{
		"3 users created in acme, 0 there already, 2 refused; 0 linked", "line 4: dora: active",
		"line 5: ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not told:\n%s", want, out)
		}
	}
	lines, err := os.ReadFile(refused)
	if err != nil || strings.Count(string(lines), "\n") != 2 ||
		!strings.Contains(string(lines), `"line":4,"userName":"dora"`) {
		t.Errorf("got %s, %v", lines, err)
	}
	if out := must(t, db, "user", "show", "ben", "--instance", "acme"); !strings.Contains(out,
		"provisioned") || !strings.Contains(out, "carl (carl)") {
		t.Errorf("ben: %s", out)
	}
	if out := must(t, db, "history", "verify", "--instance", "acme"); !strings.Contains(out,
		"5 rows checked; 0 problems") {
		t.Errorf("history: %s", out)
	}

	table := write("people.csv",
		"userName,First name,Last "+
			"name,email\nanna,Anna,Novak,a@x\nemil,Emil,\"Weiss\nJunior\",e@x\nfred,too,few\n")
	out, err = runCommand(t, db, "import", table, "--instance", "acme")
	if err == nil ||
		!strings.Contains(out, "1 users created in acme, 1 there already, 1 refused") ||
		!strings.Contains(out, "3 cells") {
		t.Errorf("CSV: %v\n%s", err, out)
	}
	if out := must(t, db, "user", "show", "emil", "--instance", "acme"); !strings.Contains(out,
		"manual") || !strings.Contains(out, "Emil") {
		t.Errorf("emil: %s", out)
	}
	if out := must(t, db, "outbox", "list", "--instance", "acme"); strings.Contains(out, "e@x") {
		t.Errorf("an import sent an invitation: %s", out)
	}
	for name, test := range map[string]struct{ path, want string }{
		"an unknown column": {write("a.csv", "userName,shoeSize\nx,42\n"), "shoeSize"},
		"an unknown format": {write("people.xml", "<x/>"), "use jsonl or csv"},
		"an empty file":     {write("empty.csv", ""), "first line names the fields"},
		"no file":           {filepath.Join(dir, "nosuch.csv"), "no such file"},
		"a long line": {
			write("long.jsonl", `{"userName":"`+strings.Repeat("x", 2<<20)), "line 1",
		},
	} {
		if _, err := runCommand(t, db, "import", test.path, "--instance", "acme"); err == nil ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
