package cycle

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"muster/simulator/client"
	"muster/simulator/state"
)

// run is a cycle under way.
type run struct {
	*Cycle
	groups groups

	mu     sync.Mutex
	report *Report
	total  int
}

func newRun(c *Cycle, report *Report, total int) *run {
	return &run{Cycle: c, report: report, total: total, groups: groups{client: c.Client}}
}

// all applies the actions, phase by phase, several at once within a phase.
func (r *run) all(ctx context.Context, plan []*Action) error {
	for len(plan) > 0 {
		n := slices.IndexFunc(plan, func(a *Action) bool { return a.phase() != plan[0].phase() })
		if n < 0 {
			n = len(plan)
		}
		if err := r.phase(ctx, plan[:n]); err != nil {
			return err
		}
		plan = plan[n:]
	}
	return nil
}

func (r *run) phase(ctx context.Context, plan []*Action) error {
	workers := r.Concurrency
	if workers <= 0 {
		workers = 4
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	work := make(chan *Action)
	var wg sync.WaitGroup
	for range min(workers, len(plan)) {
		wg.Go(func() {
			for a := range work {
				if err := r.one(ctx, a); err != nil {
					stop(err)
				}
			}
		})
	}
	for _, a := range plan {
		select {
		case work <- a:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(work)
	wg.Wait()
	return context.Cause(ctx)
}

// one applies one action and records its outcome. It returns an error only
// if the cycle cannot go on.
func (r *run) one(ctx context.Context, a *Action) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	item, err := r.attempt(ctx, a)
	if err != nil {
		return err
	}
	// What the server has done is recorded, even if the cycle ends now.
	ctx = context.WithoutCancel(ctx)
	if item.Outcome == Deleted || item.Outcome == Released {
		err = r.State.Forget(ctx, r.App.Name, a.Key)
	} else {
		err = r.State.Save(ctx, r.App.Name, a.record)
	}
	if err != nil {
		return err
	}
	if !item.Earlier {
		err = r.State.Log(ctx, state.Entry{Time: time.Now(), App: r.App.Name, User: a.UserName, Outcome: string(item.Outcome), Detail: item.Detail})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Items = append(r.report.Items, item)
	r.report.GroupsCreated, r.report.GroupsMatched = r.groups.used()
	if r.Progress != nil {
		r.Progress(len(r.report.Items), r.total)
	}
	return err
}

// attempt applies one action. What fails for this user alone is the item's
// outcome; an error ends the cycle.
func (r *run) attempt(ctx context.Context, a *Action) (Item, error) {
	a.record.UserName = a.UserName
	switch {
	case a.Earlier != "":
		item := a.item(failure(a.record), a.Earlier)
		item.Earlier = true
		return item, nil
	case a.Waits:
		if a.record.RemoteID == "" {
			a.record.Status = state.Pending
		}
		return a.item(Waiting, a.Reason), nil
	}
	item := a.item(outcomes[a.Kind], a.Reason)
	err := r.apply(ctx, a, &item)
	if err == nil {
		a.record.Failure, a.record.FailedAt, a.record.Waiting = "", "", nil
		return item, nil
	}
	var down *client.DownError
	var answer *client.Error
	if errors.As(err, &down) || ctx.Err() != nil || errors.As(err, &answer) && answer.Refused() {
		// Not this user's fault: nothing is remembered against him or her.
		return item, errors.Join(fmt.Errorf("%s: %w", a.UserName, err), r.State.Save(context.WithoutCancel(ctx), r.App.Name, a.record))
	}
	a.record.Status, a.record.Failure, a.record.FailedAt = state.Failed, err.Error(), a.print
	item.Outcome, item.Detail = failure(a.record), err.Error()
	return item, nil
}

// failure tells a conflict from other failures: the server said 409.
func failure(r *state.Record) Outcome {
	if strings.HasPrefix(r.Failure, "409") {
		return Conflict
	}
	return Failed
}

func (r *run) apply(ctx context.Context, a *Action, item *Item) error {
	rec := a.record
	switch a.Kind {
	case Release:
		return nil
	case Delete:
		if err := r.leave(ctx, rec, nil, item); err != nil {
			return err
		}
		return r.Client.DeleteUser(ctx, rec.RemoteID)
	case Suspend:
		if err := r.leave(ctx, rec, nil, item); err != nil {
			return err
		}
		if err := r.Client.ReplaceUser(ctx, rec.RemoteID, a.Body); err != nil {
			return err
		}
		rec.Sent, rec.Active, rec.Status = a.body, false, state.Suspended
		if _, sent := a.Body["active"]; !sent {
			item.Detail += `; the template has no "active", so the application was not told`
		}
		return nil
	case Provision:
		if err := r.provision(ctx, a, item); err != nil {
			return err
		}
	default:
		if err := r.update(ctx, a, item); err != nil {
			return err
		}
	}
	rec.Sent, rec.Active, rec.Status = a.body, true, state.Provisioned
	if err := r.leave(ctx, rec, a.Groups, item); err != nil {
		return err
	}
	return r.join(ctx, rec, a.Groups, item)
}

// provision looks the user up, and picks the account up or creates one.
func (r *run) provision(ctx context.Context, a *Action, item *Item) error {
	found, err := r.Client.FindUser(ctx, a.UserName)
	if err != nil {
		return err
	}
	if found == nil {
		// The lookup comes before each creation, so that nothing is doubled
		// when the answer of an earlier one was lost.
		a.record.Creating = true
		if err := r.State.Save(ctx, r.App.Name, a.record); err != nil {
			return err
		}
		created, err := r.Client.CreateUser(ctx, a.Body)
		if err == nil {
			a.record.RemoteID, a.record.Creating = created.ID(), false
			return r.State.Save(context.WithoutCancel(ctx), r.App.Name, a.record)
		}
		if client.Status(err) != http.StatusConflict {
			if client.Status(err) != 0 {
				a.record.Creating = false // the server said no
			}
			return err
		}
		// Either the answer to an earlier try was lost, or the name is taken
		// where a lookup does not see it: in another instance.
		again, lookup := r.Client.FindUser(ctx, a.UserName)
		if lookup != nil {
			return lookup
		}
		if again == nil {
			a.record.Creating = false
			return err
		}
		found = again
	}
	if !strings.EqualFold(found.UserName(), a.UserName) {
		return fmt.Errorf("the lookup of %q found %q: the server seems to ignore the filter", a.UserName, found.UserName())
	}
	if err := r.Client.ReplaceUser(ctx, found.ID(), a.Body); err != nil {
		return err
	}
	item.Outcome = PickedUp
	if a.record.Creating {
		item.Outcome, item.Detail = Created, "by a cycle that was cut off"
	}
	a.record.RemoteID, a.record.Creating = found.ID(), false
	return r.State.Save(context.WithoutCancel(ctx), r.App.Name, a.record)
}

// update sends the whole user. One who was deleted at the application is
// provisioned again.
func (r *run) update(ctx context.Context, a *Action, item *Item) error {
	if a.Kind == Update && string(a.body) == string(a.record.Sent) {
		return nil // only the groups change
	}
	err := r.Client.ReplaceUser(ctx, a.record.RemoteID, a.Body)
	if client.Status(err) != http.StatusNotFound {
		return err
	}
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
			if err := r.Client.RemoveMember(ctx, id, rec.RemoteID); err != nil && client.Status(err) != http.StatusNotFound {
				return fmt.Errorf("group %q: %w", name, err)
			}
		}
		rec.Groups = slices.DeleteFunc(slices.Clone(rec.Groups), func(g string) bool { return g == name })
		item.Left = append(item.Left, name)
	}
	return nil
}

// join puts the user into the groups that he or she is not in yet.
func (r *run) join(ctx context.Context, rec *state.Record, names []string, item *Item) error {
	for _, name := range names {
		if slices.Contains(rec.Groups, name) {
			continue
		}
		if err := r.joinOne(ctx, rec.RemoteID, name); err != nil {
			return fmt.Errorf("group %q: %w", name, err)
		}
		rec.Groups = append(slices.Clone(rec.Groups), name)
		item.Joined = append(item.Joined, name)
	}
	rec.Groups = slices.Clone(names) // in the order of the rules
	return nil
}

func (r *run) joinOne(ctx context.Context, userID, name string) error {
	id, err := r.groups.ensure(ctx, name)
	if err != nil {
		return err
	}
	err = r.Client.AddMember(ctx, id, userID)
	if client.Status(err) != http.StatusNotFound {
		return err
	}
	// The group was deleted at the application meanwhile.
	r.groups.forget(name)
	if id, err = r.groups.ensure(ctx, name); err != nil {
		return err
	}
	return r.Client.AddMember(ctx, id, userID)
}
