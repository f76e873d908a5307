package store

import "muster/server/store/engine"

// What is written by the thousand has a statement for each engine; see
// [engine.Insertion].

// columnVersion and columnModified are the places of these columns in what
// columnsOf returns: the columns of users behind the manager.
const columnVersion, columnModified = 17, 19

var insertUsers = engine.Insertion{
	Postgres: insertUsersPostgres, SQLite: insertUsersSQLite, Types: userTypes,
}

// importUsers leaves out who has a name that is taken, and returns the others.
var importUsers = engine.Insertion{
	Postgres: insertUsersPostgres + " ON CONFLICT DO NOTHING RETURNING id",
	SQLite:   insertUsersSQLite + " ON CONFLICT DO NOTHING RETURNING id",
	Types:    userTypes,
}

const insertUsersPostgres = `INSERT INTO users (
	id, instance_id, manager_id, user_name, display, user_name_key, external_id, email_key,
	display_name_key, family_name_key, given_name_key, active, integration, role, source,
	manager_ref, manager_key, resource, search, fields, version, created, modified)
SELECT * FROM unnest(
	CAST(? AS uuid[]), CAST(? AS uuid[]), CAST(? AS uuid[]), CAST(? AS text[]),
	CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]),
	CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS boolean[]),
	CAST(? AS boolean[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]),
	CAST(? AS text[]), CAST(? AS text[]), CAST(? AS jsonb[]), CAST(? AS text[]),
	CAST(? AS bigint[]), CAST(? AS bigint[]), CAST(? AS bigint[]))`

const insertUsersSQLite = `INSERT INTO users (
	id, instance_id, manager_id, user_name, display, user_name_key, external_id, email_key,
	display_name_key, family_name_key, given_name_key, active, integration, role, source,
	manager_ref, manager_key, resource, search, fields, version, created, modified)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

var userTypes = []string{
	"uuid", "uuid", "uuid", "text", "text", "text", "text", "text", "text", "text", "text",
	"boolean", "boolean", "text", "text", "text", "text", "text", "jsonb", "text", "bigint",
	"bigint", "bigint",
}

var insertHistory = engine.Insertion{
	Postgres: `INSERT INTO history (
	id, instance_id, at, actor_kind, actor_name, key_id, request_id, client, address, action,
	target_type, target_id, target_name, outcome, status, scim_type, detail, changes,
	event, content_hash, seq, link)
SELECT * FROM unnest(
	CAST(? AS uuid[]), CAST(? AS uuid[]), CAST(? AS bigint[]), CAST(? AS text[]),
	CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]),
	CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]),
	CAST(? AS text[]), CAST(? AS text[]), CAST(? AS integer[]), CAST(? AS text[]),
	CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]),
	CAST(? AS bigint[]), CAST(? AS text[]))`,
	SQLite: `INSERT INTO history (
	id, instance_id, at, actor_kind, actor_name, key_id, request_id, client, address, action,
	target_type, target_id, target_name, outcome, status, scim_type, detail, changes,
	event, content_hash, seq, link)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
	Types: []string{
		"uuid", "uuid", "bigint", "text", "text", "text", "text", "text", "text", "text", "text",
		"text", "text", "text", "integer", "text", "text", "text", "text", "text", "bigint",
		"text",
	},
}

var insertMembers = engine.Insertion{
	Postgres: `INSERT INTO group_users (group_id, user_id)
SELECT * FROM unnest(CAST(? AS uuid[]), CAST(? AS uuid[]))`,
	SQLite: "INSERT INTO group_users (group_id, user_id) VALUES (?, ?)",
	Types:  []string{"uuid", "uuid"},
}

// insertChildren leaves out the groups that are in the group, and returns the
// others.
var insertChildren = engine.Insertion{
	Postgres: `INSERT INTO group_groups (group_id, child_id)
SELECT * FROM unnest(CAST(? AS uuid[]), CAST(? AS uuid[]))
ON CONFLICT DO NOTHING RETURNING child_id`,
	SQLite: `INSERT INTO group_groups (group_id, child_id) VALUES (?, ?)
ON CONFLICT DO NOTHING RETURNING child_id`,
	Types: []string{"uuid", "uuid"},
}
