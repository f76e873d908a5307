package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jmoiron/sqlx"
)

// lite is what SQLite needs beyond a pool of connections. It knows one writer
// at a time, and queueing for one connection is fairer than its busy timeout.
type lite struct {
	reads prepared
	turn  chan struct{} // holds one token while nobody writes
	// conn is the connection that writes, and kept its statements.
	conn *sql.Conn
	kept map[string]*sql.Stmt
}

func newLite(read *sqlx.DB) *lite {
	l := &lite{reads: prepared{db: read}, turn: make(chan struct{}, 1), kept: make(map[string]*sql.Stmt)}
	l.turn <- struct{}{}
	return l
}

// open takes the connection that writes out of a pool. While another process
// writes, SQLite would sleep longer and longer, and miss when the file is free;
// see [Store.update].
func (l *lite) open(ctx context.Context, pool *sqlx.DB) (err error) {
	if l.conn, err = pool.Conn(ctx); err == nil {
		_, err = l.conn.ExecContext(ctx, "PRAGMA busy_timeout = 0")
	}
	return err
}

func (l *lite) close() error {
	var err error
	if l.conn != nil {
		err = l.conn.Close()
	}
	return errors.Join(err, l.reads.db.Close())
}

// write calls f with the connection that writes, when it is free.
func (l *lite) write(ctx context.Context, f func(runner) error) error {
	select {
	case <-l.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { l.turn <- struct{}{} }()
	return f(sequence{l.prepare})
}

func (l *lite) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := l.kept[query]; s != nil {
		return s, nil
	}
	s, err := l.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if len(l.kept) >= maxPrepared {
		for _, old := range l.kept {
			_ = old.Close()
		}
		clear(l.kept)
	}
	l.kept[query] = s
	return s, nil
}
