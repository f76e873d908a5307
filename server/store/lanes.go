package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"muster/queue"
	"muster/server/instance"
)

// lanes send to PostgreSQL what only reads and ends soon, in batches. A lane is
// a connection that serves one batch after the other. On two processors, get by
// id with 32 clients: 9,183 a second, and 6,789 with a round trip for each;
// with 8 clients, 6,186 and 5,930.
type lanes struct {
	store *Store
	// short are for what finds one row at the most, and common for what finds
	// a few, most of the time: should it be many, the short ones do not wait.
	short, common queue.Queue[*errand]
	*brevity
}

// errand is what one request asks for.
type errand struct {
	queue.Ticket
	of   instance.Confinement
	list []statement
	// checks is set if the errand finds out for its batch whether the instance
	// is at the revision that is expected.
	checks bool
}

const (
	// laneBatch is how many errands go together at the most.
	laneBatch = 64
	// laneTime is how long a batch may take.
	laneTime = 30 * time.Second
	// briefTime is how long one statement of a batch may take, since the others
	// wait for it: what takes longer is given up, and asked again elsewhere.
	briefTime = "20ms"
	// slowTime is for how long an instance that asked for more than that goes
	// by itself.
	slowTime = time.Minute
	// commonAtOnce is how many statements of one instance, each of which may
	// turn out to be slow, wait for a batch or are in one.
	commonAtOnce = 32
	// slowInstances and knownQueries are how many are remembered.
	slowInstances, knownQueries = 10_000, 500
)

// brevity remembers what does not go together with others.
type brevity struct {
	// slow are the instances of which a statement took too long, until when.
	slow *lru.Cache[string, time.Time]
	// known are the queries that clients have put together before. One that is
	// new has to be planned, which takes longer than to run it.
	known *lru.Cache[string, struct{}]
	// underWay counts what may find many rows, by instance.
	mu       sync.Mutex
	underWay map[string]int
}

func newBrevity() *brevity {
	slow, err := lru.New[string, time.Time](slowInstances)
	if err != nil {
		panic(err) // only for a size of zero
	}
	known, err := lru.New[string, struct{}](knownQueries)
	if err != nil {
		panic(err)
	}
	return &brevity{slow: slow, known: known, underWay: make(map[string]int)}
}

// isSlow reports whether an instance goes by itself now.
func (b *brevity) isSlow(instanceID string) bool {
	until, ok := b.slow.Get(instanceID)
	return ok && time.Now().Before(until)
}

// enter lets a statement in that may find many rows, if there are not too many
// of its instance. Whoever is in must call leave.
func (b *brevity) enter(instanceID string) (leave func(), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.underWay[instanceID] >= commonAtOnce {
		return nil, false
	}
	b.underWay[instanceID]++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.underWay[instanceID]--; b.underWay[instanceID] == 0 {
			delete(b.underWay, instanceID)
		}
	}, true
}

// isKnown reports whether a query was there before, and remembers it.
func (b *brevity) isKnown(query string) bool {
	known, _ := b.known.ContainsOrAdd(query, struct{}{})
	return known
}

func newLanes(s *Store) *lanes {
	// PostgreSQL needs the other half of the processors, if it is here too.
	most := max(1, runtime.GOMAXPROCS(0)/2)
	together := func(waiting []*errand) int { return min(len(waiting), laneBatch) }
	l := &lanes{store: s, brevity: newBrevity()}
	for _, q := range []*queue.Queue[*errand]{&l.short, &l.common} {
		q.Most, q.Together = most, together
	}
	return l
}

// read runs an errand of a queue.
func (l *lanes) read(ctx context.Context, q *queue.Queue[*errand], list []statement) error {
	return q.Do(ctx, &errand{of: instance.ConfinementOf(ctx), list: list}, l.batch)
}

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
		if !e.Ended() {
			e.End(err)
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
	p := b.conn.PgConn().StartPipeline(ctx)
	defer func() {
		if closeErr := p.Close(); err == nil {
			err = closeErr
		}
	}()
	at := "unknown" // it is not worth remembering on the connection
	var expect []func() error
	checked := make(map[instance.Confinement]bool)
	for _, e := range b.errands {
		if id := e.of.InstanceID; id != at {
			// In a transaction of its own: should the errand fail, this holds.
			if err := b.send(ctx, p, beginBrief(id)); err != nil {
				return err
			}
			expect = append(expect, func() error { return b.drain(p, beginBrief(id)) })
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
	if err := b.send(ctx, p, endBrief()); err != nil {
		return err
	}
	expect = append(expect, func() error { return b.drain(p, endBrief()) })
	b.d.goes()
	if err := p.Flush(); err != nil {
		return err
	}
	for _, f := range expect {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func confineStatement(id string) statement {
	return statement{query: "SELECT set_config('" + confinement + "', ?, false)", args: []any{id}}
}

// beginBrief confines what follows, and bounds it; endBrief leaves the
// connection unbounded to others.
func beginBrief(id string) statement {
	return statement{
		query: "SELECT set_config('" + confinement + "', ?, false), set_config('statement_timeout', '" + briefTime + "', false)", args: []any{id},
	}
}

func endBrief() statement {
	return statement{query: "SELECT set_config('statement_timeout', '0', false)"}
}

// prepare has the database know all statements.
func (b *laneRun) prepare(ctx context.Context) error {
	for _, e := range b.errands {
		list := e.list
		if e.of.Revision != 0 {
			list = append(check(e.of), list...)
		}
		for _, s := range append(list, beginBrief(""), endBrief()) {
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
	e.End(outcome)
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
