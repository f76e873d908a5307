package cycle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"muster/simulator/account"
	"muster/simulator/client"
	"muster/simulator/directory"
	"muster/simulator/state"
)

// decide returns the action for a person, or nil.
func (c *Cycle) decide(u *directory.User, r *state.Record) (*Action, error) {
	bound := r != nil && r.RemoteID != ""
	switch {
	case !c.App.Assigned(u):
		return c.decideAbsent(r, "access to the app was removed")
	case u.Status == directory.Suspended:
		if !bound || c.App.Provisioning.WhenSuspended == account.DoNothing {
			return nil, nil
		}
		if !r.Active {
			return c.compareSuspended(u, r)
		}
		// The name stays: a suspension must not fail because another has it.
		body := c.App.Body(u)
		body["userName"] = called(r)
		return c.suspend(r, body, "suspended in the provider")
	case !bound:
		if c.Scope != nil && !c.Scope(u) {
			return nil, nil
		}
		if r == nil {
			r = &state.Record{Key: u.Key}
		}
		return c.forPerson(Provision, u, r, "assigned to the app")
	case !r.Active:
		return c.forPerson(Reactivate, u, r, "active again in the provider")
	}
	a, err := c.forPerson(Update, u, r, "changed in the provider")
	if err != nil {
		return nil, err
	}
	sameBody, sameGroups := bytes.Equal(a.body, r.Sent), slices.Equal(a.Groups, r.Groups) ||
		c.groupsLeftOut() != ""
	switch {
	case c.Reapply:
		a.Kind, a.Reason = Reapply, "mappings re-applied"
		return a, nil
	case sameBody && sameGroups:
		return nil, nil
	case c.App.Provisioning.ChangesNeedReapply && r.Source == a.source:
		return nil, nil // the change of the configuration waits for a re-apply
	case sameBody:
		a.Reason = "the groups changed in the provider"
	}
	return a, nil
}

// forPerson returns an action that sends a person as he or she is now.
func (c *Cycle) forPerson(
	k Kind, u *directory.User, r *state.Record, reason string,
) (*Action, error) {
	body := c.App.Body(u)
	if k == Reactivate && !c.App.SetsActive() && !c.App.Provisioning.LeavesActiveOut {
		body["active"] = true
	}
	a, err := c.action(k, r, c.App.UserName(u), body, c.App.Groups(u), reason)
	if err != nil {
		return nil, err
	}
	a.Active = true
	a.source = source(u)
	if u.Manager != nil {
		a.manager = u.Manager.Key
	}
	return a, nil
}

// source tells the data of a person from other data.
func source(u *directory.User) string {
	hash := sha256.New()
	u.Print(hash)
	if u.Manager != nil {
		fmt.Fprintf(hash, "\x00%s", u.Manager.Field(directory.Username))
	}
	return hex.EncodeToString(hash.Sum(nil)[:8])
}

// compareSuspended returns the action that compares an account that is
// suspended with what was sent. Without a re-apply there is none.
func (c *Cycle) compareSuspended(u *directory.User, r *state.Record) (*Action, error) {
	if !c.Reapply {
		return nil, nil
	}
	body, err := sentBody(r)
	if err != nil {
		return nil, err
	}
	a, err := c.action(Reapply, r, r.UserName, body, nil, "mappings re-applied")
	if err == nil {
		a.manager = c.sentManager(u, body)
	}
	return a, err
}

// sentManager returns the key of the manager who was sent with a person, or
// "". It may be another one by now; one who is not known by what was sent was
// renamed since.
func (c *Cycle) sentManager(u *directory.User, body map[string]any) string {
	extension, _ := body[client.EnterpriseUser].(map[string]any)
	manager, _ := extension["manager"].(map[string]any)
	name, _ := manager["value"].(string)
	if m := c.Directory.Find(name); m != nil {
		return m.Key
	}
	if u.Manager != nil {
		return u.Manager.Key
	}
	return ""
}

func sentBody(r *state.Record) (map[string]any, error) {
	var body map[string]any
	if err := json.Unmarshal(r.Sent, &body); err != nil {
		return nil, fmt.Errorf("what was sent for %s cannot be read: %w", r.UserName, err)
	}
	return body, nil
}

// decideAbsent returns the action for somebody who has no access any more.
func (c *Cycle) decideAbsent(r *state.Record, reason string) (*Action, error) {
	if r == nil {
		return nil, nil
	}
	departed := func(a *Action, err error) (*Action, error) {
		if a != nil {
			a.departed = true
		}
		return a, err
	}
	if r.RemoteID == "" {
		return departed(c.action(Release, r, r.UserName, nil, nil, reason))
	}
	what := c.App.Provisioning.WhenDeleted
	if what == account.Delete && c.Client.Profile().NeverDeletes {
		what, reason = account.Suspend, reason+"; "+c.Client.Profile().Title+" never deletes users"
	}
	switch what {
	case account.DoNothing:
		return departed(c.action(Release, r, r.UserName, nil, nil, reason))
	case account.Suspend:
		if !r.Active {
			return nil, nil
		}
		body, err := sentBody(r)
		if err != nil {
			return nil, err
		}
		return departed(c.suspend(r, body, reason))
	}
	return departed(c.action(Delete, r, r.UserName, nil, nil, reason))
}

func (c *Cycle) suspend(r *state.Record, body map[string]any, reason string) (*Action, error) {
	if c.App.SetsActive() || !c.App.Provisioning.LeavesActiveOut {
		body["active"] = false
	}
	return c.action(Suspend, r, r.UserName, body, nil, reason)
}

func (c *Cycle) action(
	k Kind, r *state.Record, userName string, body map[string]any, groups []string, reason string,
) (*Action, error) {
	a := &Action{
		Kind: k, Key: r.Key, UserName: userName, Reason: reason, Body: body, Groups: groups,
		record: r,
	}
	if body != nil {
		var err error
		// maps are written in the order of their keys
		if a.body, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\x00%s\x00%q", k, a.body, groups)
	a.print = hex.EncodeToString(hash.Sum(nil)[:12])
	return a, nil
}
