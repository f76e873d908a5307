package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"muster/server/history"
)

type chainRow struct {
	Seq        int64  `db:"seq"`
	Link       string `db:"link"`
	AnchorSeq  int64  `db:"anchor_seq"`
	AnchorLink string `db:"anchor_link"`
}

const selectChain = "SELECT seq, link, anchor_seq, anchor_link FROM history_chains WHERE instance_id = ?"

// Chain returns where the chain of an instance begins and ends.
func (s *Store) Chain(ctx context.Context, instanceID string) (history.Chain, error) {
	var r chainRow
	err := s.get(ctx, &r, selectChain, instanceID)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return history.Chain(r), err
}

// Sealed calls yield with the rows of an instance: those of the chain in its
// order, and then those that are not sealed yet.
func (s *Store) Sealed(ctx context.Context, instanceID string, yield func(history.Sealed) error) error {
	return s.historyRows(ctx, selectHistory+" WHERE instance_id = ? ORDER BY CASE WHEN seq IS NULL THEN 1 ELSE 0 END, seq, id", []any{instanceID},
		func(r *historyRow, e *history.Entry) error {
			return yield(history.Sealed{Entry: e, ContentHash: r.ContentHash, Seq: r.Seq.Int64, Link: r.Link.String})
		})
}

// Seal links rows that are not in a chain yet, at most limit of each
// instance, each instance in a transaction of its own.
func (s *Store) Seal(ctx context.Context, limit int) (int, error) {
	var instances []string
	if err := s.list(ctx, &instances, "SELECT DISTINCT instance_id FROM history WHERE seq IS NULL"); err != nil {
		return 0, err
	}
	sealed := 0
	for _, id := range instances {
		n := 0
		err := s.update(ctx, func(t *tx) (err error) {
			n, err = t.seal(ctx, id, limit)
			return err
		})
		if err != nil {
			return sealed, err
		}
		sealed += n
	}
	return sealed, nil
}

// chain returns the chain of an instance, and keeps other sealers out.
func (t *tx) chain(ctx context.Context, instanceID string) (chainRow, error) {
	_, err := t.exec(ctx, "INSERT INTO history_chains (instance_id, seq, link, anchor_seq, anchor_link) VALUES (?, 0, '', 0, '') ON CONFLICT DO NOTHING", instanceID)
	var r chainRow
	if err == nil {
		err = t.get(ctx, &r, selectChain+t.d.forUpdate, instanceID)
	}
	return r, err
}

func (t *tx) seal(ctx context.Context, instanceID string, limit int) (int, error) {
	c, err := t.chain(ctx, instanceID)
	if err != nil {
		return 0, err
	}
	var rows []struct {
		ID   string `db:"id"`
		Hash string `db:"content_hash"`
	}
	if err := t.list(ctx, &rows, "SELECT id, content_hash FROM history WHERE instance_id = ? AND seq IS NULL ORDER BY id LIMIT ?", instanceID, limit); err != nil || len(rows) == 0 {
		return 0, err
	}
	var l links
	for _, r := range rows {
		if r.Hash == "" {
			if r.Hash, err = t.hash(ctx, instanceID, r.ID); err != nil {
				return 0, err
			}
		}
		c.Seq++
		c.Link = history.Link(c.Link, c.Seq, r.Hash)
		l.add(r.ID, c.Seq, c.Link, r.Hash)
	}
	list, args := t.d.links(l)
	return len(rows), t.finish(ctx, []statement{
		{query: `WITH links (id, seq, link, hash) AS (` + list + `)
			UPDATE history SET seq = links.seq, link = links.link, content_hash = links.hash FROM links WHERE history.instance_id = ? AND history.id = links.id`, args: append(args, instanceID)},
		endChain(instanceID, c),
	})
}

// hash returns the hash of the content of a row that was written before rows
// had one.
func (t *tx) hash(ctx context.Context, instanceID, id string) (string, error) {
	var r historyRow
	if err := t.get(ctx, &r, selectHistory+" WHERE instance_id = ? AND id = ?", instanceID, id); err != nil {
		return "", err
	}
	e, err := r.entry()
	if err != nil {
		return "", err
	}
	return e.Hash()
}

// links are what the chain adds to rows of the history, by column.
type links struct {
	ids           []string
	seqs          []int64
	links, hashes []string
}

func (l *links) add(id string, seq int64, link, hash string) {
	l.ids, l.seqs, l.links, l.hashes = append(l.ids, id), append(l.seqs, seq), append(l.links, link), append(l.hashes, hash)
}

// appendSealed writes entries of an instance into its chain at once. The
// transaction keeps the sealer out until it ends: it is for many entries, and
// for one writer at a time.
func (t *tx) appendSealed(ctx context.Context, instanceID string, entries []*history.Entry) error {
	c, err := t.chain(ctx, instanceID)
	if err != nil {
		return err
	}
	rows := make([][]any, len(entries))
	for i, e := range entries {
		row, err := historyColumns(e)
		if err != nil {
			return err
		}
		c.Seq++
		c.Link = history.Link(c.Link, c.Seq, row[len(row)-1].(string)) // the content's hash
		rows[i] = append(row, c.Seq, c.Link)
	}
	var list []statement
	for part := range slices.Chunk(rows, chunk) {
		list = append(list, statement{query: insertSealed + tuples(part), args: slices.Concat(part...)})
	}
	return t.run(ctx, append(list, endChain(instanceID, c))...)
}

// endChain writes where a chain ends.
func endChain(instanceID string, c chainRow) statement {
	return statement{query: "UPDATE history_chains SET seq = ?, link = ? WHERE instance_id = ?", args: []any{c.Seq, c.Link, instanceID}}
}

// Prune deletes the sealed rows before a time, from the beginning of the chain
// on, and moves the anchor behind them.
func (s *Store) Prune(ctx context.Context, instanceID string, before time.Time, e *history.Entry) (pruned int, err error) {
	err = s.update(ctx, func(t *tx) error {
		c, err := t.chain(ctx, instanceID)
		if err != nil {
			return err
		}
		// The first row that stays: rows were not always sealed in the order
		// of their times.
		var first sql.NullInt64
		if err := t.get(ctx, &first, "SELECT min(seq) FROM history WHERE instance_id = ? AND seq IS NOT NULL AND at >= ?", instanceID, millis(before)); err != nil {
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
		if err := t.get(ctx, &link, "SELECT link FROM history WHERE instance_id = ? AND seq = ?", instanceID, last); err != nil {
			return err
		}
		n, err := t.exec(ctx, "DELETE FROM history WHERE instance_id = ? AND seq <= ?", instanceID, last)
		if err != nil {
			return err
		}
		pruned = int(n)
		if _, err := t.exec(ctx, "UPDATE history_chains SET anchor_seq = ?, anchor_link = ? WHERE instance_id = ?", last, link, instanceID); err != nil {
			return err
		}
		return t.append(ctx, e)
	})
	return pruned, err
}
