// Package rollout rehearses a gradual rollout: waves of users, one after the
// other, each with what is expected of it, a gate that stops the rollout
// when something else happens, and a check that reads the application. It is
// the guide's advice to "start small in a controlled environment … checking
// every step".
package rollout

import (
	"errors"
	"fmt"
	"hash/fnv"
	"path/filepath"
	"slices"
	"strings"

	"muster/simulator/account"
	"muster/simulator/directory"
	"muster/simulator/yamlfile"
)

// Rollout is a plan of waves for one app of an account.
type Rollout struct {
	Name string `yaml:"rollout"`
	// AccountFile is the path of the account, from the rollout's file.
	AccountFile string  `yaml:"account"`
	AppName     string  `yaml:"app"`
	Waves       []*Wave `yaml:"waves"`

	Account *account.Account `yaml:"-"`
	App     *account.App     `yaml:"-"`
}

// Wave is a step of a rollout. The users of the waves before it stay in.
type Wave struct {
	Name  string `yaml:"name"`
	Users Users  `yaml:"users"`
	// Changes happen in the provider's account before the wave: life goes
	// on while a rollout is under way.
	Changes []Change `yaml:"changes"`
	Expect  Expect   `yaml:"expect"`
	Gate    Gate     `yaml:"gate"`
	// Check is what to look at in the application after the wave, beside what
	// is compared in any case.
	Check    []Assertion `yaml:"check"`
	Rollback Rollback    `yaml:"rollback"`
}

// Rollback says how a wave is taken back.
type Rollback struct {
	// Created is what becomes of accounts that the wave created: delete,
	// suspend or keep; delete if it is not given.
	Created string `yaml:"created"`
	// KeepGroups leaves the groups that the wave created, when they are
	// empty; they are deleted otherwise.
	KeepGroups bool `yaml:"keep_groups"`
}

// Users chooses people of those who are assigned to the app. Somebody whom
// one of its parts chooses is in.
type Users struct {
	Everybody bool     `yaml:"everybody"`
	Roles     []string `yaml:"roles"`
	// Departments are compared with the field department.
	Departments []string `yaml:"departments"`
	List        []string `yaml:"list"`
	// Percent takes about that part of all, the same people each time.
	Percent int `yaml:"percent"`
}

// Change is something that happens in the provider's account: exactly one of
// Suspend, Reactivate, Delete and Set names a person.
type Change struct {
	Suspend    string `yaml:"suspend"`
	Reactivate string `yaml:"reactivate"`
	Delete     string `yaml:"delete"`
	// Set names whose Field becomes To.
	Set   string `yaml:"set"`
	Field string `yaml:"field"`
	To    string `yaml:"to"`
}

// Expect is the planned outcome of a wave. What is not given is not
// compared, but for Conflicts: without it none is expected.
type Expect struct {
	PickedUp    *int `yaml:"picked_up"`
	Created     *int `yaml:"created"`
	Updated     *int `yaml:"updated"`
	Suspended   *int `yaml:"suspended"`
	Reactivated *int `yaml:"reactivated"`
	Deleted     *int `yaml:"deleted"`
	// Conflicts are the User Names of those who cannot be created.
	Conflicts []string `yaml:"conflicts"`
	// NearMisses are the User Names of those who are to be created although
	// there is an account of nearly the same name.
	NearMisses []string `yaml:"near_misses"`
	// GroupsCreated and GroupsMatched are names.
	GroupsCreated []string `yaml:"groups_created"`
	GroupsMatched []string `yaml:"groups_matched"`
}

// Gate is how much may go wrong in a wave before the rollout stops after it,
// beyond what is expected.
type Gate struct {
	MaxConflicts int `yaml:"max_conflicts"`
	MaxFailures  int `yaml:"max_failures"`
	// MaxUnexpectedCreates is how many may be created although the forecast
	// saw an account to pick up, or one that is nearly of the same name.
	MaxUnexpectedCreates int `yaml:"max_unexpected_creates"`
}

// Load reads a rollout and the account that it names. Its errors name the
// file and the line.
func Load(path string) (*Rollout, error) {
	r := &Rollout{}
	f, err := yamlfile.Read(path, "rollout", r)
	if err != nil {
		return nil, err
	}
	if r.AccountFile == "" {
		r.AccountFile = "account.yaml"
	}
	if !filepath.IsAbs(r.AccountFile) {
		r.AccountFile = filepath.Join(filepath.Dir(path), r.AccountFile)
	}
	if r.Account, err = account.Load(r.AccountFile); err != nil {
		return nil, err
	}
	if r.App, err = r.Account.App(r.AppName); err != nil {
		return nil, f.Locate(yamlfile.At("app", err))
	}
	return r, f.Locate(r.check())
}

// Everybody returns a rollout of one wave with everybody who is assigned to
// an app, for those who have no plan of waves.
func Everybody(a *account.Account, app *account.App) *Rollout {
	return &Rollout{
		Name: "Everybody", Account: a, App: app, AppName: app.Name,
		Waves: []*Wave{{Name: "Everybody", Users: Users{Everybody: true}}},
	}
}

func (r *Rollout) check() error {
	if r.Name == "" {
		return yamlfile.Atf("rollout",
			"the name is missing; what is remembered of the rollout is kept under it")
	}
	if len(r.Waves) == 0 {
		return yamlfile.Atf("waves", "there is none; a rollout has at least one")
	}
	for i, w := range r.Waves {
		err := w.check(r)
		switch {
		case w.Name == "":
			err = yamlfile.Atf("name", "the name is missing")
		case slices.ContainsFunc(r.Waves[:i],
			func(x *Wave) bool { return strings.EqualFold(x.Name, w.Name) }):
			err = yamlfile.Atf("name",
				"another wave is called %q: reports could not tell them apart", w.Name)
		}
		if err != nil {
			return yamlfile.At(fmt.Sprintf("waves[%d]", i), err)
		}
	}
	return nil
}

func (w *Wave) check(r *Rollout) error {
	if err := w.Users.check(r); err != nil {
		return yamlfile.At("users", err)
	}
	for i, c := range w.Changes {
		given := 0
		for _, s := range []string{c.Suspend, c.Reactivate, c.Delete, c.Set} {
			if s != "" {
				given++
			}
		}
		if given != 1 || (c.Set != "") != (c.Field != "") {
			return yamlfile.Atf(fmt.Sprintf("changes[%d]", i),
				"give one of suspend, reactivate, delete, or set with field and to")
		}
	}
	if err := w.Expect.check(); err != nil {
		return yamlfile.At("expect", err)
	}
	for i, a := range w.Check {
		if err := a.check(); err != nil {
			return yamlfile.At(fmt.Sprintf("check[%d]", i), err)
		}
	}
	switch w.Rollback.Created {
	case "":
		w.Rollback.Created = "delete"
	case "delete", "suspend", "keep":
	default:
		return yamlfile.Atf("rollback.created", "%q is no choice; use delete, suspend or keep",
			w.Rollback.Created)
	}
	return nil
}

func (u Users) check(r *Rollout) error {
	if !u.Everybody && len(u.Roles)+len(u.Departments)+len(u.List) == 0 && u.Percent == 0 {
		return errors.New("it chooses nobody; give roles, departments, list, percent or " +
			"everybody: true")
	}
	if u.Percent < 0 || u.Percent > 100 {
		return yamlfile.Atf("percent", "it is %d; give 1 to 100", u.Percent)
	}
	for i, name := range u.List {
		if r.Account.Directory.Find(name) == nil {
			return yamlfile.Atf(fmt.Sprintf("list[%d]", i),
				"%q is nobody in %s; give an id, a username or an email of the file", name,
				r.Account.Users)
		}
	}
	for i, name := range u.Roles {
		if !slices.ContainsFunc(r.Account.Roles,
			func(role string) bool { return strings.EqualFold(role, name) }) {
			return yamlfile.Atf(fmt.Sprintf("roles[%d]", i),
				"the account has no role %q; add it to roles there, or use one of %s", name,
				strings.Join(r.Account.Roles, ", "))
		}
	}
	return nil
}

// Has reports whether a wave of these users is for a person.
func (u Users) Has(p *directory.User, d *directory.Directory) bool {
	if u.Everybody || slices.ContainsFunc(u.Roles, p.HasRole) {
		return true
	}
	if slices.ContainsFunc(u.Departments,
		func(name string) bool { return strings.EqualFold(name, p.Field("department")) }) {
		return true
	}
	if slices.ContainsFunc(u.List, func(name string) bool { return d.Find(name) == p }) {
		return true
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(p.Key))
	return int(h.Sum32()%100) < u.Percent
}

// scope reports whether a person is in one of the first n waves.
func (r *Rollout) scope(n int) func(*directory.User) bool {
	return func(p *directory.User) bool {
		return slices.ContainsFunc(r.Waves[:n],
			func(w *Wave) bool { return w.Users.Has(p, r.Account.Directory) })
	}
}

// apply makes the changes of a wave in the account.
func (w *Wave) apply(d *directory.Directory) error {
	for i, c := range w.Changes {
		name, field, value := c.Set, c.Field, c.To
		switch {
		case c.Suspend != "":
			name, field, value = c.Suspend, "status", "2"
		case c.Reactivate != "":
			name, field, value = c.Reactivate, "status", "1"
		case c.Delete != "":
			name = c.Delete
		}
		p := d.Find(name)
		if p == nil {
			return fmt.Errorf("wave %q: changes[%d]: %q is nobody in the account at that time",
				w.Name, i, name)
		}
		if c.Delete != "" {
			d.Remove(p)
			continue
		}
		if err := d.Set(p, field, value); err != nil {
			return fmt.Errorf("wave %q: changes[%d]: %w", w.Name, i, err)
		}
	}
	return nil
}
