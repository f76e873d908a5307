package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"muster/server/store/pgtest"
)

// report is all that was measured.
type report struct {
	Date     string `json:"date"`
	Machine  string `json:"machine"`
	Database string `json:"database"`
	// FirstSyncs are of this version, and of the old one behind it.
	FirstSyncs []firstSync `json:"firstSyncs,omitempty"`
	// Events are nil if feeds were not measured.
	Events *events `json:"events,omitempty"`
	Tables []table `json:"tables"`
	// Fair is of an instance with FairUsers users, and Attackers clients.
	Fair                 []fairRow `json:"fair,omitempty"`
	FairUsers, Attackers int       `json:",omitempty"`
}

// table is what was measured with a number of users.
type table struct {
	setup
	Rows []row
}

// row is one operation with a number of clients. What was not measured is
// zero.
type row struct {
	Operation string
	Clients   int
	Ours      measured
	// PgBench, Bare and Limit are per second.
	PgBench, Bare, Limit float64
	SQLite, Elimity      measured
}

func (r row) ratio() float64 {
	if r.Limit == 0 {
		return 0
	}
	return r.Ours.PerSecond / r.Limit
}

func measure(ctx context.Context, o options) (r *report, err error) {
	server, err := pgtest.StartDurable(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	progress("PostgreSQL: %s", server.Origin)
	r = &report{
		Date: time.Now().UTC().Format(time.DateOnly), Machine: machine(), Database: server.Origin,
	}
	if r.FirstSyncs, err = o.firstSyncs(ctx, server); err != nil {
		return nil, err
	}
	for _, on := range o.setups {
		t, err := o.measureTable(ctx, server, on)
		if err != nil {
			return nil, err
		}
		r.Tables = append(r.Tables, *t)
	}
	if o.events {
		if r.Events, err = o.measureEvents(ctx, server); err != nil {
			return nil, err
		}
	}
	if o.fair > 0 {
		r.FairUsers, r.Attackers = o.fair, o.attackers
		if r.Fair, err = o.fairRows(ctx, server); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func machine() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	model := "processor"
	if m := regexp.MustCompile(`(?m)^model name\s*: (.*)$`).FindSubmatch(text); m != nil {
		model = string(m[1])
	}
	return fmt.Sprintf("%d × %s", runtime.NumCPU(), model)
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// bench is the servers of one table.
type bench struct {
	options
	setup
	limit                 *pgbench
	bare                  *target
	ours, sqlite, elimity *target
	adminToken, database  string
	stops                 []func() error
}

func (o options) measureTable(
	ctx context.Context, server *pgtest.Server, on setup,
) (t *table, err error) {
	name, drop, err := server.Database(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	b := &bench{options: o, setup: on, limit: &pgbench{server, name, on.Users}}
	defer func() { err = errors.Join(err, b.stop()) }()
	progress("%d users, %d instances, %d servers", on.Users, on.Instances, on.Servers)
	if err := b.start(ctx, server, server.Direct(ctx, name)); err != nil {
		return nil, err
	}
	// Else it is chance which load finds what in memory.
	if err := server.Warm(ctx, name); err != nil {
		return nil, err
	}
	t = &table{setup: on}
	// The first load finds everything cold; it is not for the table.
	for _, t := range []*target{b.ours, b.sqlite} {
		if t != nil {
			if _, err := b.load(ctx, t, operations()[0], o.clients[0], &measured{}); err != nil {
				return nil, err
			}
		}
	}
	for _, op := range operations() {
		if !strings.Contains(op.Name, o.only) {
			continue
		}
		for _, clients := range o.clients {
			r, err := b.measure(ctx, op, clients)
			if err != nil {
				return nil, fmt.Errorf("%s with %d clients: %w", op.Name, clients, err)
			}
			if r == nil {
				continue
			}
			progress("%-42s %2d clients  %8.0f/s  limit %8.0f/s  ratio %.2f", r.Operation,
				r.Clients, r.Ours.PerSecond, r.Limit, r.ratio())
			t.Rows = append(t.Rows, *r)
		}
	}
	return t, nil
}

func (b *bench) stop() error {
	var err error
	for i := len(b.stops) - 1; i >= 0; i-- {
		err = errors.Join(err, b.stops[i]())
	}
	return err
}

// start starts all servers, and fills them.
func (b *bench) start(ctx context.Context, server *pgtest.Server, database string) (err error) {
	users := b.Users
	sizes := []int{10, 1000, 50000}
	if b.ours, err = b.muster(ctx, "PostgreSQL", database, b.Servers); err != nil {
		return err
	}
	if err := b.ours.prepare(ctx, sizes); err != nil {
		return err
	}
	// What the database does by itself within a minute or two is done now.
	if err := pgtest.Execute(ctx, database, "VACUUM (ANALYZE, PARALLEL 0)"); err != nil {
		return err
	}
	if err := server.Checkpoint(ctx); err != nil {
		return err
	}
	if !b.peers {
		return nil
	}
	if err := b.limit.prepare(ctx); err != nil {
		return err
	}
	if b.bare, err = b.peer(ctx, "bare", ""); err != nil {
		return err
	}
	if b.sqlite, err = b.muster(ctx, "SQLite",
		"sqlite:"+filepath.Join(b.dir, fmt.Sprint("sqlite-", users, ".db")), 1); err != nil {
		return err
	}
	if err := b.sqlite.prepare(ctx, sizes); err != nil {
		return err
	}
	if users > elimityUsersMax {
		return nil
	}
	if b.elimity, err = b.peer(ctx, "elimity", "/scim/v2"); err != nil {
		return err
	}
	l := newLoader(b.elimity, 1)
	for n := range users {
		body, err := l.send(ctx,
			&request{method: "POST", path: "/Users", body: user(n, "Title"), want: 201})
		if err != nil {
			return err
		}
		b.elimity.ids = append(b.elimity.ids, known{n, resourceID(body)})
	}
	b.elimity.users = users
	b.elimity.last.Store(10_000_000)
	return nil
}

// measure runs one operation on all that can do it.
func (b *bench) measure(ctx context.Context, op operation, clients int) (*row, error) {
	r := &row{Operation: op.Name, Clients: clients}
	ok, err := b.load(ctx, b.ours, op, clients, &r.Ours)
	if err != nil || !ok {
		return nil, err
	}
	if !b.peers {
		return r, nil
	}
	bareOp := operation{Name: op.Name, next: func(*target) next {
		mine := op.next(b.ours)
		return func(client, n int) *request {
			q := mine(client, n)
			if q == nil {
				q = get("/")
			}
			return &request{
				method: q.method, path: fmt.Sprint("/", r.Ours.Size), body: q.body, want: 200,
			}
		}
	}}
	var bare measured
	if _, err := b.load(ctx, b.bare, bareOp, clients, &bare); err != nil {
		return nil, err
	}
	r.Bare = bare.PerSecond
	if r.PgBench, err = b.limit.run(ctx, op.sql, clients, b.time); err != nil {
		return nil, err
	}
	r.Limit = 1 / (1/r.PgBench + 1/r.Bare)
	if _, err := b.load(ctx, b.sqlite, op, clients, &r.SQLite); err != nil {
		return nil, err
	}
	if b.elimity != nil {
		if _, err := b.load(ctx, b.elimity, op, clients, &r.Elimity); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// cpu returns the processor time that the target's servers have used.
func (t *target) cpu() time.Duration {
	var sum time.Duration
	for _, pid := range t.pids {
		sum += cpu(pid)
	}
	return sum
}

// load runs an operation on a target, after a little to warm up.
func (b *bench) load(
	ctx context.Context, t *target, op operation, clients int, m *measured,
) (bool, error) {
	f := op.next(t)
	if f == nil {
		return false, nil
	}
	l := newLoader(t, clients)
	defer l.client.CloseIdleConnections()
	if op.Name == "delete" && t != b.bare {
		if err := t.stock(ctx, l, b.time); err != nil {
			return false, err
		}
	}
	if _, err := l.run(ctx, clients, b.time/5, f); err != nil {
		return false, fmt.Errorf("%s: %w", t.name, err)
	}
	server, database := t.cpu(), databaseCPU()
	got, err := l.run(ctx, clients, b.time, f)
	if err != nil {
		return false, fmt.Errorf("%s: %w", t.name, err)
	}
	requests := time.Duration(max(1, got.PerSecond*b.time.Seconds()))
	got.ServerCPU, got.DatabaseCPU = (t.cpu()-server)/requests, (databaseCPU()-database)/requests
	for _, pid := range t.pids {
		got.Memory = max(got.Memory, resident(pid))
	}
	*m = got
	return true, nil
}
