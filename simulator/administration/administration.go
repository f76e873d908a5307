// Package administration is what an administrator of the provider does with the apps of
// an account, as the commands and the portal take and show it: both are thin faces of
// it.
package administration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"muster/simulator/account"
	"muster/simulator/client"
	"muster/simulator/cycle"
	"muster/simulator/fault"
	"muster/simulator/report"
	"muster/simulator/rollout"
	"muster/simulator/state"
)

// Line is how an app's server is spoken to.
type Line struct {
	// Tries, Wait and Timeout are those of [client.Options].
	Tries         uint
	Wait, Timeout time.Duration
	// Transport carries the requests; nil is one that trusts what the system does.
	Transport http.RoundTripper
	// Profile is the provider whose requests are sent; the app's own if empty.
	Profile string
	// Faults break the line on purpose, the same with the same seed; nil for none.
	Faults *fault.Plan
	Seed   uint64
	// Concurrency is how many users are worked on at once; 0 means 4.
	Concurrency int
}

// Link is an app's server with how it is spoken to.
type Link struct {
	*client.Client
	// Base is the base URL.
	Base string
	// Faults are nil without faults.
	Faults      *fault.Transport
	concurrency int
}

// Connect returns a link to the server of an app. It sends nothing.
func Connect(app *account.App, line Line) (*Link, error) {
	what := "app " + app.Name + ": configuration."
	base, err := app.Configuration.BaseURL.Read(what + "base_url")
	if err != nil {
		return nil, err
	}
	token, err := app.Configuration.BearerToken.Read(what + "bearer_token")
	if err != nil {
		return nil, err
	}
	name := app.Configuration.Profile
	if line.Profile != "" {
		name = line.Profile
	}
	o := client.Options{
		BaseURL: base, Token: token, Headers: app.Configuration.Headers, Tries: line.Tries,
		Wait: line.Wait, Timeout: line.Timeout, Transport: line.Transport,
	}
	if o.Profile, err = client.ProfileNamed(name); err != nil {
		return nil, err
	}
	if o.Transport == nil {
		o.Transport = client.NewTransport()
	}
	l := &Link{Base: base, concurrency: line.Concurrency}
	if line.Faults != nil {
		l.Faults = &fault.Transport{Base: o.Transport, Plan: *line.Faults, Seed: line.Seed}
		o.Transport = l.Faults
	}
	if l.Client, err = client.New(o); err != nil {
		return nil, fmt.Errorf("app %s: %w", app.Name, err)
	}
	return l, nil
}

// Cycle returns a cycle of an app over a link.
func (l *Link) Cycle(a *account.Account, app *account.App, st *state.File) *cycle.Cycle {
	return &cycle.Cycle{
		Account: a.Name, App: app, Directory: a.Directory, State: st, Client: l.Client,
		Concurrency: l.concurrency,
	}
}

// Rehearsal returns a rollout with links to its app and to the account's others.
func Rehearsal(
	p *rollout.Rollout, st *state.File, line Line,
) (*rollout.Rehearsal, *Link, error) {
	l, err := Connect(p.App, line)
	if err != nil {
		return nil, nil, err
	}
	r := &rollout.Rehearsal{
		Rollout: p, State: st, Client: l.Client, BaseURL: l.Base, Concurrency: line.Concurrency,
	}
	for _, app := range p.Account.Apps {
		if app == p.App {
			continue
		}
		other := rollout.Other{App: app}
		if elsewhere, err := Connect(app, line); err != nil {
			other.Err = err
		} else {
			other.Client = elsewhere.Client
		}
		r.Others = append(r.Others, other)
	}
	return r, l, nil
}

// Explain adds to an error what an administrator can do about it.
func Explain(err error) string {
	var down *client.DownError
	switch status := client.Status(err); {
	case errors.As(err, &down):
		return down.Error() + "; check the base URL, and that the server runs"
	case status == http.StatusUnauthorized:
		return err.Error() + "; check the SCIM bearer token"
	case status == http.StatusNotFound, status/100 == 3:
		return err.Error() + "; check the base URL, which ends in /scim/v2"
	}
	return err.Error()
}

// Describe tells how an app is. It sends no request.
func Describe(ctx context.Context, app *account.App, st *state.File) (report.App, error) {
	r := report.App{
		Name: app.Name, Instance: app.Configuration.Instance, Connection: "enabled",
		Provisioning: app.Provisioning.Enabled, Users: make(map[state.Status]int),
	}
	var err error
	if r.BaseURL, err = app.Configuration.BaseURL.Read("base_url"); err != nil {
		r.BaseURL = err.Error()
	}
	p, err := client.ProfileNamed(app.Configuration.Profile)
	if err != nil {
		return r, err
	}
	r.Profile = p.Name
	known, err := st.App(ctx, app.Name)
	if err != nil {
		return r, err
	}
	switch q := known.Quarantine; {
	case known.Disabled:
		r.Connection = "disabled"
	case q != nil:
		r.Connection = "in quarantine until " + q.Until.Local().Format("2006-01-02 15:04") + ": " +
			q.Reason
	}
	return r, st.EachRecord(ctx, app.Name, func(rec *state.Record) error {
		r.Users[rec.Status]++
		return nil
	})
}

// Disable disables the API connection of an app: no cycle runs until it is enabled
// again.
func Disable(ctx context.Context, app string, st *state.File) error {
	known, err := st.App(ctx, app)
	if err != nil {
		return err
	}
	known.Disabled = true
	return st.SaveApp(ctx, app, known)
}

// Records returns what is remembered of the users of an app whom choose chooses, sorted
// by user name.
func Records(
	ctx context.Context, app string, st *state.File, choose func(*state.Record) bool,
) ([]*state.Record, error) {
	list := []*state.Record{}
	err := st.EachRecord(ctx, app, func(r *state.Record) error {
		if choose(r) {
			list = append(list, r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list,
		func(a, b *state.Record) int { return strings.Compare(a.UserName, b.UserName) })
	return list, nil
}

// Decision is what can be decided about users of an app.
type Decision struct {
	// Qualifies says about whom, and What does so in words.
	Qualifies func(*state.Record) bool
	What      string
	// Done says what will come of it.
	Done   string
	change func(*state.Record)
}

// Waits reports whether an action for a user waits for approval.
func Waits(r *state.Record) bool {
	return r.Waiting != nil && !r.Waiting.Approved && !r.Waiting.Skipped
}

// Approve approves the actions that wait.
func Approve() Decision {
	return Decision{
		Waits, "that wait for approval", "approved; the next sync does it",
		func(r *state.Record) { r.Waiting.Approved = true },
	}
}

// Skip passes the actions that wait over, until the user changes again.
func Skip() Decision {
	return Decision{
		Waits, "that wait for approval", "skipped",
		func(r *state.Record) {
			r.Waiting.Skipped = true
			if r.RemoteID == "" {
				r.Status = state.Skipped
			}
		},
	}
}

// Retry has users who failed tried again.
func Retry() Decision {
	return Decision{
		func(r *state.Record) bool { return r.Failure != "" }, "who failed",
		"the next sync tries again",
		func(r *state.Record) { r.Failure, r.FailedAt, r.Status = "", "", state.Pending },
	}
}

// Decide decides about users of an app. what names who holds the file meanwhile; told is
// called after each.
func (d Decision) Decide(
	ctx context.Context, app string, st *state.File, records []*state.Record, what string,
	told func(*state.Record) error,
) (err error) {
	unlock, err := st.Lock(what)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	for _, r := range records {
		d.change(r)
		if err := st.Save(ctx, app, r); err != nil {
			return err
		}
		if err := told(r); err != nil {
			return err
		}
	}
	return nil
}
