package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"muster/server/history"
)

// historyRow is a row of history.
type historyRow struct {
	ID          string         `db:"id"`
	InstanceID  string         `db:"instance_id"`
	At          int64          `db:"at"`
	ActorKind   string         `db:"actor_kind"`
	ActorName   string         `db:"actor_name"`
	KeyID       string         `db:"key_id"`
	RequestID   string         `db:"request_id"`
	Client      string         `db:"client"`
	Address     string         `db:"address"`
	Action      string         `db:"action"`
	TargetType  string         `db:"target_type"`
	TargetID    string         `db:"target_id"`
	TargetName  string         `db:"target_name"`
	Outcome     string         `db:"outcome"`
	Status      int            `db:"status"`
	ScimType    string         `db:"scim_type"`
	Detail      string         `db:"detail"`
	Changes     []byte         `db:"changes"`
	ContentHash string         `db:"content_hash"`
	Seq         sql.NullInt64  `db:"seq"`
	Link        sql.NullString `db:"link"`
}

const selectHistory = `SELECT id, instance_id, at, actor_kind, actor_name, key_id, request_id, client, address, action,
	target_type, target_id, target_name, outcome, status, scim_type, detail, changes, content_hash, seq, link FROM history`

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

// historyTypes returns the columns of the history with their types.
func historyTypes() []string {
	return []string{
		"id uuid", "instance_id uuid", "at bigint", "actor_kind text", "actor_name text", "key_id text", "request_id text", "client text", "address text",
		"action text", "target_type text", "target_id text", "target_name text", "outcome text", "status integer", "scim_type text", "detail text", "changes text",
		"content_hash text", "seq bigint", "link text",
	}
}

// historyColumns returns the values of the columns of an entry, but for those
// of the chain.
func historyColumns(e *history.Entry) ([]any, error) {
	changes, err := json.Marshal(e.Changes)
	if err != nil {
		return nil, err
	}
	hash, err := e.Hash()
	if err != nil {
		return nil, err
	}
	return []any{
		e.ID, e.InstanceID, millis(e.Time), string(e.Actor.Kind), e.Actor.Name, e.Actor.KeyID, e.Actor.RequestID, e.Actor.Client, e.Actor.Address,
		string(e.Action), e.Target.Type, e.Target.ID, e.Target.Name, string(e.Outcome), e.Status, e.ScimType, e.Detail, string(changes), hash,
	}, nil
}

// entryRows are rows that are written at the end of a transaction, linked
// with the chain.
type entryRows [][]any

// append adds entries.
func (r *entryRows) append(entries ...*history.Entry) error {
	for _, e := range entries {
		row, err := historyColumns(e)
		if err != nil {
			return err
		}
		*r = append(*r, row)
	}
	return nil
}

// append adds entries to those of the transaction.
func (t *tx) append(entries ...*history.Entry) error { return t.rows.append(entries...) }

// History calls yield with the entries that q chooses, the oldest first.
func (s *Store) History(ctx context.Context, q history.Query, yield func(*history.Entry) error) error {
	query, args := selectHistory+" WHERE instance_id = ?", []any{q.InstanceID}
	and := func(condition string, values ...any) {
		query, args = query+" AND "+condition, append(args, values...)
	}
	for _, target := range []struct{ kind, name string }{{"User", q.User}, {"Group", q.Group}} {
		if target.name != "" {
			and("target_type = ? AND (target_id = ? OR target_name = ?)", target.kind, target.name, target.name)
		}
	}
	if q.KeyID != "" {
		and("key_id = ?", q.KeyID)
	}
	if q.RequestID != "" {
		and("request_id = ?", q.RequestID)
	}
	if q.Outcome != "" {
		and("outcome = ?", string(q.Outcome))
	}
	if !q.From.IsZero() {
		and("at >= ?", millis(q.From))
	}
	if !q.To.IsZero() {
		and("at < ?", millis(q.To))
	}
	if q.Text != "" {
		text := strings.ToLower(q.Text)
		for i, column := range []string{"target_name", "detail", "changes"} {
			query += []string{" AND (", " OR ", " OR "}[i] + s.d.contains("lower("+column+")")
			args = append(args, text)
		}
		query += ")"
	}
	if q.Before != "" {
		and("id < ?", q.Before)
	}
	if q.Limit > 0 {
		query = "SELECT * FROM (" + query + " ORDER BY id DESC LIMIT ?) AS newest"
		args = append(args, q.Limit)
	}
	return s.historyRows(ctx, query+" ORDER BY id", args, func(_ *historyRow, e *history.Entry) error { return yield(e) })
}

// historyRows streams rows of the history.
func (s *Store) historyRows(ctx context.Context, query string, args []any, yield func(*historyRow, *history.Entry) error) error {
	return s.read(ctx, statement{query: query, args: args, read: func(answer rows) error {
		for answer.Next() {
			var r historyRow
			if err := scan(answer, reflect.ValueOf(&r).Elem()); err != nil {
				return err
			}
			e, err := r.entry()
			if err == nil {
				err = yield(&r, e)
			}
			if err != nil {
				return err
			}
		}
		return answer.Err()
	}})
}
