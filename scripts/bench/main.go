// Command bench measures muster-server against the limit of the machine in
// the same run. For each operation the limit is 1/(1/P + 1/H): P is what
// pgbench reaches with the least SQL for it, and H what a bare net/http handler
// reaches that answers as many bytes under the same load. Beside them stand
// muster-server on SQLite, and a server on elimity-com/scim that keeps users
// in memory.
//
//	go run ./scripts/bench -users 1000,100000 -clients 8,32
//
// Everything is switched on as in production: authentication, OpenAPI
// validation, mapping, history and its chain, and durable commits.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	server    string // the binary
	simulator string
	old       string // a directory with both of an old version
	firstSync int    // people; 0 for none
	fair      int    // users of the instance that asks for the worst; 0 for none
	attackers int    // its clients
	events    bool   // whether feeds of events are measured
	setups    []setup
	clients   []int
	time      time.Duration
	only      string
	out, dir  string
	raw       string
	readme    string // a file for the summary
	from      string // a file with what was measured before
	serveArgs string
}

// setup is what one table is measured on.
type setup struct {
	Users int
	// Instances share the database; one of them is measured.
	Instances int
	// Servers share the database; the clients turn to each in turn.
	Servers int
	// peers says that pgbench, the bare server, SQLite and elimity are
	// measured beside ours.
	peers bool
}

func main() {
	if len(os.Args) == 2 && strings.HasPrefix(os.Args[1], "serve-") {
		if err := serve(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// serve serves one of the others in a process of its own.
func serve(name string) error {
	if name == "serve-bare" {
		return servePeer(bare())
	}
	h, err := newElimity()
	if err != nil {
		return err
	}
	return servePeer(h)
}

func run(ctx context.Context, args []string) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.dir, err = os.MkdirTemp("", "muster-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	var report *report
	if o.from != "" {
		report, err = read(o.from)
	} else {
		report, err = measure(ctx, o)
	}
	if err != nil {
		return err
	}
	if o.raw != "" {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.raw, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	text := report.markdown()
	if o.out != "" {
		if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(o.out, []byte(text), 0o644); err != nil {
			return err
		}
	}
	if o.readme != "" {
		if err := report.writeSummary(o.readme); err != nil {
			return err
		}
	}
	if _, err = fmt.Print(text); err != nil {
		return err
	}
	return report.unfair()
}

// read reads what -json wrote.
func read(file string) (*report, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(report)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.server, "server", "bin/muster-server", "the muster-server to measure")
	f.StringVar(&o.simulator, "simulator", "bin/muster-simulator",
		"the muster-simulator of the first sync")
	f.StringVar(&o.old, "old", "",
		"a directory with muster-server and muster-simulator of an old version, for the first sync")
	f.IntVar(&o.firstSync, "first-sync", 0,
		"how many people are provisioned into an empty database; 0 leaves it out")
	f.IntVar(&o.fair, "fair", 0,
		"how many users the instance has beside which another one is measured; 0 leaves it out")
	f.IntVar(&o.attackers, "attackers", 40, "how many clients that instance has")
	f.BoolVar(&o.events, "events", false, "measure feeds of events, too")
	users := f.String("users", "1000,100000", "how many users the instance has, one table for each")
	instances := f.Int("instances", 1,
		"how many instances share the database; one of them is measured")
	servers := f.Int("servers", 1,
		"how many servers share the database; the clients turn to each in turn")
	peers := f.Bool("peers", true, "measure pgbench, the bare server, SQLite and elimity, too")
	full := f.Bool("full", false,
		"measure growth, too: a million users, a thousand instances, and two servers")
	clients := f.String("clients", "8,32", "how many clients send requests at once")
	f.DurationVar(&o.time, "time", 2*time.Second, "how long each load lasts")
	f.StringVar(&o.only, "only", "", "operations whose name holds this")
	f.StringVar(&o.out, "out", "", "a file for the table, as Markdown")
	f.StringVar(&o.raw, "json", "", "a file for all that was measured, as JSON")
	f.StringVar(&o.readme, "readme", "", "a document whose summary is to be replaced")
	f.StringVar(&o.from, "from", "", "render what -json wrote into this file, and measure nothing")
	f.StringVar(&o.serveArgs, "serve", "", "more flags for muster-server serve")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	sizes, err := numbers(*users)
	if *users == "" {
		sizes, err = nil, nil
	}
	if err != nil {
		return o, fmt.Errorf("-users: %w", err)
	}
	for _, n := range sizes {
		o.setups = append(o.setups, setup{n, *instances, *servers, *peers})
	}
	if *full {
		o.setups = append(o.setups, setup{1_000_000, 1, 1, false}, setup{1000, 1000, 1, false},
			setup{100_000, 1, 2, false})
	}
	if o.clients, err = numbers(*clients); err != nil {
		return o, fmt.Errorf("-clients: %w", err)
	}
	if _, err := os.Stat(o.server); err != nil {
		return o, fmt.Errorf("-server: %w; make build makes it", err)
	}
	return o, nil
}
