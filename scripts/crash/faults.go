package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
)

// fault is something that breaks. It breaks, lasts, and is mended.
type fault struct {
	name string
	// breaks may be given the simulator's process.
	breaks func(ctx context.Context, w *world, simulator *exec.Cmd) error
	lasts  time.Duration
	mends  func(ctx context.Context, w *world) error
}

func nothing(context.Context, *world) error { return nil }

// faults are all that there are.
func faults() []fault {
	return []fault{
		{
			"the server is killed", killServer, 0,
			func(ctx context.Context, w *world) error { return w.startServer(ctx) },
		},
		{"PostgreSQL is killed", killDatabase, time.Second, restartDatabase},
		{
			"who listens is killed", killListener, time.Second,
			func(ctx context.Context, w *world) error { return w.startListener(ctx) },
		},
		{
			"the simulator is killed",
			func(_ context.Context, _ *world, simulator *exec.Cmd) error {
				return ended(simulator.Process.Kill())
			}, 0, nothing,
		},
		{
			"PostgreSQL is paused",
			func(ctx context.Context, w *world, _ *exec.Cmd) error { return w.database.Pause(ctx) },
			3 * time.Second,
			func(ctx context.Context, w *world) error { return w.database.Resume(ctx) },
		},
		{
			"the line to PostgreSQL is cut",
			cut(func(w *world) *toxiproxy.Proxy { return w.toDatabase }), time.Second,
			mend(func(w *world) *toxiproxy.Proxy { return w.toDatabase }),
		},
		{
			"the line to the server is cut",
			cut(func(w *world) *toxiproxy.Proxy { return w.toServer }), time.Second,
			mend(func(w *world) *toxiproxy.Proxy { return w.toServer }),
		},
		{
			"the line to PostgreSQL is silent", toxic("timeout", `{"timeout":0}`), 3 * time.Second,
			untoxic,
		},
		{
			"the line to PostgreSQL is slow", toxic("latency", `{"latency":150,"jitter":100}`),
			3 * time.Second, untoxic,
		},
		{diskFull, fillDisk, 2 * time.Second, emptyDisk},
		{
			"server, PostgreSQL and listener are killed",
			func(ctx context.Context, w *world, s *exec.Cmd) error {
				return errors.Join(killListener(ctx, w, s), killServer(ctx, w, s),
					killDatabase(ctx, w, s))
			}, 0, func(ctx context.Context, w *world) error {
				if err := restartDatabase(ctx, w); err != nil {
					return err
				}
				return errors.Join(w.startServer(ctx), w.startListener(ctx))
			},
		},
		{
			"server and PostgreSQL are killed",
			func(ctx context.Context, w *world, s *exec.Cmd) error {
				return errors.Join(killServer(ctx, w, s), killDatabase(ctx, w, s))
			}, 0, func(ctx context.Context, w *world) error {
				if err := restartDatabase(ctx, w); err != nil {
					return err
				}
				return w.startServer(ctx)
			},
		},
	}
}

// ended takes it for success that a process had ended already.
func ended(err error) error {
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

func killServer(_ context.Context, w *world, _ *exec.Cmd) error {
	p := w.server
	w.server = nil
	return p.Kill()
}

func killDatabase(ctx context.Context, w *world, _ *exec.Cmd) error { return w.database.Kill(ctx) }

func restartDatabase(ctx context.Context, w *world) error {
	before := w.database.Address()
	if err := w.database.Restart(ctx); err != nil {
		return err
	}
	if after := w.database.Address(); after != before {
		w.direct = strings.Replace(w.direct, before, after, 1)
		listen := w.toDatabase.Listen
		w.toDatabase.Stop()
		w.toDatabase.Upstream, w.toDatabase.Listen = after, listen
		return w.toDatabase.Start()
	}
	return nil
}

func cut(line func(*world) *toxiproxy.Proxy) func(context.Context, *world, *exec.Cmd) error {
	return func(_ context.Context, w *world, _ *exec.Cmd) error {
		line(w).Stop()
		return nil
	}
}

func mend(line func(*world) *toxiproxy.Proxy) func(context.Context, *world) error {
	return func(_ context.Context, w *world) error { return line(w).Start() }
}

func toxic(kind, attributes string) func(context.Context, *world, *exec.Cmd) error {
	return func(_ context.Context, w *world, _ *exec.Cmd) error {
		_, err := w.toDatabase.Toxics.AddToxicJson(
			strings.NewReader(
				fmt.Sprintf(`{"name":"fault","type":%q,"stream":"downstream","attributes":%s}`,
					kind, attributes)))
		return err
	}
}

func untoxic(ctx context.Context, w *world) error {
	return w.toDatabase.Toxics.RemoveToxic(ctx, "fault")
}

// diskFull is the fault that takes a disk of its own.
const diskFull = "the disk is full"

// filler is a file that takes all the room there is.
func (w *world) filler() string { return filepath.Join(w.disk, "filler") }

func fillDisk(_ context.Context, w *world, _ *exec.Cmd) error {
	f, err := os.Create(w.filler())
	if err != nil {
		return err
	}
	for size := 1 << 20; size > 0; { // by the megabyte, and the last bit by the byte
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 16
		}
	}
	_ = f.Close() // there is no room left
	return nil
}

func emptyDisk(ctx context.Context, w *world) error {
	if err := os.Remove(w.filler()); err != nil {
		return err
	}
	// A PostgreSQL that could not even recover has ended.
	if out, err := exec.CommandContext(ctx, "docker", "ps", "--quiet", "--filter",
		"id="+w.database.Container()).Output(); err == nil && len(out) == 0 {
		return restartDatabase(ctx, w)
	}
	return nil
}
