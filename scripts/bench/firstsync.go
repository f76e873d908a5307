package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"muster/server/store/pgtest"
)

// firstSync is what a new customer sees first: a company is provisioned into
// an empty database, which nobody has tuned or analyzed.
type firstSync struct {
	// Version is "this", or what is compared with it.
	Version  string
	People   int
	Requests int
	Took     time.Duration
	// Quarters are the users per second by quarters of the people.
	Quarters [4]float64
	// ServerCPU, DatabaseCPU and SimulatorCPU are the time for one person.
	ServerCPU, DatabaseCPU, SimulatorCPU time.Duration
}

// programs are a server and a simulator of one version.
type programs struct{ version, server, simulator string }

// firstSyncs measures this version, and the old one if there is any, one after
// the other on databases of their own.
func (o options) firstSyncs(
	ctx context.Context, server *pgtest.Server,
) (list []firstSync, err error) {
	if o.firstSync == 0 {
		return nil, nil
	}
	versions := []programs{{"this", o.server, o.simulator}}
	if o.old != "" {
		versions = append(versions, programs{
			"old", filepath.Join(o.old, "muster-server"), filepath.Join(o.old, "muster-simulator"),
		})
	}
	for _, p := range versions {
		progress("first sync of %d people, %s version", o.firstSync, p.version)
		s, err := o.measureFirstSync(ctx, server, p)
		if err != nil {
			return nil, fmt.Errorf("first sync, %s version: %w", p.version, err)
		}
		seconds := s.Took.Seconds()
		progress("%.1f s, %.0f users/s, by quarters %.0f", seconds, float64(s.People)/seconds,
			s.Quarters)
		list = append(list, s)
	}
	return list, nil
}

func (o options) measureFirstSync(
	ctx context.Context, server *pgtest.Server, p programs,
) (s firstSync, err error) {
	name, drop, err := server.Database(ctx)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	b := &bench{options: o, setup: setup{Servers: 1}}
	b.server = p.server
	defer func() { err = errors.Join(err, b.stop()) }()
	database := server.Direct(ctx, name)
	t, err := b.empty(ctx, p.version, database)
	if err != nil {
		return s, err
	}
	company := filepath.Join(o.dir, "company-"+p.version)
	// The same company for both: that of this version's generator.
	generate := exec.CommandContext(ctx, o.simulator, "generate", company, "--people",
		fmt.Sprint(o.firstSync))
	if out, err := generate.CombinedOutput(); err != nil {
		return s, fmt.Errorf("generate: %w: %s", err, out)
	}
	account := filepath.Join(company, "account.yaml")
	sync := exec.CommandContext(ctx, p.simulator, "sync", "-f", account, "--concurrency", "8",
		"--json")
	sync.Env = append(os.Environ(), "ACME_BASE_URL="+t.bases[0], "ACME_TOKEN="+t.token)
	var out, complaint bytes.Buffer
	sync.Stdout, sync.Stderr = &out, &complaint
	serverCPU, dbCPU := t.cpu(), databaseCPU()
	began := time.Now()
	watched, over := make(chan [4]float64, 1), make(chan bool)
	go func() { watched <- quarters(ctx, database, o.firstSync, began, over) }()
	if err := sync.Run(); err != nil {
		return s, fmt.Errorf("sync: %w: %s", err, complaint.String())
	}
	s = firstSync{Version: p.version, People: o.firstSync, Took: time.Since(began)}
	close(over)
	s.Quarters = <-watched
	people := time.Duration(o.firstSync)
	s.ServerCPU, s.DatabaseCPU = (t.cpu()-serverCPU)/people, (databaseCPU()-dbCPU)/people
	s.SimulatorCPU = (sync.ProcessState.UserTime() + sync.ProcessState.SystemTime()) / people
	var report struct {
		Requests int `json:"requests"`
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		return s, fmt.Errorf("the report of sync: %w", err)
	}
	s.Requests = report.Requests
	return s, nil
}

// empty starts a server on an empty database with one instance.
func (b *bench) empty(ctx context.Context, name, database string) (*target, error) {
	token, err := b.instance(ctx, database)
	if err != nil {
		return nil, err
	}
	t := &target{name: name, token: token}
	return t, b.serve(ctx, t, "first-"+name+".log", append([]string{
		"serve", "--listen", "127.0.0.1:0", "--database", database,
	}, strings.Fields(b.serveArgs)...)...)
}

// quarters returns the users per second by quarters, until over is closed.
func quarters(
	ctx context.Context, database string, people int, began time.Time, over <-chan bool,
) (rates [4]float64) {
	c, err := pgx.Connect(ctx, database)
	if err != nil {
		return rates
	}
	defer c.Close(context.WithoutCancel(ctx))
	last, reached := began, 0
	for reached < len(rates) {
		n := people
		select {
		case <-over:
		case <-time.After(50 * time.Millisecond):
			if c.QueryRow(ctx, "SELECT COALESCE(sum(n), 0) FROM user_counts").Scan(&n) != nil {
				return rates
			}
		}
		for reached < len(rates) && n >= people*(reached+1)/len(rates) {
			now := time.Now()
			rates[reached] = float64(people) / float64(len(rates)) / now.Sub(last).Seconds()
			last = now
			reached++
		}
	}
	return rates
}
