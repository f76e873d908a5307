package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster/simulator/client"
	"muster/simulator/cycle"
	"muster/simulator/state"
	"muster/simulator/username"
)

// Check is what reading the application after a wave showed.
type Check struct {
	// Users and Groups are how many were read, Compared how many accounts
	// were compared with what was sent, attribute by attribute.
	Users    int `json:"users"`
	Groups   int `json:"groups"`
	Compared int `json:"compared"`
	// Memberships is how many were found as they should be.
	Memberships int `json:"memberships"`
	// Untouched is how many accounts nobody provisions, and which are at the
	// version that they had before the wave.
	Untouched int      `json:"untouched"`
	Problems  []string `json:"problems"`
	// Assertions are what the wave wants to have checked.
	Assertions []Expectation `json:"assertions,omitempty"`
}

// content is all that the application holds.
type content struct {
	users  map[string]client.User // by id
	groups []client.Group
	// owned are the ids of the accounts that the provider provisions.
	owned map[string]*state.Record
}

// after returns the content as it will be when a forecast has come true, as
// far as the next forecast looks at it.
func (c *content) after(f *Forecast) *content {
	next := &content{users: c.users, groups: slices.Clone(c.groups), owned: maps.Clone(c.owned)}
	for _, x := range f.Items {
		if x.Outcome == cycle.PickedUp || x.Outcome == cycle.Created {
			next.owned["foretold "+x.Key] = &state.Record{Key: x.Key}
		}
	}
	for _, name := range f.GroupsCreated {
		next.groups = append(next.groups, client.Group{DisplayName: name})
	}
	return next
}

func (r *Rehearsal) read(ctx context.Context) (*content, error) {
	c := &content{users: make(map[string]client.User), owned: make(map[string]*state.Record)}
	err := r.State.EachRecord(ctx, r.Rollout.App.Name, func(rec *state.Record) error {
		if rec.RemoteID != "" {
			c.owned[rec.RemoteID] = rec
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = r.Client.Users(ctx, func(u client.User) error {
		c.users[u.ID()] = u
		return nil
	})
	if err == nil {
		err = r.Client.Groups(ctx, func(g client.Group) error {
			c.groups = append(c.groups, g)
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read the application: %w", err)
	}
	return c, nil
}

// check reads the application and compares it with what the provider
// remembers, with what was there before the wave, and with what the wave
// wants to have checked.
func (r *Rehearsal) check(
	ctx context.Context, w *Wave, before *content, report *cycle.Report,
) (*Check, error) {
	now, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	c := &checker{
		Check: &Check{Users: len(now.users), Groups: len(now.groups), Problems: []string{}},
		now:   now,
	}
	for _, rec := range now.owned {
		if err := c.user(rec); err != nil {
			return nil, err
		}
	}
	if len(report.Unsupported) == 0 {
		c.memberships()
	}
	c.gone(report)
	c.untouched(before)
	c.Assertions = w.assertions(now)
	slices.Sort(c.Problems)
	return c.Check, nil
}

type checker struct {
	*Check
	now *content
}

func (c *checker) problem(format string, args ...any) {
	c.Problems = append(c.Problems, fmt.Sprintf(format, args...))
}

// user compares an account with what was sent.
func (c *checker) user(rec *state.Record) error {
	there, ok := c.now.users[rec.RemoteID]
	if !ok {
		c.problem("check: %s is not at the application", rec.UserName)
		return nil
	}
	c.Compared++
	if there.Active() != rec.Active {
		c.problem("check: %s is %s at the application", rec.UserName,
			map[bool]string{true: "active", false: "suspended"}[there.Active()])
	}
	var sent map[string]any
	if err := json.Unmarshal(rec.Sent, &sent); err != nil {
		return fmt.Errorf("what was sent for %s cannot be read: %w", rec.UserName, err)
	}
	for _, d := range client.Differences(there, sent, c.sameManager) {
		c.problem("check: %s has %q as %s, and %q was sent", rec.UserName, d.Old, d.Path, d.New)
	}
	return nil
}

// sameManager accepts that the application shows a manager by his or her id,
// whatever was sent.
func (c *checker) sameManager(path, there, sent string) bool {
	if !strings.HasSuffix(path, ":manager.value") {
		return false
	}
	u, ok := c.now.users[there]
	return ok && username.Equal(u.UserName(), sent)
}

// memberships compares the groups, in so far as their members are provisioned.
func (c *checker) memberships() {
	should := make(map[string]map[string]bool) // group → ids
	for id, rec := range c.now.owned {
		for _, name := range rec.Groups {
			name = username.Fold(name)
			if should[name] == nil {
				should[name] = make(map[string]bool)
			}
			should[name][id] = true
		}
	}
	for _, g := range c.now.groups {
		want := should[username.Fold(g.DisplayName)]
		delete(should, username.Fold(g.DisplayName))
		for _, m := range g.Members {
			if want[m.Value] {
				c.Memberships++
				delete(want, m.Value)
			}
		}
		for id := range want {
			c.problem("check: %s is not in the group %q", c.now.owned[id].UserName, g.DisplayName)
		}
	}
	for name := range should {
		c.problem("check: there is no group %q", name)
	}
}

// gone checks that there is no account of those who were deleted, or whose
// creation failed.
func (c *checker) gone(report *cycle.Report) {
	names := make(map[string]bool, len(c.now.users))
	for _, u := range c.now.users {
		names[username.Key(u.UserName())] = true
	}
	for _, o := range []cycle.Outcome{cycle.Deleted, cycle.Conflict} {
		for _, item := range report.With(o) {
			if item.Action != cycle.Update && names[username.Key(item.User)] {
				c.problem("check: there is an account of %s, who was %s", item.User,
					map[cycle.Outcome]string{
						cycle.Deleted: "deleted", cycle.Conflict: "not created",
					}[o])
			}
		}
	}
}

// untouched checks that the accounts that nobody provisions, neither before
// nor now, are as they were.
func (c *checker) untouched(before *content) {
	for id, was := range before.users {
		if c.now.owned[id] != nil || before.owned[id] != nil {
			continue
		}
		is, ok := c.now.users[id]
		switch {
		case !ok:
			c.problem("check: the account %s, which nobody provisions, is gone", was.UserName())
		case ok && is.Version() != was.Version():
			c.problem("check: the account %s, which nobody provisions, was changed", was.UserName())
		case ok:
			c.Untouched++
		}
	}
}
