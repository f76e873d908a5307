// Command crash breaks muster-server while clients write to it, and proves
// after each round that nothing which was acknowledged is lost or doubled.
//
//	go run ./scripts/crash -rounds 100
//
// In each round four clients write users and groups, and the simulator runs a
// cycle. At a random moment one thing breaks: the server, PostgreSQL's container or the
// simulator is killed, PostgreSQL is paused, the network between two of them is
// cut or slow, or the disk is full. Then everything goes on, and is compared
// with what the clients were told. It takes a container engine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

type options struct {
	server, simulator string // the programs
	rounds            int
	seed              uint64
	clients           int
	only              string
	halt              bool
	failover          bool
	older             string // a muster-server of an old version
	out               string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o := options{}
	f := flag.NewFlagSet("crash", flag.ContinueOnError)
	f.StringVar(&o.server, "server", "bin/muster-server", "the muster-server to break")
	f.StringVar(&o.simulator, "simulator", "bin/muster-simulator", "the muster-simulator to break")
	f.IntVar(&o.rounds, "rounds", 10, "how many rounds")
	f.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()),
		"what chance begins with; the same seed breaks the same things")
	f.IntVar(&o.clients, "clients", 4, "how many clients write at once")
	f.StringVar(&o.only, "only", "", "break only what has this in its name")
	f.BoolVar(&o.failover, "failover", false,
		"kill the primary of a cluster of three in each round, and nothing else")
	f.StringVar(&o.older, "upgrade-from", "",
		"a muster-server of an old version, which -server replaces while clients write; "+
			"nothing breaks")
	f.BoolVar(&o.halt, "halt", false,
		"stop at the first finding, and leave all as it is until Ctrl-C")
	f.StringVar(&o.out, "out", "", "a file for the table, as Markdown")
	if err := f.Parse(args); err != nil {
		return err
	}
	run := campaign
	switch {
	case o.failover:
		run = failover
	case o.older != "":
		run = upgrade
	}
	r, err := run(ctx, o)
	if r != nil {
		text := r.markdown()
		fmt.Print(text)
		if o.out != "" {
			err = errors.Join(err, os.WriteFile(o.out, []byte(text), 0o600))
		}
	}
	return err
}

// report is what came of all rounds.
type report struct {
	seed   uint64
	faults []fault
	rounds []round
}

// add adds the nth round, and tells of it.
func (r *report) add(n int, got round) {
	r.rounds = append(r.rounds, got)
	fmt.Fprintf(os.Stderr,
		"round %3d  %-42s %4d acknowledged, %3d unknown, %4d events, ready after %4d ms, "+
			"%d findings\n", n+1, got.fault, got.acknowledged, got.unknown, got.events,
		got.recovery.Milliseconds(), len(got.findings))
	for _, finding := range got.findings {
		fmt.Fprintln(os.Stderr, "   ", finding)
	}
}

// err is about the findings, if there are any.
func (r *report) err() error {
	if n := r.findings(); n > 0 {
		return fmt.Errorf("%d findings (seed %d)", n, r.seed)
	}
	return nil
}

// round is what came of one.
type round struct {
	fault string
	// acknowledged and unknown are writes of the clients: those that were
	// answered with success, and those of which nobody can know.
	acknowledged, unknown, refused int
	// events is how many the listener heard of.
	events int
	// recovery is how long after the fault had ended the server took to be
	// ready.
	recovery time.Duration
	// cycle is why the simulator's cycle ended before its time, or empty.
	cycle    string
	findings []string
}

// campaign runs all rounds. What is found in one does not end it; what keeps
// it from going on does.
func campaign(ctx context.Context, o options) (r *report, err error) {
	w, err := newWorld(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close(context.WithoutCancel(ctx))) }()
	chance := rand.New(rand.NewPCG(o.seed, 0))
	list := slices.DeleteFunc(faults(),
		func(f fault) bool {
			return !strings.Contains(f.name, o.only) || f.name == diskFull && w.disk == ""
		})
	if len(list) == 0 {
		return nil, fmt.Errorf("-only %q: there is no such fault", o.only)
	}
	r = &report{seed: o.seed, faults: list}
	for n := range o.rounds {
		f := list[n%len(list)]
		if n >= len(list) {
			f = list[chance.IntN(len(list))] // each one once, and then by chance
		}
		got, err := w.round(ctx, f, time.Duration(300+chance.IntN(900))*time.Millisecond, chance)
		if err != nil {
			return r, fmt.Errorf("round %d, %s (seed %d): %w", n+1, f.name, o.seed, err)
		}
		r.add(n, got)
		if o.halt && len(got.findings) > 0 {
			fmt.Fprintf(os.Stderr,
				"halted: the server is at http://%s, the database is %s, files are in %s\n",
				w.toServer.Listen, w.direct, w.dir)
			<-ctx.Done()
			break
		}
	}
	return r, r.err()
}

func (r *report) findings() (n int) {
	for _, round := range r.rounds {
		n += len(round.findings)
	}
	return n
}

// markdown renders a row for each kind of fault, and all findings.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d rounds, seed %d.\n\n", len(r.rounds), r.seed)
	b.WriteString(
		"| what broke | rounds | acknowledged | unknown | refused | events | ready again after | " +
			"findings |\n| --- | --: | --: | --: | --: | --: | --: | --: |\n")
	total := round{fault: "all"}
	for _, f := range r.faults {
		sum, rounds := round{fault: f.name}, 0
		for _, x := range r.rounds {
			if x.fault != f.name {
				continue
			}
			rounds++
			sum.add(x)
		}
		if rounds > 0 {
			sum.row(&b, rounds)
		}
		total.add(sum)
	}
	total.row(&b, len(r.rounds))
	for i, x := range r.rounds {
		for _, finding := range x.findings {
			fmt.Fprintf(&b, "\n- round %d, %s: %s", i+1, x.fault, finding)
		}
	}
	return b.String()
}

func (x *round) add(y round) {
	x.acknowledged += y.acknowledged
	x.unknown += y.unknown
	x.refused += y.refused
	x.events += y.events
	x.recovery = max(x.recovery, y.recovery)
	x.findings = append(x.findings, y.findings...)
}

func (x *round) row(b *strings.Builder, rounds int) {
	fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %d | at most %d ms | %d |\n", x.fault, rounds,
		x.acknowledged, x.unknown, x.refused, x.events, x.recovery.Milliseconds(),
		len(x.findings))
}
