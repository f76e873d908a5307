package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Tx is a transaction. Its methods take queries with "?" for parameters. It
// begins in the same round trip as its first statement.
type Tx struct {
	Dialect *Dialect
	runner  runner
	// begun and committed tell that BEGIN was sent, and COMMIT answered.
	begun, committed bool
	// checks is set until the tenant's revision was compared.
	checks bool
}

// attempts is how often a transaction is run when the database asks for it,
// and busyTime for how long if another process writes to the file of SQLite.
const (
	attempts = 20
	busyTime = 10 * time.Second
)

// pause returns how long to wait before a transaction is run again: a little
// longer each time, and not all the same; false if it is given up.
func (d *Dialect) pause(attempt int, began time.Time) (time.Duration, bool) {
	if d.Postgres {
		most := int64(time.Millisecond) << min(attempt, 7)
		return time.Duration(rand.Int64N(most)), attempt < attempts
	}
	wait := time.Millisecond/2 + time.Duration(rand.Int64N(int64(time.Millisecond)))
	return wait, time.Since(began) < busyTime
}

// Update runs f in a transaction that writes, and commits it unless f has, or
// returns an error. If the database could not serialize it with others, f runs
// again: it must have no effect but on the transaction.
func (db *DB) Update(ctx context.Context, f func(*Tx) error) (err error) {
	ctx, end := db.Span(ctx, "transaction")
	defer func() { end(err) }()
	began := time.Now()
	for i := 1; ; i++ {
		var committed bool
		committed, err = db.once(ctx, f)
		if err == nil || committed || !db.retryable(err) {
			return err
		}
		wait, again := db.pause(i, began)
		if !again {
			return fmt.Errorf("transaction given up after %d attempts: %w", i, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

func (db *DB) once(ctx context.Context, f func(*Tx) error) (committed bool, err error) {
	tenant := db.tenant(ctx)
	run := func(r runner) error {
		t := &Tx{Dialect: &db.Dialect, runner: r, checks: tenant.Revision != 0}
		err := f(t)
		if err == nil && !t.committed {
			err = t.Commit(ctx)
		}
		if committed = t.committed; err != nil && t.begun && !committed {
			// The context may have ended, and the connection is used again.
			err = errors.Join(err, db.rollback(context.WithoutCancel(ctx), r))
		}
		return err
	}
	if db.sqlite != nil {
		err = db.sqlite.write(ctx, func(r runner) error {
			return run(&prefixed{runner: r, first: db.check(tenant)})
		})
	} else {
		err = db.onConnection(ctx, tenant, run)
	}
	return committed, err
}

// rollback takes a transaction back.
func (d *Dialect) rollback(ctx context.Context, r runner) error {
	err := r.run(ctx, []Statement{{Query: "ROLLBACK"}})
	if !d.Postgres && err != nil && strings.Contains(err.Error(), "no transaction is active") {
		return nil // SQLite has done so already
	}
	return err
}

// Run sends statements together.
func (t *Tx) Run(ctx context.Context, list ...Statement) error {
	if !t.begun {
		t.begun = true
		list = append([]Statement{{Query: t.Dialect.begin}}, list...)
	}
	t.checks = false
	return t.runner.run(ctx, list)
}

// Commit sends the last statements of the transaction, and its end, together.
func (t *Tx) Commit(ctx context.Context, last ...Statement) error {
	if t.checks { // what is found out about the tenant must be read before
		if err := t.Run(ctx); err != nil {
			return err
		}
	}
	commit := Statement{Query: "COMMIT", Read: func(r Rows) error {
		r.Next()
		t.committed = r.Err() == nil
		return nil
	}}
	return t.Run(ctx, append(slices.Clip(last), commit)...)
}

// Committed reports whether the transaction was committed.
func (t *Tx) Committed() bool { return t.committed }

// Exec runs a statement and returns how many rows it changed.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = t.Run(ctx, Statement{Query: query, Args: args, Changed: &n})
	return n, err
}

// Get reads one row into dest; see [One].
func (t *Tx) Get(ctx context.Context, dest any, query string, args ...any) error {
	return t.Run(ctx, Statement{Query: query, Args: args, Read: One(dest)})
}

// List reads all rows into the slice dest; arguments are as of [In].
func (t *Tx) List(ctx context.Context, dest any, query string, args ...any) error {
	s, err := In(query, args...)
	if err != nil {
		return err
	}
	s.Read = All(dest)
	return t.Run(ctx, s)
}
