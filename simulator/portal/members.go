package portal

import (
	"encoding/json"
	"slices"
	"strings"

	"muster/screen"
	"muster/simulator/administration"
	"muster/simulator/client"
	"muster/simulator/cycle"
	"muster/simulator/directory"
	"muster/simulator/state"
)

// perPage is how many people a page has.
const perPage = 100

// member is a person in the tab Users of an app.
type member struct {
	Key, Name, UserName string
	Status              string
	Waiting, Failure    string
	Groups              []string
}

type membersPage struct {
	Members  []member
	Counts   map[string]int
	Statuses []state.Status
	Next     string
	Waiting  int
	Failed   int
}

// showMembers is the tab Users: who is assigned, and in which state.
func (v *visit) showMembers() error {
	p := membersPage{Counts: make(map[string]int), Statuses: state.Statuses()}
	records := make(map[string]*state.Record)
	err := v.portal.State.EachRecord(v.Context(), v.app.Name, func(r *state.Record) error {
		records[r.Key] = r
		return nil
	})
	if err != nil {
		return err
	}
	var all []member
	for _, u := range v.account.Directory.Users {
		if r := records[u.Key]; r != nil || v.app.Assigned(u) {
			all = append(all, v.member(u, r))
			delete(records, u.Key)
		}
	}
	for _, r := range records { // who left, and is not deprovisioned yet
		m := v.member(nil, r)
		m.Key = r.Key
		all = append(all, m)
	}
	search := strings.ToLower(strings.TrimSpace(v.FormValue("search")))
	status := v.FormValue("status")
	var chosen []member
	for _, m := range all {
		p.Counts[m.Status]++
		if m.Waiting != "" {
			p.Waiting++
		}
		if m.Failure != "" {
			p.Failed++
		}
		if (search == "" || strings.Contains(strings.ToLower(m.Name+"\n"+m.UserName), search)) &&
			(status == "" || m.Status == status || status == "waiting" && m.Waiting != "") {
			chosen = append(chosen, m)
		}
	}
	slices.SortFunc(chosen, func(a, b member) int {
		return strings.Compare(a.UserName+"\x00"+a.Key, b.UserName+"\x00"+b.Key)
	})
	after := v.FormValue("after")
	if n := slices.IndexFunc(chosen, func(m member) bool { return m.Key == after }); n >= 0 {
		chosen = chosen[n+1:]
	}
	if len(chosen) > perPage {
		chosen = chosen[:perPage]
		q := v.URL.Query()
		q.Set("after", chosen[perPage-1].Key)
		p.Next = "?" + q.Encode()
	}
	p.Members = chosen
	return v.tab("members", "Users", p)
}

// member describes a person with what is remembered; either may be nil.
func (v *visit) member(u *directory.User, r *state.Record) member {
	m := member{Status: "not provisioned yet"}
	if u != nil {
		m.Key, m.Name, m.UserName = u.Key, u.DisplayName(), v.app.UserName(u)
	}
	if r == nil {
		return m
	}
	m.Status, m.Failure, m.Groups = string(r.Status), r.Failure, r.Groups
	if m.UserName == "" {
		m.UserName = r.UserName
	}
	if administration.Waits(r) {
		m.Waiting = r.Waiting.Action
	}
	return m
}

// sendMembers approves, skips or retries those who are ticked.
func (v *visit) sendMembers() error {
	decisions := map[string]func() administration.Decision{
		"approve": administration.Approve, "skip": administration.Skip,
		"retry": administration.Retry,
	}
	decide, ok := decisions[v.PostFormValue("do")]
	if !ok {
		return screen.Fail("Choose what is to be done: approve, skip or retry.")
	}
	d, keys := decide(), v.PostForm["key"]
	if len(keys) == 0 {
		return screen.Fail("Tick whom it is about.")
	}
	records, err := administration.Records(v.Context(), v.app.Name, v.portal.State,
		func(r *state.Record) bool { return slices.Contains(keys, r.Key) && d.Qualifies(r) })
	if err != nil {
		return err
	}
	if len(records) < len(keys) {
		return screen.Fail("%d of those ticked are none of the users %s. Nothing was done.",
			len(keys)-len(records), d.What)
	}
	err = d.Decide(v.Context(), v.app.Name, v.portal.State, records, "the portal",
		func(*state.Record) error { return nil })
	if err != nil {
		return err
	}
	return v.Go(v.path("users"), "%d: %s.", len(records), d.Done)
}

// step is one of the five of a person's page.
type step struct {
	Name, Text, State string // State is good, wait, bad or empty
}

type memberPage struct {
	Member   member
	Steps    []step
	Body     string
	Sent     string
	Differs  []client.Difference
	Foretold *cycle.Item
	Happened []happened
	RemoteID string
}

// happened is what a cycle did for a person.
type happened struct {
	state.Kept
	cycle.Item
}

// showMember is the page of a person: what would be sent, what was sent, and each step
// on the way.
func (v *visit) showMember() error {
	key := v.PathValue("key")
	n := slices.IndexFunc(v.account.Directory.Users,
		func(u *directory.User) bool { return u.Key == key })
	var u *directory.User
	if n >= 0 {
		u = v.account.Directory.Users[n]
	}
	records, err := v.portal.State.Records(v.Context(), v.app.Name, []string{key})
	if err != nil {
		return err
	}
	r := records[key]
	if u == nil && r == nil {
		return screen.NotFound("There is nobody of the key %s.", key)
	}
	p := memberPage{Member: v.member(u, r)}
	p.Member.Key = key
	if err := v.bodies(&p, u, r); err != nil {
		return err
	}
	kept, err := v.portal.State.Exchanges(v.Context(), v.app.Name, key)
	if err != nil {
		return err
	}
	for _, k := range kept {
		h := happened{Kept: k}
		if err := json.Unmarshal(k.Data, &h.Item); err != nil {
			return err
		}
		p.Happened = append(p.Happened, h)
	}
	if v.FormValue("foretell") != "" {
		if p.Foretold, err = v.foretell(key); err != nil {
			v.Problem = sentence(administration.Explain(err))
		}
	}
	if p.Steps, err = v.steps(&p, u, r); err != nil {
		return err
	}
	v.Trail = append(v.Trail, screen.Link{Text: "Users", URL: v.path("users")})
	title := p.Member.Name
	if title == "" {
		title = p.Member.UserName
	}
	return v.Show("member", title, tabbed{
		v.app, v.path(""), "members", v.version, "", p,
	})
}

// bodies compares what would be sent with what was sent last.
func (v *visit) bodies(p *memberPage, u *directory.User, r *state.Record) error {
	var body, sent map[string]any
	if u != nil {
		body = v.app.Body(u)
		text, err := json.MarshalIndent(body, "", "  ")
		if err != nil {
			return err
		}
		p.Body = string(text)
	}
	if r != nil {
		p.RemoteID = r.RemoteID
	}
	if r != nil && len(r.Sent) > 0 {
		if err := json.Unmarshal(r.Sent, &sent); err != nil {
			return err
		}
		text, err := json.MarshalIndent(sent, "", "  ")
		if err != nil {
			return err
		}
		p.Sent = string(text)
		if body != nil {
			p.Differs = client.Differences(sent, body, nil)
		}
	}
	return nil
}

// foretell returns what the next cycle would do for a person; nil if nothing.
func (v *visit) foretell(key string) (*cycle.Item, error) {
	l, err := administration.Connect(v.app, v.portal.Line)
	if err != nil {
		return nil, err
	}
	c := l.Cycle(v.account, v.app, v.portal.State)
	c.Scope = func(u *directory.User) bool { return u.Key == key }
	r, err := c.DryRun(v.Context())
	if err != nil {
		return nil, err
	}
	for n := range r.Items {
		if r.Items[n].Key == key {
			return &r.Items[n], nil
		}
	}
	return &cycle.Item{Key: key, Outcome: cycle.Unchanged, Detail: "nothing is to be done"}, nil
}

// steps tells how far a person is on the way to the application.
func (v *visit) steps(p *memberPage, u *directory.User, r *state.Record) ([]step, error) {
	d, err := administration.Describe(v.Context(), v.app, v.portal.State)
	if err != nil {
		return nil, err
	}
	connection := step{"Connection", "The API connection to " + d.BaseURL + " is " + d.Connection +
		".", "good"}
	if d.Connection != "enabled" {
		connection.State = "bad"
	}
	read := step{"Read", "The person is in the account.", "good"}
	scope := step{"In scope?", "Assigned to the application.", "good"}
	switch {
	case u == nil:
		read = step{"Read", "The person is not in the account any more.", "wait"}
		scope = step{"In scope?", "What becomes of the account is in the tab Provisioning.", "wait"}
	case !v.app.Assigned(u):
		scope = step{"In scope?", "Not assigned: no role of the tab Access, nor by name.", "wait"}
	case !v.app.Provisioning.Enabled:
		scope = step{"In scope?", "Assigned, but provisioning is not enabled.", "bad"}
	}
	match := step{"Match", "Will be looked up by the user name " + p.Member.UserName + ".", ""}
	if p.RemoteID != "" {
		match = step{"Match", "Is the account " + p.RemoteID + " at the application.", "good"}
	}
	act := step{"Act", "Nothing was done yet.", ""}
	switch {
	case p.Member.Failure != "":
		act = step{"Act", p.Member.Failure, "bad"}
	case p.Member.Waiting != "":
		act = step{"Act", "To " + p.Member.Waiting + " waits for approval.", "wait"}
	case len(p.Differs) > 0:
		act = step{"Act", "The next cycle sends what differs.", "wait"}
	case r != nil && p.RemoteID != "":
		act = step{"Act", "Everything is sent as it is now.", "good"}
	}
	return []step{connection, read, scope, match, act}, nil
}

// showActivity is the log of the app, the newest first.
func (v *visit) showActivity() error {
	entries, err := v.portal.State.Entries(v.Context(), v.app.Name)
	if err != nil {
		return err
	}
	slices.Reverse(entries)
	entries = entries[:min(len(entries), 5*perPage)]
	return v.tab("activity", "Activity", entries)
}
