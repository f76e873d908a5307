package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"

	"muster/scripts/process"
)

// upgrade puts a new version beside an old one on one database, lets both
// serve, and stops the old one, while clients write and cycles run. There must
// be no error at all.
func upgrade(ctx context.Context, o options) (r *report, err error) {
	newer := o.server
	o.server = o.older
	w, err := newWorld(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close(context.WithoutCancel(ctx))) }()
	chance := rand.New(rand.NewPCG(o.seed, 0))
	quiet := func(context.Context, *world, *exec.Cmd) error { return nil }
	phases := []fault{
		{
			name: "the new version starts, and migrates",
			breaks: func(ctx context.Context, w *world, _ *exec.Cmd) error {
				return w.startNewer(ctx, newer)
			}, lasts: time.Second, mends: nothing,
		},
		{name: "both versions serve", breaks: quiet, lasts: 2 * time.Second, mends: nothing},
		{name: "the new version serves alone", breaks: quiet, lasts: time.Second, mends: nothing},
	}
	r = &report{seed: o.seed, faults: phases}
	for n, phase := range phases {
		if n == 2 {
			if err := w.leaveOlder(); err != nil {
				return r, err
			}
		}
		got, err := w.round(ctx, phase, time.Second, chance)
		if err != nil {
			return r, fmt.Errorf("%s: %w", phase.name, err)
		}
		if got.unknown+got.refused > 0 {
			got.findings = append(got.findings,
				fmt.Sprintf("%d requests failed, and %d were refused", got.unknown, got.refused))
		}
		if got.cycle != "" {
			got.findings = append(got.findings, "the cycle failed: "+got.cycle)
		}
		r.add(n, got)
	}
	return r, r.err()
}

// startNewer starts a server of the new version, which brings the database up
// to date. The next round's clients turn to it, too.
func (w *world) startNewer(ctx context.Context, program string) error {
	through, err := w.through()
	if err != nil {
		return err
	}
	at, err := freeAddress()
	if err != nil {
		return err
	}
	w.second, _, err = process.Start(ctx, filepath.Join(w.dir, "newer.log"), "msg=serving", program,
		"serve", "--listen", at, "--database", through, "--public-url", "http://"+w.toServer.Listen)
	w.others, w.options.server = []string{at}, program
	return err
}

// leaveOlder stops the server of the old version; all turn to the new one.
func (w *world) leaveOlder() error {
	older := w.server
	w.server = nil
	if err := older.Stop(); err != nil {
		return err
	}
	listen := w.toServer.Listen
	w.toServer.Stop()
	w.toServer = toxiproxy.NewProxy(w.network, "newer", listen, w.others[0])
	w.others = nil
	return w.toServer.Start()
}
