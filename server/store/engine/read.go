package engine

import (
	"context"
	"strconv"
	"time"

	"muster/queue"
	"muster/server/limit"
)

const (
	// queueLength is how many of a tenant's requests can wait for a connection
	// of the tenant's share, and lineTime for how long.
	queueLength = 64
	queueTime   = 10 * time.Second
)

// shares divide the connections among the tenants, so that none can take all
// of them. A scan, which reads as much as a tenant has, takes a place among a
// quarter of the connections; what reads a bounded part takes one among about
// as many; and what an index answers, writes, and questions about the server
// itself have the others. No tenant has more than half of either kind.
type shares struct {
	scans, parts limit.Shares
	scanTime     time.Duration
}

// divide divides connections.
func (s *shares) divide(connections int) {
	scans := max(1, connections/4)
	parts := max(1, (connections-scans)/2)
	s.scans.Name, s.parts.Name = "scans", "reads"
	s.scans.Places, s.scans.Share = scans, max(1, scans/2)
	s.parts.Places, s.parts.Share = parts, max(1, parts/2)
	for _, kind := range []*limit.Shares{&s.scans, &s.parts} {
		kind.Queue, kind.Wait = queueLength, queueTime
	}
}

// LimitScans sets for how long the database may scan for one answer; 0, as
// at first, is no limit. It is for before the database is used.
func (db *DB) LimitScans(most time.Duration) { db.shares.scanTime = most }

// Scans are the places for scans, as they are shared among the tenants.
func (db *DB) Scans() *limit.Shares { return &db.shares.scans }

// enter takes a place of the tenant of the context. Work on all tenants is the
// operator's own.
func (db *DB) enter(ctx context.Context, s *limit.Shares) (leave func(), err error) {
	if id := db.tenant(ctx).ID; id != "" {
		return s.Enter(ctx, id)
	}
	return func() {}, nil
}

// Sender sends statements that only read, outside of a transaction.
type Sender func(context.Context, ...Statement) error

// send sends statements to a connection of their own.
func (db *DB) send(ctx context.Context, list ...Statement) (err error) {
	ctx, end := db.Span(ctx, "read", list...)
	defer func() { end(err) }()
	tenant := db.tenant(ctx)
	if db.sqlite != nil {
		r := prefixed{runner: sequence{db.sqlite.readers.get}, first: db.check(tenant)}
		return r.run(ctx, list)
	}
	return db.onConnection(ctx, tenant, func(r runner) error { return r.run(ctx, list) })
}

// Lookup sends statements that an index makes short, together with those of
// others. If one is not short after all, all of them go once more, by
// themselves: what reads their answers begins anew then.
func (db *DB) Lookup(ctx context.Context, list ...Statement) error {
	if db.batcher == nil {
		return db.send(ctx, list...)
	}
	return db.batched(ctx, &db.batcher.short, list)
}

// Find sends statements by which an index may find many rows: as [DB.Lookup]
// does, if few of the tenant do so now.
func (db *DB) Find(ctx context.Context, list ...Statement) error {
	if db.batcher == nil {
		return db.FindAlone(ctx, list...)
	}
	leave, ok := db.batcher.enter(db.tenant(ctx).ID)
	if !ok {
		return db.FindAlone(ctx, list...)
	}
	defer leave()
	return db.batched(ctx, &db.batcher.common, list)
}

// batched sends statements with those of a queue, unless the tenant asks for
// too much.
func (db *DB) batched(ctx context.Context, q *queue.Queue[*batched], list []Statement) error {
	id := db.tenant(ctx).ID
	if db.batcher.isSlow(id) {
		return db.FindAlone(ctx, list...)
	}
	ctx, end := db.Span(ctx, "read", list...)
	err := db.batcher.read(ctx, q, list)
	end(err)
	if db.timedOut(err) && ctx.Err() == nil {
		db.batcher.slow.Add(id, time.Now().Add(slowTime))
		return db.FindAlone(ctx, list...)
	}
	return err
}

// Planned reports whether a query was sent before, so that the database knows
// how to find what it asks for. On SQLite that takes no time.
func (db *DB) Planned(query string) bool {
	return db.batcher == nil || db.batcher.isKnown(query)
}

// FindAlone sends statements that an index answers, and that take long all the
// same: it finds many, or has to be planned.
func (db *DB) FindAlone(ctx context.Context, list ...Statement) error {
	return db.bounded(ctx, &db.shares.parts, "What was asked for by eq is too common", list...)
}

// Read sends statements that read a bounded part.
func (db *DB) Read(ctx context.Context, list ...Statement) error {
	leave, err := db.enter(ctx, &db.shares.parts)
	if err != nil {
		return err
	}
	defer leave()
	return db.send(ctx, list...)
}

// Scan sends statements that may read all that a tenant has. cheap is for the
// error if that takes too long.
func (db *DB) Scan(ctx context.Context, cheap string, list ...Statement) error {
	return db.bounded(ctx, &db.shares.scans, cheap, list...)
}

// bounded sends statements that may take long, when the tenant has a place.
// They are given up after the time that a scan may take, with an error that
// says what would be cheap.
func (db *DB) bounded(
	ctx context.Context, s *limit.Shares, cheap string, list ...Statement,
) error {
	leave, err := db.enter(ctx, s)
	if err != nil {
		return err
	}
	defer leave()
	most := db.shares.scanTime
	if most == 0 {
		return db.send(ctx, list...)
	}
	bounded := ctx
	if db.Postgres {
		list = append([]Statement{{
			Query: "SELECT set_config('statement_timeout', ?, true)",
			Args:  []any{strconv.FormatInt(most.Milliseconds(), 10)},
		}}, list...)
	} else {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, most)
		defer cancel()
	}
	err = db.send(bounded, list...)
	if err != nil && ctx.Err() == nil && (bounded.Err() != nil || db.timedOut(err)) {
		return db.options.TooLong(most, cheap)
	}
	return err
}

// Get reads one row, which an index finds, into dest; see [One].
func (db *DB) Get(ctx context.Context, dest any, query string, args ...any) error {
	return db.Lookup(ctx, Statement{Query: query, Args: args, Read: One(dest)})
}

// List reads all rows into the slice dest; arguments are as of [In].
func (db *DB) List(ctx context.Context, dest any, query string, args ...any) error {
	s, err := In(query, args...)
	if err != nil {
		return err
	}
	s.Read = All(dest)
	return db.Read(ctx, s)
}
