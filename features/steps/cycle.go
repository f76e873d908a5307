package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// simulate runs a muster-simulator command on the account. It may end with 1.
func (w *world) simulate(ctx context.Context, args ...string) (err error) {
	if err := w.account.write(); err != nil {
		return err
	}
	var environment []string
	for _, a := range w.account.apps {
		environment = append(environment, "TOKEN_"+strings.ToUpper(a.name)+"="+a.token)
	}
	w.last, err = w.h.Run(ctx, "muster-simulator", w.dir, environment, args...)
	return err
}

// cycleReport is what `muster-simulator sync --json` prints.
type cycleReport struct {
	Items []struct {
		User, Outcome, Detail string
		Earlier               bool
		Changes               []struct{ Path, Old, New string }
		Joined, Left          []string
		Exchanges             []struct{ Method, Path, Request, Answer string }
	}
	Unchanged                    int
	Unsupported                  []string
	GroupsCreated, GroupsMatched []string
	Requests                     int
}

func (w *world) sync(ctx context.Context, app string, args ...string) error {
	return w.runs(ctx, "sync", app, args...)
}

// runs runs one of the commands that print the report of a cycle.
func (w *world) runs(ctx context.Context, command, app string, args ...string) error {
	w.recorder.Forget()
	args = append([]string{command, "--app", app, "--json", "--tries", "3", "--wait", "10ms"},
		args...)
	if err := w.simulate(ctx, args...); err != nil {
		return err
	}
	w.synced = w.last
	w.cycle = &cycleReport{}
	if err := json.Unmarshal([]byte(w.last.Out), w.cycle); err != nil {
		return fmt.Errorf("%w: %s", err, w.last)
	}
	return nil
}

// runCycle runs a cycle, whatever comes of it.
func (w *world) runCycle(ctx context.Context, app string) error { return w.sync(ctx, app) }

// hasRunCycle runs a cycle that must succeed.
func (w *world) hasRunCycle(ctx context.Context, app string) error {
	if err := w.sync(ctx, app); err != nil {
		return err
	}
	if w.last.Code != 0 {
		return fmt.Errorf("the cycle failed%s: %s", w.serverSaid(), w.last)
	}
	return nil
}

// serverSaid is the answer that a command failed for, to stand in an error.
func (w *world) serverSaid() string {
	if text := w.refusal(); text != "" {
		return ": " + text
	}
	return ""
}

func (w *world) dryRun(ctx context.Context, app string) error {
	if err := w.sync(ctx, app, "--dry-run"); err != nil {
		return err
	}
	return expect("exit code", w.synced.Code, 0)
}

// simulator runs a muster-simulator command, which must succeed, and decodes
// what it prints into dest.
func (w *world) simulator(ctx context.Context, dest any, args ...string) error {
	if err := w.simulate(ctx, append(args, "--json")...); err != nil {
		return err
	}
	if w.last.Code != 0 {
		return fmt.Errorf("the command failed%s: %s", w.serverSaid(), w.last)
	}
	if err := json.Unmarshal([]byte(w.last.Out), dest); err != nil {
		return fmt.Errorf("%w: %s", err, w.last)
	}
	return nil
}
