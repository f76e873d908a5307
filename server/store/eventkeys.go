package store

import (
	"context"

	"muster/server/events"
	"muster/server/store/engine"
)

// EventKeys returns the keys that sign events, the newest first.
func (s *Store) EventKeys(ctx context.Context) ([]events.Key, error) {
	var rows []struct {
		ID      string `db:"id"`
		Private string `db:"private"`
		Created int64  `db:"created"`
		Retired int64  `db:"retired"`
	}
	err := s.db.List(ctx, &rows,
		"SELECT id, private, created, retired FROM event_keys ORDER BY created DESC, id")
	list := make([]events.Key, len(rows))
	for i, r := range rows {
		list[i] = events.Key{ID: r.ID, Private: []byte(r.Private), Created: fromMillis(r.Created)}
		if r.Retired != 0 {
			list[i].Retired = fromMillis(r.Retired)
		}
	}
	return list, err
}

// AddEventKey writes a key that signs events, and retires the others. With first set
// it does nothing if there is a key: of several servers that begin, one makes it.
func (s *Store) AddEventKey(ctx context.Context, k events.Key, first bool) error {
	return s.update(ctx, func(t *tx) error {
		var n int
		if err := t.Get(ctx, &n, "SELECT count(*) FROM event_keys WHERE retired = 0"); err != nil {
			return err
		}
		if first && n > 0 {
			return nil
		}
		for _, st := range []engine.Statement{
			{
				Query: "UPDATE event_keys SET retired = ? WHERE retired = 0",
				Args:  []any{millis(k.Created)},
			},
			{
				Query: "INSERT INTO event_keys (id, private, created, retired) VALUES (?, ?, ?, 0)",
				Args:  []any{k.ID, string(k.Private), millis(k.Created)},
			},
		} {
			if err := t.Run(ctx, st); err != nil {
				return err
			}
		}
		return nil
	})
}
