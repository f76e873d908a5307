// Package cycle is one provisioning cycle of an app: it compares the account
// with what the provider remembers, plans what would change and why, asks for
// approval where that is wanted, applies the rest over SCIM as a provider
// does, and records what came of it. A cycle that was cut off is completed by
// the next one.
package cycle

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"muster/simulator/account"
	"muster/simulator/client"
	"muster/simulator/directory"
	"muster/simulator/state"
)

// Cycle is what a cycle works on.
type Cycle struct {
	// Account is the name of the account: what is remembered belongs to it.
	Account   string
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
	// Reapply reads the account of everybody who is provisioned, and corrects
	// what differs from what it should be: "Reapply entitlement mappings".
	Reapply bool
	// Force runs the cycle although the app is in quarantine, and overwrites
	// accounts that are called otherwise than when they were written last.
	Force bool
	// Concurrency is how many users are worked on at once; 0 means 4.
	Concurrency int
	// Trace keeps the requests that were sent for each user in the report.
	Trace bool
	// Progress is called after each action, one call at a time; may be nil.
	Progress func(done, total int)
	// Keep is called before the account of a user is touched, with how things
	// are until then; may be nil.
	Keep func(context.Context, *state.Snapshot) error

	// Model stands for the server in a dry run, so that it sends no request; nil
	// asks the server.
	Model Model
	// Note is told what was done for a person as soon as it is done, and of an
	// account as soon as it is bound; may be nil.
	Note func(context.Context, Item) error
	// Making is told of a group before it is created, and with false if it was
	// not; may be nil.
	Making func(ctx context.Context, group string, made bool) error

	// writes says that the cycle may change what is remembered: a dry run does
	// not.
	writes bool
	// keys are the keys under which people are remembered, where these differ
	// from those that they have: see rekeyed.
	keys map[string]string

	// noGroups says why groups are left out, if they are.
	noGroups atomic.Pointer[string]
}

// Model is what is known of the accounts of a server.
type Model interface {
	// Named returns the account of a user name, Account that of an id; nil for
	// none.
	Named(userName string) client.User
	Account(id string) client.User
}

// find looks a user up, at the server or in the model of it.
func (c *Cycle) find(ctx context.Context, userName string) (client.User, error) {
	if c.Model != nil {
		return c.Model.Named(userName), nil
	}
	return c.Client.FindUser(ctx, userName)
}

// userNames returns what accounts are called, by their ids.
func (c *Cycle) userNames(ctx context.Context, ids []string) (map[string]string, error) {
	if c.Model == nil {
		return c.Client.UserNames(ctx, ids)
	}
	names := make(map[string]string)
	for _, id := range ids {
		if u := c.Model.Account(id); u != nil {
			names[id] = u.UserName()
		}
	}
	return names, nil
}

// groupsLeftOut returns why groups are left out; empty if they are not.
func (c *Cycle) groupsLeftOut() string {
	if s := c.noGroups.Load(); s != nil {
		return *s
	}
	return ""
}

// Connection is what a connection test found.
type Connection struct {
	// Instance is the instance that the server says the token is for; empty
	// if it does not say.
	Instance string
	// Note is what an administrator should look at although the test passed.
	Note string
}

// Enable tests the connection, as the button Enable does; with all profiles
// but JumpCloud's it writes nothing. A token of another instance than the
// app's configuration names is refused, where the server tells: it would
// provision the wrong customer without any error. An app that was disabled or
// in quarantine is provisioned again from now on.
func (c *Cycle) Enable(ctx context.Context) (Connection, error) {
	result, err := c.connect(ctx, c.Client.TestConnection)
	if err != nil {
		return result, err
	}
	app, err := c.State.App(ctx, c.App.Name)
	if err == nil && (app.Disabled || app.Quarantine != nil || app.CutOff > 0) {
		app.Disabled, app.Quarantine, app.CutOff = false, nil, 0
		err = c.State.SaveApp(ctx, c.App.Name, app)
	}
	return result, err
}

// Probe tests the connection and writes nothing, neither there nor here.
func (c *Cycle) Probe(ctx context.Context) (Connection, error) {
	return c.connect(ctx, c.Client.Probe)
}

func (c *Cycle) connect(
	ctx context.Context, test func(context.Context) (bool, error),
) (Connection, error) {
	found, err := test(ctx)
	if err != nil {
		return Connection{}, err
	}
	result := Connection{Instance: c.Client.Instance()}
	if at := c.Client.Expires(); at != "" {
		result.Note = "the token expires on " + at + "; ask for a new one"
	}
	if !found {
		result.Note = "the server answered 404, which passes; check that the base URL ends " +
			"in /scim/v2"
	}
	if want := c.App.Configuration.Instance; want != "" && result.Instance != "" &&
		result.Instance != want {
		return result, fmt.Errorf("the token of the app %q is for the instance %q, and the app is "+
			"configured for %q; nothing was written: give the app the key of its own instance",
			c.App.Name, result.Instance, want)
	}
	return result, nil
}

// Run runs a cycle. It returns a report even with an error: of what was done
// until then. A [client.DownError], or an answer that refuses the token,
// ends the cycle; what was not done yet is done by the next one.
func (c *Cycle) Run(ctx context.Context) (*Report, error) {
	app, err := c.State.App(ctx, c.App.Name)
	if err == nil {
		err = c.allowed(app, time.Now())
	}
	if err != nil {
		return &Report{
			App: c.App.Name, Began: time.Now().UTC(), Items: []Item{}, Stopped: err.Error(),
		}, err
	}
	c.noGroups.Store(&app.NoGroups)
	r := newRun(c)
	if c.App.Configuration.Instance != "" {
		_, err = c.Probe(ctx)
	}
	if err == nil {
		err = c.Belongs(ctx, true)
	}
	if err == nil {
		c.writes = true
		err = c.rekey(ctx)
	}
	if err == nil {
		if app, err = c.State.App(ctx, c.App.Name); err == nil {
			err = r.all(ctx, r.attempt)
		}
	}
	if err != nil {
		r.report.Stopped = err.Error()
	}
	r.finish()
	return r.report, errors.Join(err, c.judge(context.WithoutCancel(ctx), app, r.report, err))
}

// DryRun returns what a cycle would do, as a report. It looks users up to
// tell whom it would pick up from whom it would create, and writes nothing.
func (c *Cycle) DryRun(ctx context.Context) (*Report, error) {
	app, err := c.State.App(ctx, c.App.Name)
	if err != nil {
		return nil, err
	}
	c.noGroups.Store(&app.NoGroups)
	r := newRun(c)
	r.report.DryRun = true
	if c.Model == nil {
		err = c.Belongs(ctx, false)
	}
	if err == nil {
		c.keys, err = c.rekeyed(ctx)
	}
	if err == nil {
		err = r.all(ctx, r.foretell)
	}
	if err != nil {
		r.report.Stopped = err.Error()
	}
	r.finish()
	return r.report, err
}

// rekey has people remembered under the keys that they have now.
func (c *Cycle) rekey(ctx context.Context) error {
	keys, err := c.rekeyed(ctx)
	for now, before := range keys {
		if err == nil {
			err = c.State.Rekey(ctx, c.App.Name, before, now)
		}
	}
	return err
}
