package store

import (
	"slices"

	"muster/server/store/engine"
)

// These read each [person] that a batch needs. The instance stands in a form
// that no index serves: each of the statements has one index that makes it
// short, and the database must not take the one of the instance instead.
const (
	selectTargets = `SELECT id, user_name, user_name_key, display,
	COALESCE(external_id, ''), integration, version,
	COALESCE(CAST(manager_id AS text), ''), COALESCE(manager_ref, ''),
	COALESCE(manager_key, '')
	FROM users WHERE (instance_id = ?) IS TRUE
	AND id = ANY (CAST(? AS uuid[])) FOR UPDATE`

	selectOthers = `SELECT id, user_name, user_name_key, display,
	COALESCE(external_id, ''), integration, version,
	COALESCE(CAST(manager_id AS text), ''), COALESCE(manager_ref, ''),
	COALESCE(manager_key, '')
	FROM users WHERE (instance_id = ?) IS TRUE
	AND id = ANY (CAST(? AS uuid[]))`

	selectByName = `SELECT id, user_name, user_name_key, display,
	COALESCE(external_id, ''), integration, version,
	COALESCE(CAST(manager_id AS text), ''), COALESCE(manager_ref, ''),
	COALESCE(manager_key, '')
	FROM users WHERE (instance_id = ?) IS TRUE
	AND user_name_key = ANY (CAST(? AS text[]))`

	selectReports = `SELECT id, user_name, user_name_key, display,
	COALESCE(external_id, ''), integration, version,
	COALESCE(CAST(manager_id AS text), ''), COALESCE(manager_ref, ''),
	COALESCE(manager_key, '')
	FROM users WHERE (instance_id = ?) IS TRUE
	AND manager_id = ANY (CAST(? AS uuid[]))`

	selectWaiting = `SELECT id, user_name, user_name_key, display,
	COALESCE(external_id, ''), integration, version,
	COALESCE(CAST(manager_id AS text), ''), COALESCE(manager_ref, ''),
	COALESCE(manager_key, '')
	FROM users WHERE (instance_id = ?) IS TRUE
	AND manager_key = ANY (CAST(? AS text[])) AND manager_id IS NULL AND manager_key IS NOT NULL`
)

const selectLinksOf = `SELECT gu.group_id, gu.user_id, g.version, g.display_name,
	COALESCE(g.external_id, '') FROM group_users AS gu JOIN groups AS g ON g.id = gu.group_id
	WHERE gu.user_id = ANY (CAST(? AS uuid[]))`

const selectGroupVersions = `SELECT id, version, display_name, COALESCE(external_id, '')
	FROM groups
	WHERE (instance_id = ?) IS TRUE AND id = ANY (CAST(? AS uuid[])) FOR UPDATE`

// reads returns the statements that read what the batch needs.
func (b *batch) reads(d *engine.Dialect) []engine.Statement {
	var list []engine.Statement
	read := func(query string, values []string, rows func(engine.Rows) error, args ...any) {
		if len(values) > 0 {
			args = append(args, unique(values))
			list = append(list, engine.Statement{Query: query, Args: args, Read: rows})
		}
	}
	read(selectClaims, b.claims, b.readClaims)
	// Servers of older versions do not know the lock of the chain, but that of
	// the targets.
	read(selectTargets, b.targets, b.readPeople, b.instanceID)
	read(selectOthers, b.others, b.readPeople, b.instanceID)
	read(selectByName, b.names, b.readPeople, b.instanceID)
	read(selectReports, b.leavers, b.readPeople, b.instanceID)
	read(selectWaiting, b.arrivals, b.readPeople, b.instanceID)
	if len(b.externalIDs) > 0 {
		list = append(list, b.byExternalID(d))
	}
	read(selectLinksOf, b.leavers, b.readGroupLinks)
	read(selectGroupVersions, b.needs.groups, b.readGroups, b.instanceID)
	return append(list, b.readPresence(d)...)
}

// These read people by their external ids. Other instances have the same ones,
// so that the index holds the instance. Several values at once would look
// dearer to PostgreSQL than to read all of the instance, as long as it has no
// statistics.
const (
	selectByExternalIDPostgres = `SELECT p.* FROM unnest(CAST(? AS text[])) AS v(external_id),
	LATERAL (SELECT id, user_name, user_name_key, display, external_id, integration, version,
			COALESCE(CAST(manager_id AS text), ''), COALESCE(manager_ref, ''),
			COALESCE(manager_key, '')
		FROM users AS u WHERE u.external_id = v.external_id AND u.instance_id = ? OFFSET 0) AS p`

	selectByExternalIDSQLite = `SELECT id, user_name, user_name_key, display,
	COALESCE(external_id, ''), integration, version,
	COALESCE(CAST(manager_id AS text), ''), COALESCE(manager_ref, ''),
	COALESCE(manager_key, '')
	FROM users WHERE external_id = ANY (CAST(? AS text[])) AND instance_id = ?`
)

// byExternalID returns the statement that reads people by their external ids.
func (b *batch) byExternalID(d *engine.Dialect) engine.Statement {
	query := selectByExternalIDSQLite
	if d.Postgres {
		query = selectByExternalIDPostgres
	}
	return engine.Statement{
		Query: query, Args: []any{unique(b.externalIDs), b.instanceID}, Read: b.readPeople,
	}
}

func (b *batch) readPeople(r engine.Rows) error {
	for r.Next() {
		p := new(person)
		err := r.Scan(&p.id, &p.userName, &p.nameKey, &p.display, &p.externalID, &p.integration,
			&p.version,
			&p.managerID, &p.managerRef, &p.managerKey)
		if err != nil {
			return err
		}
		b.know(p)
	}
	return r.Err()
}

func (b *batch) readGroups(r engine.Rows) error {
	for r.Next() {
		g := &group{found: true}
		if err := r.Scan(&g.id, &g.version, &g.name, &g.externalID); err != nil {
			return err
		}
		b.groups[g.id] = g
	}
	return r.Err()
}

// readGroupLinks reads links with the groups that they are of.
func (b *batch) readGroupLinks(r engine.Rows) error {
	for r.Next() {
		g, l := &group{found: true}, link{}
		if err := r.Scan(&g.id, &l.user, &g.version, &g.name, &g.externalID); err != nil {
			return err
		}
		l.group = g.id
		b.groups[g.id], b.members[l] = g, &presence{was: true, is: true}
	}
	return r.Err()
}

func (b *batch) readLinks(r engine.Rows) error {
	for r.Next() {
		var l link
		if err := r.Scan(&l.group, &l.user); err != nil {
			return err
		}
		b.members[l] = &presence{was: true, is: true}
	}
	return r.Err()
}

// These find out which members are there.
const (
	selectPresencePostgres = `SELECT m.*
	FROM unnest(CAST(? AS uuid[]), CAST(? AS uuid[])) AS v(group_id, user_id),
	LATERAL (SELECT group_id, user_id FROM group_users AS gu
		WHERE gu.group_id = v.group_id AND gu.user_id = v.user_id LIMIT 1) AS m`

	selectPresenceSQLite = `SELECT group_id, user_id FROM group_users
	WHERE group_id = ? AND user_id = ?`
)

// readPresence returns the statements that find out which members are there.
func (b *batch) readPresence(d *engine.Dialect) []engine.Statement {
	if len(b.links) == 0 {
		return nil
	}
	if d.Postgres {
		return []engine.Statement{{
			Query: selectPresencePostgres,
			Args:  []any{engine.Texts(b.links, 0), engine.Texts(b.links, 1)}, Read: b.readLinks,
		}}
	}
	list := make([]engine.Statement, len(b.links))
	for i, l := range b.links {
		list[i] = engine.Statement{Query: selectPresenceSQLite, Args: l, Read: b.readLinks}
	}
	return list
}

// writes returns the statements that write the batch, but for its history.
func (b *batch) writes(d *engine.Dialect) []engine.Statement {
	var gone []string
	var created [][]any
	list := b.first
	for _, p := range b.changed {
		switch {
		case p.deleted && !p.created:
			gone = append(gone, p.id)
		case p.created && !p.deleted:
			created = append(created,
				slices.Concat([]any{p.id, b.instanceID, null(p.managerID)}, p.columns))
		}
	}
	if len(gone) > 0 {
		list = append(list, engine.Statement{
			Query: "DELETE FROM users WHERE id = ANY (CAST(? AS uuid[]))", Args: []any{gone},
		})
	}
	list = append(list, d.Insert(&insertUsers, created, nil)...)
	for _, p := range b.changed {
		if p.columns != nil && !p.created && !p.deleted {
			args := slices.Concat([]any{null(p.managerID)}, p.columns, []any{p.id})
			list = append(list, engine.Statement{Query: updateUser, Args: args})
		}
	}
	list = append(list, b.relinks()...)
	list = append(list, b.memberWrites(d)...)
	return append(list, b.more...)
}

const updateUser = `UPDATE users SET manager_id = ?,
	user_name = ?, display = ?, user_name_key = ?, external_id = ?, email_key = ?,
	display_name_key = ?, family_name_key = ?, given_name_key = ?,
	active = ?, integration = ?, role = ?, source = ?, manager_ref = ?, manager_key = ?,
	resource = ?, search = ?, fields = ?, version = ?, created = ?, modified = ? WHERE id = ?`

// relinks returns the statements for those of whom the manager changed, and
// nothing else.
func (b *batch) relinks() []engine.Statement {
	type change struct {
		manager         string
		steps, modified int64
	}
	var order []change
	ids := make(map[change][]string)
	for _, p := range b.changed {
		if p.columns != nil || p.deleted {
			continue
		}
		c := change{p.managerID, p.steps, p.modified}
		if ids[c] == nil {
			order = append(order, c)
		}
		ids[c] = append(ids[c], p.id)
	}
	var list []engine.Statement
	for _, c := range order {
		list = append(list, engine.Statement{
			Query: `UPDATE users SET manager_id = ?, version = version + ?, modified = ?
				WHERE id = ANY (CAST(? AS uuid[]))`,
			Args: []any{null(c.manager), c.steps, c.modified, ids[c]},
		})
	}
	return list
}

// memberWrites returns the statements for members and their groups.
func (b *batch) memberWrites(d *engine.Dialect) []engine.Statement {
	var list []engine.Statement
	removed := make(map[string][]string)
	for _, l := range b.sortedLinks(false) {
		if p := b.people[l.user]; p == nil || !p.deleted {
			removed[l.group] = append(removed[l.group], l.user)
		}
	}
	for _, groupID := range sortedKeys(removed) {
		list = append(list, engine.Statement{
			Query: `DELETE FROM group_users
				WHERE group_id = ? AND user_id = ANY (CAST(? AS uuid[]))`,
			Args: []any{groupID, removed[groupID]},
		})
	}
	var added [][]any
	for _, l := range b.sortedLinks(true) {
		added = append(added, []any{l.group, l.user})
	}
	list = append(list, d.Insert(&insertMembers, added, nil)...)
	for _, g := range b.touched {
		list = append(list, engine.Statement{
			Query: "UPDATE groups SET version = version + ?, modified = ? WHERE id = ?",
			Args:  []any{g.steps, g.modified, g.id},
		})
	}
	return list
}

func unique(values []string) []string {
	values = slices.Clone(values)
	slices.Sort(values)
	return slices.Compact(values)
}
