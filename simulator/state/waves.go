package state

import (
	"context"
	"encoding/json"
	"fmt"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Wave reads what is remembered of a wave of a rollout into dest. It reports
// whether there is anything.
func (f *File) Wave(ctx context.Context, rollout string, position int, dest any) (bool, error) {
	return f.one(ctx, dest, "SELECT data FROM waves WHERE rollout = ? AND position = ?", rollout,
		position)
}

// SaveWave writes what is to be remembered of a wave. What was noted while it
// ran is part of it, and is dropped.
func (f *File) SaveWave(ctx context.Context, rollout string, position int, wave any) error {
	err := f.put(ctx, wave, `INSERT INTO waves (rollout, position, data) VALUES (?, ?, ?)
		ON CONFLICT (rollout, position) DO UPDATE SET data = excluded.data`, rollout, position)
	if err == nil {
		err = f.forget(ctx, "progress", rollout, position)
	}
	return err
}

// ForgetWave removes what is remembered of a wave, its snapshots too.
func (f *File) ForgetWave(ctx context.Context, rollout string, position int) error {
	for _, table := range []string{"snapshots", "progress", "waves"} {
		if err := f.forget(ctx, table, rollout, position); err != nil {
			return err
		}
	}
	return nil
}

func (f *File) forget(ctx context.Context, table, rollout string, position int) error {
	_, err := f.db.ExecContext(ctx, "DELETE FROM "+table+" WHERE rollout = ? AND position = ?",
		rollout, position)
	return wrap(err)
}

// Snapshot is how things were with a user before a wave.
type Snapshot struct {
	Key      string `json:"key"`
	UserName string `json:"userName"`
	// Record is what was remembered; nil if nothing was.
	Record *Record `json:"record,omitempty"`
	// Account is the account as the application had it; nil if it had none.
	Account map[string]any `json:"account,omitempty"`
}

// Keep writes a snapshot, unless there is one of that user and wave already:
// the first is the one to go back to.
func (f *File) Keep(ctx context.Context, rollout string, position int, s *Snapshot) error {
	return f.put(ctx, s,
		"INSERT INTO snapshots (rollout, position, key, data) VALUES (?, ?, ?, ?) ON CONFLICT "+
			"(rollout, position, key) DO NOTHING",
		rollout, position, s.Key)
}

// DropSnapshot removes a snapshot that was gone back to.
func (f *File) DropSnapshot(ctx context.Context, rollout string, position int, key string) error {
	_, err := f.db.ExecContext(ctx,
		"DELETE FROM snapshots WHERE rollout = ? AND position = ? AND key = ?", rollout, position,
		key)
	return wrap(err)
}

// Snapshots returns the snapshots of a wave.
func (f *File) Snapshots(ctx context.Context, rollout string, position int) ([]*Snapshot, error) {
	var rows []string
	if err := f.db.SelectContext(ctx, &rows,
		"SELECT data FROM snapshots WHERE rollout = ? AND position = ? ORDER BY key", rollout,
		position); err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	list := make([]*Snapshot, len(rows))
	for i, row := range rows {
		if err := json.Unmarshal([]byte(row), &list[i]); err != nil {
			return nil, fmt.Errorf("read state: %w", err)
		}
	}
	return list, nil
}
