package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"muster/server/history"
)

const (
	selectBehind = `SELECT c.instance_id AS id, i.slug AS slug FROM history_chains AS c
		JOIN instances AS i ON i.id = c.instance_id
		LEFT JOIN audit_positions AS p
			ON p.sink = ? AND p.instance = CAST(c.instance_id AS text)
		WHERE c.seq > COALESCE(p.seq, 0) ORDER BY i.slug`

	beginAudit = `INSERT INTO audit_positions (sink, instance, seq, claimed)
		VALUES (?, ?, 0, 0) ON CONFLICT (sink, instance) DO NOTHING`

	// The condition has it that of several servers one gets the rows.
	claimAudit = `UPDATE audit_positions SET claimed = ?
		WHERE sink = ? AND instance = ? AND claimed < ? RETURNING seq`

	settleAudit = `UPDATE audit_positions SET seq = ?, claimed = 0
		WHERE sink = ? AND instance = ? AND claimed = ?`
)

// Behind returns the instances whose history has rows that were not written to a
// sink.
func (s *Store) Behind(ctx context.Context, sink string) ([]history.Behind, error) {
	var rows []struct {
		ID   string `db:"id"`
		Slug string `db:"slug"`
	}
	if err := s.db.List(ctx, &rows, selectBehind, sink); err != nil {
		return nil, err
	}
	list := make([]history.Behind, len(rows))
	for i, r := range rows {
		list[i] = history.Behind{InstanceID: r.ID, Instance: r.Slug}
	}
	return list, nil
}

// ClaimAudit returns up to which place of its chain the history of an instance was
// written to a sink, and keeps other servers from the rows behind it until a time.
// ok is false if another server has them.
func (s *Store) ClaimAudit(
	ctx context.Context, sink, instanceID string, now, until time.Time,
) (seq int64, ok bool, err error) {
	err = s.update(ctx, func(t *tx) error {
		if _, err := t.Exec(ctx, beginAudit, sink, instanceID); err != nil {
			return err
		}
		return t.Get(ctx, &seq, claimAudit, millis(until), sink, instanceID, millis(now))
	})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return seq, err == nil, err
}

// SettleAudit writes up to which place the history was written, and gives the rows
// behind it free. until is that of the claim: one that is over changes nothing.
func (s *Store) SettleAudit(
	ctx context.Context, sink, instanceID string, seq int64, until time.Time,
) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.Exec(ctx, settleAudit, seq, sink, instanceID, millis(until))
		return err
	})
}
