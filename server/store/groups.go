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

	"muster/server/history"
	"muster/server/provisioning"
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

const groupColumns = "id, instance_id, display_name, display_name_key, external_id, source, resource, version, created, modified"

const selectGroup = "SELECT " + groupColumns + " FROM groups "

func (r *groupRow) scan(from rows) error {
	return from.Scan(&r.ID, &r.InstanceID, &r.DisplayName, &r.DisplayNameKey, &r.ExternalID, &r.Source, &r.Resource, &r.Version, &r.Created, &r.Modified, &r.SortValue)
}

func (r *groupRow) group() *provisioning.Group {
	return &provisioning.Group{
		ID: r.ID, InstanceID: r.InstanceID, DisplayName: r.DisplayName, DisplayNameKey: r.DisplayNameKey,
		ExternalID: r.ExternalID.String, Text: r.Resource, Source: provisioning.Source(r.Source),
		Version: r.Version, Created: fromMillis(r.Created), Modified: fromMillis(r.Modified),
	}
}

// Group returns a group of the instance.
func (s *Store) Group(ctx context.Context, instanceID, id string) (*provisioning.Group, error) {
	var r groupRow
	err := s.quick(ctx, statement{query: selectGroup + "WHERE id = ? AND instance_id = ?", args: []any{id, instanceID}, read: one(&r)})
	if err != nil {
		return nil, notFound(err)
	}
	return r.group(), nil
}

// Groups returns a page of groups, and how many there are on all pages.
func (s *Store) Groups(ctx context.Context, q provisioning.Query) ([]*provisioning.Group, provisioning.Page, error) {
	rows, page, err := readPage(ctx, s, q, pageOf[groupRow]{
		kind: s.groupKind, where: "WHERE instance_id = ?", args: []any{q.InstanceID}, columns: groupColumns, scan: (*groupRow).scan, position: (*groupRow).position,
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
func (s *Store) Members(ctx context.Context, groupIDs []string, yield func(string, provisioning.Member) error) error {
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

// userMembers and groupMembers return the query for the members of groups
// that a condition on the table of members chooses, at most limit of them. The
// limit stands inside: it tells the database that there are few, so that it
// looks each of them up, and does not read all users.
func userMembers(condition string, limit int) string {
	return fmt.Sprintf(`SELECT m.group_id AS group_id, u.id AS id, 'User' AS type, u.user_name AS name, u.display AS display
		FROM (SELECT group_id, user_id FROM group_users WHERE %s LIMIT %d) AS m JOIN users AS u ON u.id = m.user_id`, condition, limit)
}

func groupMembers(condition string, limit int) string {
	return fmt.Sprintf(`SELECT m.group_id AS group_id, g.id AS id, 'Group' AS type, g.display_name AS name, g.display_name AS display
		FROM (SELECT group_id, child_id FROM group_groups WHERE %s LIMIT %d) AS m JOIN groups AS g ON g.id = m.child_id`, condition, limit)
}

// fewMembers returns all members of groups, unless there are too many.
func (s *Store) fewMembers(ctx context.Context, groupIDs []string) (list []memberRow, all bool, err error) {
	const more = membersAtOnce + 1
	query := userMembers("group_id IN (?)", more) + " UNION ALL " + groupMembers("group_id IN (?)", more)
	if err := s.list(ctx, &list, query, groupIDs, groupIDs); err != nil || len(list) > membersAtOnce {
		return nil, false, err
	}
	at := make(map[string]int, len(groupIDs))
	for i, id := range groupIDs {
		at[id] = i
	}
	slices.SortFunc(list, func(a, b memberRow) int {
		return cmp.Or(at[a.GroupID]-at[b.GroupID], -strings.Compare(a.Type, b.Type), strings.Compare(a.ID, b.ID))
	})
	return list, true, nil
}

// manyMembers reads the members of each group in parts.
func (s *Store) manyMembers(ctx context.Context, groupIDs []string, yield func(string, provisioning.Member) error) error {
	for _, groupID := range groupIDs {
		for _, query := range []string{
			userMembers("group_id = ? AND user_id > ? ORDER BY user_id", membersAtOnce) + " ORDER BY m.user_id",
			groupMembers("group_id = ? AND child_id > ? ORDER BY child_id", membersAtOnce) + " ORDER BY m.child_id",
		} {
			for after := uuid.Nil.String(); after != ""; {
				var list []memberRow
				if err := s.list(ctx, &list, query, groupID, after); err != nil {
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
func (s *Store) CreateGroup(ctx context.Context, g *provisioning.Group, c provisioning.MemberChange, entry provisioning.EntryFunc) error {
	err := s.update(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `INSERT INTO groups (id, instance_id, display_name, display_name_key, external_id, source, resource, search, version, created, modified)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			g.ID, g.InstanceID, g.DisplayName, g.DisplayNameKey, null(g.ExternalID), string(g.Source), string(g.Text), string(g.Search),
			g.Version, millis(g.Created), millis(g.Modified))
		if err != nil {
			return err
		}
		added, err := t.addMembers(ctx, g, c.Add)
		if err != nil {
			return err
		}
		return t.append(ctx, entry(added, nil))
	})
	if err != nil && s.d.dangling(err) {
		err = fmt.Errorf("%w: one was deleted at this moment", provisioning.ErrNoMember)
	}
	return s.displayNameTaken(err)
}

func (s *Store) displayNameTaken(err error) error {
	if err != nil && s.d.taken(err) == "groups_display_name" {
		return provisioning.ErrDisplayNameTaken
	}
	return err
}

// UpdateGroup changes a group, its members, or both.
func (s *Store) UpdateGroup(ctx context.Context, u provisioning.GroupUpdate) (changed bool, err error) {
	g := u.Group
	version := g.Version
	err = s.update(ctx, func(t *tx) error {
		changed = false
		switch {
		case u.Rewrite:
			err = t.rewriteGroup(ctx, g, version)
		case u.Exact:
			err = t.holdGroup(ctx, g, version)
		}
		if err != nil {
			return err
		}
		removed, err := t.removeMembers(ctx, g.ID, u.Members)
		if err != nil {
			return err
		}
		added, err := t.addMembers(ctx, g, u.Members.Add)
		if err != nil {
			return err
		}
		changed = u.Rewrite || len(added)+len(removed) > 0
		if !changed {
			return nil
		}
		last, err := insertEntries([]*history.Entry{u.Entry(added, removed)})
		if err != nil {
			return err
		}
		if !u.Rewrite {
			// At the very end: until it is committed, all others who change
			// members of the group wait for this row.
			last = append(last, touchGroup(g))
		}
		return t.finish(ctx, last)
	})
	if err != nil && (s.d.dangling(err) || errors.Is(err, sql.ErrNoRows)) {
		err = provisioning.ErrChanged // the group, or a member, is gone
	}
	return changed, s.displayNameTaken(err)
}

// holdGroup keeps a group at a version until the transaction ends.
func (t *tx) holdGroup(ctx context.Context, g *provisioning.Group, version int64) error {
	var versions []int64
	err := t.list(ctx, &versions, "SELECT version FROM groups WHERE id = ? AND instance_id = ?"+t.d.forUpdate, g.ID, g.InstanceID)
	if err == nil && (len(versions) == 0 || versions[0] != version) {
		err = provisioning.ErrChanged
	}
	return err
}

// rewriteGroup writes the group's own attributes.
func (t *tx) rewriteGroup(ctx context.Context, g *provisioning.Group, version int64) error {
	n, err := t.exec(ctx, `UPDATE groups SET display_name = ?, display_name_key = ?, external_id = ?, source = ?, resource = ?, search = ?,
		version = version + 1, modified = ? WHERE id = ? AND instance_id = ? AND version = ?`,
		g.DisplayName, g.DisplayNameKey, null(g.ExternalID), string(g.Source), string(g.Text), string(g.Search),
		millis(g.Modified), g.ID, g.InstanceID, version)
	if err == nil && n == 0 {
		err = provisioning.ErrChanged
	}
	g.Version = version + 1
	return err
}

// touchGroup gives a group whose members change its next version.
func touchGroup(g *provisioning.Group) statement {
	return statement{
		query: "UPDATE groups SET version = version + 1, modified = ? WHERE id = ? AND instance_id = ? RETURNING version",
		args:  []any{millis(g.Modified), g.ID, g.InstanceID}, read: one(&g.Version),
	}
}

// addMembers adds users and groups of the instance to a group, and returns
// those who were not in it before.
func (t *tx) addMembers(ctx context.Context, g *provisioning.Group, ids []string) ([]provisioning.Member, error) {
	var added []provisioning.Member
	err := chunks(ids, func(ids []string) error {
		rest, users, err := t.addUsers(ctx, g, ids)
		added = append(added, users...)
		if err != nil || len(rest) == 0 {
			return err
		}
		children, err := t.children(ctx, g, rest)
		if err != nil {
			return err
		}
		groups, err := t.addChildren(ctx, g.ID, children)
		if err != nil {
			return err
		}
		added = append(added, groups...)
		return t.checkCycle(ctx, g.ID)
	})
	return added, err
}

// addUsers adds those of ids who are users, in one round trip, and returns
// the rest.
func (t *tx) addUsers(ctx context.Context, g *provisioning.Group, ids []string) (rest []string, added []provisioning.Member, err error) {
	const chosen = " FROM users AS u WHERE u.instance_id = ? AND NOT u.integration AND u.id IN (?)"
	var found []memberRow
	var inserted []string
	find, err := in("SELECT u.id AS id, 'User' AS type, u.user_name AS name"+chosen, g.InstanceID, ids)
	if err != nil {
		return nil, nil, err
	}
	find.read = all(&found)
	insert, err := in("INSERT INTO group_users (group_id, user_id) SELECT CAST(? AS "+t.d.castType("uuid")+"), u.id"+chosen+" ON CONFLICT DO NOTHING RETURNING user_id", g.ID, g.InstanceID, ids)
	if err != nil {
		return nil, nil, err
	}
	insert.read = all(&inserted)
	if err := t.run(ctx, find, insert); err != nil {
		return nil, nil, err
	}
	return withoutRows(ids, found), newMembers(found, inserted), nil
}

// newMembers returns the rows that were inserted.
func newMembers(rows []memberRow, inserted []string) []provisioning.Member {
	isNew := set(inserted)
	var added []provisioning.Member
	for _, r := range rows {
		if isNew[r.ID] {
			added = append(added, r.member())
		}
	}
	return added
}

// children returns the groups among ids, all of which must be some. It locks
// the instance: two groups that are put into each other at the same moment
// would not see it.
func (t *tx) children(ctx context.Context, g *provisioning.Group, ids []string) ([]memberRow, error) {
	var locked []string
	if err := t.list(ctx, &locked, "SELECT id FROM instances WHERE id = ?"+t.d.forUpdate, g.InstanceID); err != nil {
		return nil, err
	}
	var found []memberRow
	err := t.list(ctx, &found, "SELECT id, 'Group' AS type, display_name AS name FROM groups WHERE instance_id = ? AND id IN (?)", g.InstanceID, ids)
	if err != nil {
		return nil, err
	}
	if rest := withoutRows(ids, found); len(rest) > 0 {
		return nil, fmt.Errorf("%w: there is no user or group with the id %q in this instance", provisioning.ErrNoMember, rest[0])
	}
	return found, nil
}

func (t *tx) checkCycle(ctx context.Context, groupID string) error {
	var n int
	err := t.get(ctx, &n, `WITH RECURSIVE down (id) AS (
			SELECT child_id FROM group_groups WHERE group_id = ?
			UNION
			SELECT gg.child_id FROM down JOIN group_groups AS gg ON gg.group_id = down.id)
		SELECT count(*) FROM down WHERE id = ?`, groupID, groupID)
	if err == nil && n > 0 {
		err = provisioning.ErrCycle
	}
	return err
}

func withoutRows(ids []string, rows []memberRow) []string {
	found := make(map[string]bool, len(rows))
	for _, r := range rows {
		found[r.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return found[id] })
}

// addChildren adds groups to a group, and returns those that were not in it.
func (t *tx) addChildren(ctx context.Context, groupID string, children []memberRow) ([]provisioning.Member, error) {
	rows := make([][]any, len(children))
	for i, c := range children {
		rows[i] = []any{groupID, c.ID}
	}
	var inserted []string
	err := t.list(ctx, &inserted, "INSERT INTO group_groups (group_id, child_id) VALUES "+tuples(rows)+" ON CONFLICT DO NOTHING RETURNING child_id", slices.Concat(rows...)...)
	return newMembers(children, inserted), err
}

// removeMembers removes members from a group, and returns those who were in
// it.
func (t *tx) removeMembers(ctx context.Context, groupID string, c provisioning.MemberChange) ([]provisioning.Member, error) {
	ids := c.Remove
	if c.Clear {
		var present []string
		err := t.list(ctx, &present, "SELECT user_id FROM group_users WHERE group_id = ? UNION ALL SELECT child_id FROM group_groups WHERE group_id = ?", groupID, groupID)
		if err != nil {
			return nil, err
		}
		ids = difference(present, c.Add)
	}
	var removed []provisioning.Member
	err := chunks(ids, func(ids []string) error {
		users, err := removal("User", "group_users", "user_id", "(SELECT u.user_name FROM users AS u WHERE u.id = user_id)", groupID, ids, &removed)
		if err != nil {
			return err
		}
		groups, err := removal("Group", "group_groups", "child_id", "(SELECT g.display_name FROM groups AS g WHERE g.id = child_id)", groupID, ids, &removed)
		if err != nil {
			return err
		}
		return t.run(ctx, users, groups)
	})
	return removed, err
}

// removal returns the statement that removes members of one kind, and appends
// those who were in the group to a list.
func removal(kind, table, column, name, groupID string, ids []string, to *[]provisioning.Member) (statement, error) {
	st, err := in("DELETE FROM "+table+" WHERE group_id = ? AND "+column+" IN (?) RETURNING "+column+" AS id, '"+kind+"' AS type, "+name+" AS name", groupID, ids)
	st.read = func(r rows) error {
		var list []memberRow
		err := all(&list)(r)
		for _, m := range list {
			*to = append(*to, m.member())
		}
		return err
	}
	return st, err
}

// difference returns the strings in a that are not in b.
func difference(a, b []string) []string {
	in := set(b)
	return slices.DeleteFunc(a, func(s string) bool { return in[s] })
}

func set(list []string) map[string]bool {
	in := make(map[string]bool, len(list))
	for _, s := range list {
		in[s] = true
	}
	return in
}

// DeleteGroup deletes a group; its members stay.
func (s *Store) DeleteGroup(ctx context.Context, g *provisioning.Group, version int64, e *history.Entry) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.exec(ctx, `UPDATE groups SET version = version + 1, modified = ?
			WHERE id IN (SELECT group_id FROM group_groups WHERE child_id = ?)`, millis(e.Time), g.ID)
		if err != nil {
			return err
		}
		n, err := t.exec(ctx, "DELETE FROM groups WHERE id = ? AND instance_id = ? AND version = ?", g.ID, g.InstanceID, version)
		if err != nil {
			return err
		}
		if n == 0 {
			return provisioning.ErrChanged
		}
		return t.append(ctx, e)
	})
}
