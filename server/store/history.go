package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"muster/server/history"
	"muster/server/store/engine"
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
	Event       sql.NullString `db:"event"`
}

// selectHistory is what a query of the history begins with; the others are of
// the rows of the chain, and of those that are not in it.
const (
	selectHistory = `SELECT id, instance_id, at, actor_kind, actor_name, key_id, request_id, client,
	address, action, target_type, target_id, target_name, outcome, status, scim_type, detail,
	changes, content_hash, seq, link, event FROM history WHERE instance_id = ?`

	selectSealed = `SELECT id, instance_id, at, actor_kind, actor_name, key_id, request_id, client,
	address, action, target_type, target_id, target_name, outcome, status, scim_type, detail,
	changes, content_hash, seq, link, event FROM history
	WHERE instance_id = ? AND seq > ? ORDER BY seq LIMIT ?`

	selectUnsealed = `SELECT
		id, instance_id, at, actor_kind, actor_name, key_id, request_id, client,
	address, action, target_type, target_id, target_name, outcome, status, scim_type, detail,
	changes, content_hash, seq, link, event FROM history
	WHERE instance_id = ? AND seq IS NULL ORDER BY id LIMIT ?`

	selectUnsealedAfter = `SELECT
		id, instance_id, at, actor_kind, actor_name, key_id, request_id, client,
	address, action, target_type, target_id, target_name, outcome, status, scim_type, detail,
	changes, content_hash, seq, link, event FROM history
	WHERE instance_id = ? AND seq IS NULL AND id > ? ORDER BY id LIMIT ?`
)

func (r *historyRow) entry() (*history.Entry, error) {
	e := &history.Entry{
		ID: r.ID, InstanceID: r.InstanceID, Time: fromMillis(r.At),
		Actor: history.Actor{
			Kind: history.Kind(r.ActorKind), Name: r.ActorName, KeyID: r.KeyID,
			RequestID: r.RequestID, Client: r.Client, Address: r.Address,
		},
		Action:  history.Action(r.Action),
		Target:  history.Target{Type: r.TargetType, ID: r.TargetID, Name: r.TargetName},
		Outcome: history.Outcome(r.Outcome), Status: r.Status, ScimType: r.ScimType,
		Detail: r.Detail,
	}
	if err := json.Unmarshal(r.Changes, &e.Changes); err != nil {
		return nil, fmt.Errorf("history row %s: changes: %w", r.ID, err)
	}
	if r.Event.Valid {
		if err := json.Unmarshal([]byte(r.Event.String), &e.Event); err != nil {
			return nil, fmt.Errorf("history row %s: event: %w", r.ID, err)
		}
	}
	return e, nil
}

// historyColumns returns the values of the columns of an entry, but for those
// of the chain.
func historyColumns(e *history.Entry) ([]any, error) {
	changes, err := json.Marshal(e.Changes)
	if err != nil {
		return nil, err
	}
	var event sql.NullString
	if e.Event != nil {
		text, err := json.Marshal(e.Event)
		if err != nil {
			return nil, err
		}
		event = sql.NullString{String: string(text), Valid: true}
	}
	hash, err := e.Hash()
	if err != nil {
		return nil, err
	}
	return []any{
		e.ID, e.InstanceID, millis(e.Time), string(e.Actor.Kind), e.Actor.Name, e.Actor.KeyID,
		e.Actor.RequestID, e.Actor.Client, e.Actor.Address,
		string(e.Action), e.Target.Type, e.Target.ID, e.Target.Name, string(e.Outcome), e.Status,
		e.ScimType, e.Detail, string(changes), event, hash,
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
func (s *Store) History(
	ctx context.Context, q history.Query, yield func(*history.Entry) error,
) error {
	query, args := selectHistory, []any{q.InstanceID}
	and := func(condition string, values ...any) {
		query, args = query+" AND "+condition, append(args, values...)
	}
	for _, target := range []struct{ kind, name string }{{"User", q.User}, {"Group", q.Group}} {
		if target.name != "" {
			and("target_type = ? AND (target_id = ? OR target_name = ?)", target.kind, target.name,
				target.name)
		}
	}
	for _, same := range []struct{ condition, value string }{
		{"key_id = ?", q.KeyID},
		{"request_id = ?", q.RequestID},
		{"outcome = ?", string(q.Outcome)},
		{"action = ?", string(q.Action)},
		{"id = ?", q.ID},
		{"target_id = ?", q.TargetID},
	} {
		if same.value != "" {
			and(same.condition, same.value)
		}
	}
	if q.Outcome != "" && q.Outcome != history.Done {
		and("outcome <> 'done'") // as the index on the few has it
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
			query += []string{" AND (", " OR ", " OR "}[i] + s.db.Contains("lower("+column+")")
			args = append(args, text)
		}
		query += ")"
	}
	if q.Before != "" {
		and("id < ?", q.Before)
	}
	if q.Since != "" {
		and("id >= ?", q.Since)
	}
	send := s.db.Read
	if q.Text != "" {
		send = func(ctx context.Context, list ...engine.Statement) error {
			return s.db.Scan(ctx, "Cheaper is a shorter time, or without a text", list...)
		}
	}
	whole := func(_ *historyRow, e *history.Entry) error { return yield(e) }
	if q.Limit > 0 {
		query = "SELECT * FROM (" + query + " ORDER BY id DESC LIMIT ?) AS newest ORDER BY id"
		list, _, err := historyRows(ctx, send, query, append(args, q.Limit), 0)
		if err != nil {
			return err
		}
		return eachEntry(list, whole)
	}
	last := uuid.Nil.String()
	return historyParts(ctx, send, func(limit int) (string, []any) {
		return query + " AND id > ? ORDER BY id LIMIT ?", slices.Concat(args, []any{last, limit})
	}, func(r *historyRow, e *history.Entry) error {
		last = r.ID
		return yield(e)
	})
}

// How many rows of the history are read at once, and about how many bytes of
// them: what a change of a large group changed is megabytes.
const (
	historyPart  = 200
	historyBytes = 4 << 20
)

// historyParts calls yield with rows of the history, a part at a time. It
// holds no connection while yield works: there may be many, and who reads them
// may be slow. next returns the query for the part behind those rows that
// yield has seen.
func historyParts(
	ctx context.Context, send engine.Sender, next func(limit int) (string, []any),
	yield func(*historyRow, *history.Entry) error,
) error {
	for limit := historyPart; ; {
		query, args := next(limit)
		list, cut, err := historyRows(ctx, send, query, args, historyBytes)
		if err != nil {
			return err
		}
		if err := eachEntry(list, yield); err != nil {
			return err
		}
		switch {
		case cut:
			limit = max(1, len(list))
		case len(list) < limit:
			return nil
		default:
			limit = min(2*limit, historyPart)
		}
	}
}

// historyRows reads rows of the history, up to about so many bytes; 0 is no
// limit. It reports whether there were more.
func historyRows(
	ctx context.Context, send engine.Sender, query string, args []any, most int,
) (list []historyRow, cut bool, err error) {
	err = send(ctx, engine.Statement{Query: query, Args: args, Read: func(from engine.Rows) error {
		list, cut = nil, false
		for size := 0; from.Next(); {
			if cut = most > 0 && size > most; cut {
				return nil
			}
			list = append(list, historyRow{})
			r := &list[len(list)-1]
			if err := engine.ScanInto(from, r); err != nil {
				return err
			}
			size += len(r.Changes) + len(r.Detail) + len(r.Event.String)
			engine.Yield(len(list))
		}
		return from.Err()
	}})
	return list, cut, err
}

// eachEntry calls yield with rows and their entries.
func eachEntry(list []historyRow, yield func(*historyRow, *history.Entry) error) error {
	for i := range list {
		engine.Yield(i)
		e, err := list[i].entry()
		if err == nil {
			err = yield(&list[i], e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
