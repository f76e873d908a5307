package migrations

import "github.com/pressly/goose/v3"

// events returns the migration: what the history tells listeners, the feeds that
// they listen to, and the keys that sign.
func events(postgres bool) *goose.Migration {
	id := uuidType(postgres)
	statements := []string{
		"ALTER TABLE history ADD COLUMN event text",
		// What is to be kept of each change for the feeds of the instance.
		"ALTER TABLE instances ADD COLUMN publishing text NOT NULL DEFAULT '{}'",
		// A feed is a position in the chain of its instance: all up to seq is done, and
		// of what is behind it those in acked. Who sends it is the owner, as long as the
		// beat goes on.
		`CREATE TABLE feeds (
			id text PRIMARY KEY, instance_id ` + id + ` NOT NULL REFERENCES instances (id),
			name text NOT NULL, setup text NOT NULL, token text NOT NULL,
			created bigint NOT NULL, paused bigint NOT NULL, epoch bigint NOT NULL,
			seq bigint NOT NULL, acked text NOT NULL, owner text NOT NULL, beat bigint NOT NULL,
			delivered bigint NOT NULL, delivered_at bigint NOT NULL,
			failures bigint NOT NULL, error text NOT NULL, error_at bigint NOT NULL)`,
		"CREATE UNIQUE INDEX feeds_name ON feeds (instance_id, name)",
		"CREATE INDEX feeds_owner ON feeds (owner)",
		`CREATE TABLE parked_events (
			feed_id text NOT NULL REFERENCES feeds (id) ON DELETE CASCADE,
			instance_id ` + id + ` NOT NULL, epoch bigint NOT NULL, seq bigint NOT NULL,
			at bigint NOT NULL, error text NOT NULL, PRIMARY KEY (feed_id, epoch, seq))`,
		`CREATE TABLE event_keys (
			id text PRIMARY KEY, private text NOT NULL, created bigint NOT NULL,
			retired bigint NOT NULL)`,
	}
	if postgres {
		for _, table := range []string{"feeds", "parked_events"} {
			statements = append(statements, wall(table)...)
		}
	}
	return steps(19, statements)
}
