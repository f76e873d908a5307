package store

import (
	"context"

	"muster/server/store/engine"
	"muster/server/store/migrations"
)

// ErrNoFile says that the database is not a file that could be copied.
var ErrNoFile = engine.ErrNoFile

// Backup copies the database of SQLite into a new file, as it is at one
// moment; others may read and write meanwhile. The file appears under its name
// when it is whole and was checked.
func (s *Store) Backup(ctx context.Context, to string) error {
	return s.db.Backup(ctx, to, migrations.CheckFile)
}

// Restore makes the database file at a path, which must not exist, of a
// backup.
func Restore(ctx context.Context, backup, to string) error {
	return engine.Restore(ctx, backup, to, migrations.CheckFile)
}
