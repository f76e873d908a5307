package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"muster/simulator/client"
	"muster/simulator/state"
	"muster/simulator/username"
)

// RolledBack tells how a wave was taken back.
type RolledBack struct {
	Rollout  string    `json:"rollout"`
	App      string    `json:"app"`
	Position int       `json:"position"`
	Wave     string    `json:"wave"`
	Began    time.Time `json:"began"`
	Seconds  float64   `json:"seconds"`
	// Deleted, Suspended and Kept are accounts that the wave had created.
	Deleted   []string `json:"deleted"`
	Suspended []string `json:"suspended"`
	Kept      []string `json:"kept"`
	// Restored are accounts that are again as they were before the wave.
	Restored []string `json:"restored"`
	// MadeAgain are accounts that the wave had deleted; they have new ids.
	MadeAgain []string `json:"madeAgain"`
	// GroupsDeleted are groups that the wave had created and that were empty.
	GroupsDeleted []string `json:"groupsDeleted"`
	Problems      []string `json:"problems"`
}

// Rollback takes the last wave that ran back: accounts that it created are
// deleted, those that it changed get what they had before, those that it
// deleted are made again, and the provider forgets the wave. What fails is
// in the result, and stays to be taken back another time.
func (r *Rehearsal) Rollback(ctx context.Context) (*RolledBack, error) {
	began := time.Now()
	position, wave, err := r.lastWave(ctx)
	if err != nil {
		return nil, err
	}
	result := &RolledBack{
		Rollout: r.Rollout.Name, App: r.Rollout.App.Name, Position: position + 1,
		Wave: r.Rollout.Waves[position].Name, Began: began.UTC(),
		Deleted: []string{}, Suspended: []string{}, Kept: []string{}, Restored: []string{},
		MadeAgain: []string{}, GroupsDeleted: []string{}, Problems: []string{},
	}
	if _, err := r.cycle(0).Probe(ctx); err != nil {
		return nil, fmt.Errorf("the connection test of the app %q failed: %w", r.Rollout.App.Name,
			err)
	}
	if err := r.cycle(0).Belongs(ctx, false); err != nil {
		return nil, err
	}
	now, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	list, err := r.State.Snapshots(ctx, r.Rollout.Name, position)
	if err != nil {
		return nil, err
	}
	b := &rollback{
		Rehearsal: r, result: result, how: r.Rollout.Waves[position].Rollback,
		groups: make(map[string]string), deleted: make(map[string]bool),
	}
	for _, g := range now.groups {
		b.groups[username.Fold(g.DisplayName)] = g.ID
	}
	for i, s := range list {
		var down *client.DownError
		switch err := b.back(ctx, position, s); {
		case errors.As(err, &down) || ctx.Err() != nil:
			return result, errors.Join(ctx.Err(), err)
		case err != nil:
			result.Problems = append(result.Problems, fmt.Sprintf("%s: %v", s.UserName, err))
		}
		if r.Progress != nil {
			r.Progress(i+1, len(list))
		}
	}
	if err := b.dropGroups(ctx, wave); err != nil {
		return result, err
	}
	if len(result.Problems) == 0 {
		err = r.State.ForgetWave(ctx, r.Rollout.Name, position)
	}
	result.Seconds = time.Since(began).Round(time.Millisecond).Seconds()
	return result, err
}

// lastWave returns the position of the last wave that ran. One that was cut
// off before it was recorded has left snapshots.
func (r *Rehearsal) lastWave(ctx context.Context) (int, *WaveResult, error) {
	for i := len(r.Rollout.Waves) - 1; i >= 0; i-- {
		w := &WaveResult{}
		known, err := r.earlier(ctx, i, w)
		if err == nil && !known {
			known = w.Cycle != nil
		}
		if err == nil && !known {
			var left []*state.Snapshot
			left, err = r.State.Snapshots(ctx, r.Rollout.Name, i)
			known = len(left) > 0
		}
		if known || err != nil {
			return i, w, err
		}
	}
	return 0, nil, fmt.Errorf("no wave of %q was run that could be taken back", r.Rollout.Name)
}

// rollback is a rollback under way.
type rollback struct {
	*Rehearsal
	result *RolledBack
	how    Rollback
	groups map[string]string // ids by the name in lower case
	// deleted are the ids of the accounts that were deleted.
	deleted map[string]bool
}

// back takes one user back to a snapshot.
func (b *rollback) back(ctx context.Context, position int, s *state.Snapshot) error {
	records, err := b.State.Records(ctx, b.Rollout.App.Name, []string{s.Key})
	if err != nil {
		return err
	}
	if s.Account == nil {
		err = b.uncreate(ctx, s, records[s.Key])
	} else {
		err = b.restore(ctx, s, records[s.Key])
	}
	if err != nil {
		return err
	}
	return b.State.DropSnapshot(ctx, b.Rollout.Name, position, s.Key)
}

// uncreate undoes the creation of an account.
func (b *rollback) uncreate(ctx context.Context, s *state.Snapshot, rec *state.Record) error {
	id := ""
	if rec != nil {
		id = rec.RemoteID
	}
	if id == "" && rec != nil && rec.Creating { // the answer to the creation may have been lost
		found, err := b.Client.FindUser(ctx, s.UserName)
		if err != nil {
			return err
		}
		if found != nil {
			id = found.ID()
		}
	}
	if id != "" {
		if err := b.uncreateAccount(ctx, id, s, rec); err != nil {
			return err
		}
	}
	if s.Record != nil {
		return b.State.Save(ctx, b.Rollout.App.Name, s.Record)
	}
	return b.State.Forget(ctx, b.Rollout.App.Name, s.Key)
}

func (b *rollback) uncreateAccount(
	ctx context.Context, id string, s *state.Snapshot, rec *state.Record,
) error {
	switch b.how.Created {
	case "keep":
		b.result.Kept = append(b.result.Kept, s.UserName)
		return nil
	case "suspend":
		if err := b.memberships(ctx, id, rec.Groups, nil); err != nil {
			return err
		}
		there, err := b.Client.GetUser(ctx, id)
		if err != nil || there == nil {
			return err
		}
		body := writable(there)
		body["active"] = false
		b.result.Suspended = append(b.result.Suspended, s.UserName)
		return b.Client.ReplaceUser(ctx, id, body)
	}
	if rec != nil { // as OneLogin does it: not every server does it by itself
		if err := b.memberships(ctx, id, rec.Groups, nil); err != nil {
			return err
		}
	}
	if err := b.Client.DeleteUser(ctx, id); err != nil {
		return err
	}
	b.deleted[id] = true
	b.result.Deleted = append(b.result.Deleted, s.UserName)
	return nil
}

// restore gives an account what it had, and makes it again if it is gone.
func (b *rollback) restore(ctx context.Context, s *state.Snapshot, rec *state.Record) error {
	before := client.User(s.Account)
	body := writable(before)
	id := before.ID()
	err := b.Client.ReplaceUser(ctx, id, body)
	switch client.Status(err) {
	case 0:
		if err != nil {
			return err
		}
		b.result.Restored = append(b.result.Restored, s.UserName)
	case 404:
		made, err := b.Client.CreateUser(ctx, body)
		if err != nil {
			return err
		}
		id, rec = made.ID(), nil
		b.result.MadeAgain = append(b.result.MadeAgain, s.UserName)
	default:
		return err
	}
	var now []string
	if rec != nil {
		now = rec.Groups
	}
	then := groupsOf(s.Account)
	if s.Record != nil {
		then = append(then, s.Record.Groups...)
	}
	if err := b.memberships(ctx, id, now, then); err != nil {
		return err
	}
	if s.Record == nil {
		return b.State.Forget(ctx, b.Rollout.App.Name, s.Key)
	}
	if s.Record.RemoteID != "" {
		s.Record.RemoteID = id
	}
	return b.State.Save(ctx, b.Rollout.App.Name, s.Record)
}

// memberships takes a user out of groups and puts him or her into others.
func (b *rollback) memberships(ctx context.Context, id string, now, then []string) error {
	for _, name := range now {
		if group := b.groups[username.Fold(name)]; group != "" && !slices.Contains(then, name) {
			if err := b.Client.RemoveMember(ctx, group, id); err != nil &&
				client.Status(err) != 404 {
				return err
			}
		}
	}
	for _, name := range then {
		if group := b.groups[username.Fold(name)]; group != "" && !slices.Contains(now, name) {
			if err := b.Client.AddMember(ctx, group, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// groupsOf returns the groups that an account says it is in.
func groupsOf(account map[string]any) []string {
	var names []string
	list, _ := account["groups"].([]any)
	for _, x := range list {
		if m, ok := x.(map[string]any); ok {
			if name, ok := m["display"].(string); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

// writable returns an account without what the server alone sets.
func writable(account map[string]any) map[string]any {
	body := maps.Clone(account)
	for _, name := range []string{"id", "meta", "groups"} {
		delete(body, name)
	}
	return body
}

// dropGroups deletes the groups that the wave created, if they are empty.
func (b *rollback) dropGroups(ctx context.Context, wave *WaveResult) error {
	if wave.Cycle == nil || b.how.KeepGroups {
		return nil
	}
	var empty []client.Group
	err := b.Client.Groups(ctx, func(g client.Group) error {
		g.Members = slices.DeleteFunc(g.Members,
			func(m client.Member) bool { return b.deleted[m.Value] })
		if len(g.Members) == 0 && slices.Contains(wave.Cycle.GroupsCreated, g.DisplayName) {
			empty = append(empty, g)
		}
		return nil
	})
	for _, g := range empty {
		if err == nil {
			err = b.Client.DeleteGroup(ctx, g.ID)
		}
		b.result.GroupsDeleted = append(b.result.GroupsDeleted, g.DisplayName)
	}
	return err
}
