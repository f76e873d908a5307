package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"muster/simulator/client"
	"muster/simulator/cycle"
	"muster/simulator/directory"
	"muster/simulator/username"
)

// Severity is how much a finding matters.
type Severity string

// The severities.
const (
	// Problem: what will happen is hardly what is wanted; mend it first.
	Problem Severity = "problem"
	// Warning: look at it.
	Warning Severity = "warning"
	// Note: good to know.
	Note Severity = "note"
)

// Finding is something that a forecast noticed, with what to do about it.
type Finding struct {
	Severity Severity `json:"severity"`
	// Kind is one of conflict, near miss, blank, value, expect, group,
	// attribute, manager, spelling, suspended and instance.
	Kind string `json:"kind"`
	// User is the user name; empty if it is about no user.
	User string `json:"user,omitempty"`
	Text string `json:"text"`
	// Fix is ready to paste: a command, or lines of a file.
	Fix string `json:"fix,omitempty"`
}

// Foretold is what a forecast says of one person who is not provisioned yet.
type Foretold struct {
	Key  string `json:"key"`
	User string `json:"user"`
	// Outcome is PickedUp, Created, Conflict or Failed.
	Outcome cycle.Outcome `json:"outcome"`
	// NearMiss is the user name of the account that is probably the
	// person's, though its name differs.
	NearMiss string `json:"nearMiss,omitempty"`
}

// Forecast is what would happen to the people of a wave.
type Forecast struct {
	// Wave is its name, Position its number; 0 for a forecast of everybody.
	Wave     string `json:"wave,omitempty"`
	Position int    `json:"position,omitempty"`
	People   int    `json:"people"`
	PickedUp int    `json:"pickedUp"`
	Created  int    `json:"created"`
	// Conflicts cannot be created; Blank have nothing as user name.
	Conflicts int `json:"conflicts"`
	Blank     int `json:"blank,omitempty"`
	// RolledOut is when the wave was rolled out, if it was: then there is nothing to
	// be compared with the plan.
	RolledOut *time.Time `json:"rolledOut,omitempty"`
	// Provisioned are provisioned already.
	Provisioned   int       `json:"provisioned,omitempty"`
	GroupsMatched []string  `json:"groupsMatched"`
	GroupsCreated []string  `json:"groupsCreated"`
	Findings      []Finding `json:"findings"`
	// Items has those who are not provisioned yet.
	Items []Foretold `json:"items"`
	// Expectations compares the forecast with what the rollout expects.
	Expectations []Expectation `json:"expectations"`
}

// forecaster makes the forecast of a wave.
type forecaster struct {
	*Forecast
	r *Rehearsal
	// here are the accounts of the instance, owned those of people who are
	// provisioned; elsewhere are the user names of other instances, with the
	// instance's name.
	here      *accounts
	owned     map[string]bool
	elsewhere map[string]string
	groups    []client.Group
	// planned is what the plan of the cycle comes to, by key.
	planned map[string]cycle.Outcome
	seen    map[string]string // user names of this forecast, with their keys
	// expected are the user names of all people: an account of such a name is
	// somebody else's.
	expected map[string]bool
}

// forecast foretells a wave, or with position 0 a cycle for everybody. It
// sends no request: the plan of the cycle is held against what was read.
func (r *Rehearsal) forecast(ctx context.Context, position int, now *content) (*Forecast, error) {
	planned, err := r.planned(ctx, position, now)
	if err != nil {
		return nil, err
	}
	f := &forecaster{
		Forecast: &Forecast{
			Position: position, GroupsMatched: []string{}, GroupsCreated: []string{},
			Findings: []Finding{}, Items: []Foretold{}, Expectations: []Expectation{},
		},
		r: r, here: newAccounts(), owned: make(map[string]bool), elsewhere: r.elsewhere,
		groups: now.groups, planned: planned, seen: make(map[string]string),
		expected: make(map[string]bool),
	}
	for _, u := range r.Rollout.Account.Directory.Users {
		if r.Rollout.App.Assigned(u) {
			f.expected[fold(r.Rollout.App.UserName(u))] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(now.users)) {
		f.here.add(now.users[id])
	}
	for _, rec := range now.owned {
		f.owned[rec.Key] = true
	}
	in := func(*directory.User) bool { return true }
	if position > 0 {
		f.Wave = r.Rollout.Waves[position-1].Name
		in = r.Rollout.scope(position)
	}
	wanted := make(map[string]string)
	for _, u := range r.Rollout.Account.Directory.Users {
		if !r.Rollout.App.Assigned(u) || u.Status == directory.Suspended || !in(u) {
			continue
		}
		f.People++
		for _, g := range r.Rollout.App.Groups(u) {
			wanted[username.Fold(g)] = g
		}
		if f.owned[u.Key] {
			f.Provisioned++
			continue
		}
		f.person(u)
	}
	f.groupsOf(wanted)
	f.managers(in)
	if position > 0 {
		f.compare(r.Rollout.Waves[position-1].Expect)
	}
	return f.Forecast, nil
}

// planned returns what the plan of a wave's cycle comes to, by the keys of the
// people.
func (r *Rehearsal) planned(
	ctx context.Context, position int, now *content,
) (map[string]cycle.Outcome, error) {
	c := r.cycle(position)
	if position == 0 {
		c.Scope = nil
	}
	c.Model, c.Progress = newModel(now), nil
	report, err := c.DryRun(ctx)
	if err != nil {
		return nil, err
	}
	planned := make(map[string]cycle.Outcome, len(report.Items))
	for _, item := range report.Items {
		planned[item.Key] = item.Outcome
	}
	return planned, nil
}

func (f *forecaster) find(severity Severity, kind, user, fix, text string, args ...any) {
	f.Findings = append(f.Findings, Finding{severity, kind, user, fmt.Sprintf(text, args...), fix})
}

// row tells where a person's user name is set.
func (f *forecaster) row(u *directory.User) string {
	return fmt.Sprintf("%s, id %s", f.r.Rollout.Account.Users, u.Key)
}

func (f *forecaster) person(u *directory.User) {
	name := f.r.Rollout.App.UserName(u)
	item := Foretold{Key: u.Key, User: name, Outcome: cycle.Created}
	found := f.here.byName[fold(name)]
	switch other, taken := f.elsewhere[fold(name)]; {
	case strings.TrimSpace(name) == "":
		item.Outcome = cycle.Failed
		f.Blank++
		f.find(Problem, "blank", u.Key, f.row(u)+": give a username",
			"%s (id %s) has no user name: the parameter scimusername is blank", u.DisplayName(),
			u.Key)
	case f.seen[fold(name)] != "":
		item.Outcome = cycle.Conflict
		f.Conflicts++
		f.find(Problem, "conflict", name, f.row(u)+": give a username of its own",
			"the people with the ids %s and %s have the same user name; the second one "+
				"cannot be created", f.seen[fold(name)], u.Key)
	case found != nil && f.planned[u.Key] == cycle.Created:
		f.Created++
	case found != nil && f.planned[u.Key] == cycle.Conflict:
		item.Outcome = cycle.Conflict
		f.Conflicts++
		f.find(Problem, "conflict", name, f.row(u)+": choose another username",
			"the account %s is that of somebody else of the provider, who does not give "+
				"the name up",
			quote(found.userName))
	case found != nil:
		f.pickUp(name, found)
		item.Outcome = cycle.PickedUp
	case taken:
		item.Outcome = cycle.Conflict
		f.Conflicts++
		f.find(Problem, "conflict", name,
			fmt.Sprintf("%s: choose another username; or, if the account in %s is not needed any "+
				"more:\nmuster-server user delete %s --instance %s", f.row(u), other, quote(name),
				other),
			"the instance %s has an account of that name, and a User Name is unique across all "+
				"instances: the user will not be created", other)
	default:
		f.Created++
		item.NearMiss = f.nearMiss(u, name)
	}
	f.limits(u, name)
	if f.seen[fold(name)] == "" {
		f.seen[fold(name)] = u.Key
	}
	f.Items = append(f.Items, item)
}

func (f *forecaster) pickUp(name string, found *candidate) {
	f.PickedUp++
	if found.userName != name {
		f.find(Note, "spelling", name, "",
			"the account is spelled %s; it is picked up, and spelled as the provider does "+
				"from then on", found.userName)
	}
	if !found.active {
		f.find(Warning, "suspended", name, "",
			"the account is suspended at the application; the pickup makes it active")
	}
}

// nearMiss looks for the account of a person whose name is not the same. A
// name that only sounds alike is worth a note, and is not taken for a miss.
func (f *forecaster) nearMiss(u *directory.User, name string) string {
	free := func(c *candidate) *candidate {
		if c == nil || f.expected[fold(c.userName)] {
			return nil
		}
		return c
	}
	spelled, mailed := free(f.here.bySpelling[skeleton(name)]), free(
		f.here.byEmail[fold(u.Field(directory.Email))])
	if mailed == nil {
		mailed = free(f.here.byEmail[fold(name)])
	}
	switch {
	case spelled != nil:
		f.find(Problem, "near miss", name, f.rename(u, name, spelled),
			"there is an account %s, which differs in spaces, punctuation or accents only; it "+
				"will not be picked up, and a second one will be created", quote(spelled.userName))
		return spelled.userName
	case mailed != nil:
		f.find(Problem, "near miss", name, f.rename(u, name, mailed),
			"the account %s has the e-mail address %s; it will not be picked up, and a second one "+
				"will be created", quote(mailed.userName), mailed.email)
		return mailed.userName
	}
	if same := free(f.here.byPerson[skeleton(u.DisplayName())]); same != nil &&
		u.DisplayName() != "" {
		f.find(Warning, "near miss", name, f.rename(u, name, same),
			"the account %s is of a person with the same name, %s; a second one will be created",
			quote(same.userName), same.name)
	}
	return ""
}

// rename says how to give an account the user name that the provider sends,
// or the other way round, where that would lead to a pickup.
func (f *forecaster) rename(u *directory.User, name string, there *candidate) string {
	fix := "rename the account " + quote(there.userName) + " at the application to " + quote(name)
	if f.canBeCalled(u, there.userName) {
		fix = fmt.Sprintf("%s: set the username to %s; or rename the account at the application",
			f.row(u), there.userName)
	}
	if instance := f.r.Client.Instance(); instance != "" && fold(there.email) == fold(name) {
		fix += fmt.Sprintf(":\nmuster-server user update-field userName --instance %s --from "+
			"email --filter %s --apply",
			instance, quote(fmt.Sprintf("userName eq %q", there.userName)))
	}
	return fix
}

// canBeCalled reports whether a username in the file makes the provider send
// the name: the file keeps no spaces at its ends, nobody else may have it, and
// the user name must be made of that column.
func (f *forecaster) canBeCalled(u *directory.User, name string) bool {
	p := f.r.Rollout.App.Parameters["scimusername"]
	other := f.r.Rollout.Account.Directory.Find(name)
	return strings.TrimSpace(name) == name && p != nil && p.Field == directory.Username &&
		(other == nil || other == u || fold(other.Field(directory.Username)) != fold(name))
}

// quote writes a text for a shell, so that spaces at its ends are seen.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func (f *forecaster) groupsOf(wanted map[string]string) {
	there, similar := make(map[string]string), make(map[string]string)
	for _, g := range f.groups {
		there[username.Fold(g.DisplayName)] = g.DisplayName
		similar[skeleton(g.DisplayName)] = g.DisplayName
	}
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		name := wanted[key]
		if same, ok := there[key]; ok {
			f.GroupsMatched = append(f.GroupsMatched, same)
			continue
		}
		f.GroupsCreated = append(f.GroupsCreated, name)
		if near, ok := similar[skeleton(name)]; ok {
			f.find(Problem, "group", "",
				fmt.Sprintf("rename the group %s at the application to %s, or the role in the "+
					"account to %s", quote(near), quote(name), quote(near)),
				"the group %s is there as %s: the names must be the same, and a second group "+
					"will be created", quote(name), quote(near))
		}
	}
}

// managers notes whose managers do not arrive.
func (f *forecaster) managers(in func(*directory.User) bool) {
	missing := 0
	for _, u := range f.r.Rollout.Account.Directory.Users {
		app := f.r.Rollout.App
		if m := u.Manager; m != nil && app.Assigned(u) && in(u) && !f.owned[m.Key] &&
			(!app.Assigned(m) || !in(m) || m.Status == directory.Suspended) {
			missing++
		}
	}
	if missing > 0 {
		f.find(Note, "manager", "", "",
			"%d people have a manager who does not arrive with them; the manager is linked when "+
				"he or she does", missing)
	}
}

// compare compares the forecast with what a wave expects.
func (f *forecaster) compare(e Expect) {
	add := func(o cycle.Outcome, want *int, got int) {
		if want != nil {
			f.Expectations = append(f.Expectations,
				Expectation{string(o), fmt.Sprint(*want), fmt.Sprint(got), *want == got})
		}
	}
	add(cycle.PickedUp, e.PickedUp, f.PickedUp)
	add(cycle.Created, e.Created, f.Created)
	f.possible(e)
	// What is planned is no problem.
	for i, x := range f.Findings {
		if x.Kind == "conflict" && containsFold(e.Conflicts, x.User) || x.Kind == "near miss" &&
			containsFold(e.NearMisses, x.User) {
			f.Findings[i].Severity, f.Findings[i].Text = Note, "as planned: "+x.Text
		}
	}
}

// Problems returns how many findings are problems, and expectations that are
// not met.
func (f *Forecast) Problems() int {
	n := 0
	for _, x := range f.Findings {
		if x.Severity == Problem {
			n++
		}
	}
	for _, e := range f.Expectations {
		if !e.Met {
			n++
		}
	}
	return n
}
