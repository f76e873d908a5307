package state

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// KeptCycles is of how many cycles of an app the exchanges are kept.
const KeptCycles = 5

// Kept is what was kept of a person in a cycle.
type Kept struct {
	// Cycle is when the cycle began.
	Cycle time.Time
	Data  json.RawMessage
}

// KeepExchanges keeps what a cycle did for a person, with the requests that were sent:
// what was sent can be looked at after the fact.
func (f *File) KeepExchanges(
	ctx context.Context, app, key string, cycle time.Time, item any,
) error {
	return f.put(ctx, item,
		`INSERT INTO exchanges (app, cycle, key, data) VALUES (?, ?, ?, ?)
			ON CONFLICT (app, cycle, key) DO UPDATE SET data = excluded.data`,
		app, cycle.UnixMilli(), key)
}

// DropExchanges drops what is older than the last [KeptCycles] cycles of an app.
func (f *File) DropExchanges(ctx context.Context, app string) error {
	return f.write(ctx, statement{
		`DELETE FROM exchanges WHERE app = ? AND cycle NOT IN (
			SELECT DISTINCT cycle FROM exchanges WHERE app = ? ORDER BY cycle DESC LIMIT ?)`,
		[]any{app, app, KeptCycles},
	})
}

// Exchanges returns what was kept of a person, the last cycle first.
func (f *File) Exchanges(ctx context.Context, app, key string) ([]Kept, error) {
	var rows []struct {
		Cycle int64  `db:"cycle"`
		Data  string `db:"data"`
	}
	err := f.db.SelectContext(ctx, &rows,
		"SELECT cycle, data FROM exchanges WHERE app = ? AND key = ? ORDER BY cycle DESC", app, key)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	list := make([]Kept, len(rows))
	for i, r := range rows {
		list[i] = Kept{time.UnixMilli(r.Cycle).UTC(), json.RawMessage(r.Data)}
	}
	return list, nil
}
