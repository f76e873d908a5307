package store

import "muster/server/store/engine"

// memberships returns the SQL for the groups of a row of users, as a JSON
// array: whether a group is in another one stands with it, so that those by
// which a user is in others are looked for only where there are some.
func memberships(d *engine.Dialect) string {
	if d.Postgres {
		return membershipsPostgres
	}
	return membershipsSQLite
}

const membershipsPostgres = `(SELECT json_agg(json_build_object(
		'id', g.id, 'display', g.display_name,
		'nested', CASE WHEN EXISTS (SELECT 1 FROM group_groups AS gg WHERE gg.child_id = g.id)
			THEN 1 ELSE 0 END))
		FROM group_users AS gu JOIN groups AS g ON g.id = gu.group_id WHERE gu.user_id = users.id)`

const membershipsSQLite = `(SELECT json_group_array(json_object(
		'id', g.id, 'display', g.display_name,
		'nested', CASE WHEN EXISTS (SELECT 1 FROM group_groups AS gg WHERE gg.child_id = g.id)
			THEN 1 ELSE 0 END))
		FROM group_users AS gu JOIN groups AS g ON g.id = gu.group_id WHERE gu.user_id = users.id)`

// membershipsOf returns a query for the groups of the users whose ids a query
// gives. On PostgreSQL each of them is looked up by itself: without the fences
// it may read the memberships, or the groups, of all instances to join them.
func membershipsOf(d *engine.Dialect, ids string) string {
	if !d.Postgres {
		return `SELECT gu.user_id, g.id, g.display_name,
			EXISTS (SELECT 1 FROM group_groups AS gg WHERE gg.child_id = g.id) AS nested
			FROM group_users AS gu JOIN groups AS g ON g.id = gu.group_id
			WHERE gu.user_id IN (` + ids + ")"
	}
	return `SELECT chosen.id, g.id, g.display_name,
		EXISTS (SELECT 1 FROM group_groups AS gg WHERE gg.child_id = g.id) AS nested
		FROM (` + ids + `) AS chosen
		CROSS JOIN LATERAL (SELECT group_id FROM group_users
			WHERE user_id = chosen.id OFFSET 0) AS gu
		CROSS JOIN LATERAL (SELECT id, display_name FROM groups
			WHERE id = gu.group_id OFFSET 0) AS g`
}
