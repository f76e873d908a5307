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
	"slices"
	"strings"

	"muster/simulator/client"
	"muster/simulator/directory"
	"muster/simulator/template"
	"muster/simulator/yamlfile"
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

	dir string
}

// UsersPath returns the path of the CSV file of users.
func (a *Account) UsersPath() string { return resolve(a.dir, a.Users) }

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
	// Profile is the provider as which the app is provisioned: onelogin if
	// it is not given. See package client.
	Profile string `yaml:"profile"`
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
	// ChangesNeedReapply: a change of the app's parameters, rules or template
	// reaches users only when their own data change, or when the mappings are
	// re-applied, as OneLogin documents it of many changes.
	ChangesNeedReapply bool `yaml:"changes_need_reapply"`
	// MaxDeletes holds deletions, and suspensions for a deletion, for approval
	// when a cycle has more of them; 0 holds none. If it is not given it is the
	// larger of 10 and a tenth of the people who are provisioned: an emptied
	// file must not delete everybody. Entra ID has such a limit.
	MaxDeletes *int `yaml:"max_deletes"`
	// Quarantine is when the app stops by itself; nil leaves it to the
	// profile.
	Quarantine *Quarantine `yaml:"quarantine"`
}

// Quarantine stops an app after a cycle in which too much failed, after
// three cycles in a row that the server cut off, and at once when it refuses
// the token.
type Quarantine struct {
	// Failures and Share, in percent, are how many users must have failed.
	Failures int `yaml:"failures"`
	Share    int `yaml:"share"`
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

// Load reads an account with its users and templates. Its errors name the
// file and the line.
func Load(path string) (*Account, error) {
	a := &Account{}
	f, err := yamlfile.Read(path, "account", a)
	if err != nil {
		return nil, err
	}
	if err := a.load(filepath.Dir(path)); err != nil {
		return nil, f.Locate(err)
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
	a.dir = dir
	if a.Users == "" {
		return yamlfile.Atf("users", "the path of the CSV file of users is missing")
	}
	if a.Directory, err = directory.ReadFile(a.UsersPath()); err != nil {
		return yamlfile.At("users", err)
	}
	known := make(map[string]bool, len(a.Roles))
	for _, role := range a.Roles {
		known[role] = true
	}
	for _, u := range a.Directory.Users {
		for _, role := range u.Roles {
			if known[role] {
				continue
			}
			if err := a.checkRole(role); err != nil {
				return yamlfile.Atf("roles", "%s in %s has %w", u.Field(directory.Username),
					a.Users, err)
			}
			known[role] = true
		}
	}
	names := make(map[string]bool)
	for i, app := range a.Apps {
		if err := a.loadApp(app, names, dir); err != nil {
			return yamlfile.At(fmt.Sprintf("apps[%d]", i), err)
		}
	}
	return nil
}

func (a *Account) loadApp(app *App, names map[string]bool, dir string) error {
	if app.Name == "" {
		return yamlfile.Atf("name", "the name is missing; commands choose an app by it")
	}
	if names[app.Name] {
		return yamlfile.Atf("name",
			"app %q is there twice; each instance has an app of its own, with a name of its own",
			app.Name)
	}
	names[app.Name] = true
	return app.load(a, dir)
}

func (a *Account) checkRole(name string) error {
	if slices.ContainsFunc(a.Roles, func(r string) bool { return strings.EqualFold(r, name) }) {
		return nil
	}
	return fmt.Errorf("the role %q, which the account does not have; add it to roles", name)
}

// App returns the app of that name. With no name, it returns the only one.
func (a *Account) App(name string) (*App, error) {
	switch {
	case len(a.Apps) == 0:
		return nil, errors.New("the account has no app; add one to provision to")
	case name == "" && len(a.Apps) == 1:
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
		return nil, fmt.Errorf("the account has several apps; choose one with --app: %s",
			strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("the account has no app %q; its apps are %s", name,
		strings.Join(names, ", "))
}

func (app *App) load(a *Account, dir string) error {
	if err := app.Provisioning.check(); err != nil {
		return yamlfile.At("provisioning", err)
	}
	if _, err := client.ProfileNamed(app.Configuration.Profile); err != nil {
		return yamlfile.At("configuration.profile", err)
	}
	for _, s := range []*Source{&app.Configuration.BaseURL, &app.Configuration.BearerToken} {
		s.File = resolve(dir, s.File)
	}
	for i, role := range app.Access.Roles {
		if err := a.checkRole(role); err != nil {
			return yamlfile.Atf(fmt.Sprintf("access.roles[%d]", i), "it names %w", err)
		}
	}
	app.access = make(map[string]bool)
	for i, name := range app.Access.Users {
		u := a.Directory.Find(name)
		if u == nil {
			return yamlfile.Atf(fmt.Sprintf("access.users[%d]", i),
				"%q is nobody in %s; give an id, a username or an email of the file", name, a.Users)
		}
		app.access[u.Key] = true
	}
	if err := app.completeParameters(a.Directory); err != nil {
		return yamlfile.At("parameters", err)
	}
	for i, r := range app.Rules {
		if err := app.compile(r, a); err != nil {
			return yamlfile.At(fmt.Sprintf("rules[%d]", i), err)
		}
	}
	return yamlfile.At("configuration.json_template",
		app.loadTemplate(a.Directory, resolve(dir, app.Configuration.JSONTemplate)))
}

// check completes the choices of the tab Provisioning.
func (p *Provisioning) check() error {
	if p.WhenDeleted == "" {
		p.WhenDeleted = Delete
	}
	if p.WhenSuspended == "" {
		p.WhenSuspended = Suspend
	}
	q := p.Quarantine
	switch {
	case !slices.Contains([]Deprovisioning{Delete, Suspend, DoNothing}, p.WhenDeleted):
		return yamlfile.Atf("when_deleted", "%q is no choice; use delete, suspend or do_nothing",
			p.WhenDeleted)
	case p.WhenSuspended != Suspend && p.WhenSuspended != DoNothing:
		return yamlfile.Atf("when_suspended", "%q is no choice; use suspend or do_nothing",
			p.WhenSuspended)
	case p.MaxDeletes != nil && *p.MaxDeletes < 0:
		return yamlfile.Atf("max_deletes",
			"it is %d; give how many deletions a cycle may have, 0 for any number, or leave it out",
			*p.MaxDeletes)
	case q != nil && (q.Share < 1 || q.Share > 100 || q.Failures < 1):
		return yamlfile.Atf("quarantine", "give failures, 1 or more, and share, 1 to 100 percent")
	}
	return nil
}

func (app *App) loadTemplate(d *directory.Directory, path string) error {
	text := template.Default()
	if path != "" {
		var err error
		if text, err = os.ReadFile(path); err != nil {
			return err
		}
	}
	t, err := template.Parse(text,
		func(kind, name string) error { return app.checkMacro(d, kind, name) })
	app.template = t
	if err == nil && !t.Has("userName") {
		return errors.New(
			`the template has no "userName", by which users are found and created; add ` +
				`"userName": "{$parameters.scimusername}"`)
	}
	return err
}

// Assigned reports whether a person has access to the app.
func (app *App) Assigned(u *directory.User) bool {
	return app.access[u.Key] || slices.ContainsFunc(app.Access.Roles, u.HasRole)
}
