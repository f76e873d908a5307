package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"muster/server/events"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/store/engine"
)

type feedRow struct {
	ID          string `db:"id"`
	InstanceID  string `db:"instance_id"`
	Name        string `db:"name"`
	Setup       string `db:"setup"`
	Token       string `db:"token"`
	Created     int64  `db:"created"`
	Paused      int64  `db:"paused"`
	Epoch       int64  `db:"epoch"`
	Seq         int64  `db:"seq"`
	Acked       string `db:"acked"`
	Owner       string `db:"owner"`
	Beat        int64  `db:"beat"`
	Delivered   int64  `db:"delivered"`
	DeliveredAt int64  `db:"delivered_at"`
	Failures    int64  `db:"failures"`
	Error       string `db:"error"`
	ErrorAt     int64  `db:"error_at"`
}

const (
	selectFeed = `SELECT id, instance_id, name, setup, token, created, paused, epoch, seq, acked,
	owner, beat, delivered, delivered_at, failures, error, error_at FROM feeds WHERE id = ?`

	selectFeedLocked = `SELECT id, instance_id, name, setup, token, created, paused, epoch, seq,
	acked, owner, beat, delivered, delivered_at, failures, error, error_at FROM feeds
	WHERE id = ? FOR UPDATE`

	selectFeeds = `SELECT id, instance_id, name, setup, token, created, paused, epoch, seq, acked,
	owner, beat, delivered, delivered_at, failures, error, error_at FROM feeds
	WHERE instance_id = ? ORDER BY name`

	selectDue = `SELECT f.id AS id, f.owner AS owner, f.beat AS beat
	FROM feeds AS f JOIN history_chains AS c ON c.instance_id = f.instance_id
	WHERE f.paused = 0 AND f.seq < c.seq AND f.token = ''`

	selectLags = `SELECT i.slug AS slug, f.name AS name, f.delivered AS delivered,
		f.failures AS failures, c.seq - f.seq AS behind,
		COALESCE((SELECT h.at FROM history AS h WHERE h.instance_id = f.instance_id
			AND h.seq > f.seq ORDER BY h.seq LIMIT 1), 0) AS since,
		(SELECT count(*) FROM parked_events AS p WHERE p.feed_id = f.id) AS parked
	FROM feeds AS f JOIN history_chains AS c ON c.instance_id = f.instance_id
	JOIN instances AS i ON i.id = f.instance_id
	WHERE f.paused = 0 ORDER BY i.slug, f.name`

	insertFeed = `INSERT INTO feeds (id, instance_id, name, setup, token, created, paused, epoch,
		seq, acked, owner, beat, delivered, delivered_at, failures, error, error_at)
	VALUES (?, ?, ?, ?, ?, ?, 0, 1, ?, '[]', '', 0, 0, 0, 0, '', 0)`

	updateFeed = `UPDATE feeds SET setup = ?, paused = ?, epoch = ?, seq = ?, acked = ?, token = ?,
		failures = 0, error = '', owner = '', beat = beat + 1 WHERE id = ?`
)

func (r *feedRow) feed() (*events.Feed, error) {
	f := &events.Feed{
		ID: r.ID, InstanceID: r.InstanceID, Name: r.Name, Token: r.Token,
		Created: fromMillis(r.Created), Epoch: r.Epoch, Seq: r.Seq, Owner: r.Owner, Beat: r.Beat,
		Delivered: r.Delivered, Failures: r.Failures, Error: r.Error,
	}
	for to, at := range map[*time.Time]int64{
		&f.Paused: r.Paused, &f.DeliveredAt: r.DeliveredAt, &f.ErrorAt: r.ErrorAt,
	} {
		if at != 0 {
			*to = fromMillis(at)
		}
	}
	if err := json.Unmarshal([]byte(r.Setup), &f.Setup); err != nil {
		return nil, fmt.Errorf("feed %s: %w", r.Name, err)
	}
	return f, json.Unmarshal([]byte(r.Acked), &f.Acked)
}

// CreateFeed writes a new feed, at the end of the history or at a place before it.
func (s *Store) CreateFeed(ctx context.Context, f *events.Feed, e *history.Entry) error {
	setup, err := json.Marshal(f.Setup)
	if err != nil {
		return err
	}
	err = s.change(ctx, f.InstanceID, func(t *tx) error {
		f.Seq = t.chain.Seq
		if _, err := t.Exec(ctx, insertFeed, f.ID, f.InstanceID, f.Name, string(setup), f.Token,
			millis(f.Created), f.Seq); err != nil {
			return err
		}
		if err := t.publish(ctx, f.InstanceID); err != nil {
			return err
		}
		return t.append(e)
	})
	if err != nil && s.db.Duplicate(err) != "" {
		return instance.ErrExists
	}
	return err
}

// publish writes what is to be kept of each change for the feeds of an instance, and
// tells servers.
func (t *tx) publish(ctx context.Context, instanceID string) error {
	var rows []feedRow
	if err := t.List(ctx, &rows, selectFeeds, instanceID); err != nil {
		return err
	}
	p := instance.Publishing{Filters: make(map[string]string)}
	for i := range rows {
		f, err := rows[i].feed()
		if err != nil {
			return err
		}
		p.Full = p.Full || f.Mode == events.Full
		if f.Filter != "" {
			p.Filters[f.ID] = f.Filter
		}
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = t.Exec(ctx,
		"UPDATE instances SET publishing = ?, revision = revision + 1 WHERE id = ?",
		string(text), instanceID)
	return err
}

// Feeds returns the feeds of an instance, by name.
func (s *Store) Feeds(ctx context.Context, instanceID string) ([]*events.Feed, error) {
	var rows []feedRow
	if err := s.db.List(ctx, &rows, selectFeeds, instanceID); err != nil {
		return nil, err
	}
	list := make([]*events.Feed, len(rows))
	var err error
	for i := range rows {
		if list[i], err = rows[i].feed(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Feed returns a feed by its id, or instance.ErrNotFound.
func (s *Store) Feed(ctx context.Context, id string) (*events.Feed, error) {
	var r feedRow
	if err := s.db.Get(ctx, &r, selectFeed, id); err != nil {
		return nil, missing(err)
	}
	return r.feed()
}

// ChangeFeed changes how a feed is set up, or where it is. Who sends it now stops.
func (s *Store) ChangeFeed(
	ctx context.Context, instanceID, id string, change func(*events.Feed) error, e *history.Entry,
) error {
	return s.change(ctx, instanceID, func(t *tx) error {
		var r feedRow
		if err := t.Get(ctx, &r, selectFeedLocked, id); err != nil {
			return missing(err)
		}
		f, err := r.feed()
		if err == nil {
			err = change(f)
		}
		if err != nil {
			return err
		}
		setup, err := json.Marshal(f.Setup)
		if err != nil {
			return err
		}
		acked, err := json.Marshal(append([]int64{}, f.Acked...))
		if err != nil {
			return err
		}
		paused := int64(0)
		if !f.Paused.IsZero() {
			paused = millis(f.Paused)
		}
		if _, err := t.Exec(ctx, updateFeed, string(setup), paused, f.Epoch, f.Seq, string(acked),
			f.Token, id); err != nil {
			return err
		}
		if err := t.publish(ctx, instanceID); err != nil {
			return err
		}
		return t.append(e)
	})
}

// DeleteFeed deletes a feed, with what is parked of it.
func (s *Store) DeleteFeed(
	ctx context.Context, instanceID, id string, e *history.Entry,
) error {
	return s.change(ctx, instanceID, func(t *tx) error {
		n, err := t.Exec(ctx, "DELETE FROM feeds WHERE id = ?", id)
		if err == nil && n == 0 {
			err = instance.ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := t.publish(ctx, instanceID); err != nil {
			return err
		}
		return t.append(e)
	})
}

// HistoryPlace returns the place before the first row of the history that is not
// before a time.
func (s *Store) HistoryPlace(
	ctx context.Context, instanceID string, at time.Time,
) (int64, error) {
	c, err := s.Chain(ctx, instanceID)
	if err != nil {
		return 0, err
	}
	var first sql.NullInt64
	err = s.db.Get(ctx, &first,
		"SELECT min(seq) FROM history WHERE instance_id = ? AND seq IS NOT NULL AND at >= ?",
		instanceID, millis(at))
	if err != nil || !first.Valid {
		return c.Seq, err
	}
	return first.Int64 - 1, nil
}

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

// SettleFeed writes how far an owner has come, and what was refused for good. It
// returns instance.ErrNotFound if the feed is not the owner's any more: then nothing
// is written.
func (s *Store) SettleFeed(ctx context.Context, owner string, p events.Progress) error {
	var row []any
	const progress = `UPDATE feeds SET seq = ?, delivered = delivered + ?, delivered_at = ?,
		failures = 0, error = '' WHERE id = ? AND owner = ? AND epoch = ?`
	query := progress
	switch {
	case p.Error != "":
		query = `UPDATE feeds SET seq = ?, delivered = delivered + ?, failures = failures + 1,
			error = ?, error_at = ? WHERE id = ? AND owner = ? AND epoch = ?`
		row = []any{p.Seq, p.Delivered, p.Error, millis(p.At)}
	case p.Delivered == 0:
		query = "UPDATE feeds SET seq = ? WHERE id = ? AND owner = ? AND epoch = ?"
		row = []any{p.Seq}
	default:
		row = []any{p.Seq, p.Delivered, millis(p.At)}
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
	acked, err := json.Marshal(append([]int64{}, p.Acked...))
	if err != nil {
		return err
	}
	return s.update(ctx, func(t *tx) error {
		n, err := t.Exec(ctx, `UPDATE feeds SET seq = ?, acked = ?, delivered = delivered + ?,
			delivered_at = ?, beat = beat + 1, failures = 0, error = ''
			WHERE id = ? AND beat = ? AND epoch = ?`, p.Seq, string(acked), p.Delivered,
			millis(p.At), was.ID, was.Beat, was.Epoch)
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

// Unpark deletes what is parked of a feed: one event, or all if seq is 0.
func (s *Store) Unpark(ctx context.Context, feedID string, epoch, seq int64) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.Exec(ctx, `DELETE FROM parked_events
			WHERE feed_id = ? AND (? = 0 OR epoch = ? AND seq = ?)`, feedID, seq, epoch, seq)
		return err
	})
}

// Lags returns how far the feeds of all instances are behind, but those that are
// paused.
func (s *Store) Lags(ctx context.Context) ([]events.FeedLag, error) {
	var rows []struct {
		Slug      string `db:"slug"`
		Name      string `db:"name"`
		Delivered int64  `db:"delivered"`
		Failures  int64  `db:"failures"`
		Behind    int64  `db:"behind"`
		Since     int64  `db:"since"`
		Parked    int    `db:"parked"`
	}
	err := s.db.List(ctx, &rows, selectLags)
	list := make([]events.FeedLag, len(rows))
	for i, r := range rows {
		list[i] = events.FeedLag{
			Instance: r.Slug, Feed: r.Name, Delivered: r.Delivered, Failures: r.Failures,
			Lag: events.Lag{Rows: r.Behind, Parked: r.Parked},
		}
		if r.Since != 0 {
			list[i].Since = fromMillis(r.Since)
		}
	}
	return list, err
}

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

// ignoreNoRow makes no error of an empty answer.
func ignoreNoRow(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}
