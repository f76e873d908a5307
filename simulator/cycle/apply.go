package cycle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"muster/simulator/client"
	"muster/simulator/state"
)

// apply sends what an action is, and changes what is remembered.
func (r *run) apply(ctx context.Context, a *Action, item *Item) error {
	rec := a.record
	if a.Kind != Provision && a.Kind != Release {
		if err := r.keepRemote(ctx, a); err != nil {
			return err
		}
	}
	switch a.Kind {
	case Release:
		return nil
	case Delete:
		if err := r.leave(ctx, rec, nil, item); err != nil {
			return err
		}
		return r.Client.DeleteUser(ctx, rec.RemoteID)
	case Suspend:
		return r.suspendUser(ctx, a, item)
	case Provision:
		if err := r.provision(ctx, a, item); err != nil {
			return err
		}
	case Reapply:
		if err := r.correct(ctx, a, item); err != nil || item.Outcome == Released {
			return err
		}
	default:
		if err := r.update(ctx, a, item); err != nil {
			return err
		}
	}
	rec.Sent, rec.Active = a.body, a.Active
	rec.Status = state.Provisioned
	if !a.Active {
		rec.Status = state.Suspended
	}
	if err := r.leave(ctx, rec, a.Groups, item); err != nil {
		return err
	}
	return r.join(ctx, rec, a.Groups, item)
}

// keep passes on how things were, before the account is touched.
func (r *run) keep(ctx context.Context, a *Action, account client.User) error {
	if r.Keep == nil {
		return nil
	}
	s := &state.Snapshot{Key: a.Key, UserName: a.UserName, Account: account}
	if a.before.Status != "" {
		s.Record = &a.before
	}
	return r.Keep(ctx, s)
}

func (r *run) keepRemote(ctx context.Context, a *Action) error {
	if r.Keep == nil || a.record.RemoteID == "" {
		return nil
	}
	there, err := r.Client.GetUser(ctx, a.record.RemoteID)
	if err != nil {
		return err
	}
	return r.keep(ctx, a, there)
}

// suspendUser takes the user out of the groups, and sends that he or she is
// not active.
func (r *run) suspendUser(ctx context.Context, a *Action, item *Item) error {
	rec := a.record
	if err := r.leave(ctx, rec, nil, item); err != nil {
		return err
	}
	before, err := sentBody(rec)
	if err != nil {
		return err
	}
	if err := r.Client.SetActive(ctx, rec.RemoteID, before, a.Body); err != nil {
		return err
	}
	rec.Sent, rec.Active, rec.Status = a.body, false, state.Suspended
	if _, sent := a.Body["active"]; !sent {
		item.Detail += `; the template has no "active", so the application was not told`
	}
	return nil
}

// provision looks the user up, and picks the account up or creates one.
func (r *run) provision(ctx context.Context, a *Action, item *Item) error {
	found, err := r.Client.FindUser(ctx, a.UserName)
	if err != nil {
		return err
	}
	if found == nil {
		found, err = r.create(ctx, a, item)
		if err != nil || found == nil {
			return err
		}
	}
	detail := item.Detail
	if err := r.claim(ctx, a, found, item); err != nil {
		return err
	}
	if item.Detail != detail {
		a.record.Creating = false // it was there before
	}
	if !a.record.Creating {
		if err := r.keep(ctx, a, found); err != nil {
			return err
		}
	}
	item.Changes = r.pickupChanges(found, a)
	if err := r.Client.UpdateUser(ctx, found.ID(), only(found, a.Body), a.Body); err != nil {
		return err
	}
	item.Outcome = PickedUp
	if a.record.Creating {
		item.Outcome, item.Detail = Created, "the answer to the creation was lost"
	}
	return r.bind(ctx, a, found.ID(), item)
}

// changes returns what differs between what was sent and what is to be sent.
func changes(before, body map[string]any) []client.Difference {
	return append(client.Differences(before, body, nil), client.Emptied(before, body)...)
}

// pickupChanges returns what a pickup changes of an account: a provider that
// sends the whole of it empties what it does not send.
func (r *run) pickupChanges(found client.User, a *Action) []client.Difference {
	if r.Client.Profile().Update == client.Put {
		return changes(found, a.Body)
	}
	return client.Differences(found, a.Body, nil)
}

// bind remembers whose an account is, as soon as that is known: the groups
// come after it, and the cycle may be cut off before.
func (r *run) bind(ctx context.Context, a *Action, id string, item *Item) error {
	rec := a.record
	rec.RemoteID, rec.Creating = id, false
	rec.Sent, rec.Active, rec.Status = a.body, a.Active, state.Provisioned
	ctx = context.WithoutCancel(ctx)
	err := r.State.Save(ctx, r.App.Name, rec)
	if err == nil && r.Note != nil {
		err = r.Note(ctx, *item)
	}
	return err
}

// create creates an account. If the answer says that the name is taken, it
// returns the account that a second lookup finds: the answer to an earlier
// try was lost. It returns nil when the account was created.
func (r *run) create(ctx context.Context, a *Action, item *Item) (client.User, error) {
	if err := r.keep(ctx, a, nil); err != nil {
		return nil, err
	}
	// The lookup comes before each creation, so that nothing is doubled when
	// the answer of an earlier one was lost.
	a.record.Creating = true
	if err := r.State.Save(ctx, r.App.Name, a.record); err != nil {
		return nil, err
	}
	created, err := r.Client.CreateUser(ctx, a.Body)
	if err == nil {
		if err = r.claim(ctx, a, created, item); err != nil {
			return nil, err
		}
		return nil, r.bind(ctx, a, created.ID(), item)
	}
	if client.Status(err) != http.StatusConflict {
		var down *client.DownError
		if client.Status(err) != 0 && !errors.As(err, &down) {
			a.record.Creating = false // the server said no
		}
		return nil, err
	}
	// Either the answer to an earlier try was lost, or the name is taken
	// where a lookup does not see it: in another instance.
	again, lookup := r.Client.FindUser(ctx, a.UserName)
	if lookup != nil {
		return nil, lookup
	}
	if again == nil {
		a.record.Creating = false
		return nil, err
	}
	return again, nil
}

// update sends what changed. One who was deleted at the application is
// provisioned again.
func (r *run) update(ctx context.Context, a *Action, item *Item) error {
	if a.Kind == Update && string(a.body) == string(a.record.Sent) {
		return nil // only the groups change
	}
	before, err := sentBody(a.record)
	if err != nil {
		return err
	}
	item.Changes = changes(before, a.Body)
	if a.Kind == Reactivate {
		if err = r.Client.SetActive(ctx, a.record.RemoteID, before, a.Body); err == nil &&
			r.Client.Profile().Deactivate == client.PatchActive {
			before["active"] = a.Body["active"]
			err = r.Client.UpdateUser(ctx, a.record.RemoteID, before, a.Body)
		}
	} else {
		err = r.Client.UpdateUser(ctx, a.record.RemoteID, before, a.Body)
	}
	if client.Status(err) != http.StatusNotFound {
		return err
	}
	return r.provisionAgain(ctx, a, item)
}

// provisionAgain provisions somebody whose account was deleted at the
// application.
func (r *run) provisionAgain(ctx context.Context, a *Action, item *Item) error {
	a.record.RemoteID, a.record.Groups, a.record.Sent = "", nil, nil
	item.Outcome, item.Detail = Created, "the account was deleted at the application"
	return r.provision(ctx, a, item)
}

// leave takes the user out of the groups that are not among keep.
func (r *run) leave(ctx context.Context, rec *state.Record, keep []string, item *Item) error {
	for _, name := range slices.Clone(rec.Groups) {
		if slices.Contains(keep, name) {
			continue
		}
		id, err := r.groups.find(ctx, name)
		if err != nil {
			return err
		}
		if id != "" { // else the group is gone, and nobody is in it
			err := r.Client.RemoveMember(ctx, id, rec.RemoteID)
			if err != nil && client.Status(err) != http.StatusNotFound {
				return fmt.Errorf("group %q: %w", name, err)
			}
		}
		rec.Groups = slices.DeleteFunc(slices.Clone(rec.Groups),
			func(g string) bool { return g == name })
		item.Left = append(item.Left, name)
	}
	return nil
}

// join puts the user into the groups that he or she is not in yet. A server
// that does not support that is asked once.
func (r *run) join(ctx context.Context, rec *state.Record, names []string, item *Item) error {
	for _, name := range names {
		if slices.Contains(rec.Groups, name) || r.groupsLeftOut() != "" {
			continue
		}
		err := r.joinOne(ctx, rec.RemoteID, name)
		if slices.Contains([]int{http.StatusNotImplemented, http.StatusMethodNotAllowed},
			client.Status(err)) {
			why := fmt.Sprintf("members of groups: the server answered %v; nobody was put "+
				"into groups", err)
			r.noGroups.Store(&why)
			continue
		}
		if err != nil {
			return fmt.Errorf("group %q: %w", name, err)
		}
		rec.Groups = append(slices.Clone(rec.Groups), name)
		item.Joined = append(item.Joined, name)
	}
	if r.groupsLeftOut() == "" {
		rec.Groups = slices.Clone(names) // in the order of the rules
	}
	return nil
}

func (r *run) joinOne(ctx context.Context, userID, name string) error {
	id, made, err := r.groups.ensure(ctx, name, userID)
	if err != nil || made {
		return err
	}
	err = r.Client.AddMember(ctx, id, userID)
	if client.Status(err) != http.StatusNotFound {
		return err
	}
	// The group was deleted at the application meanwhile.
	r.groups.forget(name)
	if id, made, err = r.groups.ensure(ctx, name, userID); err != nil || made {
		return err
	}
	return r.Client.AddMember(ctx, id, userID)
}

// only returns those attributes of an account that a body has too.
func only(account, body map[string]any) map[string]any {
	part := maps.Clone(account)
	maps.DeleteFunc(part, func(name string, _ any) bool { _, ok := body[name]; return !ok })
	return part
}
