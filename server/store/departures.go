package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"muster/server/history"
	"muster/server/provisioning"
)

// DeleteGroup deletes a group; its members stay.
func (s *Store) DeleteGroup(
	ctx context.Context, g *provisioning.Group, version int64, e *history.Entry,
) error {
	return s.change(ctx, g.InstanceID, func(t *tx) error {
		parents, err := t.leaveParents(ctx, g, e)
		if err != nil {
			return err
		}
		n, err := t.Exec(ctx,
			"DELETE FROM groups WHERE id = ? AND (instance_id = ?) IS TRUE AND version = ?", g.ID,
			g.InstanceID, version)
		if err != nil {
			return err
		}
		if n == 0 {
			return provisioning.ErrChanged
		}
		return t.append(append([]*history.Entry{e}, parents...)...)
	})
}

const touchParents = `UPDATE groups SET version = version + 1, modified = ?
	WHERE id IN (SELECT group_id FROM group_groups WHERE child_id = ?)
	RETURNING id, instance_id, display_name, external_id, version`

// leaveParents gives the groups that a group is in their next version, as it is deleted,
// and returns their entries.
func (t *tx) leaveParents(
	ctx context.Context, g *provisioning.Group, e *history.Entry,
) (entries []*history.Entry, err error) {
	var rows []groupRow
	err = t.List(ctx, &rows, touchParents, millis(e.Time), g.ID)
	slices.SortFunc(rows, func(a, b groupRow) int { return cmp.Compare(a.ID, b.ID) })
	for i := range rows {
		entries = append(entries, memberGone(rows[i].group(), e))
	}
	return entries, err
}

// memberGone returns the entry of a group, at the version that it has now, of which a
// member was deleted.
func memberGone(g *provisioning.Group, by *history.Entry) *history.Entry {
	entry := consequence(g.InstanceID, by.Time, by.Actor.RequestID, history.GroupUpdate,
		history.Target{Type: "Group", ID: g.ID, Name: g.DisplayName})
	entry.Detail = "a member was deleted"
	entry.Changes = []history.Change{{
		Attribute: "members", Old: by.Target.Name + " (" + by.Target.ID + ")",
	}}
	entry.Event = groupEvent(g, by, nil, []string{by.Target.ID})
	return entry
}

// consequence returns the entry of what the server does by itself, because of a request.
func consequence(
	instanceID string, at time.Time, requestID string, action history.Action,
	target history.Target,
) *history.Entry {
	return history.New(instanceID, at,
		history.Actor{Kind: history.System, Name: "muster", RequestID: requestID}, action, target)
}
