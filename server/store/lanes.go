package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"muster/server/instance"
)

// lanes send to PostgreSQL what only reads and ends soon. A lane is a
// connection that serves one batch after the other: what requests ask for
// while a batch is under way makes up the next one, so that under load one
// round trip serves many of them, and when there is none nobody waits. A
// batch is served by the request that is the first of it.
type lanes struct {
	store *Store
	// most is how many batches can be under way at once.
	most int

	mu       sync.Mutex
	underWay int
	waiting  []*errand
}

// errand is what one request asks for.
type errand struct {
	of   instance.Confinement
	list []statement
	// turn gets true when the request is to serve the next batch, and false
	// when another one has served its errand, with the outcome in err.
	turn chan bool
	err  error
	over bool
	// checks is set if the errand finds out for its batch whether the instance
	// is at the revision that is expected.
	checks bool
}

const (
	// laneBatch is how many errands go together at the most.
	laneBatch = 64
	// laneTime is how long a batch may take.
	laneTime = 30 * time.Second
)

func newLanes(s *Store) *lanes {
	// PostgreSQL needs the other half of the processors, if it is here too.
	return &lanes{store: s, most: max(1, runtime.GOMAXPROCS(0)/2)}
}

// read runs an errand. It goes with those of others, so that the end of its
// context cannot break it off.
func (l *lanes) read(ctx context.Context, list []statement) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e := &errand{of: instance.ConfinementOf(ctx), list: list, turn: make(chan bool, 1)}
	l.mu.Lock()
	l.waiting = append(l.waiting, e)
	serves := l.underWay < l.most
	if serves {
		l.underWay++
	}
	l.mu.Unlock()
	if serves || <-e.turn {
		l.serve(ctx)
	}
	return e.err
}

// serve serves the batch of those who wait, and has one of those who came
// meanwhile serve the next.
func (l *lanes) serve(ctx context.Context) {
	l.mu.Lock()
	n := min(len(l.waiting), laneBatch)
	list := slices.Clone(l.waiting[:n])
	l.waiting = slices.Delete(l.waiting, 0, n)
	l.mu.Unlock()

	// Should a reader panic, the others must not wait for ever.
	defer l.pass(list)
	l.batch(context.WithoutCancel(ctx), list)
}

// pass tells those who were served, and has the next one serve.
func (l *lanes) pass(list []*errand) {
	for _, e := range list[1:] {
		if !e.over {
			e.err = cmp.Or(e.err, errBroken)
		}
		e.turn <- false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) > 0 {
		l.waiting[0].turn <- true
	} else {
		l.underWay--
	}
}

var errBroken = errors.New("the batch that the reading was part of was broken off")

// batch serves errands on one connection.
func (l *lanes) batch(ctx context.Context, list []*errand) {
	ctx, cancel := context.WithTimeout(ctx, laneTime)
	defer cancel()
	c, err := l.store.db.Connx(ctx)
	if err == nil {
		err = c.Raw(func(driver any) error {
			b := laneRun{pipeline: pipeline{driver.(*stdlib.Conn).Conn(), &l.store.d}, errands: list}
			return b.run(ctx)
		})
		err = errors.Join(err, c.Close())
	}
	for _, e := range list {
		if !e.over {
			e.err = err
		}
	}
}

// laneRun is one batch on a connection.
type laneRun struct {
	pipeline
	errands []*errand
	stale   map[instance.Confinement]bool
}

// run sends all errands, and then reads their answers.
func (b *laneRun) run(ctx context.Context) (err error) {
	if err := b.prepare(ctx); err != nil {
		return err
	}
	b.stale = make(map[instance.Confinement]bool)
	data := b.conn.PgConn().CustomData()
	p := b.conn.PgConn().StartPipeline(ctx)
	defer func() {
		if closeErr := p.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			data[confinement] = "unknown"
		}
	}()
	at, _ := data[confinement].(string)
	var expect []func() error
	checked := make(map[instance.Confinement]bool)
	for _, e := range b.errands {
		if id := e.of.InstanceID; id != at {
			// In a transaction of its own: should the errand fail, this holds.
			if err := b.send(ctx, p, confineStatement(id)); err != nil {
				return err
			}
			expect = append(expect, func() error { return b.drain(p, confineStatement(id)) })
			at = id
		}
		if e.of.Revision != 0 && !checked[e.of] {
			checked[e.of], e.checks = true, true
			e.list = append(check(e.of), e.list...)
		}
		if err := b.send(ctx, p, e.list...); err != nil {
			return err
		}
		expect = append(expect, func() error { return b.receive(p, e) })
	}
	b.d.goes()
	if err := p.Flush(); err != nil {
		return err
	}
	for _, f := range expect {
		if err := f(); err != nil {
			return err
		}
	}
	data[confinement] = at
	return nil
}

func confineStatement(id string) statement {
	return statement{query: "SELECT set_config('" + confinement + "', ?, false)", args: []any{id}}
}

// prepare has the database know all statements.
func (b *laneRun) prepare(ctx context.Context) error {
	for _, e := range b.errands {
		list := e.list
		if e.of.Revision != 0 {
			list = append(check(e.of), list...)
		}
		for _, s := range append(list, confineStatement("")) {
			query := b.d.numbered(s.query)
			if _, err := b.conn.Prepare(ctx, query, query); err != nil {
				return err
			}
		}
	}
	return nil
}

// send sends statements as one transaction.
func (b *laneRun) send(ctx context.Context, p *pgconn.Pipeline, list ...statement) error {
	for _, s := range list {
		query := b.d.sent(s)
		description, err := b.conn.Prepare(ctx, query, query) // it is known
		if err != nil {
			return err
		}
		var q pgx.ExtendedQueryBuilder
		if err := q.Build(b.conn.TypeMap(), description, s.args); err != nil {
			return fmt.Errorf("%s: %w", s.query, err)
		}
		p.SendQueryStatement(description, q.ParamValues, q.ParamFormats, q.ResultFormats)
	}
	p.SendPipelineSync()
	return nil
}

// receive reads the answers to an errand, and ends it. An error is one after
// which nothing more can be read.
func (b *laneRun) receive(p *pgconn.Pipeline, e *errand) error {
	outcome, err := b.answers(p, e.list)
	if err != nil {
		return err
	}
	if b.d.stale(outcome) {
		outcome = instance.ErrStale
	}
	if errors.Is(outcome, instance.ErrStale) && e.checks {
		b.stale[e.of] = true
	}
	if b.stale[e.of] {
		outcome = instance.ErrStale
	}
	e.err, e.over = outcome, true
	return nil
}

func (b *laneRun) drain(p *pgconn.Pipeline, s statement) error {
	outcome, err := b.answers(p, []statement{s})
	return errors.Join(outcome, err)
}

// answers reads up to the next point where the pipeline is in order. outcome
// is what the database or a reader has against the errand.
func (b *laneRun) answers(p *pgconn.Pipeline, list []statement) (outcome, err error) {
	for at := 0; ; at++ {
		results, err := p.GetResults()
		var refused *pgconn.PgError
		switch {
		case errors.As(err, &refused):
			outcome = errors.Join(outcome, err)
			continue
		case err != nil:
			return outcome, err
		}
		switch r := results.(type) {
		case *pgconn.PipelineSync:
			return outcome, nil
		case *pgconn.ResultReader:
			answer := pgx.RowsFromResultReader(b.conn.TypeMap(), r)
			if outcome == nil && at < len(list) && list[at].read != nil {
				outcome = list[at].read(pgRows{answer})
			}
			if answer.Close(); outcome == nil {
				outcome = answer.Err()
			}
		default:
			return outcome, fmt.Errorf("unexpected answer %T", results)
		}
	}
}
