package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"muster/server/history"
	"muster/server/store/engine"
)

type chainRow struct {
	Seq        int64  `db:"seq"`
	Link       string `db:"link"`
	AnchorSeq  int64  `db:"anchor_seq"`
	AnchorLink string `db:"anchor_link"`
}

const (
	selectChain = `SELECT seq, link, anchor_seq, anchor_link
	FROM history_chains WHERE instance_id = ?`

	selectChainLocked = `SELECT seq, link, anchor_seq, anchor_link
	FROM history_chains WHERE instance_id = ? FOR UPDATE`
)

// Chain returns where the chain of an instance begins and ends.
func (s *Store) Chain(ctx context.Context, instanceID string) (history.Chain, error) {
	var r chainRow
	err := s.db.Get(ctx, &r, selectChain, instanceID)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return history.Chain(r), err
}

// Sealed calls yield with the rows of an instance: those of the chain in its
// order, and then those that are not sealed yet.
func (s *Store) Sealed(
	ctx context.Context, instanceID string, yield func(history.Sealed) error,
) error {
	if err := s.HistoryAfter(ctx, instanceID, 0, yield); err != nil {
		return err
	}
	last := uuid.Nil.String()
	return historyParts(ctx, s.db.Read, func(limit int) (string, []any) {
		return selectUnsealedAfter, []any{instanceID, last, limit}
	}, func(r *historyRow, e *history.Entry) error {
		last = r.ID
		return yield(history.Sealed{Entry: e, ContentHash: r.ContentHash})
	})
}

// HistoryAfter calls yield with the rows of the chain of an instance behind a
// place, in its order.
func (s *Store) HistoryAfter(
	ctx context.Context, instanceID string, after int64, yield func(history.Sealed) error,
) error {
	return historyParts(ctx, s.db.Read, func(limit int) (string, []any) {
		return selectSealed, []any{instanceID, after, limit}
	}, func(r *historyRow, e *history.Entry) error {
		after = r.Seq.Int64
		return yield(history.Sealed{
			Entry: e, ContentHash: r.ContentHash, Seq: r.Seq.Int64, Link: r.Link.String,
		})
	})
}

// lockChain returns the statement that reads the chain of an instance, and
// keeps other writers of the instance out until the transaction ends.
func (t *tx) lockChain(instanceID string) engine.Statement {
	return engine.Statement{
		Query: selectChainLocked, Args: []any{instanceID},
		Read: func(r engine.Rows) error {
			t.instanceID, t.chain = instanceID, chainRow{}
			if t.chained = r.Next(); !t.chained {
				return r.Err()
			}
			return r.Scan(&t.chain.Seq, &t.chain.Link, &t.chain.AnchorSeq, &t.chain.AnchorLink)
		},
	}
}

// makeChain makes the chain of an instance that has none.
func (s *Store) makeChain(ctx context.Context, instanceID string) error {
	return s.update(ctx, func(t *tx) error { return t.Run(ctx, newChain(instanceID)) })
}

func newChain(instanceID string) engine.Statement {
	return engine.Statement{
		Query: `INSERT INTO history_chains (instance_id, seq, link, anchor_seq, anchor_link)
			VALUES (?, 0, '', 0, '') ON CONFLICT DO NOTHING`,
		Args: []any{instanceID},
	}
}

// linked returns the statements that write the history of the transaction,
// each row linked with the one before it, and where the chain ends now.
func (t *tx) linked() []engine.Statement {
	if len(t.rows) == 0 {
		return nil
	}
	c := t.chain
	rows := make([][]any, len(t.rows))
	for i, row := range t.rows {
		c.Seq++
		c.Link = history.Link(c.Link, c.Seq, row[len(row)-1].(string)) // the content's hash
		rows[i] = append(slices.Clip(row), c.Seq, c.Link)
	}
	var list []engine.Statement
	if !t.chained { // of a new instance
		list = append(list, newChain(t.instanceID))
	}
	for part := range slices.Chunk(rows, chunk) {
		list = append(list, t.Dialect.Insert(&insertHistory, part, nil)...)
	}
	return append(list, endChain(t.instanceID, c))
}

// endChain writes where a chain ends.
func endChain(instanceID string, c chainRow) engine.Statement {
	return engine.Statement{
		Query: "UPDATE history_chains SET seq = ?, link = ? WHERE instance_id = ?",
		Args:  []any{c.Seq, c.Link, instanceID},
	}
}

// Adopt links rows that servers of older versions have left without a link,
// at most limit of each instance, and returns how many of which instances.
func (s *Store) Adopt(ctx context.Context, limit int) (map[string]int, error) {
	var instances []string
	if err := s.db.List(ctx, &instances,
		`SELECT id FROM instances WHERE EXISTS
			(SELECT 1 FROM history AS h WHERE h.instance_id = instances.id AND h.seq IS NULL)`,
	); err != nil {
		return nil, err
	}
	adopted := make(map[string]int)
	for _, id := range instances {
		err := s.change(ctx, id, func(t *tx) (err error) {
			adopted[id], err = t.adopt(ctx, limit)
			return err
		})
		if err != nil {
			return adopted, err
		}
	}
	return adopted, nil
}

func (t *tx) adopt(ctx context.Context, limit int) (int, error) {
	var old []historyRow
	if err := t.List(ctx, &old,
		selectUnsealed, t.instanceID, limit); err != nil || len(old) == 0 {
		return 0, err
	}
	c := &t.chain
	var list []engine.Statement
	for _, r := range old {
		if r.ContentHash == "" { // written before rows had one
			e, err := r.entry()
			if err == nil {
				r.ContentHash, err = e.Hash()
			}
			if err != nil {
				return 0, err
			}
		}
		c.Seq++
		c.Link = history.Link(c.Link, c.Seq, r.ContentHash)
		list = append(list, engine.Statement{
			Query: `UPDATE history SET seq = ?, link = ?, content_hash = ?
				WHERE instance_id = ? AND id = ?`,
			Args: []any{c.Seq, c.Link, r.ContentHash, t.instanceID, r.ID},
		})
	}
	return len(old), t.finish(ctx, append(list, endChain(t.instanceID, *c)))
}

// Prune deletes the sealed rows before a time, from the beginning of the chain
// on, and moves the anchor behind them.
func (s *Store) Prune(
	ctx context.Context, instanceID string, before time.Time, e *history.Entry,
) (pruned int, err error) {
	err = s.change(ctx, instanceID, func(t *tx) error {
		c := t.chain
		// The first row that stays: rows were not always sealed in the order
		// of their times.
		var first sql.NullInt64
		if err := t.Get(ctx, &first,
			"SELECT min(seq) FROM history WHERE instance_id = ? AND seq IS NOT NULL AND at >= ?",
			instanceID, millis(before)); err != nil {
			return err
		}
		last := c.Seq
		if first.Valid {
			last = first.Int64 - 1
		}
		if last <= c.AnchorSeq {
			pruned = 0
			return nil
		}
		var link string
		if err := t.Get(ctx, &link, "SELECT link FROM history WHERE instance_id = ? AND seq = ?",
			instanceID, last); err != nil {
			return err
		}
		n, err := t.Exec(ctx, "DELETE FROM history WHERE instance_id = ? AND seq <= ?", instanceID,
			last)
		if err != nil {
			return err
		}
		pruned = int(n)
		if _, err := t.Exec(ctx,
			"UPDATE history_chains SET anchor_seq = ?, anchor_link = ? WHERE instance_id = ?", last,
			link, instanceID); err != nil {
			return err
		}
		return t.append(e)
	})
	return pruned, err
}
