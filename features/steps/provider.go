package steps

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cucumber/godog"
	"github.com/goccy/go-yaml"
)

// account is the provider's account as the scenario describes it. It is
// written as the files of muster-simulator before each command.
type account struct {
	w       *world
	columns []string
	users   []map[string]string // by column
	added   int                 // users so far, those who left among them
	apps    []*app
}

// app is an app of the account.
type app struct {
	name, instance string
	baseURL, token string
	// expects is the instance that the app is configured for, if it is.
	expects      string
	provisioning map[string]any
	parameters   map[string]any
	rules        []map[string]any
	access       []string // user names
	roles        []string // those that have access
	// configuration is what the tab Configuration has beside the connection.
	configuration map[string]any
}

func newAccount(w *world) *account {
	return &account{
		w: w,
		columns: []string{
			"id", "username", "email", "firstname", "lastname", "title", "department", "phone",
			"manager", "status", "roles",
		},
	}
}

// registerProvider adds the steps about the identity provider's side.
func (w *world) registerProvider(sc *registry) {
	// Adds an app with the base URL and the key of the instance.
	sc.Step(`^OneLogin has an app for "([^"]*)"$`,
		func(instance string) error { return w.anApp(instance, instance) })
	sc.Step(`^OneLogin has these users:$`, w.theseUsers)
	// The same, and assigns them to the app.
	sc.Step(`^OneLogin has these users, assigned to the app "([^"]*)":$`, w.theseUsersAssigned)
	// Adds a user called Anna Novak, and assigns her.
	sc.Step(`^OneLogin has the user "([^"]*)", assigned to the app "([^"]*)"$`, w.userAssigned)
	// Assigns a user by name.
	sc.Step(`^"([^"]*)" is assigned to the app "([^"]*)"$`, w.assign)
	// Adds a rule: a group for each role that matches the pattern.
	sc.Step(`^the app "([^"]*)" puts users into groups named like their roles "([^"]*)"$`,
		w.groupsFromRoles)
	// A choice of the tab Provisioning.
	sc.Step(
		`^when users are deleted in OneLogin, the app "([^"]*)" is set to (Delete|Suspend|Do Nothing)$`,
		w.setting("when_deleted"))
	// A choice of the tab Provisioning.
	sc.Step(
		`^when users are suspended in OneLogin, the app "([^"]*)" is set to (Suspend|Do Nothing)$`,
		w.setting("when_suspended"))
	// Deletes one of the tab Parameters.
	sc.Step(`^the parameter "([^"]*)" of the app "([^"]*)" is deleted$`,
		func(parameter, name string) error {
			return w.parameter(name, parameter, map[string]any{"deleted": true})
		})
	// Takes a parameter from another field of the user.
	sc.Step(`^the parameter "([^"]*)" of the app "([^"]*)" is the field "([^"]*)" of OneLogin$`,
		func(parameter, name, field string) error {
			return w.parameter(name, parameter, map[string]any{"field": field})
		})
	// A user who failed needs no retry by hand.
	sc.Step(`^the app "([^"]*)" tries users who failed again in each cycle$`,
		func(name string) error {
			a, err := w.app(name)
			if err == nil {
				a.provisioning["retry_failed"] = true
			}
			return err
		})

	// Changes the user in the provider; the next cycle sends it.
	sc.Step(`^"([^"]*)" is (suspended|deleted|active again) in OneLogin$`, w.becomes)
	// Takes the assignment by name away.
	sc.Step(`^"([^"]*)" loses access to the app "([^"]*)"$`, w.losesAccess)
	// Changes a field of the user in the provider.
	sc.Step(
		`^the (first name|last name|title|department|username|phone|roles|manager) of "([^"]*)" becomes "([^"]*)" in OneLogin$`,
		w.fieldBecomes)
	// Changes the account over SCIM, past the provider.
	sc.Step(`^somebody changes the title of "([^"]*)" in "([^"]*)" to "([^"]*)"$`, w.titleByHand)
	// Changes the group over SCIM, past the provider.
	sc.Step(`^somebody takes "([^"]*)" out of the group "([^"]*)" of "([^"]*)"$`, w.outOfGroup)
	sc.Step(`^OneLogin runs a provisioning cycle of the app "([^"]*)"$`, w.runCycle)
	sc.Step(`^OneLogin has run a provisioning cycle of the app "([^"]*)"$`, w.hasRunCycle)
	// Foretells a cycle, and writes nothing.
	sc.Step(`^OneLogin shows what a provisioning cycle of the app "([^"]*)" would do$`, w.dryRun)
	// Lets a user who failed be tried again.
	sc.Step(`^an administrator of OneLogin retries "([^"]*)" in the app "([^"]*)"$`,
		func(ctx context.Context, user, app string) error {
			return w.simulate(ctx, "retry", "--app", app, "--user", w.name(user))
		})
}

// anApp makes an app with the key of an instance.
func (w *world) anApp(name, instance string) error {
	if w.keys[instance] == "" {
		return fmt.Errorf("there is no instance %q", instance)
	}
	w.account.apps = append(w.account.apps, &app{
		name: name, instance: instance, baseURL: w.recorder.Base(w.bases[instance]),
		token:        w.keys[instance],
		provisioning: map[string]any{"enabled": true}, parameters: make(map[string]any),
		configuration: make(map[string]any),
	})
	return nil
}

func (w *world) app(name string) (*app, error) {
	for _, a := range w.account.apps {
		if a.name == name {
			return a, nil
		}
	}
	return nil, fmt.Errorf("OneLogin has no app %q", name)
}

// theseUsers adds people from a table with the columns Username, First Name,
// Last Name, Email, Title, Department, Phone, Manager, Status and Roles.
func (w *world) theseUsers(t *godog.Table) error {
	for _, row := range rows(t) {
		user := make(map[string]string)
		for column, value := range row {
			name := strings.ReplaceAll(strings.ToLower(column), " ", "")
			if !slices.Contains(w.account.columns, name) {
				return fmt.Errorf("there is no column %q", column)
			}
			user[name] = value
		}
		w.account.add(user)
	}
	return nil
}

func (a *account) add(user map[string]string) {
	a.added++
	user["id"] = fmt.Sprint(1000 + a.added)
	if user["email"] == "" && strings.Contains(user["username"], "@") {
		user["email"] = user["username"]
	}
	a.users = append(a.users, user)
}

func (w *world) theseUsersAssigned(app string, t *godog.Table) error {
	if err := w.theseUsers(t); err != nil {
		return err
	}
	for _, row := range rows(t) {
		if err := w.assign(row["Username"], app); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) userAssigned(userName, app string) error {
	w.account.add(map[string]string{"username": userName, "firstname": "Anna", "lastname": "Novak"})
	return w.assign(userName, app)
}

func (w *world) assign(userName, app string) error {
	a, err := w.app(app)
	if err == nil {
		a.access = append(a.access, userName)
	}
	return err
}

func (w *world) groupsFromRoles(app, pattern string) error {
	a, err := w.app(app)
	if err == nil {
		a.rules = append(a.rules,
			map[string]any{"name": "groups", "set_groups_from_roles": pattern})
	}
	return err
}

func (w *world) setting(name string) func(app, value string) error {
	return func(app, value string) error {
		a, err := w.app(app)
		if err == nil {
			a.provisioning[name] = strings.ReplaceAll(strings.ToLower(value), " ", "_")
		}
		return err
	}
}

// parameter sets one under the tab Parameters of an app.
func (w *world) parameter(app, name string, value any) error {
	a, err := w.app(app)
	if err == nil {
		a.parameters[name] = value
	}
	return err
}

// person returns a user of the account.
func (w *world) person(userName string) (map[string]string, error) {
	for _, u := range w.account.users {
		if u["username"] == userName {
			return u, nil
		}
	}
	return nil, fmt.Errorf("OneLogin has no user %q", userName)
}

func (w *world) becomes(userName, what string) error {
	u, err := w.person(userName)
	if err != nil {
		return err
	}
	switch what {
	case "suspended":
		u["status"] = "2"
	case "active again":
		u["status"] = "1"
	case "deleted":
		w.account.users = slices.DeleteFunc(w.account.users,
			func(other map[string]string) bool { return other["id"] == u["id"] })
		for _, a := range w.account.apps {
			a.remove(userName)
		}
	}
	return nil
}

func (a *app) remove(userName string) {
	a.access = slices.DeleteFunc(a.access, func(s string) bool { return s == userName })
}

func (w *world) losesAccess(userName, app string) error {
	a, err := w.app(app)
	if err == nil {
		a.remove(userName)
	}
	return err
}

func (w *world) fieldBecomes(field, userName, value string) error {
	u, err := w.person(userName)
	if err != nil {
		return err
	}
	name := strings.ReplaceAll(field, " ", "")
	if name == "username" {
		for _, a := range w.account.apps {
			if slices.Contains(a.access, userName) {
				a.remove(userName)
				a.access = append(a.access, value)
			}
		}
	}
	u[name] = value
	return nil
}

// write writes the files of the account.
func (a *account) write() error {
	var table bytes.Buffer
	c := csv.NewWriter(&table)
	lines := [][]string{a.columns}
	roles := make(map[string]bool)
	for _, app := range a.apps {
		for _, role := range app.roles {
			roles[a.w.group(role)] = true
		}
	}
	for _, u := range a.users {
		line := make([]string, len(a.columns))
		for i, column := range a.columns {
			line[i] = u[column]
			switch {
			case line[i] == "":
			case column == "username", column == "manager":
				line[i] = a.w.name(line[i])
			case column == "roles":
				line[i] = a.w.roles(line[i])
			}
		}
		lines = append(lines, line)
		for role := range strings.SplitSeq(a.w.roles(u["roles"]), ";") {
			if role != "" {
				roles[role] = true
			}
		}
	}
	if err := c.WriteAll(lines); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(a.w.dir, "users.csv"), table.Bytes(), 0o600); err != nil {
		return err
	}
	apps := make([]map[string]any, len(a.apps))
	for i, app := range a.apps {
		apps[i] = app.yaml(a.w)
	}
	text, err := yaml.Marshal(map[string]any{
		"account": "Acme", "users": "users.csv", "roles": slices.Sorted(maps.Keys(roles)),
		"apps": apps,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(a.w.dir, "account.yaml"), text, 0o600)
}

func (a *app) yaml(w *world) map[string]any {
	access, roles := make([]string, len(a.access)), make([]string, len(a.roles))
	for i, name := range a.access {
		access[i] = w.name(name)
	}
	for i, role := range a.roles {
		roles[i] = w.group(role)
	}
	rules := make([]map[string]any, len(a.rules))
	for i, rule := range a.rules {
		rules[i] = w.rule(rule)
	}
	configuration := map[string]any{
		"base_url":     a.baseURL,
		"bearer_token": map[string]any{"env": "TOKEN_" + strings.ToUpper(a.name)},
	}
	if w.h.Template != "" {
		configuration["json_template"] = w.h.Template
	}
	maps.Copy(configuration, a.configuration)
	if a.expects != "" {
		configuration["instance"] = w.slug(a.expects)
	}
	parameters := maps.Clone(a.parameters)
	if parameters["groups"] == nil {
		parameters["groups"] = map[string]any{"included": len(a.rules) > 0}
	}
	return map[string]any{
		"name": a.name, "configuration": configuration, "provisioning": a.provisioning,
		"rules":      rules,
		"parameters": parameters, "access": map[string]any{"users": access, "roles": roles},
	}
}
