package store

import (
	"context"
	"slices"

	"muster/server/store/engine"
)

// tx is a transaction. That of an instance's writer has the instance, its
// chain and whether it has one, and the rows of the history that are written
// at the end.
type tx struct {
	*engine.Tx
	instanceID string
	chain      chainRow
	chained    bool
	rows       entryRows
}

// update runs f in a transaction that writes; see [engine.DB.Update].
func (s *Store) update(ctx context.Context, f func(*tx) error) error {
	return s.db.Update(ctx, func(inner *engine.Tx) error {
		t := &tx{Tx: inner}
		if err := f(t); err != nil || t.Committed() {
			return err
		}
		return t.finish(ctx, nil)
	})
}

// finish sends the last statements of the transaction, its history, and its
// end, together.
func (t *tx) finish(ctx context.Context, last []engine.Statement) error {
	return t.Commit(ctx, slices.Concat(last, t.linked())...)
}
