package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/google/uuid"

	"muster/server/events"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim/schema"
	"muster/server/workflow"
)

// SaveWorkflow replaces the rules and object types of an instance.
func (s *Store) SaveWorkflow(
	ctx context.Context, was *instance.Instance, w workflow.Setup, e *history.Entry,
) error {
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return s.change(ctx, was.ID, func(t *tx) error {
		now, err := t.setupNow(ctx, was.ID)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(now.Workflow, was.Workflow) {
			return instance.ErrStale
		}
		if _, err := t.Exec(ctx,
			"UPDATE instances SET workflow = ?, revision = revision + 1 WHERE id = ?", string(text),
			was.ID); err != nil {
			return err
		}
		return t.append(e)
	})
}

// AddObject makes an object.
func (s *Store) AddObject(ctx context.Context, o *provisioning.Object, e *history.Entry) error {
	return s.change(ctx, o.InstanceID, func(t *tx) error {
		made, err := t.makeObject(ctx, o)
		if err != nil {
			return err
		}
		if !made {
			return instance.ErrExists
		}
		return t.append(e)
	})
}

// makeObject writes an object unless there is one of that name.
func (t *tx) makeObject(ctx context.Context, o *provisioning.Object) (made bool, err error) {
	n, err := t.Exec(ctx,
		`INSERT INTO objects (id, instance_id, type, name, name_key)
			VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		o.ID, o.InstanceID, o.Type, o.Name, schema.Fold(o.Name))
	return n > 0, err
}

type objectRow struct {
	ID   string `db:"id"`
	Type string `db:"type"`
	Name string `db:"name"`
	Used int    `db:"used"`
}

// Objects returns the objects of an instance, by type and name, with how many
// users are linked to each.
func (s *Store) Objects(ctx context.Context, instanceID string) ([]provisioning.Object, error) {
	var rows []objectRow
	err := s.db.List(ctx, &rows,
		`SELECT id, type, name,
			(SELECT count(*) FROM user_objects AS l WHERE l.object_id = objects.id) AS used
			FROM objects WHERE instance_id = ? ORDER BY type, name_key`, instanceID)
	list := make([]provisioning.Object, len(rows))
	for i, r := range rows {
		list[i] = provisioning.Object{
			ID: r.ID, InstanceID: instanceID, Type: r.Type, Name: r.Name, Users: r.Used,
		}
	}
	return list, err
}

// Links returns the names of the objects that users are linked to, by user
// and type.
func (s *Store) Links(ctx context.Context, userIDs []string) (map[string]map[string]string, error) {
	links := make(map[string]map[string]string)
	err := chunks(userIDs, func(ids []string) error {
		var rows []struct {
			User string `db:"user_id"`
			objectRow
		}
		err := s.db.List(ctx, &rows,
			`SELECT l.user_id AS user_id, o.id AS id, o.type AS type, o.name AS name, 0 AS used
			FROM user_objects AS l JOIN objects AS o ON o.id = l.object_id WHERE l.user_id IN (?)`,
			ids)
		for _, r := range rows {
			if links[r.User] == nil {
				links[r.User] = make(map[string]string)
			}
			links[r.User][r.Type] = r.Name
		}
		return err
	})
	return links, err
}

// applyEffects does what workflow rules do for a user. It returns the entry
// of the change with what came of them, and the entries of groups that
// changed. A rule that cannot be done is told in the entry; it never keeps
// the change from being written.
func (t *tx) applyEffects(
	ctx context.Context, u *provisioning.User, e *history.Entry,
) ([]*history.Entry, error) {
	if len(u.Effects) == 0 {
		return []*history.Entry{e}, nil
	}
	own := *e // the transaction may run again
	own.Changes = slices.Clone(e.Changes)
	entries := []*history.Entry{&own}
	for _, effect := range u.Effects {
		var problem string
		var err error
		switch effect.Kind {
		case workflow.Link, workflow.Create:
			problem, err = t.link(ctx, u, effect, &own)
		default:
			var group *history.Entry
			if group, problem, err = t.membership(ctx, u, effect, &own); group != nil {
				entries = append(entries, group)
			}
		}
		if err != nil {
			return nil, err
		}
		if problem != "" {
			own.AddDetail(fmt.Sprintf("rule %q: %s", effect.Rule, problem))
		}
	}
	return entries, nil
}

// link links a user to the object of a name, in place of the one before.
func (t *tx) link(
	ctx context.Context, u *provisioning.User, effect workflow.Effect, e *history.Entry,
) (problem string, err error) {
	var old string
	err = t.Get(ctx, &old,
		`SELECT o.name FROM user_objects AS l JOIN objects AS o ON o.id = l.object_id
			WHERE l.user_id = ? AND l.type = ?`, u.ID, effect.Target)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", err
	}
	if effect.Value == "" {
		_, err := t.Exec(ctx, "DELETE FROM user_objects WHERE user_id = ? AND type = ?", u.ID,
			effect.Target)
		e.AddChange(effect.Target, old, "")
		return "", err
	}
	if effect.Kind == workflow.Create {
		o := &provisioning.Object{
			ID: uuid.Must(uuid.NewV7()).String(), InstanceID: u.InstanceID, Type: effect.Target,
			Name: effect.Value,
		}
		if _, err := t.makeObject(ctx, o); err != nil {
			return "", err
		}
	}
	var o objectRow
	err = t.Get(ctx, &o,
		`SELECT id, type, name, 0 AS used FROM objects
			WHERE instance_id = ? AND type = ? AND name_key = ?`,
		u.InstanceID, effect.Target, schema.Fold(effect.Value))
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Sprintf("there is no %s %q; the link stays as it was", effect.Target,
			effect.Value), nil
	}
	if err != nil {
		return "", err
	}
	_, err = t.Exec(ctx, `INSERT INTO user_objects (user_id, type, object_id) VALUES (?, ?, ?)
		ON CONFLICT (user_id, type) DO UPDATE SET object_id = excluded.object_id`, u.ID,
		effect.Target, o.ID)
	e.AddChange(effect.Target, old, o.Name)
	return "", err
}

// membership puts a user into a group, or takes him or her out of it. The
// group's entry is nil if nothing changed.
func (t *tx) membership(
	ctx context.Context, u *provisioning.User, effect workflow.Effect, e *history.Entry,
) (entry *history.Entry, problem string, err error) {
	var r groupRow
	err = t.Get(ctx, &r, selectGroupByName, u.InstanceID, schema.Fold(effect.Target))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Sprintf("there is no group %q", effect.Target), nil
	}
	if err != nil {
		return nil, "", err
	}
	query := "INSERT INTO group_users (group_id, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING"
	if effect.Kind == workflow.RemoveFromGroup {
		query = "DELETE FROM group_users WHERE group_id = ? AND user_id = ?"
	}
	n, err := t.Exec(ctx, query, r.ID, u.ID)
	if err != nil || n == 0 {
		return nil, "", err
	}
	g := r.group()
	g.Modified = u.Modified
	if err := t.Run(ctx, touchGroup(g)); err != nil {
		return nil, "", err
	}
	entry = consequence(u.InstanceID, u.Modified, e.Actor.RequestID, history.GroupUpdate,
		history.Target{Type: "Group", ID: g.ID, Name: g.DisplayName})
	entry.Detail = fmt.Sprintf("rule %q for %s", effect.Rule, u.UserName())
	label := u.UserName() + " (" + u.ID + ")"
	if effect.Kind == workflow.RemoveFromGroup {
		e.AddChange("group", g.DisplayName, "")
		entry.Changes = []history.Change{{Attribute: "members", Old: label}}
		entry.Event = groupEvent(g, e, nil, []string{u.ID})
	} else {
		e.AddChange("group", "", g.DisplayName)
		entry.Changes = []history.Change{{Attribute: "members", New: label}}
		entry.Event = groupEvent(g, e, []string{u.ID}, nil)
	}
	return entry, "", nil
}

// groupEvent returns the event of a group whose members change in consequence of the
// change that an entry is about. A feed with a filter looks at the group itself.
func groupEvent(
	g *provisioning.Group, e *history.Entry, added, removed []string,
) *history.Event {
	return &history.Event{
		Txn: e.Txn(), Method: http.MethodPatch, Version: g.Version, ExternalID: g.ExternalID,
		Data: events.PatchData(nil, nil, added, removed),
	}
}
