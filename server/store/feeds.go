package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"muster/server/events"
	"muster/server/history"
	"muster/server/instance"
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
		acked, err := ackedText(f.Acked)
		if err != nil {
			return err
		}
		if _, err := t.Exec(ctx, updateFeed, string(setup), orZero(f.Paused), f.Epoch, f.Seq,
			acked, f.Token, id); err != nil {
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
