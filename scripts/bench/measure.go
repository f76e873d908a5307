package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"muster/scripts/process"
	"muster/server/store/pgtest"
)

// report is all that was measured.
type report struct {
	Date     string `json:"date"`
	Machine  string `json:"machine"`
	Database string `json:"database"`
	// FirstSyncs are of this version, and of the old one behind it.
	FirstSyncs []firstSync `json:"firstSyncs,omitempty"`
	Tables     []table     `json:"tables"`
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

// elimityUsersMax is up to how many users the library is compared: it reads
// all of them for a filter.
const elimityUsersMax = 10_000

// peer starts one of the servers that this program has in itself.
func (b *bench) peer(ctx context.Context, name, path string) (*target, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, line, err := process.Start(ctx, filepath.Join(b.dir, name+".log"), "serving ", self,
		"serve-"+name)
	if err != nil {
		return nil, err
	}
	b.stops = append(b.stops, p.Stop)
	return &target{
		name: name, bases: []string{strings.TrimPrefix(line, "serving ") + path},
		pids: []int{p.PID()},
	}, nil
}

// muster fills a database, and starts muster-server on it.
func (b *bench) muster(ctx context.Context, name, database string, servers int) (*target, error) {
	users := b.Users
	people := filepath.Join(b.dir, fmt.Sprint("people-", users, ".jsonl"))
	if err := writePeople(people, users); err != nil {
		return nil, err
	}
	token, err := b.instance(ctx, database)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if _, err := b.run(ctx, database, "import", people, "--instance", "bench",
		"--provisioned"); err != nil {
		return nil, err
	}
	progress("%s: %d users imported in %.1f s", name, users, time.Since(began).Seconds())
	if b.Instances > 1 {
		if err := multiply(ctx, database, b.Instances); err != nil {
			return nil, err
		}
	}
	t := &target{name: name, users: users, token: token}
	args := append([]string{
		"serve", "--listen", "127.0.0.1:0", "--database", database, "--rate-per-key", "0",
	}, strings.Fields(b.serveArgs)...)
	for i := range servers {
		if err := b.serve(ctx, t, fmt.Sprint(name, i, ".log"), args...); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// serve starts a muster-server, as one of those of a target.
func (b *bench) serve(ctx context.Context, t *target, log string, args ...string) error {
	p, line, err := process.Start(ctx, filepath.Join(b.dir, log), "msg=serving", b.server, args...)
	if err != nil {
		return err
	}
	b.stops = append(b.stops, p.Stop)
	_, rest, _ := strings.Cut(line, "url=")
	base, _, _ := strings.Cut(rest, " ")
	t.bases, t.pids = append(t.bases, base), append(t.pids, p.PID())
	return nil
}

// run runs a command of muster-server on a database.
func (b *bench) run(ctx context.Context, database string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, b.server, append(args, "--database", database)...)
	var complaint strings.Builder
	c.Stderr = &complaint
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("muster-server %s: %w: %s", strings.Join(args, " "), err,
			complaint.String())
	}
	return string(out), nil
}

// instance makes the instance that is measured, and returns an API key of it.
func (b *bench) instance(ctx context.Context, database string) (token string, err error) {
	return b.instanceNamed(ctx, database, "bench")
}

// instanceNamed makes an instance of a name.
func (b *bench) instanceNamed(
	ctx context.Context, database, name string,
) (token string, err error) {
	holder := "scim-sync"
	if name != "bench" {
		holder += "-" + name // user names are unique in the deployment
	}
	for _, args := range [][]string{
		{"instance", "create", name, "--edition", "enterprise"},
		{"user", "create", holder, "--instance", name, "--integration", "--role", "lite-admin"},
		{"key", "create", "--instance", name, "--user", holder, "--json"},
	} {
		if token, err = b.run(ctx, database, args...); err != nil {
			return "", err
		}
	}
	return keyIn(token), nil
}

// multiply makes copies of the instance on PostgreSQL, each with a hundred of
// its users.
func multiply(ctx context.Context, database string, n int) error {
	return pgtest.Execute(ctx, database,
		fmt.Sprintf(`INSERT INTO instances (id, slug, name, edition, environment, created)
			SELECT gen_random_uuid(), 'other-' || n, 'Other', edition, environment, created
			FROM instances, generate_series(2, %d) AS n`, n),
		`INSERT INTO users (id, instance_id, user_name, display, user_name_key, external_id,
			email_key, display_name_key, family_name_key, given_name_key, active, integration,
			role, source, resource, search, fields, version, created, modified)
			SELECT gen_random_uuid(), i.id, u.user_name || i.slug, u.display,
				u.user_name_key || i.slug, u.external_id, u.email_key, u.display_name_key,
				u.family_name_key, u.given_name_key, u.active, u.integration, u.role, u.source,
				u.resource, u.search, u.fields, 1, u.created, u.modified
			FROM instances AS i,
				(SELECT * FROM users WHERE NOT integration ORDER BY id LIMIT 100) AS u
			WHERE i.slug <> 'bench'`)
}

func keyIn(text string) string {
	return regexp.MustCompile(`muster_[A-Za-z0-9_-]+`).FindString(text)
}

func writePeople(path string, users int) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for n := range users {
		if _, err := f.Write(append(user(n, "Title"), '\n')); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
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
