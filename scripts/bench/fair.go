package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster/server/store/pgtest"
)

// fairRow is what the small requests of one instance saw while another one
// asked for the worst that it may.
type fairRow struct {
	Engine, Attack string
	// Alone and Beside are the small requests with nothing beside them, and
	// beside the attack.
	Alone, Beside measured
	// Failed is how many of the small ones were not answered as they should,
	// and Complaint what the first of them saw.
	Failed    int
	Complaint string
	// Answers are how often the attacker was answered which status.
	Answers map[int]int
	// Memory is the most that the server took, in bytes.
	Memory int64
}

// The bound for the small requests.
const (
	fairFactor = 5
	fairExtra  = 20 * time.Millisecond
	fairMemory = 200 << 20
)

// faults says what is wrong with a row; "" if nothing is.
func (r fairRow) faults() string {
	var list []string
	if most := fairFactor*r.Alone.P99 + fairExtra; r.Beside.P99 > most {
		list = append(list,
			fmt.Sprintf("p99 is %s, more than %s", short(r.Beside.P99), short(most)))
	}
	if r.Failed > 0 {
		list = append(list,
			fmt.Sprintf("%d requests of the other failed: %s", r.Failed, r.Complaint))
	}
	for _, status := range r.statuses() {
		if status >= 400 && !slices.Contains([]int{400, 429, 503}, status) {
			list = append(list, fmt.Sprintf("the first was answered %d", status))
		}
	}
	if r.Memory > fairMemory {
		list = append(list, fmt.Sprintf("the server took %d MB", r.Memory>>20))
	}
	return strings.Join(list, "; ")
}

func (r fairRow) statuses() []int {
	var list []int
	for status := range r.Answers {
		list = append(list, status)
	}
	slices.Sort(list)
	return list
}

const (
	// smallUsers are in the instance that must not starve.
	smallUsers = 200
	// smallClients send its requests, with a pause between two.
	smallClients = 2
	smallPause   = 5 * time.Millisecond
	// refusedPause is after what time who is refused tries again, whatever it
	// was told: to send megabytes for nothing takes the time of the same
	// processors.
	refusedPause = 50 * time.Millisecond
)

// fairRows attacks on each engine.
func (o options) fairRows(ctx context.Context, server *pgtest.Server) (rows []fairRow, err error) {
	name, drop, err := server.Database(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	for _, on := range []struct{ engine, database string }{
		{"PostgreSQL", server.Direct(ctx, name)},
		{"SQLite", "sqlite:" + filepath.Join(o.dir, "fair.db")},
	} {
		list, err := o.attackOn(ctx, on.engine, on.database)
		if rows = append(rows, list...); err != nil {
			return rows, fmt.Errorf("%s: %w", on.engine, err)
		}
	}
	return rows, nil
}

func (o options) attackOn(
	ctx context.Context, engine, database string,
) (rows []fairRow, err error) {
	b := &bench{options: o, setup: setup{Users: o.fair, Servers: 1}, database: database}
	defer func() { err = errors.Join(err, b.stop()) }()
	first, err := b.muster(ctx, "fair-"+engine, database, 1)
	if err != nil {
		return nil, err
	}
	if err := first.prepare(ctx, []int{o.fair / 2}); err != nil {
		return nil, err
	}
	if err := b.addCommon(ctx); err != nil {
		return nil, err
	}
	other, err := b.other(ctx, first, database)
	if err != nil {
		return nil, err
	}
	for _, a := range attacks() {
		if !strings.Contains(a.name, o.only) || a.oneWriter && engine == "SQLite" {
			continue
		}
		r, err := b.attack(ctx, a, first, other)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", a.name, err)
		}
		r.Engine = engine
		progress("%-10s %-28s alone p50 %s p99 %s, beside it p50 %s p99 %s; %d failed; the first: "+
			"%v; %d MB  %s",
			engine, a.name, short(r.Alone.P50), short(r.Alone.P99), short(r.Beside.P50),
			short(r.Beside.P99),
			r.Failed, r.Answers, r.Memory>>20, r.faults())
		rows = append(rows, r)
	}
	return rows, nil
}

// other makes the second instance, on the servers of the first.
func (b *bench) other(ctx context.Context, first *target, database string) (*target, error) {
	key, err := b.instanceNamed(ctx, database, "small")
	if err != nil {
		return nil, err
	}
	token, err := b.run(ctx, database, "admin-token", "create", "bench", "--json")
	if err != nil {
		return nil, err
	}
	var made struct{ Key string }
	if err := json.Unmarshal([]byte(token), &made); err != nil {
		return nil, err
	}
	b.adminToken = made.Key
	t := &target{name: "small", bases: first.bases, pids: first.pids, token: key}
	t.last.Store(20_000_000)
	l := newLoader(t, 1)
	for range smallUsers {
		n := int(t.last.Add(1))
		body, err := l.send(ctx,
			&request{method: "POST", path: "/Users", body: user(n, "Small"), want: 201})
		if err != nil {
			return nil, err
		}
		t.ids = append(t.ids, known{n, resourceID(body)})
	}
	t.users = smallUsers
	return t, nil
}

// attack measures the small requests alone, and beside an attack.
func (b *bench) attack(ctx context.Context, a attack, first, other *target) (r fairRow, err error) {
	r = fairRow{Attack: a.name, Answers: make(map[int]int)}
	if r.Alone, _, _, err = steady(ctx, other, b.time); err != nil {
		return r, err
	}
	attacking, end := context.WithCancel(ctx)
	defer end()
	var all sync.WaitGroup
	var mu sync.Mutex
	answered := func(status int) {
		mu.Lock()
		defer mu.Unlock()
		if status != 0 {
			r.Answers[status]++
		}
	}
	var failure error
	if a.command != nil {
		all.Go(func() { failure = b.repeat(attacking, a, first, answered) })
	} else {
		l, f := newLoader(first, b.attackers), a.next(b, first)
		defer l.client.CloseIdleConnections()
		for client := range b.attackers {
			all.Go(func() {
				for n := 0; attacking.Err() == nil; n++ {
					status := l.try(attacking, f(client, n))
					answered(status)
					if status == http.StatusTooManyRequests ||
						status == http.StatusServiceUnavailable {
						time.Sleep(refusedPause)
					}
				}
			})
		}
	}
	var memory atomic.Int64
	all.Go(func() {
		for attacking.Err() == nil {
			for _, pid := range first.pids {
				memory.Store(max(memory.Load(), resident(pid)))
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	time.Sleep(b.time / 4) // until it is in full swing
	var failed int
	var complaint error
	r.Beside, failed, complaint, err = steady(ctx, other, b.time)
	end()
	all.Wait()
	r.Failed, r.Memory = failed, memory.Load()
	if complaint != nil {
		r.Complaint = complaint.Error()
	}
	return r, errors.Join(err, failure)
}

// repeat runs a command over and over; each that ends well counts as a 200.
func (b *bench) repeat(ctx context.Context, a attack, first *target, answered func(int)) error {
	for ctx.Err() == nil {
		args, err := a.command(b, first)
		if err != nil {
			return err
		}
		switch _, err := b.run(ctx, b.database, args...); {
		case err == nil:
			answered(200)
		case ctx.Err() == nil:
			return err
		}
	}
	return nil
}

// steady sends the small requests for a time, and returns how many failed and
// why the first did.
func steady(
	ctx context.Context, t *target, d time.Duration,
) (m measured, failed int, complaint, err error) {
	l, f := newLoader(t, smallClients), small(t)
	defer l.client.CloseIdleConnections()
	var mu sync.Mutex
	var times []time.Duration
	var all sync.WaitGroup
	began := time.Now()
	for client := range smallClients {
		all.Go(func() {
			for n := client; time.Since(began) < d && ctx.Err() == nil; n++ {
				start := time.Now()
				_, err := l.send(ctx, f(client, n))
				took := time.Since(start)
				mu.Lock()
				if times = append(times, took); err != nil {
					failed++
					if complaint == nil {
						complaint = err
					}
				}
				mu.Unlock()
				time.Sleep(smallPause)
			}
		})
	}
	all.Wait()
	if len(times) == 0 {
		return m, failed, complaint, errors.Join(errors.New("no request was sent"), ctx.Err())
	}
	m = summarize(times, time.Since(began))
	return m, failed, complaint, nil
}

// try sends a request, and returns the status; 0 if there was no answer.
func (l *loader) try(ctx context.Context, r *request) int {
	resp, err := l.do(ctx, r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	if _, err := drain(resp.Body); err != nil && resp.StatusCode == http.StatusOK {
		return 0 // it was cut off
	}
	return resp.StatusCode
}

// fairTable renders what was measured.
func (r *report) fairTable(b *strings.Builder) {
	if len(r.Fair) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### One instance beside another that asks for the worst it may\n\n"+
		"%d clients of an instance with %s users and groups of %s; "+
		"beside them, the small requests\nof another instance.\n\n",
		r.Attackers, thousands(float64(r.FairUsers)), thousands(float64(r.FairUsers/2)))
	b.WriteString("| engine | the first asks for | its answers | the other alone: p50 | p99 " +
		"| beside it: p50 | p99 | failed | server's memory | bound |\n")
	b.WriteString("| --- | --- | --- | --: | --: | --: | --: | --: | --: | --- |\n")
	for _, x := range r.Fair {
		var answers []string
		for _, status := range x.statuses() {
			answers = append(answers, fmt.Sprintf("%d × %d", status, x.Answers[status]))
		}
		if len(answers) == 0 {
			answers = []string{"none in this time"}
		}
		bound := x.faults()
		if bound == "" {
			bound = "kept"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %d | %d MB | %s |\n",
			x.Engine, x.Attack, strings.Join(answers, ", "), short(x.Alone.P50), short(x.Alone.P99),
			short(x.Beside.P50), short(x.Beside.P99), x.Failed, x.Memory>>20, bound)
	}
}

// unfair returns an error that names what is beyond the bound.
func (r *report) unfair() error {
	var list []error
	for _, x := range r.Fair {
		if faults := x.faults(); faults != "" {
			list = append(list, fmt.Errorf("%s, %s: %s", x.Engine, x.Attack, faults))
		}
	}
	return errors.Join(list...)
}
