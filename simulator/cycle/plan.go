package cycle

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster/simulator/directory"
	"muster/simulator/state"
)

// Kind is what a cycle does for one user.
type Kind string

// The kinds of actions.
const (
	// Provision looks the user up, and picks the account up or creates it.
	Provision  Kind = "provision"
	Update     Kind = "update"
	Suspend    Kind = "suspend"
	Reactivate Kind = "reactivate"
	Delete     Kind = "delete"
	// Release leaves the account as it is, and forgets it: "Do Nothing".
	Release Kind = "release"
	// Reapply compares the account with what it should be, and corrects it.
	Reapply Kind = "re-apply"
)

// Action is what a cycle does for one user, and why.
type Action struct {
	Kind     Kind
	Key      string
	UserName string
	Reason   string
	// Body is the user as it is to be sent; nil for Delete and Release.
	Body map[string]any
	// Groups are the groups that the user is to be in.
	Groups []string
	// Active is whether the account is to be active.
	Active bool
	// Earlier is the failure of the same action in an earlier cycle: it is
	// not tried again.
	Earlier string
	// Waits says that the action waits for approval.
	Waits bool

	// detour is the name that the account gets for a while; see renames.
	detour string
	// drifted says why the account is not to be written; see run.verify.
	drifted string
	// departed: what follows from a deletion or a removed access.
	departed bool
	manager  string // key of the manager; empty without one
	record   *state.Record
	before   state.Record // as it was when the action began
	body     []byte
	source   string
	print    string
}

// bucket is where in a cycle an action is done. Those of one bucket may be
// done at the same time.
type bucket struct{ phase, depth int }

// bucket orders actions: first who leaves, then who changes, then who
// arrives, so that a name that is given up is free; of those who arrive,
// managers come before those who report to them.
func (a *Action) bucket(u *directory.User) bucket {
	switch a.Kind {
	case Delete, Release, Suspend:
		return bucket{}
	case Provision:
		return bucket{2, u.Depth()}
	}
	return bucket{phase: 1}
}

// entry is somebody for whom there is something to do: a person of the
// directory, or the key of one who is there no more.
type entry struct {
	user *directory.User
	key  string
	// detour is a user name for a while, for one of those who swap theirs.
	detour string
}

// plan is whom a cycle has something to do for, in which order. It holds no
// bodies: what is to be done is decided anew when the turn comes, a batch at
// a time, so that a plan of any size takes little memory.
type plan struct {
	buckets map[bucket][]entry
	total   int
	// departures is how many accounts are deleted, or suspended for a deletion;
	// limit is how many may be: if there are more, all of them wait for approval.
	departures, limit int
	// freed are the user names that somebody gives up.
	freed map[string]bool
	names *renames
}

// holds reports whether the departures wait for approval.
func (p *plan) holds() bool { return p.limit > 0 && p.departures > p.limit }

// maxDeletes returns how many departures a cycle may have; 0 for any number.
func (c *Cycle) maxDeletes(ctx context.Context) (int, error) {
	if n := c.App.Provisioning.MaxDeletes; n != nil {
		return *n, nil
	}
	bound, err := c.State.Bound(ctx, c.App.Name)
	return max(10, bound/10), err
}

// order returns the buckets in their order.
func (p *plan) order() []bucket {
	return slices.SortedFunc(maps.Keys(p.buckets), func(a, b bucket) int {
		if a.phase != b.phase {
			return a.phase - b.phase
		}
		return a.depth - b.depth
	})
}

// batch is how many people are decided about at once.
const batch = 250

// survey decides for everybody, and returns for whom there is something to
// do. It sends no request and writes nothing.
func (c *Cycle) survey(ctx context.Context) (*plan, error) {
	p := &plan{buckets: make(map[bucket][]entry), freed: make(map[string]bool)}
	names := &renames{make(map[string]*renaming), p.freed, make(map[string]bool)}
	p.names = names
	note := func(e entry, a *Action) {
		b := a.bucket(e.user)
		p.buckets[b] = append(p.buckets[b], e)
		p.total++
		if a.departed && a.Kind != Release {
			p.departures++
		}
		names.note(e, a)
	}
	for people := range slices.Chunk(c.Directory.Users, batch) {
		entries := make([]entry, len(people))
		for i, u := range people {
			entries[i] = entry{user: u, key: u.Key}
		}
		if err := c.actions(ctx, p, entries, note); err != nil {
			return nil, err
		}
	}
	before := slices.Collect(maps.Values(c.keys))
	err := c.State.EachRecord(ctx, c.App.Name, func(r *state.Record) error {
		if u := c.Directory.Find(r.Key); u != nil && u.Key == r.Key ||
			slices.Contains(before, r.Key) {
			return nil
		}
		return c.actions(ctx, p, []entry{{key: r.Key}}, note)
	})
	if err == nil {
		p.limit, err = c.maxDeletes(ctx)
	}
	names.order(p)
	return p, err
}

// actions decides for some, and yields for whom there is something to do.
func (c *Cycle) actions(
	ctx context.Context, p *plan, entries []entry, yield func(entry, *Action),
) error {
	records, err := c.records(ctx, entries)
	if err != nil {
		return err
	}
	for _, e := range entries {
		var a *Action
		if e.user != nil {
			a, err = c.decide(e.user, records[e.key])
		} else {
			a, err = c.decideAbsent(records[e.key], "deleted in the provider")
		}
		if err != nil {
			return err
		}
		if a == nil {
			if err := c.void(ctx, records[e.key], e.user); err != nil {
				return err
			}
			continue
		}
		if c.settle(a, p) {
			yield(e, a)
		}
	}
	return nil
}

// void drops an approval whose action is not due any more: should it be due
// again, that is for an administrator to decide anew.
func (c *Cycle) void(ctx context.Context, r *state.Record, u *directory.User) error {
	later := u != nil && c.Scope != nil && !c.Scope(u) // another wave decides
	if r == nil || r.Waiting == nil || !c.writes || later {
		return nil
	}
	r.Waiting = nil
	if r.RemoteID == "" && r.Status == state.Pending {
		return c.State.Forget(ctx, c.App.Name, r.Key)
	}
	return c.State.Save(ctx, c.App.Name, r)
}

// records returns what is remembered of the entries, by their keys.
func (c *Cycle) records(ctx context.Context, entries []entry) (map[string]*state.Record, error) {
	keys := make([]string, len(entries))
	for i, e := range entries {
		keys[i] = cmp.Or(c.keys[e.key], e.key)
	}
	records, err := c.State.Records(ctx, c.App.Name, keys)
	for now, before := range c.keys {
		if r := records[before]; r != nil {
			r.Key = now
			records[now] = r
			delete(records, before)
		}
	}
	return records, err
}

// settle applies what is remembered of earlier attempts and of approvals. It
// reports whether the action belongs to the plan at all.
func (c *Cycle) settle(a *Action, p *plan) bool {
	r := a.record
	held := p.holds() && a.departed && a.Kind != Release
	if r.Failure != "" && r.FailedAt == a.print && !c.RetryFailed &&
		!c.App.Provisioning.RetryFailed {
		a.Earlier = r.Failure
		return true
	}
	if !held && !c.needsApproval(a) {
		r.Waiting = nil
		return true
	}
	if r.Waiting == nil || r.Waiting.Print != a.print {
		r.Waiting = &state.Waiting{Action: string(a.Kind), Print: a.print}
	}
	a.Waits = !r.Waiting.Approved
	if a.Waits && held {
		a.Reason = strings.TrimSuffix(a.Reason, ".") +
			fmt.Sprintf("; held, because the cycle has %d deletions, and more than %d wait "+
				"for approval", p.departures, p.limit)
	}
	return !r.Waiting.Skipped
}

// needsApproval applies the boxes "Require admin approval before this action
// is performed". What follows from a deletion or a removed access is a
// deletion, whatever becomes of the account.
func (c *Cycle) needsApproval(a *Action) bool {
	need := c.App.Provisioning.Approval
	switch {
	case a.record.RemoteID == "" && a.Kind == Release:
		return false // there is no account
	case a.Kind == Provision:
		return need.Create
	case a.departed:
		return need.Delete
	case a.Kind == Reapply:
		return false // an administrator asked for it
	}
	return need.Update
}
