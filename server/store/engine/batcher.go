package engine

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"muster/queue"
)

// batcher sends to PostgreSQL what only reads and ends soon, in batches: many
// requests share a round trip. On two processors, get by id with 32 clients:
// 9,183 a second, and 6,789 with a round trip for each; with 8 clients, 6,186
// and 5,930.
type batcher struct {
	db *DB
	// short are for what finds one row at the most, and common for what finds
	// a few, most of the time: should it be many, the short ones do not wait.
	short, common queue.Queue[*batched]
	*batchPolicy
}

// batched is what one request asks for.
type batched struct {
	queue.Ticket
	tenant Tenant
	list   []Statement
}

const (
	// batchSize is how many requests go together at the most.
	batchSize = 64
	// batchTime is how long a batch may take.
	batchTime = 30 * time.Second
)

func newBatcher(db *DB) *batcher {
	// PostgreSQL needs the other half of the processors, if it is here too.
	most := max(1, runtime.GOMAXPROCS(0)/2)
	together := func(waiting []*batched) int { return min(len(waiting), batchSize) }
	b := &batcher{db: db, batchPolicy: newBatchPolicy()}
	for _, q := range []*queue.Queue[*batched]{&b.short, &b.common} {
		q.Most, q.Together = most, together
	}
	return b
}

// read sends the statements of a request with those of a queue.
func (b *batcher) read(
	ctx context.Context, q *queue.Queue[*batched], list []Statement,
) error {
	return q.Do(ctx, &batched{tenant: b.db.tenant(ctx), list: list}, b.serve)
}

// serve answers requests on one connection.
func (b *batcher) serve(ctx context.Context, list []*batched) {
	ctx, cancel := context.WithTimeout(ctx, batchTime)
	defer cancel()
	err := b.send(ctx, b.segments(list))
	for _, r := range list {
		if !r.Ended() {
			r.End(err)
		}
	}
}

// send sends segments on one connection. If that breaks off, or the bound of the
// batch could not be taken back, nobody else gets the connection.
func (b *batcher) send(ctx context.Context, list []segment) error {
	c, err := b.db.pool.Connx(ctx)
	if err != nil {
		return err
	}
	err = c.Raw(func(conn any) error {
		p := pipeline{conn.(*stdlib.Conn).Conn(), &b.db.Hooks}
		if err := p.segments(ctx, list); err != nil {
			return errors.Join(driver.ErrBadConn, err)
		}
		return nil
	})
	if closeErr := c.Close(); err == nil {
		err = closeErr // else it is gone already
	}
	return err
}

// segment is what is sent up to a point where the pipeline is in order: a
// transaction of its own, so that one that fails leaves the others alone.
type segment struct {
	statements []Statement
	// done takes what the database, or a reader, has against the statements.
	// Its error ends the batch.
	done func(outcome error) error
}

// segments returns what a batch sends: the requests tenant by tenant, before
// each tenant's who it is, and at the end what leaves the connection to others.
func (b *batcher) segments(requests []*batched) []segment {
	slices.SortStableFunc(requests, func(x, y *batched) int {
		return cmp.Or(cmp.Compare(x.tenant.ID, y.tenant.ID),
			cmp.Compare(x.tenant.Revision, y.tenant.Revision))
	})
	var list []segment
	var refused error // what the check of the present tenant found, if anything
	for i, r := range requests {
		if i == 0 || r.tenant != requests[i-1].tenant {
			begin := append([]Statement{beginTenant(r.tenant.ID)}, b.db.check(r.tenant)...)
			list = append(list, segment{begin, func(outcome error) error {
				refused = outcome
				return nil
			}})
		}
		list = append(list, segment{r.list, func(outcome error) error {
			if refused != nil {
				outcome = refused
			}
			r.End(outcome)
			return nil
		}})
	}
	return append(list, segment{[]Statement{endTenant()}, func(outcome error) error {
		return outcome
	}})
}

// segments sends segments in one round trip, and then reads the answers.
func (p pipeline) segments(ctx context.Context, list []segment) (err error) {
	for _, s := range list {
		if err := p.prepare(ctx, s.statements); err != nil {
			return err
		}
	}
	sent := p.conn.PgConn().StartPipeline(ctx)
	defer func() {
		if closeErr := sent.Close(); err == nil {
			err = closeErr
		}
	}()
	for _, s := range list {
		if err := p.send(ctx, sent, s.statements); err != nil {
			return err
		}
	}
	p.hooks.goes()
	if err := sent.Flush(); err != nil {
		return err
	}
	for _, s := range list {
		outcome, err := p.answers(sent, s.statements)
		if err == nil {
			err = s.done(outcome)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// beginTenant names the tenant of what follows, and bounds it; endTenant leaves
// the connection unbounded to others.
func beginTenant(id string) Statement {
	return Statement{Query: "SELECT set_config('" + TenantSetting + "', ?, false)," +
		" set_config('statement_timeout', '" + statementTime + "', false)", Args: []any{id}}
}

func endTenant() Statement {
	return Statement{Query: "SELECT set_config('statement_timeout', '0', false)"}
}

// prepare has the database know statements.
func (p pipeline) prepare(ctx context.Context, list []Statement) error {
	for _, s := range list {
		query := numbered(s.Query)
		if _, err := p.conn.Prepare(ctx, query, query); err != nil {
			return err
		}
	}
	return nil
}

// send sends statements as one transaction.
func (p pipeline) send(ctx context.Context, to *pgconn.Pipeline, list []Statement) error {
	for _, s := range list {
		query := p.hooks.sent(s)
		description, err := p.conn.Prepare(ctx, query, query) // it is known
		if err != nil {
			return err
		}
		var q pgx.ExtendedQueryBuilder
		if err := q.Build(p.conn.TypeMap(), description, s.Args); err != nil {
			return fmt.Errorf("%s: %w", s.Query, err)
		}
		to.SendQueryStatement(description, q.ParamValues, q.ParamFormats, q.ResultFormats)
	}
	to.SendPipelineSync()
	return nil
}

// answers reads up to the next point where the pipeline is in order. outcome
// is what the database or a reader has against the statements.
func (p pipeline) answers(from *pgconn.Pipeline, list []Statement) (outcome, err error) {
	for at := 0; ; at++ {
		results, err := from.GetResults()
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
			answer := pgx.RowsFromResultReader(p.conn.TypeMap(), r)
			if outcome == nil && at < len(list) && list[at].Read != nil {
				outcome = list[at].Read(pgRows{answer})
			}
			if answer.Close(); outcome == nil {
				outcome = answer.Err()
			}
		default:
			return outcome, fmt.Errorf("unexpected answer %T", results)
		}
	}
}
