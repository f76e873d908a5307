package store

import (
	"context"
	"errors"
	"fmt"
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
// round trip serves many of them, and when there is none nobody waits.
type lanes struct {
	store *Store
	queue chan *errand
	quit  chan struct{}
	wg    sync.WaitGroup
}

// errand is what one request asks for.
type errand struct {
	ctx  context.Context
	of   instance.Confinement
	list []statement
	// done gets the outcome, when nobody reads into the statements any more.
	done chan error

	// checks is set if the errand finds out for its batch whether the instance
	// is at the revision that is expected.
	checks bool
}

const (
	laneCount = 2
	// laneBatch is how many errands go together at the most.
	laneBatch = 64
	// laneTime is how long a batch may take.
	laneTime = 30 * time.Second
)

func newLanes(s *Store) *lanes {
	l := &lanes{store: s, queue: make(chan *errand, laneBatch), quit: make(chan struct{})}
	for range laneCount {
		l.wg.Go(l.serve)
	}
	return l
}

func (l *lanes) close() {
	close(l.quit)
	l.wg.Wait()
}

var errClosed = errors.New("the store is closed")

// read runs an errand.
func (l *lanes) read(ctx context.Context, list []statement) error {
	e := &errand{ctx: ctx, of: instance.ConfinementOf(ctx), list: list, done: make(chan error, 1)}
	select {
	case l.queue <- e:
	case <-ctx.Done():
		return ctx.Err()
	case <-l.quit:
		return errClosed
	}
	select {
	case err := <-e.done:
		return err
	case <-l.quit:
		l.wg.Wait() // nobody reads into the statements any more
		select {
		case err := <-e.done:
			return err
		default:
			return errClosed
		}
	}
}

func (l *lanes) serve() {
	for {
		select {
		case <-l.quit:
			return
		case e := <-l.queue:
			l.batch(l.collect(e))
		}
	}
}

// collect returns an errand with those that wait beside it.
func (l *lanes) collect(first *errand) []*errand {
	list := []*errand{first}
	for len(list) < laneBatch {
		select {
		case e := <-l.queue:
			list = append(list, e)
		default:
			return list
		}
	}
	return list
}

// batch serves errands on one connection.
func (l *lanes) batch(list []*errand) {
	ctx, cancel := context.WithTimeout(context.Background(), laneTime)
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
		if e.done != nil { // it has had no outcome
			e.end(errors.Join(err, e.ctx.Err()))
		}
	}
}

func (e *errand) end(err error) {
	e.done <- err
	e.done = nil
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
		query := b.d.numbered(s.query)
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
	e.end(outcome)
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
