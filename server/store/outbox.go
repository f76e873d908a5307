package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"muster/server/invitation"
	"muster/server/store/engine"
)

// invite returns the statement that writes an invitation.
func invite(m *invitation.Message) engine.Statement {
	return engine.Statement{
		Query: `INSERT INTO outbox (id, instance_id, user_name, recipient, subject, body, created,
			attempts, claimed, failure) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, '')`,
		Args: []any{m.ID, m.InstanceID, m.UserName, m.To, m.Subject, m.Body, millis(m.Created)},
	}
}

type outboxRow struct {
	ID         string        `db:"id"`
	InstanceID string        `db:"instance_id"`
	UserName   string        `db:"user_name"`
	Recipient  string        `db:"recipient"`
	Subject    string        `db:"subject"`
	Body       string        `db:"body"`
	Created    int64         `db:"created"`
	Sent       sql.NullInt64 `db:"sent"`
	Attempts   int           `db:"attempts"`
	Failure    string        `db:"failure"`
}

func (r *outboxRow) message() invitation.Message {
	m := invitation.Message{
		ID: r.ID, InstanceID: r.InstanceID, UserName: r.UserName, To: r.Recipient,
		Subject: r.Subject, Body: r.Body,
		Created: fromMillis(r.Created), Attempts: r.Attempts, Failure: r.Failure,
	}
	if r.Sent.Valid {
		m.Sent = fromMillis(r.Sent.Int64)
	}
	return m
}

const (
	enqueueMessage = `INSERT INTO outbox (id, instance_id, user_name, recipient, subject, body,
		created, attempts, claimed, failure) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, '')
		ON CONFLICT (id) DO NOTHING`

	// The condition stands outside too: another server may have been faster
	// since the row was chosen.
	claimMessage = `UPDATE outbox SET claimed = ?, attempts = attempts + 1
	WHERE claimed < ? AND sent IS NULL AND id = (SELECT id FROM outbox
		WHERE sent IS NULL AND claimed < ? AND attempts < ? ORDER BY claimed, id LIMIT 1)
	RETURNING id, instance_id, user_name, recipient, subject, body, created, sent, attempts,
		failure`

	selectOutbox = `SELECT id, instance_id, user_name, recipient, subject, body, created, sent,
		attempts, failure FROM outbox WHERE instance_id = ? ORDER BY id`
)

// Enqueue puts a message into the outbox, unless one of its id is there.
func (s *Store) Enqueue(ctx context.Context, m *invitation.Message) error {
	return s.update(ctx, func(t *tx) error {
		statement := invite(m)
		statement.Query = enqueueMessage
		return t.Run(ctx, statement)
	})
}

// Claim takes a message that is to be sent.
func (s *Store) Claim(ctx context.Context, now, until time.Time) (*invitation.Message, error) {
	var r outboxRow
	err := s.update(ctx, func(t *tx) error {
		return t.Get(ctx, &r, claimMessage, millis(until), millis(now), millis(now),
			invitation.MaxAttempts)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := r.message()
	return &m, nil
}

// Settle writes what came of a try.
func (s *Store) Settle(
	ctx context.Context, id string, at time.Time, failure string, again time.Time,
) error {
	return s.update(ctx, func(t *tx) error {
		if failure == "" {
			_, err := t.Exec(ctx, "UPDATE outbox SET sent = ?, failure = '' WHERE id = ?",
				millis(at), id)
			return err
		}
		_, err := t.Exec(ctx, "UPDATE outbox SET claimed = ?, failure = ? WHERE id = ?",
			millis(again), failure, id)
		return err
	})
}

// Outbox returns the messages of an instance, the oldest first.
func (s *Store) Outbox(ctx context.Context, instanceID string) ([]invitation.Message, error) {
	var rows []outboxRow
	err := s.db.List(ctx, &rows, selectOutbox, instanceID)
	list := make([]invitation.Message, len(rows))
	for i := range rows {
		list[i] = rows[i].message()
	}
	return list, err
}
