package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// newestVersion is the last migration that there is.
const newestVersion = 16

// ErrNoFile says that the database is not a file that could be copied.
var ErrNoFile = errors.New("the database is no file of SQLite")

// Backup copies the database of SQLite into a new file, as it is at one
// moment; others may read and write meanwhile. The file appears under its name
// when it is whole and was checked.
func (s *Store) Backup(ctx context.Context, to string) error {
	if s.lite == nil {
		return ErrNoFile
	}
	return fresh(to, func(partial string) error {
		// A reader's connection may not write, not even elsewhere.
		c, err := s.db.Conn(ctx)
		if err != nil {
			return err
		}
		_, err = c.ExecContext(ctx, "VACUUM INTO ?", partial)
		if err = errors.Join(err, c.Close()); err != nil {
			return err
		}
		return checkFile(ctx, partial)
	})
}

// Restore makes the database file at a path, which must not exist, of a
// backup.
func Restore(ctx context.Context, backup, to string) error {
	if _, err := os.Stat(backup); err != nil {
		return err
	}
	if err := checkFile(ctx, backup); err != nil {
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
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: "mode=ro"}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return errors.Join(f(db), db.Close())
}

// checkFile reports whether a file is a whole database of this program, of a
// version that it knows.
func checkFile(ctx context.Context, path string) error {
	return onFile(path, func(db *sql.DB) error {
		var result string
		if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&result); err != nil {
			return fmt.Errorf("%s is no database: %w", path, err)
		}
		if result != "ok" {
			return fmt.Errorf("%s is damaged: %s", path, result)
		}
		var schema int64
		if err := db.QueryRowContext(ctx, "SELECT max(version_id) FROM goose_db_version WHERE is_applied").Scan(&schema); err != nil {
			return fmt.Errorf("%s is a database, but not one of muster-server: %w", path, err)
		}
		if schema > newestVersion {
			return fmt.Errorf("%s has the schema %d, of a newer version of muster-server than this one, which knows %d", path, schema, newestVersion)
		}
		return nil
	})
}
