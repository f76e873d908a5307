package engine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrNoFile says that the database is not a file that could be copied.
var ErrNoFile = errors.New("the database is no file of SQLite")

// Backup copies the database of SQLite into a new file, as it is at one
// moment; others may read and write meanwhile. The file appears under its name
// when it is whole and was checked.
func (db *DB) Backup(ctx context.Context, to string, check FileCheck) error {
	if db.sqlite == nil {
		return ErrNoFile
	}
	return fresh(to, func(partial string) error {
		// A reader's connection may not write, not even elsewhere.
		c, err := db.pool.Conn(ctx)
		if err != nil {
			return err
		}
		_, err = c.ExecContext(ctx, "VACUUM INTO ?", partial)
		if err = errors.Join(err, c.Close()); err != nil {
			return err
		}
		return checkFile(ctx, partial, check)
	})
}

// Restore makes the database file at a path, which must not exist, of a
// backup.
func Restore(ctx context.Context, backup, to string, check FileCheck) error {
	if _, err := os.Stat(backup); err != nil {
		return err
	}
	if err := checkFile(ctx, backup, check); err != nil {
		return err
	}
	for _, left := range []string{to + "-wal", to + "-shm"} {
		if _, err := os.Stat(left); err == nil {
			return fmt.Errorf("%s exists, of a database that was there: move it away first", left)
		}
	}
	return fresh(to, func(partial string) error {
		return onFile(backup, func(db *sql.DB) error {
			_, err := db.ExecContext(ctx, "VACUUM INTO ?", partial)
			return err
		})
	})
}

// fresh has a new file written beside its place, and then puts it there.
func fresh(path string, write func(partial string) error) error {
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%s exists: move it away first, or give another name", path)
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".muster-") // for its owner alone
	if err != nil {
		return err
	}
	partial := filepath.Join(dir, filepath.Base(path))
	err = write(partial)
	if err == nil {
		err = settle(partial)
	}
	if err == nil {
		err = os.Link(partial, path) // unlike Rename it replaces nothing
	}
	return errors.Join(err, os.RemoveAll(dir))
}

// settle makes a file its owner's alone, and has it on the disk.
func settle(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Sync(), f.Close())
}

// onFile opens a file of SQLite that nobody writes to.
func onFile(path string, f func(*sql.DB) error) error {
	db, err := sql.Open("sqlite", fileURL(path, "mode=ro").String())
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return errors.Join(f(db), db.Close())
}

// FileCheck looks at a database file, and returns an error if it is none of
// this program's.
type FileCheck func(ctx context.Context, file *sql.DB, path string) error

// checkFile returns an error unless a file is a whole database that passes a
// check.
func checkFile(ctx context.Context, path string, check FileCheck) error {
	return onFile(path, func(db *sql.DB) error {
		var result string
		err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&result)
		if err != nil {
			return fmt.Errorf("%s is no database: %w", path, err)
		}
		if result != "ok" {
			return fmt.Errorf("%s is damaged: %s", path, result)
		}
		return check(ctx, db, path)
	})
}
