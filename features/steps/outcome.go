package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cucumber/godog"
)

// registerOutcomes adds the steps that look at what came of a cycle: in the
// provider's report, and at the application.
func (w *world) registerOutcomes(sc *registry) {
	// The outcome for the user in the last cycle.
	sc.Step(
		`^"([^"]*)" was (picked up|created|updated|suspended|reactivated|deleted|released|corrected)$`,
		w.was)
	// The user could not be provisioned in the last cycle, with this in the reason.
	sc.Step(`^"([^"]*)" (?:is a conflict|failed), because "([^"]*)"$`, w.failedBecause)
	// The outcome for the user in the cycle that was foretold.
	sc.Step(
		`^"([^"]*)" would be (picked up|created|updated|suspended|reactivated|deleted|corrected)$`,
		w.was)
	sc.Step(`^nothing was written$`, w.nothingWritten)
	// The last cycle had nothing to do for the user.
	sc.Step(`^nothing happened to "([^"]*)" in the cycle$`, w.nothingHappened)
	// The last cycle ended with exit code 0.
	sc.Step(`^the cycle succeeded$`, func() error { return expect("exit code", w.synced.Code, 0) })
}

// registerAccounts adds the steps that look at accounts and groups at the application.
func (w *world) registerAccounts(sc *registry) {
	// Counts the accounts of the instance, without integration users.
	sc.Step(`^"([^"]*)" has (\d+) users?$`, w.userCount)
	// Counts the groups of the instance.
	sc.Step(`^"([^"]*)" has (\d+) groups?$`, w.groupCount)
	// There is an account of that name, in any letter case.
	sc.Step(`^"([^"]*)" has an account in "([^"]*)"$`,
		func(ctx context.Context, user, instance string) error {
			_, err := w.theUser(ctx, instance, user)
			return err
		})
	// There is no account of that name, in any letter case.
	sc.Step(`^"([^"]*)" has no account in "([^"]*)"$`, w.noAccount)
	// Looks at the state of the account.
	sc.Step(`^"([^"]*)" is (active|suspended) in "([^"]*)"$`, w.state)
	// Looks at how the account came to be managed; SCIM does not tell, so other servers pass.
	sc.Step(`^the account of "([^"]*)" in "([^"]*)" (is managed by OneLogin|was made by hand)$`,
		w.source)
	// Compares fields by their labels, such as First Name; an empty cell is no value.
	sc.Step(`^the account of "([^"]*)" in "([^"]*)" has:$`, w.accountHas)
	// The account has another id than the one that was remembered.
	sc.Step(`^the account of "([^"]*)" in "([^"]*)" is a new one$`, w.isNew)
	// The account has the id that was remembered.
	sc.Step(`^the account of "([^"]*)" in "([^"]*)" is the one it was$`, w.isTheSame)
	// Keeps the id of the account, for the two steps above.
	sc.Step(`^one remembers the account of "([^"]*)" in "([^"]*)"$`, w.remember)
	// Looks at the members of the group at the application.
	sc.Step(`^"([^"]*)" is in the group "([^"]*)" of "([^"]*)"$`, w.inGroup)
	// Looks at the members of the group, which must be there.
	sc.Step(`^"([^"]*)" is not in the group "([^"]*)" of "([^"]*)"$`, w.notInGroup)
	// Counts the members of the group.
	sc.Step(`^the group "([^"]*)" of "([^"]*)" has (\d+) members?$`,
		func(ctx context.Context, group, instance string, n int) error {
			members, err := w.membersOf(ctx, instance, group)
			if err == nil {
				err = expect("members of "+group, len(members), n)
			}
			return err
		})
	sc.Step(`^"([^"]*)" has the groups:$`, w.hasGroups)
	// What the last cycle did about the group.
	sc.Step(`^the group "([^"]*)" was (matched by name|created)$`, w.groupWas)
	// The account is linked to no manager.
	sc.Step(`^"([^"]*)" has no manager in "([^"]*)"$`,
		func(ctx context.Context, user, instance string) error {
			u, err := w.theUser(ctx, instance, user)
			if err == nil {
				err = expect("manager of "+user, u.ManagerID, "")
			}
			return err
		})
	// The account is linked to the account of that manager.
	sc.Step(`^"([^"]*)" has the manager "([^"]*)" in "([^"]*)"$`, w.hasManager)
}

// registerStates adds the steps about what the provider shows of a user.
func (w *world) registerStates(sc *registry) {
	// The state of the user in the tab Users of the app.
	sc.Step(
		`^OneLogin shows "([^"]*)" in the app "([^"]*)" as (provisioned|failed|pending|suspended|skipped)$`,
		w.providerShows)
	// The provider remembers nothing of the user.
	sc.Step(`^OneLogin shows nothing of "([^"]*)" in the app "([^"]*)"$`, w.providerShowsNothing)
}

func (w *world) outcomeOf(userName string) (outcome, detail string) {
	for _, item := range w.cycle.Items {
		if strings.EqualFold(w.plain(item.User), userName) {
			return item.Outcome, item.Detail
		}
	}
	return "nothing", ""
}

func (w *world) was(userName, want string) error {
	got, detail := w.outcomeOf(userName)
	if got != want {
		return fmt.Errorf("%q: %s (%s), want %s", userName, got, detail, want)
	}
	return nil
}

func (w *world) nothingHappened(userName string) error { return w.was(userName, "nothing") }

func (w *world) failedBecause(userName, reason string) error {
	got, detail := w.outcomeOf(userName)
	if got != "conflict" && got != "failed" || !strings.Contains(w.plain(detail), reason) {
		return fmt.Errorf("%q: %s (%s), want a failure because %q", userName, got, detail, reason)
	}
	return expect("exit code", w.synced.Code, 1)
}

// nothingWritten looks at the requests since the last cycle began.
func (w *world) nothingWritten() error {
	for _, e := range w.recorder.Exchanges() {
		if e.Writes() {
			return fmt.Errorf("there was a write: %s", e)
		}
	}
	return nil
}

func (w *world) userCount(ctx context.Context, instance string, n int) error {
	list, err := w.appUsers(ctx, instance)
	if err != nil {
		return err
	}
	return expect("users of "+instance, len(list), n)
}

func (w *world) groupCount(ctx context.Context, instance string, n int) error {
	list, err := w.appGroups(ctx, instance)
	if err != nil {
		return err
	}
	return expect("groups of "+instance, len(list), n)
}

func (w *world) noAccount(ctx context.Context, userName, instance string) error {
	u, err := w.appUser(ctx, instance, userName)
	if err == nil && u != nil {
		err = fmt.Errorf("%q has an account in %q: %+v", userName, instance, *u)
	}
	return err
}

func (w *world) state(ctx context.Context, userName, want, instance string) error {
	u, err := w.theUser(ctx, instance, userName)
	if err != nil {
		return err
	}
	return expect("state of "+userName, u.State, want)
}

func (w *world) source(ctx context.Context, userName, instance, what string) error {
	if w.scimOnly() {
		return nil // SCIM does not tell
	}
	u, err := w.theUser(ctx, instance, userName)
	if err != nil {
		return err
	}
	want := map[string]string{
		"is managed by OneLogin": "provisioned", "was made by hand": "manual",
	}[what]
	return expect("source of "+userName, u.Source, want)
}

// fields are the names of the User entity's fields as people see them.
var fields = map[string]string{
	"User Name": "userName", "Display Name": "displayName", "Email": "email",
	"First Name": "firstName", "Last Name": "lastName",
	"Office Phone": "officePhone", "Mobile Phone": "mobilePhone", "Direct Manager": "directManager",
	"Scim Sync Job Title": "scimSyncJobTitle",
}

func (w *world) accountHas(ctx context.Context, userName, instance string, t *godog.Table) error {
	u, err := w.theUser(ctx, instance, userName)
	if err != nil {
		return err
	}
	for _, r := range t.Rows {
		label, want := r.Cells[0].Value, r.Cells[1].Value
		field, ok := fields[label]
		if !ok {
			return fmt.Errorf("there is no field %q", label)
		}
		if got := w.plain(u.Fields[field]); got != want {
			return fmt.Errorf("%s of %q: got %q, want %q", label, userName, got, want)
		}
	}
	return nil
}

func (w *world) remember(ctx context.Context, userName, instance string) error {
	u, err := w.theUser(ctx, instance, userName)
	if err == nil {
		w.ids[instance+"/"+strings.ToLower(userName)] = u.ID
	}
	return err
}

func (w *world) isTheSame(ctx context.Context, userName, instance string) error {
	return w.compareID(ctx, userName, instance, true)
}

func (w *world) isNew(ctx context.Context, userName, instance string) error {
	return w.compareID(ctx, userName, instance, false)
}

func (w *world) compareID(ctx context.Context, userName, instance string, same bool) error {
	id, ok := w.ids[instance+"/"+strings.ToLower(userName)]
	if !ok {
		return fmt.Errorf("nobody remembers the account of %q", userName)
	}
	u, err := w.theUser(ctx, instance, userName)
	if err != nil {
		return err
	}
	return expect("the same account", u.ID == id, same)
}

// membersOf returns the names in a group, or nil if there is no such group.
func (w *world) membersOf(ctx context.Context, instance, group string) ([]string, error) {
	list, err := w.appGroups(ctx, instance)
	if err != nil {
		return nil, err
	}
	for _, g := range list {
		if w.plain(g.DisplayName) == group {
			names := []string{}
			for _, m := range g.Members {
				names = append(names, w.plain(m.Name))
			}
			return names, nil
		}
	}
	return nil, nil
}

func (w *world) inGroup(ctx context.Context, userName, group, instance string) error {
	members, err := w.membersOf(ctx, instance, group)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(members,
		func(m string) bool { return strings.EqualFold(m, userName) }) {
		return fmt.Errorf("%q is not in %q; its members are %v", userName, group, members)
	}
	return nil
}

func (w *world) notInGroup(ctx context.Context, userName, group, instance string) error {
	members, err := w.membersOf(ctx, instance, group)
	if err != nil {
		return err
	}
	if members == nil {
		return fmt.Errorf("there is no group %q", group)
	}
	if slices.ContainsFunc(members, func(m string) bool { return strings.EqualFold(m, userName) }) {
		return fmt.Errorf("%q is in %q", userName, group)
	}
	return nil
}

// hasGroups compares all groups, by a table with the columns Group and Members;
// members are separated by commas.
func (w *world) hasGroups(ctx context.Context, instance string, t *godog.Table) error {
	list, err := w.appGroups(ctx, instance)
	if err != nil {
		return err
	}
	got := make(map[string]string)
	for _, g := range list {
		var names []string
		for _, m := range g.Members {
			names = append(names, w.plain(m.Name))
		}
		slices.Sort(names)
		got[w.plain(g.DisplayName)] = strings.Join(names, ", ")
	}
	for _, row := range rows(t) {
		members, ok := got[row["Group"]]
		if !ok || members != row["Members"] {
			return fmt.Errorf("group %q: got %q (there: %v), want %q", row["Group"], members, ok,
				row["Members"])
		}
	}
	return expect("groups of "+instance, len(got), len(t.Rows)-1)
}

func (w *world) groupWas(group, what string) error {
	list := w.cycle.GroupsMatched
	if what == "created" {
		list = w.cycle.GroupsCreated
	}
	if !slices.Contains(list, w.group(group)) {
		return fmt.Errorf("the group %q was not %s: created %v, matched %v", group, what,
			w.cycle.GroupsCreated, w.cycle.GroupsMatched)
	}
	return nil
}

func (w *world) hasManager(ctx context.Context, userName, manager, instance string) error {
	u, err := w.theUser(ctx, instance, userName)
	if err != nil {
		return err
	}
	m, err := w.theUser(ctx, instance, manager)
	if err != nil {
		return err
	}
	return expect("manager of "+userName, u.ManagerID, m.ID)
}

// providerUser is a user as `muster-simulator users --json` shows it.
type providerUser struct{ UserName, Status, Failure string }

func (w *world) providerUser(ctx context.Context, userName, app string) (*providerUser, error) {
	var list []providerUser
	if err := w.simulator(ctx, &list, "users", "--app", app); err != nil {
		return nil, err
	}
	for _, u := range list {
		if strings.EqualFold(w.plain(u.UserName), userName) {
			return &u, nil
		}
	}
	return nil, nil
}

func (w *world) providerShows(ctx context.Context, userName, app, want string) error {
	u, err := w.providerUser(ctx, userName, app)
	if err != nil {
		return err
	}
	if u == nil {
		return fmt.Errorf("OneLogin shows nothing of %q", userName)
	}
	return expect("state of "+userName+" ("+u.Failure+")", u.Status, want)
}

func (w *world) providerShowsNothing(ctx context.Context, userName, app string) error {
	u, err := w.providerUser(ctx, userName, app)
	if err == nil && u != nil {
		err = fmt.Errorf("OneLogin shows %+v", *u)
	}
	return err
}

// valueOf returns a text at the top of a JSON object; empty if there is none.
func valueOf(object, name string) string {
	var v map[string]any
	if json.Unmarshal([]byte(object), &v) != nil {
		return ""
	}
	s, _ := v[name].(string)
	return s
}
