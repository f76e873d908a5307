package cycle

import (
	"context"
	"errors"
	"fmt"
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
	// members is who is in which group at the application, for a re-apply.
	members memberships

	// freed are the user names that somebody gives up in this cycle.
	freed map[string]bool
	names *renames

	began    time.Time
	requests int64
	opened   int64

	mu     sync.Mutex
	report *Report
	done   int
	total  int
}

func newRun(c *Cycle) *run {
	r := &run{
		Cycle: c, groups: newGroups(c.Client, c.Making), began: time.Now(),
		requests: c.Client.Requests(), opened: c.Client.Opened(),
	}
	r.report = &Report{App: c.App.Name, Profile: c.Client.Profile().Name, Began: r.began.UTC()}
	return r
}

// finish completes the report.
func (r *run) finish() {
	r.report.GroupsCreated, r.report.GroupsMatched = r.groups.used()
	if why := r.groupsLeftOut(); why != "" {
		r.report.Unsupported = append(r.report.Unsupported, why)
	}
	r.report.CircuitOpened = r.Client.Opened() - r.opened
	r.report.finish(time.Since(r.began), r.Client.Requests()-r.requests, r.Client.Instance())
	r.report.Reason = commonReason(r.report.Items, r.App.TextActive())
}

// do is what is done for an action: it is attempted, or foretold.
type do func(context.Context, *Action) (Item, error)

// all surveys, and does what is to be done: bucket by bucket, several at once
// within a bucket. No more than a batch of actions is in memory.
func (r *run) all(ctx context.Context, f do) error {
	p, err := r.survey(ctx)
	if err != nil {
		return err
	}
	r.total, r.freed, r.names = p.total, p.freed, p.names
	if r.report.DryRun {
		err := p.names.foresee(ctx, p, func(ctx context.Context, name string) (bool, error) {
			found, err := r.find(ctx, name)
			return found != nil, err
		})
		if err != nil {
			return err
		}
	}
	if p.holds() {
		r.report.Held, r.report.Limit = p.departures, p.limit
	}
	if r.Reapply {
		if err := r.loadMembers(ctx); err != nil {
			return err
		}
	}
	for _, b := range p.order() {
		if err := r.bucket(ctx, p, p.buckets[b], f); err != nil {
			return err
		}
	}
	return nil
}

// grace is how long those who are worked on may take to be finished when the
// cycle is to stop.
const grace = 10 * time.Second

// bucket does the actions of a bucket. When ctx is done, those under way are
// finished and no others are begun.
func (r *run) bucket(ctx context.Context, p *plan, entries []entry, f do) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	finishing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(finishing, func() { timer.Stop() })
	})()
	work := make(chan *Action)
	var wg sync.WaitGroup
	workers := r.Concurrency
	if workers <= 0 {
		workers = 4
	}
	for range min(workers, len(entries)) {
		wg.Go(func() {
			for a := range work {
				if err := r.one(finishing, a, f); err != nil {
					stop(err)
				}
			}
		})
	}
	err := r.feed(ctx, p, entries, work)
	close(work)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// feed decides for the entries, a batch at a time, and hands the actions out.
func (r *run) feed(ctx context.Context, p *plan, entries []entry, work chan<- *Action) error {
	for some := range slices.Chunk(entries, batch) {
		var actions []*Action
		var bad error
		err := r.actions(ctx, p, some, func(e entry, a *Action) {
			if e.detour != "" {
				bad = errors.Join(bad, a.takes(e.detour))
			}
			actions = append(actions, a)
		})
		if err = errors.Join(err, bad); err != nil {
			return err
		}
		if err := r.verify(ctx, actions); err != nil {
			return err
		}
		for _, a := range actions {
			select {
			case <-ctx.Done():
				return nil
			default:
			}
			select {
			case work <- a:
			case <-ctx.Done():
				return nil
			}
		}
	}
	return nil
}

// one does an action and reports it. It returns an error only if the cycle
// cannot go on.
func (r *run) one(ctx context.Context, a *Action, f do) error {
	var trace *client.Trace
	if r.Trace {
		trace = &client.Trace{}
		ctx = client.WithTrace(ctx, trace)
	}
	item, err := f(ctx, a)
	if err != nil {
		return err
	}
	if trace != nil {
		item.Exchanges = trace.Exchanges()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case item.Outcome == Unchanged:
		r.report.Unchanged++
	case a.detour != "" && !item.Outcome.Wrong():
		// What it comes to in the end is told.
	default:
		r.report.Items = append(r.report.Items, item)
	}
	r.done++
	if r.Progress != nil {
		r.Progress(r.done, r.total)
	}
	return nil
}

// attempt applies one action and records its outcome. What fails for this
// user alone is the item's outcome; an error ends the cycle.
func (r *run) attempt(ctx context.Context, a *Action) (Item, error) {
	item, err := r.try(ctx, a)
	if err != nil || item.Earlier {
		return item, err
	}
	// What the server has done is recorded, even if the cycle ends now.
	ctx = context.WithoutCancel(ctx)
	entry := state.Entry{
		Time: time.Now(), App: r.App.Name, User: a.UserName, Outcome: string(item.Outcome),
		Detail: item.Detail,
	}
	switch item.Outcome {
	case Deleted, Released:
		if err = r.State.Forget(ctx, r.App.Name, a.Key); err == nil {
			err = r.State.Log(ctx, entry)
		}
	case Unchanged:
		err = r.State.Save(ctx, r.App.Name, a.record)
	default:
		err = r.State.SaveAndLog(ctx, r.App.Name, a.record, entry)
	}
	if err == nil && r.Note != nil && item.Outcome != Unchanged {
		err = r.Note(ctx, item)
	}
	return item, err
}

// try applies one action.
func (r *run) try(ctx context.Context, a *Action) (Item, error) {
	if a.Earlier != "" {
		item := a.item(failure(a.record), a.Earlier)
		item.Earlier = true
		return item, nil
	}
	a.before = *a.record
	if a.drifted == "" {
		a.record.UserName = a.UserName
	}
	if a.Waits {
		if a.record.RemoteID == "" {
			a.record.Status = state.Pending
		}
		return a.item(Waiting, a.Reason), nil
	}
	if a.drifted != "" {
		return a.item(Drifted, a.drifted), nil
	}
	item := a.item(outcomes[a.Kind], a.Reason)
	err := r.apply(ctx, a, &item)
	if err == nil {
		a.record.Failure, a.record.FailedAt = "", ""
		if a.detour == "" {
			a.record.Waiting = nil
		}
		if a.source != "" {
			a.record.Source = a.source
		}
		return item, nil
	}
	if client.Stops(err) || ctx.Err() != nil {
		// Not this user's fault: nothing is remembered against him or her.
		return item, errors.Join(fmt.Errorf("%s: %w", a.UserName, err),
			r.State.Save(context.WithoutCancel(ctx), r.App.Name, a.record))
	}
	a.record.Status, a.record.Failure, a.record.FailedAt = state.Failed, err.Error(), a.print
	item.Outcome, item.Detail = failure(a.record), err.Error()
	return item, nil
}

// owned begins the failure of somebody whose account is another person's.
const owned = "the account is another person's: "

// failure tells a conflict from other failures: the server said 409.
func failure(r *state.Record) Outcome {
	if strings.HasPrefix(r.Failure, "409") || strings.HasPrefix(r.Failure, owned) {
		return Conflict
	}
	return Failed
}
