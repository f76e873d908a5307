package cycle

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"muster/simulator/client"
	"muster/simulator/username"
)

// memberships is who is in which group at the application.
type memberships struct {
	// managed are the names of the groups that the app's rules set, by their
	// names in lower case.
	managed map[string]string
	// of are the groups of a user, by his or her id.
	of map[string][]string
}

// loadMembers reads who is in the groups that the app's rules set.
func (r *run) loadMembers(ctx context.Context) error {
	m := memberships{managed: make(map[string]string), of: make(map[string][]string)}
	for _, u := range r.Directory.Users {
		if r.App.Assigned(u) {
			for _, name := range r.App.Groups(u) {
				m.managed[username.Fold(name)] = name
			}
		}
	}
	r.members = m
	return r.Client.Groups(ctx, func(g client.Group) error {
		name, ok := m.managed[username.Fold(g.DisplayName)]
		if !ok {
			return nil
		}
		for _, member := range g.Members {
			m.of[member.Value] = append(m.of[member.Value], name)
		}
		return nil
	})
}

// drift is where an account differs from what it should be.
type drift struct {
	account client.User // nil if there is none
	changes []client.Difference
	// groups are those that the user is in.
	groups []string
}

// compare reads the account of an action.
func (r *run) compare(ctx context.Context, a *Action) (drift, error) {
	there, err := r.Client.GetUser(ctx, a.record.RemoteID)
	if err != nil || there == nil {
		return drift{}, err
	}
	manager, err := r.remoteManager(ctx, a)
	if err != nil {
		return drift{}, err
	}
	d := drift{account: there, groups: r.members.of[a.record.RemoteID]}
	d.changes = client.Differences(there, a.Body, func(path, there, _ string) bool {
		// A manager is shown by id, whatever was sent; one who has not
		// arrived is not shown.
		return strings.HasSuffix(path, ":manager.value") && there == manager
	})
	if _, sent := a.Body["active"]; !sent && there.Active() != a.Active {
		d.changes = append(d.changes, client.Difference{
			Path: "active", Old: strconv.FormatBool(there.Active()),
			New: strconv.FormatBool(a.Active),
		})
	}
	return d, nil
}

// remoteManager returns the id of the account of the person's manager, or "".
func (r *run) remoteManager(ctx context.Context, a *Action) (string, error) {
	if a.manager == "" {
		return "", nil
	}
	records, err := r.State.Records(ctx, r.App.Name, []string{a.manager})
	if err != nil || records[a.manager] == nil {
		return "", err
	}
	return records[a.manager].RemoteID, nil
}

// correct brings an account in line with what it should be. The groups follow.
func (r *run) correct(ctx context.Context, a *Action, item *Item) error {
	d, err := r.compare(ctx, a)
	if err != nil {
		return err
	}
	if d.account == nil {
		if a.Active {
			return r.provisionAgain(ctx, a, item)
		}
		item.Outcome, item.Detail = Released, "the account, which was suspended, was deleted at "+
			"the application"
		return nil
	}
	r.describe(a, d, item)
	a.record.Groups = d.groups
	if len(d.changes) == 0 {
		return nil
	}
	if a.Body["active"] == nil && d.account.Active() != a.Active &&
		!r.App.Provisioning.LeavesActiveOut {
		a.Body["active"] = a.Active
	}
	return r.Client.UpdateUser(ctx, a.record.RemoteID, only(d.account, a.Body), a.Body)
}

// describe says what differs, and who changed it: the provider, since it sent
// last, or somebody at the application.
func (r *run) describe(a *Action, d drift, item *Item) {
	left := r.groupsLeftOut() != ""
	drifted := !left && len(without(a.Groups, d.groups))+len(without(d.groups, a.Groups)) > 0
	item.Changes = d.changes
	switch sameGroups := left || slices.Equal(a.Groups, a.record.Groups); {
	case len(d.changes) == 0 && !drifted:
		item.Outcome, item.Detail = Unchanged, ""
	case string(a.record.Sent) == string(a.body) && sameGroups:
		item.Outcome, item.Detail = Corrected, "changed at the application"
	default:
		item.Outcome, item.Detail = Updated, "the configuration or the user changed in the provider"
	}
}

// foretell tells what an action would come to, and writes nothing.
func (r *run) foretell(ctx context.Context, a *Action) (Item, error) {
	item := a.item(outcomes[a.Kind], a.Reason)
	if a.Earlier != "" {
		item.Outcome, item.Detail, item.Earlier = failure(a.record), a.Earlier, true
		return item, nil
	}
	if a.drifted != "" {
		item.Outcome, item.Detail = Drifted, a.drifted
		return item, nil
	}
	var err error
	switch a.Kind {
	case Provision:
		var found client.User
		if found, err = r.foretellProvision(ctx, a, &item); item.Outcome == Conflict {
			return item, err
		}
		item.Changes = r.pickupChanges(found, a)
		item.Joined = a.Groups
	case Reapply:
		err = r.foretellReapply(ctx, a, &item)
	default:
		if r.cannot(a) {
			item.Outcome, item.Detail = Conflict, "the user name "+username.Quote(a.wants())+
				" is that of another account, which nobody gives up"
		}
		var before map[string]any
		if len(a.record.Sent) > 0 {
			err = json.Unmarshal(a.record.Sent, &before)
		}
		if a.Body != nil {
			item.Changes = changes(before, a.Body)
		}
		item.Joined, item.Left = without(a.Groups, a.record.Groups), without(a.record.Groups,
			a.Groups)
	}
	if a.Waits {
		item.Outcome = Waiting
	}
	return item, err
}

// foretellProvision returns the account that will be picked up, nil for none.
// What the cycle does before counts: a name that somebody gives up is free, and
// an account that is somebody else's cannot be had.
func (r *run) foretellProvision(ctx context.Context, a *Action, item *Item) (client.User, error) {
	found, err := r.find(ctx, a.UserName)
	if err != nil || found == nil || r.freed[username.Key(a.UserName)] {
		return nil, err
	}
	owner, err := r.State.ByRemote(ctx, r.App.Name, found.ID())
	if err != nil {
		return nil, err
	}
	item.Outcome = PickedUp
	if a.record.Creating {
		item.Outcome = Created // by the cycle that was cut off
	}
	if owner == nil || owner.Key == a.Key {
		return found, nil
	}
	if u := r.Directory.Find(owner.Key); u != nil && u.Key == owner.Key && r.App.Assigned(u) {
		item.Outcome, item.Detail = Conflict, owned+"it is that of "+username.Quote(owner.UserName)
	}
	return found, nil
}

func (r *run) foretellReapply(ctx context.Context, a *Action, item *Item) error {
	d, err := r.compare(ctx, a)
	switch {
	case err != nil:
		return err
	case d.account == nil && a.Active:
		item.Outcome, item.Detail = Created, "the account was deleted at the application"
	case d.account == nil:
		item.Outcome, item.Detail = Released, "the account, which was suspended, was deleted at "+
			"the application"
	default:
		r.describe(a, d, item)
		if r.groupsLeftOut() == "" {
			item.Joined, item.Left = without(a.Groups, d.groups), without(d.groups, a.Groups)
		}
	}
	return nil
}

// without returns those of a list that are not in another.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list),
		func(s string) bool { return slices.Contains(other, s) })
}
