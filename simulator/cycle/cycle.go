// Package cycle is one provisioning cycle of an app: it compares the account
// with what the provider remembers, plans what would change and why, applies
// that over SCIM as OneLogin does, and records what came of it. A cycle that
// was cut off is completed by the next one.
package cycle

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"muster/simulator/account"
	"muster/simulator/client"
	"muster/simulator/directory"
	"muster/simulator/state"
)

// Cycle is what a cycle works on.
type Cycle struct {
	App       *account.App
	Directory *directory.Directory
	State     *state.File
	Client    *client.Client
	// Scope chooses who may be provisioned in this cycle, as a wave of a
	// rollout does; nil means everybody. Who is provisioned already is kept
	// up to date in any case.
	Scope func(*directory.User) bool
	// RetryFailed tries users who failed again, as an administrator does by
	// hand.
	RetryFailed bool
	// Concurrency is how many users are worked on at once; 0 means 4.
	Concurrency int
	// Progress is called after each action, one call at a time; may be nil.
	Progress func(done, total int)
}

// Kind is what a cycle does for one user.
type Kind string

// The kinds of actions.
const (
	// Provision looks the user up, and picks the account up or creates it.
	Provision  Kind = "provision"
	Update     Kind = "update"
	Suspend    Kind = "suspend"
	Reactivate Kind = "reactivate"
	Delete     Kind = "delete"
	// Release leaves the account as it is, and forgets it: "Do Nothing".
	Release Kind = "release"
)

// Action is what a cycle does for one user, and why.
type Action struct {
	Kind     Kind
	Key      string
	UserName string
	Reason   string
	// Body is the user as it is to be sent; nil for Delete and Release.
	Body map[string]any
	// Groups are the groups that the user is to be in.
	Groups []string
	// Earlier is the failure of the same action in an earlier cycle: it is
	// not tried again.
	Earlier string
	// Waits says that the action waits for approval.
	Waits bool

	record *state.Record
	body   []byte
	print  string
}

// Plan returns what the cycle would do, in the order in which it would be
// done: first who leaves, then who changes, then who arrives, so that a name
// that is given up is free. It sends no request and writes nothing.
func (c *Cycle) Plan(ctx context.Context) ([]*Action, error) {
	if !c.App.Provisioning.Enabled {
		return nil, fmt.Errorf("provisioning is not enabled in the app %q; set provisioning.enabled to true", c.App.Name)
	}
	records, err := c.State.Records(ctx, c.App.Name)
	if err != nil {
		return nil, err
	}
	var plan []*Action
	add := func(a *Action, err error) error {
		if err != nil || a == nil {
			return err
		}
		if c.settle(a) {
			plan = append(plan, a)
		}
		return nil
	}
	present := make(map[string]bool, len(c.Directory.Users))
	for _, u := range c.Directory.Users {
		present[u.Key] = true
		if err := add(c.decide(u, records[u.Key])); err != nil {
			return nil, err
		}
	}
	for _, key := range sortedKeys(records) {
		if !present[key] {
			if err := add(c.decideAbsent(records[key], "deleted in the provider")); err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(plan, func(a, b *Action) int { return cmp.Compare(a.phase(), b.phase()) })
	return plan, nil
}

// phase orders actions; those of one phase may run at the same time.
func (a *Action) phase() int {
	switch a.Kind {
	case Delete, Release, Suspend:
		return 0
	case Provision:
		return 2
	}
	return 1
}

// decide returns the action for a person, or nil.
func (c *Cycle) decide(u *directory.User, r *state.Record) (*Action, error) {
	bound := r != nil && r.RemoteID != ""
	switch {
	case !c.App.Assigned(u):
		return c.decideAbsent(r, "access to the app was removed")
	case u.Status == directory.Suspended:
		if !bound || !r.Active || c.App.Provisioning.WhenSuspended == account.DoNothing {
			return nil, nil
		}
		return c.suspend(r, c.App.Body(u), "suspended in the provider")
	case !bound:
		if c.Scope != nil && !c.Scope(u) {
			return nil, nil
		}
		if r == nil {
			r = &state.Record{Key: u.Key}
		}
		return c.action(Provision, r, c.App.UserName(u), c.App.Body(u), c.App.Groups(u), "assigned to the app")
	}
	body, groups := c.App.Body(u), c.App.Groups(u)
	if !r.Active {
		if !c.App.SetsActive() && !c.App.Provisioning.LeavesActiveOut {
			body["active"] = true
		}
		return c.action(Reactivate, r, c.App.UserName(u), body, groups, "active again in the provider")
	}
	a, err := c.action(Update, r, c.App.UserName(u), body, groups, "changed in the provider")
	if err != nil || bytes.Equal(a.body, r.Sent) && slices.Equal(groups, r.Groups) {
		return nil, err
	}
	if bytes.Equal(a.body, r.Sent) {
		a.Reason = "the groups changed in the provider"
	}
	return a, nil
}

// decideAbsent returns the action for somebody who has no access any more.
func (c *Cycle) decideAbsent(r *state.Record, reason string) (*Action, error) {
	if r == nil {
		return nil, nil
	}
	if r.RemoteID == "" {
		return c.action(Release, r, r.UserName, nil, nil, reason)
	}
	switch c.App.Provisioning.WhenDeleted {
	case account.DoNothing:
		return c.action(Release, r, r.UserName, nil, nil, reason)
	case account.Suspend:
		if !r.Active {
			return nil, nil
		}
		var body map[string]any
		if err := json.Unmarshal(r.Sent, &body); err != nil {
			return nil, fmt.Errorf("what was sent for %s cannot be read: %w", r.UserName, err)
		}
		return c.suspend(r, body, reason)
	}
	return c.action(Delete, r, r.UserName, nil, nil, reason)
}

func (c *Cycle) suspend(r *state.Record, body map[string]any, reason string) (*Action, error) {
	if c.App.SetsActive() || !c.App.Provisioning.LeavesActiveOut {
		body["active"] = false
	}
	return c.action(Suspend, r, r.UserName, body, nil, reason)
}

func (c *Cycle) action(k Kind, r *state.Record, userName string, body map[string]any, groups []string, reason string) (*Action, error) {
	a := &Action{Kind: k, Key: r.Key, UserName: userName, Reason: reason, Body: body, Groups: groups, record: r}
	if body != nil {
		var err error
		if a.body, err = json.Marshal(body); err != nil { // maps are written in the order of their keys
			return nil, err
		}
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\x00%s\x00%q", k, a.body, groups)
	a.print = hex.EncodeToString(hash.Sum(nil)[:12])
	return a, nil
}

// settle applies what is remembered of earlier attempts and of approvals. It
// reports whether the action belongs to the plan at all.
func (c *Cycle) settle(a *Action) bool {
	r := a.record
	if r.Failure != "" && r.FailedAt == a.print && !c.RetryFailed && !c.App.Provisioning.RetryFailed {
		a.Earlier = r.Failure
		return true
	}
	if !c.needsApproval(a) {
		return true
	}
	if r.Waiting == nil || r.Waiting.Print != a.print {
		r.Waiting = &state.Waiting{Action: string(a.Kind), Print: a.print}
	}
	a.Waits = !r.Waiting.Approved
	return !r.Waiting.Skipped
}

// needsApproval applies the boxes "Require admin approval before this action
// is performed". What follows from a deletion or a removed access is a
// deletion, whatever becomes of the account.
func (c *Cycle) needsApproval(a *Action) bool {
	need := c.App.Provisioning.Approval
	switch {
	case a.record.RemoteID == "" && a.Kind == Release:
		return false // there is no account
	case a.Kind == Provision:
		return need.Create
	case a.Kind == Delete, a.Kind == Release, a.Kind == Suspend && a.Reason != "suspended in the provider":
		return need.Delete
	}
	return need.Update
}

// Connection is what a connection test found.
type Connection struct {
	// Instance is the instance that the server says the token is for; empty
	// if it does not say.
	Instance string
	// Note is what an administrator should look at although the test passed.
	Note string
}

// Enable tests the connection, as the button Enable does, and writes
// nothing. A token of another instance than the app's configuration names is
// refused, where the server tells: it would provision the wrong customer
// without any error.
func (c *Cycle) Enable(ctx context.Context) (Connection, error) {
	found, err := c.Client.TestConnection(ctx)
	if err != nil {
		return Connection{}, err
	}
	result := Connection{Instance: c.Client.Instance()}
	if at := c.Client.Expires(); at != "" {
		result.Note = "the token expires on " + at + "; ask for a new one"
	}
	if !found {
		result.Note = "the server answered 404, which passes; check that the base URL ends in /scim/v2"
	}
	if want := c.App.Configuration.Instance; want != "" && result.Instance != "" && result.Instance != want {
		return result, fmt.Errorf("the token of the app %q is for the instance %q, and the app is configured for %q; nothing was written: give the app the key of its own instance",
			c.App.Name, result.Instance, want)
	}
	return result, nil
}

// Run runs a cycle. It returns a report even with an error: of what was done
// until then. A [client.DownError], or an answer that refuses the token,
// ends the cycle; what was not done yet is done by the next one.
func (c *Cycle) Run(ctx context.Context) (*Report, error) {
	began, requests := time.Now(), c.Client.Requests()
	report := &Report{App: c.App.Name, Began: began.UTC()}
	plan, err := c.Plan(ctx)
	if err == nil && c.App.Configuration.Instance != "" {
		_, err = c.Enable(ctx)
	}
	if err == nil {
		err = newRun(c, report, len(plan)).all(ctx, plan)
	}
	report.finish(time.Since(began), c.Client.Requests()-requests, c.Client.Instance())
	return report, err
}

// DryRun returns what a cycle would do, as a report. It looks users up to
// tell whom it would pick up from whom it would create, and writes nothing.
func (c *Cycle) DryRun(ctx context.Context) (*Report, error) {
	began, requests := time.Now(), c.Client.Requests()
	report := &Report{App: c.App.Name, Began: began.UTC(), DryRun: true}
	plan, err := c.Plan(ctx)
	if err != nil {
		return report, err
	}
	for i, a := range plan {
		item, err := c.foretell(ctx, a)
		if err != nil {
			return report, err
		}
		report.Items = append(report.Items, item)
		if c.Progress != nil {
			c.Progress(i+1, len(plan))
		}
	}
	report.finish(time.Since(began), c.Client.Requests()-requests, c.Client.Instance())
	return report, nil
}

func (c *Cycle) foretell(ctx context.Context, a *Action) (Item, error) {
	item := a.item(outcomes[a.Kind], a.Reason)
	switch {
	case a.Earlier != "":
		item.Outcome, item.Detail = Failed, a.Earlier
		return item, nil
	case a.Waits:
		item.Outcome = Waiting
	}
	if a.Kind != Provision {
		var before map[string]any
		if len(a.record.Sent) > 0 {
			if err := json.Unmarshal(a.record.Sent, &before); err != nil {
				return item, err
			}
		}
		if a.Body != nil {
			item.Changes = Differences(before, a.Body, nil)
		}
		return item, nil
	}
	found, err := c.Client.FindUser(ctx, a.UserName)
	if err != nil {
		return item, err
	}
	if found != nil && item.Outcome != Waiting {
		item.Outcome = PickedUp
	}
	item.Changes = Differences(found, a.Body, nil)
	return item, nil
}

func sortedKeys(records map[string]*state.Record) []string {
	keys := make([]string, 0, len(records))
	for key := range records {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
