package store

import (
	"context"
	"encoding/json"
	"fmt"

	"muster/server/history"
)

// historyRow is a row of history.
type historyRow struct {
	ID         string `db:"id"`
	InstanceID string `db:"instance_id"`
	At         int64  `db:"at"`
	ActorKind  string `db:"actor_kind"`
	ActorName  string `db:"actor_name"`
	KeyID      string `db:"key_id"`
	RequestID  string `db:"request_id"`
	Client     string `db:"client"`
	Address    string `db:"address"`
	Action     string `db:"action"`
	TargetType string `db:"target_type"`
	TargetID   string `db:"target_id"`
	TargetName string `db:"target_name"`
	Outcome    string `db:"outcome"`
	Status     int    `db:"status"`
	ScimType   string `db:"scim_type"`
	Detail     string `db:"detail"`
	Changes    []byte `db:"changes"`
}

func (r *historyRow) entry() (*history.Entry, error) {
	e := &history.Entry{
		ID: r.ID, InstanceID: r.InstanceID, Time: fromMillis(r.At),
		Actor:  history.Actor{Kind: history.Kind(r.ActorKind), Name: r.ActorName, KeyID: r.KeyID, RequestID: r.RequestID, Client: r.Client, Address: r.Address},
		Action: history.Action(r.Action), Target: history.Target{Type: r.TargetType, ID: r.TargetID, Name: r.TargetName},
		Outcome: history.Outcome(r.Outcome), Status: r.Status, ScimType: r.ScimType, Detail: r.Detail,
	}
	if err := json.Unmarshal(r.Changes, &e.Changes); err != nil {
		return nil, fmt.Errorf("history row %s: changes: %w", r.ID, err)
	}
	return e, nil
}

// append writes entries in the transaction.
func (t tx) append(ctx context.Context, entries ...*history.Entry) error {
	for _, e := range entries {
		changes, err := json.Marshal(e.Changes)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, `INSERT INTO history (id, instance_id, at, actor_kind, actor_name, key_id, request_id, client, address,
			action, target_type, target_id, target_name, outcome, status, scim_type, detail, changes)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			e.ID, e.InstanceID, millis(e.Time), string(e.Actor.Kind), e.Actor.Name, e.Actor.KeyID, e.Actor.RequestID, e.Actor.Client, e.Actor.Address,
			string(e.Action), e.Target.Type, e.Target.ID, e.Target.Name, string(e.Outcome), e.Status, e.ScimType, e.Detail, string(changes))
		if err != nil {
			return err
		}
	}
	return nil
}

// AppendHistory writes an entry that stands alone.
func (s *Store) AppendHistory(ctx context.Context, e *history.Entry) error {
	return s.update(ctx, func(t tx) error { return t.append(ctx, e) })
}

// History calls yield with the entries that q chooses, the oldest first.
func (s *Store) History(ctx context.Context, q history.Query, yield func(*history.Entry) error) error {
	query, args := "SELECT * FROM history WHERE instance_id = ?", []any{q.InstanceID}
	for _, target := range []struct{ kind, name string }{{"User", q.User}, {"Group", q.Group}} {
		if target.name != "" {
			query += " AND target_type = ? AND (target_id = ? OR target_name = ?)"
			args = append(args, target.kind, target.name, target.name)
		}
	}
	if q.Outcome != "" {
		query, args = query+" AND outcome = ?", append(args, string(q.Outcome))
	}
	if q.Limit > 0 {
		query = "SELECT * FROM (" + query + " ORDER BY id DESC LIMIT ?) AS newest"
		args = append(args, q.Limit)
	}
	rows, err := s.read.QueryxContext(ctx, s.read.Rebind(query+" ORDER BY id"), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r historyRow
		if err := rows.StructScan(&r); err != nil {
			return err
		}
		e, err := r.entry()
		if err == nil {
			err = yield(e)
		}
		if err != nil {
			return err
		}
	}
	return rows.Err()
}
