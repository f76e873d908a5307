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
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"muster/queue"
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

// Statuses returns all states.
func Statuses() []Status { return []Status{Pending, Provisioned, Suspended, Failed, Skipped} }

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
	// Source tells what the directory had of the user then from other data.
	Source string `json:"source,omitempty"`
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

// App is what is remembered of an app as a whole.
type App struct {
	// Disabled: an administrator disabled the API connection.
	Disabled bool `json:"disabled,omitempty"`
	// Quarantine is not nil while the provider does not provision.
	Quarantine *Quarantine `json:"quarantine,omitempty"`
	// CutOff is how many cycles in a row were cut off.
	CutOff int `json:"cutOff,omitempty"`
	// NoGroups says why the application's groups cannot be kept, once it has
	// said that it does not support that.
	NoGroups string `json:"noGroups,omitempty"`
	// Target is the server that the remembered ids are from; nil if none are.
	Target *Target `json:"target,omitempty"`
}

// Quarantine says that the provider stopped provisioning an app by itself.
type Quarantine struct {
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	// Until is when the next cycle may try again; Step counts how often it
	// did in vain.
	Until time.Time `json:"until"`
	Step  int       `json:"step"`
}

// Entry is a row of the provider's log.
type Entry struct {
	Time    time.Time `json:"time"`
	App     string    `json:"app"`
	User    string    `json:"user"`
	Outcome string    `json:"outcome"`
	Detail  string    `json:"detail,omitempty"`
}

// File is an open state file. It is safe for concurrent use: what is written at
// the same moment is committed together.
type File struct {
	db     *sqlx.DB
	path   string
	writes queue.Queue[*write]
	// prepared are the statements that run for each person.
	mu       sync.Mutex
	prepared map[string]*sqlx.Stmt
}

const schema = `
CREATE TABLE IF NOT EXISTS records (app TEXT NOT NULL, key TEXT NOT NULL, data TEXT NOT NULL,
	PRIMARY KEY (app, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, at INTEGER NOT NULL,
	app TEXT NOT NULL, user TEXT NOT NULL, outcome TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS log_app ON log (app, id);
CREATE TABLE IF NOT EXISTS apps (app TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identity (name TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
DROP INDEX IF EXISTS records_remote;
CREATE INDEX IF NOT EXISTS records_by_remote ON records (json_extract(data, '$.remoteId'));
CREATE TABLE IF NOT EXISTS snapshots (rollout TEXT NOT NULL, position INTEGER NOT NULL,
	key TEXT NOT NULL, data TEXT NOT NULL,
	PRIMARY KEY (rollout, position, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS progress (rollout TEXT NOT NULL, position INTEGER NOT NULL,
	kind TEXT NOT NULL, name TEXT NOT NULL, data TEXT NOT NULL,
	PRIMARY KEY (rollout, position, kind, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS exchanges (app TEXT NOT NULL, cycle INTEGER NOT NULL,
	key TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (app, cycle, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS exchanges_person ON exchanges (app, key);
CREATE TABLE IF NOT EXISTS waves (rollout TEXT NOT NULL, position INTEGER NOT NULL,
	data TEXT NOT NULL,
	PRIMARY KEY (rollout, position));
`

// Open opens a state file, and makes it if it is not there; only its owner may
// read it then, because it names people.
func Open(ctx context.Context, path string) (*File, error) {
	made, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = made.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("the state file %s cannot be opened: %w", path, err)
	}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()}
	u.RawQuery = "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(NORMAL)&_txlock=immediate"
	db, err := sqlx.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("the state file %s cannot be opened: %w", path, err),
			db.Close())
	}
	together := func(waiting []*write) int { return min(len(waiting), writesTogether) }
	return &File{
		db: db, path: path, writes: queue.Queue[*write]{Most: 1, Together: together},
		prepared: make(map[string]*sqlx.Stmt),
	}, nil
}

// Close closes the file.
func (f *File) Close() error { return f.db.Close() }

// Records returns what is remembered of some users of an app, by their keys.
func (f *File) Records(ctx context.Context, app string, keys []string) (map[string]*Record, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	query, args, err := sqlx.In("SELECT data FROM records WHERE app = ? AND key IN (?)", app, keys)
	if err != nil {
		return nil, err
	}
	var rows []string
	if err := f.db.SelectContext(ctx, &rows, query, args...); err != nil {
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

// page is how many rows are read at once.
const page = 500

// EachRecord calls yield with what is remembered of each user of an app, in
// the order of their keys. Yield may use the file.
func (f *File) EachRecord(ctx context.Context, app string, yield func(*Record) error) error {
	for last := ""; ; {
		var rows []string
		err := f.db.SelectContext(ctx, &rows,
			"SELECT data FROM records WHERE app = ? AND key > ? ORDER BY key LIMIT ?", app, last,
			page)
		if err != nil {
			return fmt.Errorf("read state: %w", err)
		}
		for _, row := range rows {
			r := &Record{}
			if err := json.Unmarshal([]byte(row), r); err != nil {
				return fmt.Errorf("read state: %w", err)
			}
			last = r.Key
			if err := yield(r); err != nil {
				return err
			}
		}
		if len(rows) < page {
			return nil
		}
	}
}

// App returns what is remembered of an app as a whole.
func (f *File) App(ctx context.Context, name string) (*App, error) {
	a := &App{}
	_, err := f.one(ctx, a, "SELECT data FROM apps WHERE app = ?", name)
	return a, err
}

// SaveApp writes what is remembered of an app as a whole.
func (f *File) SaveApp(ctx context.Context, name string, a *App) error {
	return f.put(ctx, a,
		"INSERT INTO apps (app, data) VALUES (?, ?) ON CONFLICT (app) DO UPDATE SET data = "+
			"excluded.data", name)
}

// one reads a row into dest, and reports whether there is any.
func (f *File) one(ctx context.Context, dest any, query string, args ...any) (bool, error) {
	var data string
	prepared, err := f.prepare(ctx, query) //nolint:sqlclosecheck // it is kept
	if err == nil {
		err = prepared.GetContext(ctx, &data, args...)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(data), dest)
	}
	if err != nil {
		return false, fmt.Errorf("read state: %w", err)
	}
	return true, nil
}

// put writes a row whose last value is v.
func (f *File) put(ctx context.Context, v any, query string, args ...any) error {
	data, err := json.Marshal(v)
	if err == nil {
		err = f.write(ctx, statement{query, append(args, string(data))})
	}
	return wrap(err)
}

const saveRecord = `INSERT INTO records (app, key, data) VALUES (?, ?, ?)
	ON CONFLICT (app, key) DO UPDATE SET data = excluded.data`

// Save writes what is remembered of a user.
func (f *File) Save(ctx context.Context, app string, r *Record) error {
	return f.put(ctx, r, saveRecord, app, r.Key)
}

// SaveAndLog writes what is remembered of a user, and appends to the log: both
// or neither.
func (f *File) SaveAndLog(ctx context.Context, app string, r *Record, e Entry) error {
	data, err := json.Marshal(r)
	if err == nil {
		err = f.write(ctx, statement{saveRecord, []any{app, r.Key, string(data)}}, e.insert())
	}
	return wrap(err)
}

// Forget removes what is remembered of a user.
func (f *File) Forget(ctx context.Context, app, key string) error {
	return wrap(f.write(ctx,
		statement{"DELETE FROM records WHERE app = ? AND key = ?", []any{app, key}}))
}

// Log appends to the log.
func (f *File) Log(ctx context.Context, e Entry) error {
	return wrap(f.write(ctx, e.insert()))
}

func (e Entry) insert() statement {
	return statement{
		"INSERT INTO log (at, app, user, outcome, detail) VALUES (?, ?, ?, ?, ?)",
		[]any{e.Time.UnixMilli(), e.App, e.User, e.Outcome, e.Detail},
	}
}

// Entries returns the log of an app, the oldest first.
func (f *File) Entries(ctx context.Context, app string) ([]Entry, error) {
	var rows []struct {
		At                         int64
		App, User, Outcome, Detail string
	}
	err := f.db.SelectContext(ctx, &rows,
		"SELECT at, app, user, outcome, detail FROM log WHERE app = ? ORDER BY id", app)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	list := make([]Entry, len(rows))
	for i, r := range rows {
		list[i] = Entry{time.UnixMilli(r.At).UTC(), r.App, r.User, r.Outcome, r.Detail}
	}
	return list, nil
}

func wrap(err error) error {
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}
