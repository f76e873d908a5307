package account_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/simulator/account"
)

const users = `id,username,email,firstname,lastname,department,title,manager,status,roles,badge
1,anna,anna@x,Anna,Novak,IT,Analyst,,1,Staff;Team A;Lead,B1
2,ben,ben@x,Ben,Smith,Sales,,anna,2,Staff,B2
3,carl,carl@x,Carl,Jones,Sales,Seller,ben,1,Guest,B3
`

const head = "account: Acme\nusers: users.csv\nroles: [Staff, Guest, Team A, Lead]\n"

func load(t *testing.T, text string) (*account.Account, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"users.csv": users, "account.yaml": text,
		"t.json":    `{"userName":"{$parameters.scimusername}"}`,
		"shoe.json": `{"userName":"{$parameters.shoe}"}`, "nameless.json": `{"displayName":"x"}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return account.Load(filepath.Join(dir, "account.yaml"))
}

func mustLoad(t *testing.T, text string) *account.Account {
	t.Helper()
	a, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestBody(t *testing.T) {
	a := mustLoad(t, head+`apps:
  - name: acme
    parameters:
      scimusername: {macro: "{$user.firstname}.{$user.lastname}@acme.example"}
      title: {value: Employee}
      badge: {field: badge}
    access: {roles: [staff], users: [CARL@X]}
`)
	app := a.Apps[0]
	carl := a.Directory.Find("carl")
	got, err := json.Marshal(app.Body(carl))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"active":"true","displayName":"Carl Jones","emails":[{"primary":true,"type":"work",` +
		`"value":"carl@x"}],"externalId":"3",` +
		`"name":{"familyName":"Jones","formatted":"Carl Jones","givenName":"Carl"},` +
		`"schemas":["urn:ietf:params:scim:schemas:core:2.0:User",` +
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],` +
		`"title":"Employee",` +
		`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Sales",` +
		`"manager":{"value":"Ben.Smith@acme.example"}},` +
		`"userName":"Carl.Jones@acme.example"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	deleted := mustLoad(t,
		head+"apps:\n  - name: acme\n    parameters: {title: {deleted: true}}\n").Apps[0]
	if body := deleted.Body(carl); body["title"] != nil || body["userName"] != "carl" {
		t.Errorf("without a title: %v", body)
	}
	if body := app.Body(a.Directory.Find("ben")); body["active"] != "false" {
		t.Errorf("a suspended user is %v", body["active"])
	}
	for name, want := range map[string]bool{"anna": true, "ben": true, "carl": true} {
		if app.Assigned(a.Directory.Find(name)) != want {
			t.Errorf("%s: assigned is %v", name, !want)
		}
	}
}

func TestGroups(t *testing.T) {
	rules := `
    rules:
      - {name: all, set_groups: [Everybody]}
      - {name: teams, set_groups_from_roles: "Team (.*)"}
      - {name: it, if: [{field: department, is: it}, {role: lead}], set_groups: [IT Leads]}
      - {name: either, match_any: true, if: [{field: department, is: Sales}, {role: Lead}],
         set_groups: [Meeting, everybody]}
`
	included := mustLoad(t,
		head+"apps:\n  - name: acme\n    parameters: {groups: {included: true}}"+rules).Apps[0]
	without := mustLoad(t, head+"apps:\n  - name: acme"+rules).Apps[0]
	a := mustLoad(t, head+"apps: [{name: acme}]")
	for name, want := range map[string]string{
		"anna": "A|Everybody|IT Leads|Meeting", "ben": "Everybody|Meeting",
	} {
		u := a.Directory.Find(name)
		if got := strings.Join(included.Groups(u), "|"); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		if got := without.Groups(u); got != nil {
			t.Errorf("groups are not included, and %s has %v", name, got)
		}
	}
}

func TestRules(t *testing.T) {
	rule := func(condition string) string {
		return head +
			"apps:\n  - name: acme\n    parameters: {groups: {included: true}}\n    rules: " +
			"[{name: r, if: [" + condition + "], set_groups: [G]}]\n"
	}
	for condition, want := range map[string]string{
		"{role: staff}":                              "anna ben",
		"{not_role: Staff}":                          "carl",
		"{status: suspended}":                        "ben",
		"{field: department, is: sales}":             "ben carl",
		"{field: department, is_not: Sales}":         "anna",
		"{field: title, is: \"\"}":                   "ben",
		"{field: title, one_of: [analyst, x]}":       "anna",
		"{field: lastname, contains: O}":             "anna carl",
		"{field: email, starts_with: B}":             "ben",
		"{field: lastname, ends_with: es}":           "carl",
		"{field: badge, matches: \"b[12]\"}":         "anna ben",
		"{field: badge, matches: \"[12]\"}":          "",
		"{role: Staff}, {field: title, is: analyst}": "anna",
	} {
		a := mustLoad(t, rule(condition))
		var names []string
		for _, u := range a.Directory.Users {
			if a.Apps[0].Groups(u) != nil {
				names = append(names, u.Field("username"))
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: got %q, want %q", condition, got, want)
		}
	}
}

func TestRulesSetParameters(t *testing.T) {
	a := mustLoad(t, head+`apps:
  - name: acme
    rules:
      - {name: all, set_parameters: {title: {value: Employee}}}
      - {name: sales, if: [{field: department, is: Sales}],
         set_parameters: {title: {macro: "Seller {$user.firstname}"}}}
`)
	for name, want := range map[string]string{"anna": "Employee", "carl": "Seller Carl"} {
		if got := a.Apps[0].Body(a.Directory.Find(name))["title"]; got != want {
			t.Errorf("%s: got %v, want %s", name, got, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	app := mustLoad(t, head+"apps: [{name: acme}]").Apps[0]
	if p := app.Provisioning; p.WhenDeleted != account.Delete ||
		p.WhenSuspended != account.Suspend || p.Approval.Create || p.Enabled {
		t.Errorf("got %+v", p)
	}
}

// TestPlainMacros are those that OneLogin's parameters have.
func TestPlainMacros(t *testing.T) {
	a := mustLoad(t, head+`apps:
  - name: acme
    parameters:
      scimusername: {macro: "{firstinitial}{lastname}@{email_domain_part}"}
      title: {macro: "{email_name_part} {title} {lastinitial}"}
      badge: {macro: "{badge}/{$user.department}"}
`)
	app, carl := a.Apps[0], a.Directory.Find("carl")
	if got := app.UserName(carl); got != "CJones@x" {
		t.Errorf("got %q", got)
	}
	if got := app.Body(carl)["title"]; got != "carl Seller J" {
		t.Errorf("got %q", got)
	}
}

func TestLoadRefuses(t *testing.T) {
	app := func(s string) string { return head + "apps:\n  - name: acme\n    " + s + "\n" }
	for name, test := range map[string]struct{ text, want string }{
		"no users":       {"account: A\n", "users: the path"},
		"an unknown key": {head + "apps: []\nappz: 1\n", "unknown field"},
		"where it is": {
			head + "apps:\n  - nam: acme\n", "account.yaml:5:5: unknown field",
		},
		"no YAML": {"account: [", "account.yaml"},
		"a missing file": {
			"account: A\nusers: nobody.csv\napps: [{name: a}]\n", "nobody.csv",
		},
		"an unlisted role": {
			"account: A\nusers: users.csv\nroles: [Staff]\napps: [{name: a}]\n",
			`account.yaml:3: roles: anna in users.csv has the role "Team A"`,
		},
		"an app without name": {head + "apps: [{access: {roles: []}}]\n", "apps[0]"},
		"an app twice":        {head + "apps: [{name: a}, {name: a}]\n", "twice"},
		"when_deleted": {
			app("provisioning: {when_deleted: hide}"), "delete, suspend or do_nothing",
		},
		"when_suspended": {
			app("provisioning: {when_suspended: delete}"), "suspend or do_nothing",
		},
		"access of no role": {
			app("access: {roles: [Nobody]}"),
			`account.yaml:6: apps[0].access.roles[0]: it names the role "Nobody"`,
		},
		"access of nobody": {app("access: {users: [zoe]}"), `"zoe" is nobody in users.csv`},
		"no scimusername": {
			app("parameters: {scimusername: {deleted: true}}"), "cannot be deleted",
		},
		"an empty parameter": {app("parameters: {title: }"), "is empty"},
		"two sources": {
			app("parameters: {title: {field: title, value: x}}"), "give one of",
		},
		"a field from nowhere": {app("parameters: {title: {field: shoe}}"), `no field "shoe"`},
		"a macro from nowhere": {
			app(`parameters: {title: {macro: "{$user.shoe}"}}`), `no field "shoe"`,
		},
		"a word that is none": {app(`parameters: {title: {macro: "{shoe}"}}`), `no field "shoe"`},
		"a macro as a value": {
			app(`parameters: {title: {value: "{firstname}"}}`), "write it as macro:",
		},
		"no userName": {
			app("configuration: {json_template: nameless.json}"), `has no "userName"`,
		},
		"a macro without end": {
			app(`parameters: {scimusername: {macro: "{$user.manager_scimusername}"}}`),
			"not made of other parameters",
		},
		"a rule without effect": {app("rules: [{name: r}]"), "does nothing"},
		"a rule for no role": {
			app("rules: [{name: r, if: [{role: Nobody}], set_groups: [G]}]"), `the role "Nobody"`,
		},
		"a condition of both": {
			app("rules: [{name: r, if: [{role: Staff, field: title}], set_groups: [G]}]"),
			"a field and a comparison",
		},
		"no comparison": {
			app("rules: [{name: r, if: [{field: title}], set_groups: [G]}]"),
			"if[0]: give one comparison",
		},
		"two comparisons": {
			app("rules: [{name: r, if: [{field: title, is: x, contains: y}], set_groups: [G]}]"),
			"give one comparison",
		},
		"a bad comparison": {
			app("rules: [{name: r, if: [{field: title, matches: \"(\"}], set_groups: [G]}]"),
			"if[0].matches",
		},
		"an odd status": {
			app("rules: [{name: r, if: [{status: gone}], set_groups: [G]}]"), "if[0].status",
		},
		"sets no parameter": {
			app("rules: [{name: r, set_parameters: {shoe: {value: x}}}]"), "set_parameters.shoe",
		},
		"sets it to nothing": {
			app("rules: [{name: r, set_parameters: {title: {}}}]"), "give one of field",
		},
		"a profile of nobody": {
			app("configuration: {profile: ping}"),
			`account.yaml:6: apps[0].configuration.profile: there is no profile "ping"`,
		},
		"max_deletes": {
			app("provisioning: {max_deletes: -1}"),
			"account.yaml:6: apps[0].provisioning.max_deletes",
		},
		"quarantine": {
			app("provisioning: {quarantine: {share: 200, failures: 1}}"), "1 to 100 percent",
		},
		"a bad pattern": {app(`rules: [{name: r, set_groups_from_roles: "("}]`), "rules[0]"},
		"no template":   {app("configuration: {json_template: none.json}"), "json_template"},
		"a parameter of none": {
			app("configuration: {json_template: shoe.json}"), `no parameter "shoe"`,
		},
	} {
		if _, err := load(t, test.text); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func TestApp(t *testing.T) {
	a := mustLoad(t, head+"apps: [{name: one}, {name: two}]")
	if app, err := a.App("two"); err != nil || app.Name != "two" {
		t.Errorf("got %v, %v", app, err)
	}
	for _, name := range []string{"", "three"} {
		if _, err := a.App(name); err == nil || !strings.Contains(err.Error(), "one, two") {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

func TestSource(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(" secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MUSTER_TEST_TOKEN", "from the environment")
	for want, s := range map[string]account.Source{
		"outright": {Value: "outright"}, "from the environment": {Env: "MUSTER_TEST_TOKEN"},
		"secret": {File: file},
	} {
		if got, err := s.Read("token"); err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	for want, s := range map[string]account.Source{
		"MUSTER_TEST_NOTHING is not set": {Env: "MUSTER_TEST_NOTHING"},
		"no such file":                   {File: file + "x"}, "token is missing": {},
	} {
		if _, err := s.Read("token"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
