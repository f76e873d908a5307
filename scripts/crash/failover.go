package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"

	"muster/scripts/process"
)

// failover kills the primary of a cluster under load, round by round, and
// compares after each. Two servers are on the cluster.
func failover(ctx context.Context, o options) (r *report, err error) {
	w := &world{options: o, ledger: &ledger{members: make(map[string]member)}}
	defer func() { err = errors.Join(err, w.close(context.WithoutCancel(ctx))) }()
	if w.dir, err = os.MkdirTemp("", "muster-failover-"); err != nil {
		return nil, err
	}
	if w.cluster, err = newCluster(ctx); err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "PostgreSQL: %d nodes under Patroni, in containers from %s\n", nodes,
		clusterImage)
	if w.direct, err = w.cluster.database(ctx); err != nil {
		return nil, err
	}
	if err := w.join(ctx); err != nil {
		return nil, err
	}
	chance := rand.New(rand.NewPCG(o.seed, 0))
	var killed string
	kill := fault{
		name: primaryKilled, breaks: func(ctx context.Context, w *world, _ *exec.Cmd) (err error) {
			killed, err = w.cluster.killPrimary(ctx)
			return err
		}, mends: nothing,
	}
	r = &report{seed: o.seed, faults: []fault{kill}}
	for n := range o.rounds {
		got, err := w.round(ctx, kill, time.Duration(500+chance.IntN(1500))*time.Millisecond,
			chance)
		if err != nil {
			return r, fmt.Errorf("round %d (seed %d): %w", n+1, o.seed, err)
		}
		r.add(n, got)
		if err := w.cluster.elected(ctx, killed); err != nil {
			return r, err
		}
		if err := docker(ctx, "start", killed); err != nil {
			return r, err
		}
		if err := w.cluster.whole(ctx); err != nil {
			return r, err
		}
	}
	return r, r.err()
}

// primaryKilled is the fault of a failover.
const primaryKilled = "the primary is killed"

// join makes the instances, and starts two servers.
func (w *world) join(ctx context.Context) (err error) {
	if w.listen, err = freeAddress(); err != nil {
		return err
	}
	w.network = newNetwork()
	w.toServer = toxiproxy.NewProxy(w.network, "server", "127.0.0.1:0", w.listen)
	if err := w.toServer.Start(); err != nil {
		return err
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	other, err := freeAddress()
	if err != nil {
		return err
	}
	w.second, _, err = process.Start(ctx, filepath.Join(w.dir, "second.log"), "msg=serving",
		w.options.server, "serve", "--listen", other, "--database", w.direct, "--public-url",
		"http://"+w.toServer.Listen)
	w.others = []string{other}
	return err
}
