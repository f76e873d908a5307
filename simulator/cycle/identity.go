package cycle

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"muster/simulator/client"
	"muster/simulator/directory"
	"muster/simulator/state"
	"muster/simulator/username"
)

// Belongs refuses a state file of another account, and one whose ids are from
// another server: they mean other people there. With adopt, what remembers
// nothing yet is made to belong to this account and this target.
func (c *Cycle) Belongs(ctx context.Context, adopt bool) error {
	bound, err := c.State.Bound(ctx, c.App.Name)
	if err != nil {
		return err
	}
	if err := c.belongsToAccount(ctx, adopt); err != nil {
		return err
	}
	app, err := c.State.App(ctx, c.App.Name)
	if err != nil {
		return err
	}
	now := state.Target{BaseURL: c.Client.BaseURL()}
	if bound > 0 || adopt {
		if now.Self, err = c.Client.Self(ctx); err != nil {
			return err
		}
	}
	if app.Target != nil && bound > 0 && !sameTarget(app.Target, &now) {
		return fmt.Errorf("the state file remembers %d accounts of the app %q at %s, and the app "+
			"is at %s now, where their ids may be other people's; nothing was written: give this "+
			"target a state file of its own (--state FILE), or drop what is remembered "+
			"(`muster-simulator forget --app %s`): then everybody is looked up by user name",
			bound, c.App.Name, app.Target, &now, c.App.Name)
	}
	if !adopt || app.Target != nil && *app.Target == now {
		return nil
	}
	if app.Target != nil && now.Self == "" && bound > 0 {
		now.Self = app.Target.Self
	}
	app.Target = &now
	return c.State.SaveApp(ctx, c.App.Name, app)
}

func (c *Cycle) belongsToAccount(ctx context.Context, adopt bool) error {
	owner, err := c.State.Account(ctx)
	if err != nil || owner == c.Account {
		return err
	}
	if owner != "" {
		bound, err := c.State.Bound(ctx, "")
		if err != nil {
			return err
		}
		if bound > 0 {
			return fmt.Errorf("the state file belongs to the account %q, and remembers %d of its "+
				"people; this is the account %q, whose cycle would delete them; nothing was "+
				"written: give this account a state file of its own (--state FILE)", owner, bound,
				c.Account)
		}
	}
	if !adopt {
		return nil
	}
	return c.State.SetAccount(ctx, c.Account)
}

// sameTarget reports whether two targets are one: the same base URL, and the
// same name where both say how they are called.
func sameTarget(a, b *state.Target) bool {
	return plainURL(a.BaseURL) == plainURL(b.BaseURL) &&
		(a.Self == "" || b.Self == "" || a.Self == b.Self)
}

// plainURL makes base URLs equal that lead to the same place.
func plainURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return s
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" &&
		port == "80" {
		u.Host = u.Hostname()
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u.String()
}

// verify compares the user names of the accounts that are to be written with
// what they were called when they were written last: an id whose name is
// another one is an account that somebody renamed, or somebody else's.
func (r *run) verify(ctx context.Context, actions []*Action) error {
	if r.Force {
		return nil
	}
	var ids []string
	for _, a := range actions {
		if a.writes() {
			ids = append(ids, a.record.RemoteID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	names, err := r.userNames(ctx, ids)
	if err != nil {
		return err
	}
	for _, a := range actions {
		name, there := names[a.record.RemoteID]
		if !a.writes() || !there ||
			slices.ContainsFunc(a.calledBefore(),
				func(s string) bool { return username.Equal(s, name) }) {
			continue
		}
		before, now := username.Differ(called(a.record), name)
		a.drifted = fmt.Sprintf("the account %s was called %s when it was written last, and is "+
			"called %s now: somebody renamed it, or it is somebody else's; it was left as it is. "+
			"Name it back, or run with --force to overwrite it", a.record.RemoteID, before, now)
	}
	return nil
}

// writes reports whether the action writes to an account that is remembered.
func (a *Action) writes() bool {
	return a.record.RemoteID != "" && a.Kind != Provision && a.Kind != Release && a.Earlier == "" &&
		!a.Waits
}

// calledBefore returns the names that the account may have: the one that was
// sent last, and those of tries whose answer may have been lost.
func (a *Action) calledBefore() []string {
	return []string{
		called(a.record), a.record.UserName, a.UserName, detourOf(a.Key, called(a.record)),
	}
}

// called returns the name that an account was sent last.
func called(r *state.Record) string {
	if body, err := sentBody(r); err == nil {
		if name, ok := body["userName"].(string); ok {
			return name
		}
	}
	return r.UserName
}

// claim makes sure that the account of an id is nobody else's. One that was
// that of somebody who has left goes over to a person who is hired again.
func (r *run) claim(ctx context.Context, a *Action, account client.User, item *Item) error {
	other, err := r.State.ByRemote(ctx, r.App.Name, account.ID())
	if err != nil || other == nil || other.Key == a.Key {
		return err
	}
	if u := r.Directory.Find(other.Key); u != nil && u.Key == other.Key && r.App.Assigned(u) {
		return fmt.Errorf(owned+"%s is that of %s already: two people cannot have one account",
			account.ID(), username.Quote(other.UserName))
	}
	item.Detail = fmt.Sprintf("the account was that of %s, who had left under the key %s",
		other.UserName, other.Key)
	return r.State.Forget(ctx, r.App.Name, other.Key)
}

// rekeyed finds the people who are remembered under another key than they
// have now: the file of the users gives them ids since, or spells their user
// names otherwise. It returns the old keys by the new ones.
func (c *Cycle) rekeyed(ctx context.Context) (map[string]string, error) {
	byName := sync.OnceValue(func() map[string]*directory.User {
		m := make(map[string]*directory.User, len(c.Directory.Users))
		for _, u := range c.Directory.Users {
			m[username.Key(u.Field(directory.Username))] = u
		}
		return m
	})
	keys := make(map[string]string)
	err := c.State.EachRecord(ctx, c.App.Name, func(r *state.Record) error {
		if u := c.Directory.Find(r.Key); u != nil && u.Key == r.Key {
			return nil
		}
		// Only a key that is a user name can stand for the person of that name:
		// an id stands for one person for ever.
		u := byName()[username.Key(r.Key)]
		if u == nil || keys[u.Key] != "" {
			return nil
		}
		own, err := c.State.Records(ctx, c.App.Name, []string{u.Key})
		if err == nil && own[u.Key] == nil {
			keys[u.Key] = r.Key
		}
		return err
	})
	return keys, err
}
