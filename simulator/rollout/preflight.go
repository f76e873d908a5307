package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"muster/simulator/account"
	"muster/simulator/client"
	"muster/simulator/directory"
)

// Preflight is what reading the application foretells of a rollout. Nothing
// was written.
type Preflight struct {
	Rollout string `json:"rollout"`
	Account string `json:"account"`
	App     string `json:"app"`
	Profile string `json:"profile"`
	BaseURL string `json:"baseUrl"`
	// Instance is the instance that the server said the token is for.
	Instance string    `json:"instance,omitempty"`
	Began    time.Time `json:"began"`
	Seconds  float64   `json:"seconds"`
	Requests int64     `json:"requests"`
	// Users and Groups are how many the application has.
	Users  int `json:"users"`
	Groups int `json:"groups"`
	// Findings are about the app as a whole.
	Findings []Finding `json:"findings"`
	// Waves has a forecast for each wave, the changes before it made.
	Waves []*Forecast `json:"waves"`
}

// Problems returns how many things there are to mend.
func (p *Preflight) Problems() int {
	n := (&Forecast{Findings: p.Findings}).Problems()
	for _, w := range p.Waves {
		n += w.Problems()
	}
	return n
}

// Other is another app of the account, whose instance is looked at for user
// names that are taken. Err says why it cannot be.
type Other struct {
	App    *account.App
	Client *client.Client
	Err    error
}

// Preflight foretells the rollout, wave by wave. It reads the application and
// the instances of the account's other apps, and writes nothing.
func (r *Rehearsal) Preflight(ctx context.Context) (*Preflight, error) {
	began, requests := time.Now(), r.Client.Requests()
	p := &Preflight{
		Rollout: r.Rollout.Name, Account: r.Rollout.Account.Name, App: r.Rollout.App.Name,
		BaseURL: r.BaseURL,
		Profile: r.Client.Profile().Name, Began: began.UTC(), Findings: []Finding{},
		Waves: []*Forecast{},
	}
	connection, err := r.cycle(0).Probe(ctx)
	if err != nil {
		return nil, fmt.Errorf("the connection test of the app %q failed: %w", r.Rollout.App.Name,
			err)
	}
	if err := r.cycle(0).Belongs(ctx, false); err != nil {
		return nil, err
	}
	if connection.Note != "" {
		p.Findings = append(p.Findings,
			Finding{Severity: Warning, Kind: "instance", Text: connection.Note})
	}
	if err := r.lookElsewhere(ctx, p); err != nil {
		return nil, err
	}
	now, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	p.Users, p.Groups, p.Instance = len(now.users), len(now.groups), r.Client.Instance()
	r.attributes(ctx, p)
	for i, w := range r.Rollout.Waves {
		if err := w.apply(r.Rollout.Account.Directory); err != nil {
			return nil, err
		}
		f, err := r.forecast(ctx, i+1, now)
		if err != nil {
			return nil, err
		}
		if err := r.rolledOut(ctx, i, f); err != nil {
			return nil, err
		}
		p.Waves = append(p.Waves, f)
		// Those whom this wave provisions are provisioned for the next one.
		now = now.after(f)
	}
	p.Seconds, p.Requests = time.Since(began).Round(time.Millisecond).Seconds(),
		r.Client.Requests()-requests
	return p, nil
}

// rolledOut marks the forecast of a wave that was rolled out before. What the plan
// expects of it has happened, and is not foretold again.
func (r *Rehearsal) rolledOut(ctx context.Context, position int, f *Forecast) error {
	wave := &WaveResult{}
	known, err := r.State.Wave(ctx, r.Rollout.Name, position, wave)
	if err != nil || !known || wave.Cycle == nil || !wave.Passed {
		return err
	}
	f.RolledOut = &wave.Cycle.Began
	f.Expectations = []Expectation{}
	f.Findings = slices.DeleteFunc(f.Findings, func(x Finding) bool { return x.Kind == "expect" })
	return nil
}

// lookElsewhere reads the user names of the instances of the other apps.
func (r *Rehearsal) lookElsewhere(ctx context.Context, p *Preflight) error {
	r.elsewhere = make(map[string]string)
	for _, o := range r.Others {
		err := o.Err
		name := o.App.Name
		if err == nil {
			err = o.Client.Users(ctx, func(u client.User) error {
				if o.Client.Instance() != "" {
					name = o.Client.Instance()
				}
				r.elsewhere[fold(u.UserName())] = name
				return nil
			})
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && p != nil {
			p.Findings = append(p.Findings, Finding{
				Severity: Warning, Kind: "instance",
				Text: fmt.Sprintf(
					"conflicts with the instance of the app %s cannot be foretold: %v", o.App.Name,
					err),
				Fix: "give the app " + o.App.Name +
					" its base URL and its token, and run preflight again",
			})
		}
	}
	return nil
}

// attributes compares what is sent with what the server publishes, with what
// the guide maps, and with what the directory has.
func (r *Rehearsal) attributes(ctx context.Context, p *Preflight) {
	sent := make(map[string]int)
	people := 0
	for _, u := range r.Rollout.Account.Directory.Users {
		if r.Rollout.App.Assigned(u) && u.Status != directory.Suspended {
			people++
			for _, path := range client.Paths(r.Rollout.App.Body(u)) {
				sent[path]++
			}
		}
	}
	published, err := r.Client.Schemas(ctx)
	if err != nil {
		p.Findings = append(p.Findings, Finding{
			Severity: Warning, Kind: "attribute",
			Text: "the server does not publish its schemas, so that what is sent cannot be " +
				"compared with them: " + err.Error(),
		})
		published = nil
	}
	add := func(s Severity, fix, text string, args ...any) {
		p.Findings = append(p.Findings,
			Finding{Severity: s, Kind: "attribute", Text: fmt.Sprintf(text, args...), Fix: fix})
	}
	for _, path := range slices.Sorted(maps.Keys(sent)) {
		if _, known := published[strings.ToLower(path)]; published != nil && !known {
			add(Problem,
				"take "+path+
					" out of the JSON template, or delete its parameter under parameters: {NAME: "+
					"{deleted: true}}",
				"the server publishes no attribute %s; what is sent for %d people is "+
					"lost or refused", path, sent[path])
		}
	}
	for _, path := range slices.Sorted(maps.Keys(published)) {
		if n := givenFor(sent, path); published[path] && n < people && path != "username" {
			add(Problem, "", "the server requires %s, which is blank for %d of %d people", path,
				people-n, people)
		}
	}
	for _, m := range expected {
		switch n := sent[m.path]; {
		case n == 0:
			add(Note, `in the JSON template: `+m.template,
				"%s is sent for nobody, so that %s stays empty", m.path, m.field)
		case n < people && m.needed:
			add(Warning, "", "%s is blank for %d of %d people", m.path, people-n, people)
		}
	}
	if unused := r.Rollout.App.UnusedFields(r.Rollout.Account.Directory); len(unused) > 0 {
		add(Note,
			fmt.Sprintf("under parameters: %s: {field: %s}, and {$parameters.%s} in the "+
				"JSON template", unused[0], unused[0], unused[0]),
			"these fields of the users are not sent: %s", strings.Join(unused, ", "))
	}
}

// givenFor returns for how many people an attribute, or a part of it, is sent.
func givenFor(sent map[string]int, attribute string) int {
	most := 0
	for path, n := range sent {
		if path = strings.ToLower(path); path == attribute ||
			strings.HasPrefix(path, attribute+".") {
			most = max(most, n)
		}
	}
	return most
}

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// expected are the attributes that the guide maps to fields by default.
var expected = []struct {
	path, field, template string
	needed                bool
}{
	{"userName", "User Name", `"userName": "{$parameters.scimusername}"`, true},
	{"displayName", "Display Name", `"displayName": "{$user.display_name}"`, true},
	{
		"emails.value", "Email",
		`"emails": [{"value": "{$user.email}", "type": "work", "primary": true}]`, true,
	},
	{"name.givenName", "First Name", `"name": {"givenName": "{$user.firstname}"}`, true},
	{"name.familyName", "Last Name", `"name": {"familyName": "{$user.lastname}"}`, true},
	{
		"phoneNumbers.value", "Office Phone",
		`"phoneNumbers": [{"value": "{$user.phone}", "type": "work"}]`, false,
	},
	{"title", "Scim Sync Job Title", `"title": "{$parameters.title}"`, false},
	{
		enterprise + ":manager.value", "Direct Manager",
		`"` + enterprise + `": {"manager": {"value": "{$parameters.external_manager_id}"}}`, false,
	},
}
