// Package state is what the identity provider remembers between provisioning
// cycles: which account of an app is whose, what was sent last, what waits
// for approval, what failed, and the log. It is an SQLite file.
package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Status is the state of a user in the tab Users of an app.
type Status string

// The states. OneLogin's labels beyond Pending, Provisioned and Failed are
// not documented.
const (
	// Pending: an action waits for approval, or was cut off.
	Pending     Status = "pending"
	Provisioned Status = "provisioned"
	Suspended   Status = "suspended"
	Failed      Status = "failed"
	// Skipped: an administrator passed over the action that waited.
	Skipped Status = "skipped"
)

// Record is what is remembered of one user in one app.
type Record struct {
	// Key is the user's key in the directory.
	Key string `json:"key"`
	// UserName is the one that was sent last, or that was tried.
	UserName string `json:"userName"`
	Status   Status `json:"status"`
	// RemoteID is the id of the account at the application; empty while the
	// user has none.
	RemoteID string `json:"remoteId,omitempty"`
	// Active is whether the account was last sent as active.
	Active bool `json:"active,omitempty"`
	// Sent is the body that was sent last.
	Sent json.RawMessage `json:"sent,omitempty"`
	// Groups are the names of the groups into which the user was put.
	Groups []string `json:"groups,omitempty"`
	// Creating is set before an account is created and taken back when the
	// answer has come: after a cycle that was cut off, an account that is
	// found was made by it.
	Creating bool `json:"creating,omitempty"`
	// Waiting is the action that waits for approval.
	Waiting *Waiting `json:"waiting,omitempty"`
	// Failure says why the last attempt failed, and FailedAt what it was.
	Failure  string `json:"failure,omitempty"`
	FailedAt string `json:"failedAt,omitempty"`
}

// Waiting is an action in the approval queue.
type Waiting struct {
	Action string `json:"action"`
	// Print tells the same action on the same data from another one.
	Print    string `json:"print"`
	Approved bool   `json:"approved,omitempty"`
	Skipped  bool   `json:"skipped,omitempty"`
}

// Entry is a row of the provider's log.
type Entry struct {
	Time    time.Time `json:"time"`
	App     string    `json:"app"`
	User    string    `json:"user"`
	Outcome string    `json:"outcome"`
	Detail  string    `json:"detail,omitempty"`
}

// File is an open state file. It is safe for concurrent use.
type File struct{ db *sqlx.DB }

const schema = `
CREATE TABLE IF NOT EXISTS records (app TEXT NOT NULL, key TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (app, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, app TEXT NOT NULL, user TEXT NOT NULL, outcome TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS log_app ON log (app, id);
CREATE TABLE IF NOT EXISTS waves (rollout TEXT NOT NULL, position INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (rollout, position));
`

// Open opens a state file, and makes it if it is not there.
func Open(ctx context.Context, path string) (*File, error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()}
	u.RawQuery = "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_txlock=immediate"
	db, err := sqlx.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("the state file %s cannot be opened: %w", path, err), db.Close())
	}
	return &File{db}, nil
}

// Close closes the file.
func (f *File) Close() error { return f.db.Close() }

// Records returns what is remembered of the users of an app, by their keys.
func (f *File) Records(ctx context.Context, app string) (map[string]*Record, error) {
	var rows []string
	if err := f.db.SelectContext(ctx, &rows, "SELECT data FROM records WHERE app = ?", app); err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	records := make(map[string]*Record, len(rows))
	for _, row := range rows {
		r := &Record{}
		if err := json.Unmarshal([]byte(row), r); err != nil {
			return nil, fmt.Errorf("read state: %w", err)
		}
		records[r.Key] = r
	}
	return records, nil
}

// Save writes what is remembered of a user.
func (f *File) Save(ctx context.Context, app string, r *Record) error {
	data, err := json.Marshal(r)
	if err == nil {
		_, err = f.db.ExecContext(ctx, `INSERT INTO records (app, key, data) VALUES (?, ?, ?)
			ON CONFLICT (app, key) DO UPDATE SET data = excluded.data`, app, r.Key, string(data))
	}
	return wrap(err)
}

// Forget removes what is remembered of a user.
func (f *File) Forget(ctx context.Context, app, key string) error {
	_, err := f.db.ExecContext(ctx, "DELETE FROM records WHERE app = ? AND key = ?", app, key)
	return wrap(err)
}

// Log appends to the log.
func (f *File) Log(ctx context.Context, e Entry) error {
	_, err := f.db.ExecContext(ctx, "INSERT INTO log (at, app, user, outcome, detail) VALUES (?, ?, ?, ?, ?)",
		e.Time.UnixMilli(), e.App, e.User, e.Outcome, e.Detail)
	return wrap(err)
}

// Entries returns the log of an app, the oldest first.
func (f *File) Entries(ctx context.Context, app string) ([]Entry, error) {
	var rows []struct {
		At                         int64
		App, User, Outcome, Detail string
	}
	err := f.db.SelectContext(ctx, &rows, "SELECT at, app, user, outcome, detail FROM log WHERE app = ? ORDER BY id", app)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	list := make([]Entry, len(rows))
	for i, r := range rows {
		list[i] = Entry{time.UnixMilli(r.At).UTC(), r.App, r.User, r.Outcome, r.Detail}
	}
	return list, nil
}

// Wave reads what is remembered of a wave of a rollout into dest. It reports
// whether there is anything.
func (f *File) Wave(ctx context.Context, rollout string, position int, dest any) (bool, error) {
	var data string
	err := f.db.GetContext(ctx, &data, "SELECT data FROM waves WHERE rollout = ? AND position = ?", rollout, position)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		err = json.NewDecoder(strings.NewReader(data)).Decode(dest)
	}
	if err != nil {
		return false, fmt.Errorf("read state: %w", err)
	}
	return true, nil
}

// SaveWave writes what is to be remembered of a wave.
func (f *File) SaveWave(ctx context.Context, rollout string, position int, wave any) error {
	data, err := json.Marshal(wave)
	if err == nil {
		_, err = f.db.ExecContext(ctx, `INSERT INTO waves (rollout, position, data) VALUES (?, ?, ?)
			ON CONFLICT (rollout, position) DO UPDATE SET data = excluded.data`, rollout, position, string(data))
	}
	return wrap(err)
}

func wrap(err error) error {
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}
