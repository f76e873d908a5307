package state

import (
	"context"
	"errors"

	"muster/queue"
)

// statement is one that writes.
type statement struct {
	query string
	args  []any
}

// write is what one caller writes.
type write struct {
	queue.Ticket
	list []statement
}

// writesTogether is how many writes are committed together at the most.
const writesTogether = 64

// write runs statements in one transaction, with those of others who write at
// the same moment. When it returns, they are committed: what a process that is
// killed then must not have lost is in the file.
func (f *File) write(ctx context.Context, list ...statement) error {
	return f.writes.Do(ctx, &write{list: list}, f.commit)
}

// commit runs writes in one transaction, and by themselves if that is refused.
func (f *File) commit(ctx context.Context, list []*write) {
	err := f.transaction(ctx, list)
	for _, w := range list {
		if err != nil && len(list) > 1 {
			w.End(f.transaction(ctx, []*write{w}))
			continue
		}
		w.End(err)
	}
}

func (f *File) transaction(ctx context.Context, list []*write) error {
	// Before the transaction: it has the only connection.
	for _, w := range list {
		for _, s := range w.list {
			if err := f.prepare(ctx, s.query); err != nil {
				return err
			}
		}
	}
	tx, err := f.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	for _, w := range list {
		for _, s := range w.list {
			if _, err := tx.StmtxContext(ctx, f.prepared[s.query]).ExecContext(ctx, s.args...); err != nil {
				return errors.Join(err, tx.Rollback())
			}
		}
	}
	return tx.Commit()
}

// prepare keeps a statement. Only the one who commits calls it.
func (f *File) prepare(ctx context.Context, query string) error {
	if f.prepared[query] != nil {
		return nil
	}
	s, err := f.db.PreparexContext(ctx, query) //nolint:sqlclosecheck // it is kept, and ends with the database
	if err == nil {
		f.prepared[query] = s
	}
	return err
}
