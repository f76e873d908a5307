package store

import (
	"context"

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

// leaveParents gives the groups that a group is in their next version, as it is deleted,
// and returns their entries.
func (t *tx) leaveParents(
	ctx context.Context, g *provisioning.Group, e *history.Entry,
) (entries []*history.Entry, err error) {
	var rows []struct {
		ID         string `db:"id"`
		Name       string `db:"display_name"`
		ExternalID string `db:"external_id"`
		Version    int64  `db:"version"`
	}
	err = t.List(ctx, &rows, `SELECT id, display_name, COALESCE(external_id, '') AS external_id,
			version FROM groups
		WHERE id IN (SELECT group_id FROM group_groups WHERE child_id = ?) ORDER BY id`, g.ID)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	for _, r := range rows {
		entries = append(entries, memberGone(&provisioning.Group{
			ID: r.ID, InstanceID: g.InstanceID, DisplayName: r.Name, ExternalID: r.ExternalID,
			Version: r.Version + 1,
		}, e))
	}
	_, err = t.Exec(ctx, `UPDATE groups SET version = version + 1, modified = ?
		WHERE id IN (SELECT group_id FROM group_groups WHERE child_id = ?)`, millis(e.Time), g.ID)
	return entries, err
}

// memberGone returns the entry of a group, at the version that it has now, of which a
// member was deleted.
func memberGone(g *provisioning.Group, by *history.Entry) *history.Entry {
	entry := history.New(g.InstanceID, by.Time,
		history.Actor{Kind: history.System, Name: "muster", RequestID: by.Actor.RequestID},
		history.GroupUpdate, history.Target{Type: "Group", ID: g.ID, Name: g.DisplayName})
	entry.Detail = "a member was deleted"
	entry.Changes = []history.Change{{
		Attribute: "members", Old: by.Target.Name + " (" + by.Target.ID + ")",
	}}
	entry.Event = groupEvent(g, by, nil, []string{by.Target.ID})
	return entry
}
