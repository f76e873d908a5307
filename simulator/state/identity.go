package state

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Target is the server that the remembered ids of an app are from.
type Target struct {
	BaseURL string `json:"baseUrl"`
	// Self is what the server calls itself: the instance that it names, or the
	// location in its ServiceProviderConfig; empty while that is not known.
	Self string `json:"self,omitempty"`
}

// String names the target for people.
func (t *Target) String() string {
	if t.Self == "" {
		return t.BaseURL
	}
	return fmt.Sprintf("%s (%s)", t.BaseURL, t.Self)
}

// Account returns the name of the account that the file belongs to; empty if
// it belongs to none yet.
func (f *File) Account(ctx context.Context) (string, error) {
	var name string
	_, err := f.one(ctx, &name, "SELECT data FROM identity WHERE name = 'account'")
	return name, err
}

// SetAccount makes the file that of an account.
func (f *File) SetAccount(ctx context.Context, name string) error {
	return f.put(ctx, name,
		"INSERT INTO identity (name, data) VALUES ('account', ?) ON CONFLICT (name) DO UPDATE SET "+
			"data = excluded.data")
}

// Bound returns how many people of an app, or with an empty name of all, have
// an account whose id is remembered.
func (f *File) Bound(ctx context.Context, app string) (int, error) {
	var n int
	err := f.db.GetContext(ctx, &n,
		"SELECT count(*) FROM records WHERE (app = ? OR ? = '') AND json_extract(data, "+
			"'$.remoteId') <> ''", app, app)
	if err != nil {
		return 0, fmt.Errorf("read state: %w", err)
	}
	return n, nil
}

// byRemote has a plus that keeps SQLite from reading all records of the app,
// which it does as long as it has no statistics.
const byRemote = "SELECT data FROM records WHERE +app = ? AND json_extract(data, '$.remoteId') = ?"

// ByRemote returns the record that has the id of an account, or nil.
func (f *File) ByRemote(ctx context.Context, app, id string) (*Record, error) {
	r := &Record{}
	found, err := f.one(ctx, r, byRemote, app, id)
	if !found {
		return nil, err
	}
	return r, err
}

// Rekey gives a record another key, unless that has one of its own.
func (f *File) Rekey(ctx context.Context, app, from, to string) error {
	key, err := json.Marshal(to)
	if err == nil {
		_, err = f.db.ExecContext(ctx,
			"UPDATE OR IGNORE records SET key = ?, data = json_set(data, '$.key', json(?)) WHERE "+
				"app = ? AND key = ?",
			to, string(key), app, from)
	}
	return wrap(err)
}

// ForgetApp drops all that is remembered of an app, its rollouts too, and
// returns how many people that are. The log stays.
func (f *File) ForgetApp(ctx context.Context, app string) (int64, error) {
	tx, err := f.db.BeginTxx(ctx, nil)
	if err != nil {
		return 0, wrap(err)
	}
	defer tx.Rollback() //nolint:errcheck // it is over by then
	var n int64
	for i, query := range []string{
		"DELETE FROM records WHERE app = ?",
		"DELETE FROM snapshots WHERE rollout IN (SELECT rollout FROM waves WHERE " +
			"json_extract(data, '$.cycle.app') = ?)",
		"DELETE FROM progress WHERE rollout IN (SELECT rollout FROM waves WHERE " +
			"json_extract(data, '$.cycle.app') = ?)",
		"DELETE FROM waves WHERE json_extract(data, '$.cycle.app') = ?",
		"DELETE FROM exchanges WHERE app = ?", "DELETE FROM apps WHERE app = ?",
	} {
		result, err := tx.ExecContext(ctx, query, app)
		if err != nil {
			return 0, wrap(err)
		}
		if i == 0 {
			n, _ = result.RowsAffected()
		}
	}
	return n, wrap(tx.Commit())
}

// Lock keeps other processes from working with the file until unlock is
// called, or the process ends in whatever way. what says what the holder does;
// others are told.
func (f *File) Lock(what string) (unlock func() error, err error) {
	path := f.path + ".lock"
	lock := flock.New(path, flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("the state file %s cannot be locked: %w", f.path, err)
	}
	if !got {
		holder, err := os.ReadFile(path)
		if text := strings.TrimSpace(string(holder)); err == nil && text != "" {
			return nil, fmt.Errorf("the state file %s is in use by %s: wait until that has ended",
				f.path, text)
		}
		return nil, fmt.Errorf("the state file %s is in use by another process: wait until "+
			"that has ended", f.path)
	}
	host, _ := os.Hostname()
	text := fmt.Sprintf("%q, process %d on %s, since %s\n", what, os.Getpid(), host,
		time.Now().Format("2006-01-02 15:04:05"))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("the state file %s cannot be locked: %w", f.path, err)
	}
	return lock.Unlock, nil
}
