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
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"muster/simulator/account"
	"muster/simulator/directory"
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
	// GroupsCreated and GroupsMatched are names.
	GroupsCreated []string `yaml:"groups_created"`
	GroupsMatched []string `yaml:"groups_matched"`
}

// Gate is how much may go wrong in a wave before the rollout stops after it,
// beyond what is expected.
type Gate struct {
	MaxConflicts int `yaml:"max_conflicts"`
	MaxFailures  int `yaml:"max_failures"`
}

// Load reads a rollout and the account that it names.
func Load(path string) (*Rollout, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &Rollout{}
	if err := yaml.UnmarshalWithOptions(text, r, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %s", path, yaml.FormatError(err, false, true))
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
	if r.App, err = r.Account.App(r.AppName); err == nil {
		err = r.check()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func (r *Rollout) check() error {
	if r.Name == "" {
		return errors.New("rollout: the name is missing")
	}
	if len(r.Waves) == 0 {
		return errors.New("waves: there is none; a rollout has at least one")
	}
	for i, w := range r.Waves {
		if w.Name == "" {
			return fmt.Errorf("waves[%d]: the name is missing", i)
		}
		if err := w.check(r); err != nil {
			return fmt.Errorf("wave %q: %w", w.Name, err)
		}
	}
	return nil
}

func (w *Wave) check(r *Rollout) error {
	u := w.Users
	if !u.Everybody && len(u.Roles)+len(u.Departments)+len(u.List) == 0 && u.Percent == 0 {
		return errors.New("users chooses nobody; give roles, departments, list, percent or everybody: true")
	}
	if u.Percent < 0 || u.Percent > 100 {
		return fmt.Errorf("users.percent is %d; give 1 to 100", u.Percent)
	}
	for _, name := range u.List {
		if r.Account.Directory.Find(name) == nil {
			return fmt.Errorf("users.list: %q is nobody in %s", name, r.Account.Users)
		}
	}
	for _, name := range u.Roles {
		if !slices.ContainsFunc(r.Account.Roles, func(role string) bool { return strings.EqualFold(role, name) }) {
			return fmt.Errorf("users.roles: the account has no role %q", name)
		}
	}
	for i, c := range w.Changes {
		given := 0
		for _, s := range []string{c.Suspend, c.Reactivate, c.Delete, c.Set} {
			if s != "" {
				given++
			}
		}
		if given != 1 || (c.Set != "") != (c.Field != "") {
			return fmt.Errorf("changes[%d]: give one of suspend, reactivate, delete, or set with field and to", i)
		}
	}
	return nil
}

// has reports whether the wave is for a person.
func (u Users) has(p *directory.User, d *directory.Directory) bool {
	if u.Everybody || slices.ContainsFunc(u.Roles, p.HasRole) {
		return true
	}
	if slices.ContainsFunc(u.Departments, func(name string) bool { return strings.EqualFold(name, p.Field("department")) }) {
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
		return slices.ContainsFunc(r.Waves[:n], func(w *Wave) bool { return w.Users.has(p, r.Account.Directory) })
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
			return fmt.Errorf("wave %q: changes[%d]: %q is nobody in the account at that time", w.Name, i, name)
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
