package store

import (
	"context"
	"database/sql"
	"time"

	"muster/server/events"
)

const selectFeedStates = `SELECT i.slug AS instance, f.name AS name, f.paused AS paused,
	f.delivered AS delivered, f.failures AS failures, c.seq - f.seq AS behind,
	(SELECT count(*) FROM parked_events AS p WHERE p.feed_id = f.id) AS parked,
	(SELECT h.at FROM history AS h WHERE h.instance_id = f.instance_id AND h.seq > f.seq
		ORDER BY h.seq LIMIT 1) AS oldest
	FROM feeds AS f JOIN instances AS i ON i.id = f.instance_id
	JOIN history_chains AS c ON c.instance_id = f.instance_id
	ORDER BY i.slug, f.name`

// FeedStates returns how far all feeds have come.
func (s *Store) FeedStates(ctx context.Context) ([]events.State, error) {
	var rows []struct {
		Instance  string        `db:"instance"`
		Name      string        `db:"name"`
		Paused    int64         `db:"paused"`
		Delivered int64         `db:"delivered"`
		Failures  int64         `db:"failures"`
		Behind    int64         `db:"behind"`
		Parked    int64         `db:"parked"`
		Oldest    sql.NullInt64 `db:"oldest"`
	}
	if err := s.db.List(ctx, &rows, selectFeedStates); err != nil {
		return nil, err
	}
	list := make([]events.State, len(rows))
	for i, r := range rows {
		list[i] = events.State{
			Instance: r.Instance, Name: r.Name, Paused: r.Paused != 0, Behind: r.Behind,
			Delivered: r.Delivered, Failures: r.Failures, Parked: r.Parked,
		}
		if r.Oldest.Valid {
			list[i].Lag = max(0, time.Since(fromMillis(r.Oldest.Int64)))
		}
	}
	return list, nil
}

// CountParked returns how many events of a feed its receiver has refused for good.
func (s *Store) CountParked(ctx context.Context, feedID string) (n int, err error) {
	err = s.db.Get(ctx, &n, "SELECT count(*) FROM parked_events WHERE feed_id = ?", feedID)
	return n, err
}
