package store

import (
	"context"
	"encoding/json"
	"time"

	"muster/server/events"
	"muster/server/instance"
)

const selectDue = `SELECT f.id AS id, f.owner AS owner, f.beat AS beat
	FROM feeds AS f JOIN history_chains AS c ON c.instance_id = f.instance_id
	WHERE f.paused = 0 AND f.seq < c.seq AND f.token = ''`

// DueFeeds returns the feeds that are pushed and behind their history.
func (s *Store) DueFeeds(ctx context.Context) ([]events.Due, error) {
	var rows []struct {
		ID    string `db:"id"`
		Owner string `db:"owner"`
		Beat  int64  `db:"beat"`
	}
	if err := s.db.List(ctx, &rows, selectDue); err != nil {
		return nil, err
	}
	list := make([]events.Due, len(rows))
	for i, r := range rows {
		list[i] = events.Due{ID: r.ID, Owner: r.Owner, Beat: r.Beat}
	}
	return list, nil
}

// HasPushed reports whether there are feeds that are pushed and not paused.
func (s *Store) HasPushed(ctx context.Context) (has bool, err error) {
	err = s.db.Get(ctx, &has,
		"SELECT EXISTS (SELECT 1 FROM feeds WHERE paused = 0 AND token = '') AS has")
	return has, err
}

// ClaimFeed makes a server the owner of a feed, in place of the one that was seen.
// It returns nil if another one was faster.
func (s *Store) ClaimFeed(
	ctx context.Context, seen events.Due, owner string,
) (f *events.Feed, err error) {
	err = s.update(ctx, func(t *tx) error {
		n, err := t.Exec(ctx, `UPDATE feeds SET owner = ?, beat = beat + 1
			WHERE id = ? AND owner = ? AND beat = ?`, owner, seen.ID, seen.Owner, seen.Beat)
		if err != nil || n == 0 {
			return err
		}
		var r feedRow
		if err := t.Get(ctx, &r, selectFeed, seen.ID); err != nil {
			return err
		}
		f, err = r.feed()
		return err
	})
	return f, err
}

// BeatFeeds tells that an owner lives.
func (s *Store) BeatFeeds(ctx context.Context, owner string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.Exec(ctx, "UPDATE feeds SET beat = beat + 1 WHERE owner = ?", owner)
		return err
	})
}

// ReleaseFeeds gives all feeds of an owner free.
func (s *Store) ReleaseFeeds(ctx context.Context, owner string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.Exec(ctx, "UPDATE feeds SET owner = '', beat = beat + 1 WHERE owner = ?", owner)
		return err
	})
}

const (
	settleFeed = "UPDATE feeds SET seq = ?, acked = ? WHERE id = ? AND owner = ? AND epoch = ?"

	settleAnswered = `UPDATE feeds SET seq = ?, acked = ?, delivered = delivered + ?,
	delivered_at = CASE WHEN CAST(? AS bigint) = 0 THEN delivered_at ELSE ? END,
	failures = 0, error = '' WHERE id = ? AND owner = ? AND epoch = ?`

	settleFailed = `UPDATE feeds SET seq = ?, acked = ?, delivered = delivered + ?,
	delivered_at = CASE WHEN CAST(? AS bigint) = 0 THEN delivered_at ELSE ? END,
	failures = failures + 1, error = ?, error_at = ? WHERE id = ? AND owner = ? AND epoch = ?`
)

// SettleFeed writes how far an owner has come, and what was refused for good. It
// returns instance.ErrNotFound if the feed is not the owner's any more: then nothing
// is written.
func (s *Store) SettleFeed(ctx context.Context, owner string, p events.Progress) error {
	acked, err := ackedText(p.Acked)
	if err != nil {
		return err
	}
	delivered := int64(0) // when, if anything was
	if p.Delivered > 0 {
		delivered = millis(p.At)
	}
	query, row := settleFeed, []any{p.Seq, acked}
	switch {
	case p.Error != "":
		query = settleFailed
		row = append(row, p.Delivered, delivered, delivered, p.Error, millis(p.At))
	case p.Delivered > 0 || len(p.Parked) > 0: // the receiver answers
		query = settleAnswered
		row = append(row, p.Delivered, delivered, delivered)
	}
	return s.update(ctx, func(t *tx) error {
		n, err := t.Exec(ctx, query, append(row, p.FeedID, owner, p.Epoch)...)
		if err == nil && n == 0 {
			err = instance.ErrNotFound
		}
		if err != nil {
			return err
		}
		return t.park(ctx, p)
	})
}

// park writes what was refused for good.
func (t *tx) park(ctx context.Context, p events.Progress) error {
	for _, x := range p.Parked {
		if _, err := t.Exec(ctx, `INSERT INTO parked_events
			(feed_id, instance_id, epoch, seq, at, error) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`,
			p.FeedID, p.InstanceID, x.Epoch, x.Seq, millis(x.At), x.Error); err != nil {
			return err
		}
	}
	return nil
}

// SettlePoll writes how far a feed has come that is polled, if it is still where it
// was: at most once for what a receiver sends.
func (s *Store) SettlePoll(ctx context.Context, was *events.Feed, p events.Progress) error {
	acked, err := ackedText(p.Acked)
	if err != nil {
		return err
	}
	at := p.At
	if p.Delivered == 0 {
		at = was.DeliveredAt
	}
	return s.update(ctx, func(t *tx) error {
		n, err := t.Exec(ctx, `UPDATE feeds SET seq = ?, acked = ?, delivered = delivered + ?,
			delivered_at = ?, beat = beat + 1, failures = 0, error = ''
			WHERE id = ? AND beat = ? AND epoch = ?`, p.Seq, acked, p.Delivered,
			orZero(at), was.ID, was.Beat, was.Epoch)
		if err == nil && n == 0 {
			err = instance.ErrChanged
		}
		if err != nil {
			return err
		}
		return t.park(ctx, p)
	})
}

// Parked returns what a feed's receiver has refused for good, the oldest first.
func (s *Store) Parked(ctx context.Context, feedID string) ([]events.Parked, error) {
	var rows []struct {
		Epoch int64  `db:"epoch"`
		Seq   int64  `db:"seq"`
		At    int64  `db:"at"`
		Error string `db:"error"`
	}
	err := s.db.List(ctx, &rows, `SELECT epoch, seq, at, error FROM parked_events
		WHERE feed_id = ? ORDER BY epoch, seq`, feedID)
	list := make([]events.Parked, len(rows))
	for i, r := range rows {
		list[i] = events.Parked{
			Epoch: r.Epoch, Seq: r.Seq, At: fromMillis(r.At), Error: r.Error,
		}
	}
	return list, err
}

// Unpark deletes what is parked of a feed, and returns how much that was.
func (s *Store) Unpark(ctx context.Context, feedID string) (n int, err error) {
	err = s.update(ctx, func(t *tx) error {
		deleted, err := t.Exec(ctx, "DELETE FROM parked_events WHERE feed_id = ?", feedID)
		n = int(deleted)
		return err
	})
	return n, err
}

// orZero returns a time in milliseconds, and 0 for none.
func orZero(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return millis(at)
}

// ackedText returns the places behind the position that are done, as they are kept.
func ackedText(places []int64) (string, error) {
	text, err := json.Marshal(append([]int64{}, places...))
	return string(text), err
}
