package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"muster/server/store/pgtest"
)

// pgbench measures the least that PostgreSQL does for an operation: one row
// of a user, and for what changes something one of the history, durable.
type pgbench struct {
	server *pgtest.Server
	url    string // of the database
	users  int
}

// prepare makes tables with as many users as ours has.
func (p *pgbench) prepare(ctx context.Context) error {
	db, err := sql.Open("pgx", p.url)
	if err != nil {
		return err
	}
	for _, statement := range []string{
		"CREATE TABLE limit_users (n bigint PRIMARY KEY, name text NOT NULL UNIQUE, family text " +
			"NOT NULL, active boolean NOT NULL, resource text NOT NULL)",
		fmt.Sprintf("INSERT INTO limit_users SELECT n, 'user' || n || '@bench.example', 'Family' "+
			"|| n %% 9973, true, repeat('x', 1100) FROM generate_series(1, %d) AS n", p.users),
		"CREATE INDEX ON limit_users (family)",
		"CREATE TABLE limit_history (n bigserial PRIMARY KEY, content text NOT NULL)",
		"CREATE TABLE limit_members (g bigint, n bigint, PRIMARY KEY (g, n))",
		fmt.Sprintf("INSERT INTO limit_members SELECT g, n FROM unnest(ARRAY[10, 1000, 50000]) AS "+
			"g, generate_series(1, %d) AS n WHERE n <= g", p.users),
		"CREATE SEQUENCE limit_n START 100000000",
		"ANALYZE",
	} {
		if _, err = db.ExecContext(ctx, statement); err != nil {
			break
		}
	}
	return errors.Join(err, db.Close())
}

var tps = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)

// run returns how often a second a script ran. A disk that stalls for a while
// is given another chance.
func (p *pgbench) run(
	ctx context.Context, script string, clients int, d time.Duration,
) (tps float64, err error) {
	for range 3 {
		if tps, err = p.once(ctx, script, clients, d); err == nil && tps > 0 {
			return tps, nil
		}
	}
	return 0, err
}

func (p *pgbench) once(
	ctx context.Context, script string, clients int, d time.Duration,
) (float64, error) {
	c, database, err := p.server.Command(ctx, p.url, "pgbench")
	if err != nil {
		return 0, err
	}
	c.Args = append(c.Args, "-n", "-M", "prepared", "-c", strconv.Itoa(clients), "-j", "2", "-T",
		strconv.Itoa(max(2, int(d.Seconds()))),
		"-D", "n="+strconv.Itoa(p.users), "-f", "-", database)
	c.Stdin = strings.NewReader(script + "\n")
	out, err := c.CombinedOutput()
	m := tps.FindSubmatch(out)
	if err == nil && m == nil {
		err = errors.New("no figure")
	}
	if err != nil {
		return 0, fmt.Errorf("pgbench: %w: %s", err, out)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}
