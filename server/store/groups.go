package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"muster/server/provisioning"
	"muster/server/scim/schema"
	"muster/server/store/engine"
)

type groupRow struct {
	ID             string         `db:"id"`
	InstanceID     string         `db:"instance_id"`
	DisplayName    string         `db:"display_name"`
	DisplayNameKey string         `db:"display_name_key"`
	ExternalID     sql.NullString `db:"external_id"`
	Source         string         `db:"source"`
	Resource       []byte         `db:"resource"`
	Version        int64          `db:"version"`
	Created        int64          `db:"created"`
	Modified       int64          `db:"modified"`
	SortValue      sql.NullString
}

func (r *groupRow) position() (id string, value sql.NullString) { return r.ID, r.SortValue }

const groupColumns = "id, instance_id, display_name, display_name_key, external_id, source, " +
	"resource, version, created, modified"

const (
	selectGroup = `SELECT
		id, instance_id, display_name, display_name_key, external_id, source, resource,
	version, created, modified FROM groups WHERE id = ? AND (instance_id = ?) IS TRUE`

	selectGroupByName = `SELECT
		id, instance_id, display_name, display_name_key, external_id, source, resource,
	version, created, modified FROM groups
	WHERE instance_id = ? AND display_name_key = ?`
)

func (r *groupRow) scan(from engine.Rows) error {
	return from.Scan(&r.ID, &r.InstanceID, &r.DisplayName, &r.DisplayNameKey, &r.ExternalID,
		&r.Source, &r.Resource, &r.Version, &r.Created, &r.Modified, &r.SortValue)
}

func (r *groupRow) group() *provisioning.Group {
	return &provisioning.Group{
		ID: r.ID, InstanceID: r.InstanceID, DisplayName: r.DisplayName,
		DisplayNameKey: r.DisplayNameKey,
		ExternalID:     r.ExternalID.String, Text: r.Resource,
		Source:  provisioning.Source(r.Source),
		Version: r.Version, Created: fromMillis(r.Created), Modified: fromMillis(r.Modified),
	}
}

// Group returns a group of the instance.
func (s *Store) Group(ctx context.Context, instanceID, id string) (*provisioning.Group, error) {
	var r groupRow
	err := s.db.Lookup(ctx, engine.Statement{
		Query: selectGroup,
		Args:  []any{id, instanceID}, Read: engine.One(&r),
	})
	if err != nil {
		return nil, notFound(err)
	}
	return r.group(), nil
}

// Groups returns a page of groups, and how many there are on all pages.
func (s *Store) Groups(
	ctx context.Context, q provisioning.Query,
) ([]*provisioning.Group, provisioning.Page, error) {
	where, args := "WHERE instance_id = ?", []any{q.InstanceID}
	if search := q.Choice.Search; search != "" {
		where += " AND " + s.db.Contains("display_name_key")
		args = append(args, schema.Fold(search))
	}
	rows, page, err := readPage(ctx, s, q, pageOf[groupRow]{
		kind: s.groupKind, where: where, args: args,
		columns: groupColumns, scan: (*groupRow).scan, position: (*groupRow).position,
	})
	if err != nil {
		return nil, page, err
	}
	groups := make([]*provisioning.Group, len(rows))
	for i := range rows {
		groups[i] = rows[i].group()
	}
	return groups, page, nil
}

// memberRow is a member of a group.
type memberRow struct {
	GroupID string `db:"group_id"`
	ID      string `db:"id"`
	Type    string `db:"type"`
	Name    string `db:"name"`
	Display string `db:"display"`
}

func (r memberRow) member() provisioning.Member {
	return provisioning.Member{ID: r.ID, Type: r.Type, Name: r.Name, Display: r.Display}
}

// membersAtOnce is how many members are read at once, and groupsAtOnce of how
// many groups.
const membersAtOnce, groupsAtOnce = 2000, 50

// Members calls yield with each member of each group: group by group in the
// order of the ids, users before groups, and by their ids. It reads a part at
// a time, and holds no connection while yield works: a group may have more
// members than should be in memory, and who reads them may be slow.
func (s *Store) Members(
	ctx context.Context, groupIDs []string, yield func(string, provisioning.Member) error,
) error {
	for part := range slices.Chunk(groupIDs, groupsAtOnce) {
		list, all, err := s.fewMembers(ctx, part)
		if err != nil {
			return err
		}
		if all {
			err = each(list, yield)
		} else {
			err = s.manyMembers(ctx, part, yield)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func each(list []memberRow, yield func(string, provisioning.Member) error) error {
	for _, r := range list {
		if err := yield(r.GroupID, r.member()); err != nil {
			return err
		}
	}
	return nil
}

// The members of groups. The limit stands inside: it tells the database that
// there are few, so that it looks each of them up, and does not read all users.
// It is as large as membersAtOnce, and one more to know whether there are more.
const (
	selectFewMembers = `SELECT m.group_id AS group_id, u.id AS id, 'User' AS type,
		u.user_name AS name, u.display AS display
	FROM (SELECT group_id, user_id FROM group_users WHERE group_id IN (?) LIMIT 2001) AS m
	JOIN users AS u ON u.id = m.user_id
	UNION ALL
	SELECT m.group_id AS group_id, g.id AS id, 'Group' AS type,
		g.display_name AS name, g.display_name AS display
	FROM (SELECT group_id, child_id FROM group_groups WHERE group_id IN (?) LIMIT 2001) AS m
	JOIN groups AS g ON g.id = m.child_id`

	selectUserMembers = `SELECT m.group_id AS group_id, u.id AS id, 'User' AS type,
		u.user_name AS name, u.display AS display
	FROM (SELECT group_id, user_id FROM group_users
		WHERE group_id = ? AND user_id > ? ORDER BY user_id LIMIT 2000) AS m
	JOIN users AS u ON u.id = m.user_id ORDER BY m.user_id`

	selectGroupMembers = `SELECT m.group_id AS group_id, g.id AS id, 'Group' AS type,
		g.display_name AS name, g.display_name AS display
	FROM (SELECT group_id, child_id FROM group_groups
		WHERE group_id = ? AND child_id > ? ORDER BY child_id LIMIT 2000) AS m
	JOIN groups AS g ON g.id = m.child_id ORDER BY m.child_id`
)

// fewMembers returns all members of groups, unless there are too many.
func (s *Store) fewMembers(
	ctx context.Context, groupIDs []string,
) (list []memberRow, all bool, err error) {
	if err := s.db.List(ctx, &list, selectFewMembers, groupIDs, groupIDs); err != nil ||
		len(list) > membersAtOnce {
		return nil, false, err
	}
	at := make(map[string]int, len(groupIDs))
	for i, id := range groupIDs {
		at[id] = i
	}
	slices.SortFunc(list, func(a, b memberRow) int {
		return cmp.Or(at[a.GroupID]-at[b.GroupID], -strings.Compare(a.Type, b.Type),
			strings.Compare(a.ID, b.ID))
	})
	return list, true, nil
}

// manyMembers reads the members of each group in parts.
func (s *Store) manyMembers(
	ctx context.Context, groupIDs []string, yield func(string, provisioning.Member) error,
) error {
	for _, groupID := range groupIDs {
		for _, query := range []string{selectUserMembers, selectGroupMembers} {
			for after := uuid.Nil.String(); after != ""; {
				var list []memberRow
				if err := s.db.List(ctx, &list, query, groupID, after); err != nil {
					return err
				}
				if err := each(list, yield); err != nil {
					return err
				}
				after = ""
				if len(list) == membersAtOnce {
					after = list[len(list)-1].ID
				}
			}
		}
	}
	return nil
}

// CreateGroup writes a new group with its members.
func (s *Store) CreateGroup(
	ctx context.Context, g *provisioning.Group, c provisioning.MemberChange,
	entry provisioning.EntryFunc,
) error {
	err := s.change(ctx, g.InstanceID, func(t *tx) error {
		_, err := t.Exec(ctx,
			`INSERT INTO groups (id, instance_id, display_name, display_name_key, external_id,
				source, resource, search, version, created, modified)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			g.ID, g.InstanceID, g.DisplayName, g.DisplayNameKey, null(g.ExternalID),
			string(g.Source), string(g.Text), string(g.Search),
			g.Version, millis(g.Created), millis(g.Modified))
		if err != nil {
			return err
		}
		added, err := t.addMembers(ctx, g, c.Add)
		if err != nil {
			return err
		}
		return t.append(entry(added, nil))
	})
	if err != nil && s.db.Dangling(err) {
		err = fmt.Errorf("%w: one was deleted at this moment", provisioning.ErrNoMember)
	}
	return s.displayNameTaken(err)
}

func (s *Store) displayNameTaken(err error) error {
	if err != nil && s.taken(err) == "groups_display_name" {
		return provisioning.ErrDisplayNameTaken
	}
	return err
}

// UpdateGroup changes a group, its members, or both.
func (s *Store) UpdateGroup(
	ctx context.Context, u provisioning.GroupUpdate,
) (changed bool, err error) {
	g := u.Group
	version := g.Version
	j := &job{
		alone: u.Rewrite || u.Members.Clear ||
			len(u.Members.Add)+len(u.Members.Remove) > fewMembers,
		rest: func(t *tx) (err error) {
			changed, err = t.updateGroup(ctx, u, version)
			return err
		},
		means: func(err error) error {
			if s.db.Dangling(err) || errors.Is(err, sql.ErrNoRows) {
				err = provisioning.ErrChanged // the group, or a member, is gone
			}
			return s.displayNameTaken(err)
		},
	}
	if !j.alone {
		j.needs = func(n *needs) { n.members(u) }
		j.plan = func(b *batch) (err error) {
			changed, err = b.changeMembers(u, version)
			return err
		}
	}
	err = s.write(ctx, g.InstanceID, j)
	return changed, err
}

// updateGroup changes a group in a transaction of its own.
func (t *tx) updateGroup(
	ctx context.Context, u provisioning.GroupUpdate, version int64,
) (changed bool, err error) {
	g := u.Group
	switch {
	case u.Rewrite:
		err = t.rewriteGroup(ctx, g, version)
	case u.Exact:
		err = t.holdGroup(ctx, g, version)
	}
	if err != nil {
		return false, err
	}
	removed, err := t.removeMembers(ctx, g.ID, u.Members)
	if err != nil {
		return false, err
	}
	added, err := t.addMembers(ctx, g, u.Members.Add)
	if err != nil {
		return false, err
	}
	changed = u.Rewrite || len(added)+len(removed) > 0
	if !changed {
		return false, nil
	}
	if !u.Rewrite {
		if err := t.Run(ctx, touchGroup(g)); err != nil {
			return false, err
		}
	}
	return true, t.append(u.Entry(added, removed))
}

// holdGroup keeps a group at a version until the transaction ends.
func (t *tx) holdGroup(ctx context.Context, g *provisioning.Group, version int64) error {
	var versions []int64
	err := t.List(ctx, &versions,
		"SELECT version FROM groups WHERE id = ? AND (instance_id = ?) IS TRUE FOR UPDATE",
		g.ID, g.InstanceID)
	if err == nil && (len(versions) == 0 || versions[0] != version) {
		err = provisioning.ErrChanged
	}
	return err
}

// rewriteGroup writes the group's own attributes.
func (t *tx) rewriteGroup(ctx context.Context, g *provisioning.Group, version int64) error {
	n, err := t.Exec(ctx,
		`UPDATE groups SET display_name = ?, display_name_key = ?, external_id = ?, source = ?,
			resource = ?, search = ?, version = version + 1, modified = ?
			WHERE id = ? AND (instance_id = ?) IS TRUE AND version = ?`,
		g.DisplayName, g.DisplayNameKey, null(g.ExternalID), string(g.Source), string(g.Text),
		string(g.Search),
		millis(g.Modified), g.ID, g.InstanceID, version)
	if err == nil && n == 0 {
		err = provisioning.ErrChanged
	}
	g.Version = version + 1
	return err
}

// touchGroup gives a group whose members change its next version.
func touchGroup(g *provisioning.Group) engine.Statement {
	return engine.Statement{
		Query: `UPDATE groups SET version = version + 1, modified = ?
			WHERE id = ? AND (instance_id = ?) IS TRUE RETURNING version`,
		Args: []any{millis(g.Modified), g.ID, g.InstanceID}, Read: engine.One(&g.Version),
	}
}
