// Package account is the identity provider's account, modeled on OneLogin:
// its people and roles, and the apps through which they are provisioned. An
// account is a YAML file with a CSV file of users beside it, so that it can
// be kept under version control. It holds no secret: tokens come from the
// environment or from files.
package account

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"muster/simulator/directory"
	"muster/simulator/template"
)

// Account is an account of the identity provider.
type Account struct {
	Name string `yaml:"account"`
	// Users is the path of the CSV file of users, from the account's file.
	Users string `yaml:"users"`
	// Roles are the names of all roles. People have them by the column roles
	// of the file of users.
	Roles []string `yaml:"roles"`
	Apps  []*App   `yaml:"apps"`

	Directory *directory.Directory `yaml:"-"`
}

// App is a connector: one application of the account, provisioned over SCIM.
type App struct {
	Name          string                `yaml:"name"`
	Configuration Configuration         `yaml:"configuration"`
	Provisioning  Provisioning          `yaml:"provisioning"`
	Parameters    map[string]*Parameter `yaml:"parameters"`
	Rules         []*Rule               `yaml:"rules"`
	Access        Access                `yaml:"access"`

	template *template.Template
	access   map[string]bool // keys of users with access of their own
}

// Configuration is the tab Configuration of an app.
type Configuration struct {
	BaseURL     Source            `yaml:"base_url"`
	BearerToken Source            `yaml:"bearer_token"`
	Headers     map[string]string `yaml:"headers"`
	// Instance is the instance of the application that the token must be
	// for. Where it is given, and the server tells the instance, a token of
	// another one is noticed before anything is written.
	Instance string `yaml:"instance"`
	// JSONTemplate is the path of the SCIM JSON template, from the account's
	// file; see package template.
	JSONTemplate string `yaml:"json_template"`
	// SkipIfBlank leaves out what the template gives no value for, instead
	// of sending it empty. True if it is not given.
	SkipIfBlank *bool `yaml:"skip_if_blank"`
}

// Source is a text that is given outright, or taken from a variable of the
// environment or from a file.
type Source struct {
	Value string `yaml:"value"`
	Env   string `yaml:"env"`
	File  string `yaml:"file"`
}

// UnmarshalYAML takes a plain string for a value.
func (s *Source) UnmarshalYAML(unmarshal func(any) error) error {
	if unmarshal(&s.Value) == nil {
		return nil
	}
	type plain Source
	return unmarshal((*plain)(s))
}

// Read returns the text. what names it in errors.
func (s Source) Read(what string) (string, error) {
	switch {
	case s.Env != "":
		v, ok := os.LookupEnv(s.Env)
		if !ok || strings.TrimSpace(v) == "" {
			return "", fmt.Errorf("%s: the variable %s is not set; export it first", what, s.Env)
		}
		return strings.TrimSpace(v), nil
	case s.File != "":
		b, err := os.ReadFile(s.File)
		if err != nil {
			return "", fmt.Errorf("%s: %w", what, err)
		}
		return strings.TrimSpace(string(b)), nil
	case s.Value == "":
		return "", fmt.Errorf("%s is missing; give {env: VARIABLE} or {file: PATH}", what)
	}
	return s.Value, nil
}

// Deprovisioning is what becomes of the account of a user who left, or who
// was suspended.
type Deprovisioning string

// The choices of the tab Provisioning.
const (
	Delete    Deprovisioning = "delete"
	Suspend   Deprovisioning = "suspend"
	DoNothing Deprovisioning = "do_nothing"
)

// Provisioning is the tab Provisioning of an app.
type Provisioning struct {
	Enabled  bool     `yaml:"enabled"`
	Approval Approval `yaml:"require_approval"`
	// WhenDeleted is what happens "when users are deleted in OneLogin, or
	// the user's app access is removed"; delete if it is not given.
	WhenDeleted Deprovisioning `yaml:"when_deleted"`
	// WhenSuspended is what happens "when user accounts are suspended in
	// OneLogin"; suspend if it is not given. Delete is not possible.
	WhenSuspended Deprovisioning `yaml:"when_suspended"`
	// RetryFailed tries a user who failed again at each cycle. Nothing
	// public says what OneLogin does; by default a person retries by hand,
	// or the user's data change.
	RetryFailed bool `yaml:"retry_failed"`
	// LeavesActiveOut keeps "active" out of what is sent when the template
	// has none. By default a suspension adds it.
	LeavesActiveOut bool `yaml:"leaves_active_out"`
}

// Approval says which actions wait for an administrator of the provider.
type Approval struct {
	Create bool `yaml:"create"`
	Update bool `yaml:"update"`
	Delete bool `yaml:"delete"`
}

// Access says who is assigned to an app: by role, and by name.
type Access struct {
	Roles []string `yaml:"roles"`
	Users []string `yaml:"users"`
}

// Load reads an account with its users and templates.
func Load(path string) (*Account, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	a := &Account{}
	if err := yaml.UnmarshalWithOptions(text, a, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %s", path, yaml.FormatError(err, false, true))
	}
	if err := a.load(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// resolve returns a path that stands in a file of dir.
func resolve(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func (a *Account) load(dir string) (err error) {
	if a.Users == "" {
		return errors.New("users: the path of the CSV file of users is missing")
	}
	if a.Directory, err = directory.ReadFile(resolve(dir, a.Users)); err != nil {
		return err
	}
	for _, u := range a.Directory.Users {
		for _, role := range u.Roles {
			if err := a.checkRole(role); err != nil {
				return fmt.Errorf("%s: %s has %w", a.Users, u.Field(directory.Username), err)
			}
		}
	}
	if len(a.Apps) == 0 {
		return errors.New("apps: the account has no app; add one to provision to")
	}
	names := make(map[string]bool)
	for i, app := range a.Apps {
		if app.Name == "" {
			return fmt.Errorf("apps[%d]: the name is missing", i)
		}
		if names[app.Name] {
			return fmt.Errorf("app %q is there twice; each instance has an app of its own, with a name of its own", app.Name)
		}
		names[app.Name] = true
		if err := app.load(a, dir); err != nil {
			return fmt.Errorf("app %q: %w", app.Name, err)
		}
	}
	return nil
}

func (a *Account) checkRole(name string) error {
	if slices.ContainsFunc(a.Roles, func(r string) bool { return strings.EqualFold(r, name) }) {
		return nil
	}
	return fmt.Errorf("the role %q, which the account does not have; add it to roles", name)
}

// App returns the app of that name. With no name, it returns the only one.
func (a *Account) App(name string) (*App, error) {
	if name == "" && len(a.Apps) == 1 {
		return a.Apps[0], nil
	}
	names := make([]string, len(a.Apps))
	for i, app := range a.Apps {
		if app.Name == name {
			return app, nil
		}
		names[i] = app.Name
	}
	if name == "" {
		return nil, fmt.Errorf("the account has several apps; choose one with --app: %s", strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("the account has no app %q; its apps are %s", name, strings.Join(names, ", "))
}

func (app *App) load(a *Account, dir string) error {
	p := &app.Provisioning
	if p.WhenDeleted == "" {
		p.WhenDeleted = Delete
	}
	if p.WhenSuspended == "" {
		p.WhenSuspended = Suspend
	}
	if !slices.Contains([]Deprovisioning{Delete, Suspend, DoNothing}, p.WhenDeleted) {
		return fmt.Errorf("provisioning.when_deleted is %q; use delete, suspend or do_nothing", p.WhenDeleted)
	}
	if p.WhenSuspended != Suspend && p.WhenSuspended != DoNothing {
		return fmt.Errorf("provisioning.when_suspended is %q; use suspend or do_nothing", p.WhenSuspended)
	}
	for _, s := range []*Source{&app.Configuration.BaseURL, &app.Configuration.BearerToken} {
		s.File = resolve(dir, s.File)
	}
	for _, role := range app.Access.Roles {
		if err := a.checkRole(role); err != nil {
			return fmt.Errorf("access.roles names %w", err)
		}
	}
	app.access = make(map[string]bool)
	for _, name := range app.Access.Users {
		u := a.Directory.Find(name)
		if u == nil {
			return fmt.Errorf("access.users: %q is nobody in %s", name, a.Users)
		}
		app.access[u.Key] = true
	}
	if err := app.completeParameters(a.Directory); err != nil {
		return err
	}
	for i, r := range app.Rules {
		if err := r.compile(a); err != nil {
			return fmt.Errorf("rules[%d] %q: %w", i, r.Name, err)
		}
	}
	return app.loadTemplate(a.Directory, resolve(dir, app.Configuration.JSONTemplate))
}

func (app *App) loadTemplate(d *directory.Directory, path string) error {
	text := template.Default()
	if path != "" {
		var err error
		if text, err = os.ReadFile(path); err != nil {
			return fmt.Errorf("configuration.json_template: %w", err)
		}
	}
	t, err := template.Parse(text, func(kind, name string) error { return app.checkMacro(d, kind, name) })
	if err != nil {
		return fmt.Errorf("configuration.json_template: %w", err)
	}
	app.template = t
	return nil
}

// Assigned reports whether a person has access to the app.
func (app *App) Assigned(u *directory.User) bool {
	return app.access[u.Key] || slices.ContainsFunc(app.Access.Roles, u.HasRole)
}

// Rule is one of the tab Rules: for the people who meet its conditions it
// sets groups.
type Rule struct {
	Name string `yaml:"name"`
	// If holds the conditions; without one the rule is for everybody.
	If []Condition `yaml:"if"`
	// Any asks for one of the conditions, instead of all of them.
	Any bool `yaml:"match_any"`
	// SetGroups names groups outright.
	SetGroups []string `yaml:"set_groups"`
	// SetGroupsFromRoles is a regular expression: each role of the person
	// that matches it gives a group of the same name, or of the name that
	// its first parentheses match.
	SetGroupsFromRoles string `yaml:"set_groups_from_roles"`

	pattern *regexp.Regexp
}

// Condition compares a field with a value, or asks for a role. Letter case
// does not matter.
type Condition struct {
	Role  string `yaml:"role"`
	Field string `yaml:"field"`
	Is    string `yaml:"is"`
}

func (r *Rule) compile(a *Account) error {
	for _, c := range r.If {
		switch {
		case (c.Role == "") == (c.Field == ""):
			return errors.New("a condition has either a role, or a field and what it is")
		case c.Role != "":
			if err := a.checkRole(c.Role); err != nil {
				return fmt.Errorf("if: %w", err)
			}
		case !a.Directory.HasField(c.Field):
			return fmt.Errorf("if: the users have no field %q", c.Field)
		}
	}
	if len(r.SetGroups) == 0 && r.SetGroupsFromRoles == "" {
		return errors.New("it does nothing; give set_groups or set_groups_from_roles")
	}
	if r.SetGroupsFromRoles == "" {
		return nil
	}
	var err error
	r.pattern, err = regexp.Compile("(?i)^(?:" + r.SetGroupsFromRoles + ")$")
	return err
}

func (r *Rule) matches(u *directory.User) bool {
	if len(r.If) == 0 {
		return true
	}
	met := func(c Condition) bool {
		if c.Role != "" {
			return u.HasRole(c.Role)
		}
		return strings.EqualFold(u.Field(c.Field), c.Is)
	}
	if r.Any {
		return slices.ContainsFunc(r.If, met)
	}
	return !slices.ContainsFunc(r.If, func(c Condition) bool { return !met(c) })
}

// groups returns the names that the rule sets for a person.
func (r *Rule) groups(u *directory.User) []string {
	names := slices.Clone(r.SetGroups)
	if r.pattern == nil {
		return names
	}
	for _, role := range u.Roles {
		switch m := r.pattern.FindStringSubmatch(role); {
		case len(m) > 1 && m[1] != "":
			names = append(names, m[1])
		case m != nil:
			names = append(names, role)
		}
	}
	return names
}
