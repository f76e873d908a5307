package store

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"muster/server/instance"
	"muster/server/limit"
	"muster/server/scim"
)

const (
	// lineLength is how many of an instance's requests can wait for a
	// connection of their instance's share, and lineTime for how long.
	lineLength = 64
	lineTime   = 10 * time.Second
	// sqliteReaders is how many connections to SQLite read.
	sqliteReaders = 10
)

// shares divide the connections among the instances, so that none can take all
// of them. A scan, which reads as much as an instance has, takes a place among
// a quarter of the connections; what reads a bounded part takes one among about
// as many; and what an index answers, writes, and questions about the server
// itself have the others. No instance has more than half of either kind.
type shares struct {
	scans, parts limit.Shares
	scanTime     time.Duration
}

// divide divides connections.
func (g *shares) divide(connections int) {
	scans := max(1, connections/4)
	parts := max(1, (connections-scans)/2)
	g.scans.Name, g.parts.Name = "scans", "reads"
	g.scans.Places, g.scans.Share = scans, max(1, scans/2)
	g.parts.Places, g.parts.Share = parts, max(1, parts/2)
	for _, s := range []*limit.Shares{&g.scans, &g.parts} {
		s.Line, s.Wait = lineLength, lineTime
	}
}

// LimitScans sets for how long the database may scan for one answer; 0, as
// at first, is no limit. It is for before the store is used.
func (s *Store) LimitScans(most time.Duration) { s.shares.scanTime = most }

// enter takes a place of the instance that the context is confined to. Work on
// all instances is the operator's own.
func enter(ctx context.Context, g *limit.Shares) (leave func(), err error) {
	if id := instance.Confined(ctx); id != "" {
		return g.Enter(ctx, id)
	}
	return func() {}, nil
}

// sender sends statements that only read.
type sender func(context.Context, ...statement) error

// read sends statements that read a bounded part, outside of a transaction.
func (s *Store) read(ctx context.Context, list ...statement) error {
	leave, err := enter(ctx, &s.shares.parts)
	if err != nil {
		return err
	}
	defer leave()
	return s.send(ctx, list...)
}

// alone sends statements that an index answers, and that take long all the
// same: it finds many, or has to be planned.
func (s *Store) alone(ctx context.Context, list ...statement) error {
	return s.bounded(ctx, &s.shares.parts, "What was asked for by eq is too common", list...)
}

// scan sends statements that may read all that an instance has.
func (s *Store) scan(ctx context.Context, cheap string, list ...statement) error {
	return s.bounded(ctx, &s.shares.scans, cheap, list...)
}

// bounded sends statements that may take long, when the instance has a place.
// They are given up after the time that a scan may take, with an error that
// says what would be cheap.
func (s *Store) bounded(ctx context.Context, g *limit.Shares, cheap string, list ...statement) error {
	leave, err := enter(ctx, g)
	if err != nil {
		return err
	}
	defer leave()
	most := s.shares.scanTime
	if most == 0 {
		return s.send(ctx, list...)
	}
	bounded := ctx
	if s.d.postgres {
		list = append([]statement{{
			query: "SELECT set_config('statement_timeout', ?, true)", args: []any{strconv.FormatInt(most.Milliseconds(), 10)},
		}}, list...)
	} else {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, most)
		defer cancel()
	}
	err = s.send(bounded, list...)
	if err != nil && ctx.Err() == nil && (bounded.Err() != nil || s.d.timedOut(err)) {
		e := scim.BadRequest(scim.TooMany, "to find this takes longer than %v, and was given up. %s", most, cheap)
		e.Limit = "scan-time"
		return e
	}
	return err
}

// timedOut reports whether PostgreSQL gave up what took longer than it may.
func (d *dialect) timedOut(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "57014"
}
