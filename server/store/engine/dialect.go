package engine

import (
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Dialect holds what differs between the engines.
type Dialect struct {
	// Name is "PostgreSQL" or "SQLite".
	Name     string
	Postgres bool
	// begin begins a transaction that writes.
	begin string
}

// Dangling reports whether a write referred to a row that is gone.
func (d *Dialect) Dangling(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23503"
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}

// Refused reports whether the database has refused to do what it was asked
// for, and nothing of it is done.
func (d *Dialect) Refused(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) { // violated constraints, bad data, and rollbacks
		class := pg.Code[:min(2, len(pg.Code))]
		return slices.Contains([]string{"22", "23", "40"}, class) && pg.Code != "40003"
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_CONSTRAINT
}

// retryable reports whether a transaction that failed with err may succeed
// if it is run again: 40001 and 40P01 of PostgreSQL and its kin.
func (d *Dialect) retryable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code()&0xff == sqlite3.SQLITE_BUSY
	}
	return false
}

// timedOut reports whether PostgreSQL gave up what took longer than it may.
func (d *Dialect) timedOut(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "57014"
}

// Duplicate reports which unique constraint a write violated, or "". Of SQLite,
// which does not tell the name, it is the column, as in "users.user_name_key".
func (d *Dialect) Duplicate(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return pg.ConstraintName
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) && lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE {
		// As in "constraint failed: UNIQUE constraint failed: groups.instance_id,
		// groups.display_name_key (2067)".
		text := lite.Error()
		text = text[strings.LastIndexByte(text[:max(0, strings.LastIndex(text, " ("))], ' ')+1:]
		column, _, _ := strings.Cut(text, " (")
		return column
	}
	return ""
}
