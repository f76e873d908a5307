package migrations

import "github.com/pressly/goose/v3"

// requests returns the migration: requests that are answered before they are done.
func requests(postgres bool) *goose.Migration {
	statements := []string{
		// Who does a request is the owner, as long as the beat goes on. Once it is
		// completed, the body is gone.
		`CREATE TABLE accepted_requests (
			txn text PRIMARY KEY,
			instance_id ` + uuidType(postgres) + ` NOT NULL REFERENCES instances (id),
			accepted bigint NOT NULL, completed bigint NOT NULL, place bigint NOT NULL,
			message text NOT NULL, body text NOT NULL, results text NOT NULL,
			owner text NOT NULL, beat bigint NOT NULL, claims bigint NOT NULL)`,
		`CREATE INDEX accepted_requests_open ON accepted_requests (instance_id, accepted)
			WHERE completed = 0`,
		`CREATE INDEX accepted_requests_completed ON accepted_requests (completed)
			WHERE completed <> 0`,
	}
	if postgres {
		statements = append(statements, wall("accepted_requests")...)
	}
	return steps(20, statements)
}
