package state

import (
	"context"
	"fmt"
)

// The kinds of what is noted of a wave while it runs.
const (
	// ItemNote is what was done for a person, GroupNote a group that was, or
	// is about to be, created, and ForecastNote the wave's forecast.
	ItemNote     = "item"
	GroupNote    = "group"
	ForecastNote = "forecast"
)

// Note notes something of a wave while it runs, so that it is known even if
// the process is killed.
func (f *File) Note(
	ctx context.Context, rollout string, position int, kind, name string, v any,
) error {
	return f.put(ctx, v,
		`INSERT INTO progress (rollout, position, kind, name, data) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (rollout, position, kind, name) DO UPDATE SET data = excluded.data`, rollout,
		position, kind, name)
}

// DropNote drops a note that turned out to be wrong.
func (f *File) DropNote(
	ctx context.Context, rollout string, position int, kind, name string,
) error {
	_, err := f.db.ExecContext(ctx,
		"DELETE FROM progress WHERE rollout = ? AND position = ? AND kind = ? AND name = ?",
		rollout, position, kind, name)
	return wrap(err)
}

// Notes calls yield with the name and the content of each note of a kind.
func (f *File) Notes(
	ctx context.Context, rollout string, position int, kind string,
	yield func(name string, data []byte) error,
) error {
	var rows []struct{ Name, Data string }
	err := f.db.SelectContext(ctx, &rows,
		"SELECT name, data FROM progress WHERE rollout = ? AND position = ? AND kind = ? "+
			"ORDER BY name", rollout, position, kind)
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	for _, row := range rows {
		if err := yield(row.Name, []byte(row.Data)); err != nil {
			return err
		}
	}
	return nil
}
