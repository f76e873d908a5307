package migrations

import "github.com/pressly/goose/v3"

// clients returns the migration.
func clients(postgres bool) *goose.Migration {
	statements := []string{
		`CREATE TABLE clients (
			id text PRIMARY KEY, instance_id ` + uuidType(postgres) +
			` NOT NULL REFERENCES instances (id), user_name text NOT NULL,
			key_set text NOT NULL, key_set_url text NOT NULL,
			created bigint NOT NULL, revoked bigint)`,
		"CREATE INDEX clients_instance ON clients (instance_id, id)",
		// An assertion is good for one token, at whatever server.
		"CREATE TABLE client_assertions (digest text PRIMARY KEY, until bigint NOT NULL)",
		"CREATE INDEX client_assertions_until ON client_assertions (until)",
		// The client for which a key was made, as its access token.
		"ALTER TABLE api_keys ADD COLUMN client_id text",
		"CREATE INDEX api_keys_client ON api_keys (client_id) WHERE client_id IS NOT NULL",
	}
	if postgres {
		statements = append(statements, wall("clients")...)
	}
	return steps(14, statements)
}
