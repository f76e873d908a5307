package state

import (
	"context"
	"errors"

	"github.com/jmoiron/sqlx"

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
	prepared := make(map[string]*sqlx.Stmt)
	for _, w := range list {
		for _, s := range w.list {
			kept, err := f.prepare(ctx, s.query) //nolint:sqlclosecheck // it is kept
			if err != nil {
				return err
			}
			prepared[s.query] = kept
		}
	}
	tx, err := f.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	for _, w := range list {
		for _, s := range w.list {
			if _, err := tx.StmtxContext(ctx, prepared[s.query]).ExecContext(ctx,
				s.args...); err != nil {
				return errors.Join(err, tx.Rollback())
			}
		}
	}
	return tx.Commit()
}

// prepare returns a statement, which it keeps.
func (f *File) prepare(ctx context.Context, query string) (*sqlx.Stmt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.prepared[query]; s != nil {
		return s, nil
	}
	//nolint:sqlclosecheck // it is kept, and ends with the database
	s, err := f.db.PreparexContext(ctx, query)
	if err == nil {
		f.prepared[query] = s
	}
	return s, err
}
