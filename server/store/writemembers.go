package store

import (
	"context"
	"fmt"
	"slices"

	"muster/server/provisioning"
	"muster/server/store/engine"
)

// fewMembers is how many members come and go in a batch at the most.
const fewMembers = 100

// members adds what a change of a group's members takes.
func (n *needs) members(u provisioning.GroupUpdate) {
	n.groups = append(n.groups, u.Group.ID)
	for _, list := range [][]string{u.Members.Add, u.Members.Remove} {
		for _, id := range list {
			n.others = append(n.others, id)
			n.links = append(n.links, []any{u.Group.ID, id})
		}
	}
}

// changeMembers decides on a change of members who are users. Members who are
// groups, or nobody, are left to a transaction.
func (b *batch) changeMembers(u provisioning.GroupUpdate, version int64) (changed bool, err error) {
	g := b.groups[u.Group.ID]
	if g == nil || !g.found || u.Exact && g.version != version {
		return false, provisioning.ErrChanged
	}
	added, err := b.whoIs(g, u.Members.Add, false)
	if err != nil {
		return false, err
	}
	removed, err := b.whoIs(g, u.Members.Remove, true)
	if err != nil || len(added)+len(removed) == 0 {
		return false, err
	}
	u.Group.Version = g.version + 1 // as touch makes it
	if err := b.history.append(u.Entry(added, removed)); err != nil {
		return false, err
	}
	for _, m := range added {
		b.presence(link{g.id, m.ID}).is = true
	}
	for _, m := range removed {
		b.presence(link{g.id, m.ID}).is = false
	}
	b.touch(g.id, u.Group.Modified)
	u.Group.Version = g.version
	return true, nil
}

// whoIs returns those of ids who are members of a group now, or are not.
func (b *batch) whoIs(
	g *group, ids []string, members bool,
) (list []provisioning.Member, err error) {
	for _, id := range ids {
		p := b.people[id]
		if p == nil || p.deleted || p.integration {
			return nil, errAlone
		}
		if b.presence(link{g.id, id}).is == members {
			list = append(list, provisioning.Member{ID: id, Type: "User", Name: p.userName})
		}
	}
	return list, nil
}

// presence returns what is known of a member.
func (b *batch) presence(l link) *presence {
	p := b.members[l]
	if p == nil {
		p = new(presence)
		b.members[l] = p
	}
	return p
}

// addMembers adds users and groups of the instance to a group, and returns
// those who were not in it before.
func (t *tx) addMembers(
	ctx context.Context, g *provisioning.Group, ids []string,
) ([]provisioning.Member, error) {
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

const (
	selectUsersOf = `SELECT u.id AS id, 'User' AS type, u.user_name AS name FROM users AS u
	WHERE (u.instance_id = ?) IS TRUE AND NOT u.integration AND u.id IN (?)`

	insertUsersOf = `INSERT INTO group_users (group_id, user_id)
	SELECT g.id, u.id FROM groups AS g, users AS u
	WHERE g.id = ? AND (u.instance_id = ?) IS TRUE AND NOT u.integration AND u.id IN (?)
	ON CONFLICT DO NOTHING RETURNING user_id`
)

// addUsers adds those of ids who are users, in one round trip, and returns
// the rest.
func (t *tx) addUsers(
	ctx context.Context, g *provisioning.Group, ids []string,
) (rest []string, added []provisioning.Member, err error) {
	var found []memberRow
	var inserted []string
	find, err := engine.In(selectUsersOf, g.InstanceID, ids)
	if err != nil {
		return nil, nil, err
	}
	find.Read = engine.All(&found)
	insert, err := engine.In(insertUsersOf, g.ID, g.InstanceID, ids)
	if err != nil {
		return nil, nil, err
	}
	insert.Read = engine.All(&inserted)
	if err := t.Run(ctx, find, insert); err != nil {
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

// children returns the groups among ids, all of which must be some.
func (t *tx) children(
	ctx context.Context, g *provisioning.Group, ids []string,
) ([]memberRow, error) {
	var found []memberRow
	err := t.List(ctx, &found,
		`SELECT id, 'Group' AS type, display_name AS name FROM groups
			WHERE (instance_id = ?) IS TRUE AND id IN (?)`, g.InstanceID, ids)
	if err != nil {
		return nil, err
	}
	if rest := withoutRows(ids, found); len(rest) > 0 {
		return nil, fmt.Errorf("%w: there is no user or group with the id %q in this instance",
			provisioning.ErrNoMember, rest[0])
	}
	return found, nil
}

func (t *tx) checkCycle(ctx context.Context, groupID string) error {
	var n int
	err := t.Get(ctx, &n, `WITH RECURSIVE down (id) AS (
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
func (t *tx) addChildren(
	ctx context.Context, groupID string, children []memberRow,
) ([]provisioning.Member, error) {
	rows := make([][]any, len(children))
	for i, c := range children {
		rows[i] = []any{groupID, c.ID}
	}
	var inserted []string
	err := t.Run(ctx, t.Dialect.Insert(&insertChildren, rows, func(r engine.Rows) error {
		for r.Next() {
			var id string
			if err := r.Scan(&id); err != nil {
				return err
			}
			inserted = append(inserted, id)
		}
		return r.Err()
	})...)
	return newMembers(children, inserted), err
}

// removeMembers removes members from a group, and returns those who were in
// it.
func (t *tx) removeMembers(
	ctx context.Context, groupID string, c provisioning.MemberChange,
) ([]provisioning.Member, error) {
	ids := c.Remove
	if c.Clear {
		var present []string
		err := t.List(ctx, &present,
			`SELECT user_id FROM group_users WHERE group_id = ?
				UNION ALL SELECT child_id FROM group_groups WHERE group_id = ?`, groupID, groupID)
		if err != nil {
			return nil, err
		}
		ids = difference(present, c.Add)
	}
	var removed []provisioning.Member
	err := chunks(ids, func(ids []string) error {
		users, err := removal(deleteUserMembers, groupID, ids, &removed)
		if err != nil {
			return err
		}
		groups, err := removal(deleteGroupMembers, groupID, ids, &removed)
		if err != nil {
			return err
		}
		return t.Run(ctx, users, groups)
	})
	return removed, err
}

// These remove members of one kind, and tell who was in the group.
const (
	deleteUserMembers = `DELETE FROM group_users WHERE group_id = ? AND user_id IN (?)
	RETURNING user_id AS id, 'User' AS type,
		(SELECT u.user_name FROM users AS u WHERE u.id = user_id) AS name`

	deleteGroupMembers = `DELETE FROM group_groups WHERE group_id = ? AND child_id IN (?)
	RETURNING child_id AS id, 'Group' AS type,
		(SELECT g.display_name FROM groups AS g WHERE g.id = child_id) AS name`
)

// removal returns one of the statements above, which appends those who were in
// the group to a list.
func removal(
	query, groupID string, ids []string, to *[]provisioning.Member,
) (engine.Statement, error) {
	st, err := engine.In(query, groupID, ids)
	st.Read = func(r engine.Rows) error {
		var list []memberRow
		err := engine.All(&list)(r)
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
