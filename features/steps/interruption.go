package steps

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"muster/features/harness"
)

// registerInterruption adds the steps that break things in mid-cycle.
func (w *world) registerInterruption(sc *registry) {
	// Users with numbered names and the role Everybody.
	sc.Step(`^OneLogin has (\d+) users, assigned to the app "([^"]*)"$`, w.manyUsers)
	sc.Step(
		`^the server is killed after (\d+) writes of a provisioning cycle of the app "([^"]*)"$`,
		w.killedAfter)
	// Runs a cycle whose line breaks off once, after the server has acted.
	sc.Step(
		`^the answer to write number (\d+) of a provisioning cycle of the app "([^"]*)" is lost$`,
		w.answerLost)
	sc.Step(
		`^OneLogin is (killed|interrupted with Ctrl-C) after (\d+) writes of a provisioning cycle of the app "([^"]*)"$`,
		w.simulatorEnds)
	// Kills the provider's process in the middle of a wave.
	sc.Step(`^OneLogin is killed after (\d+) writes of the rehearsal$`,
		func(ctx context.Context, writes int) error {
			return w.endsAfter(ctx, os.Kill, writes, "rehearse", "--concurrency", "1")
		})
	// The cycle was stopped, and said how to go on.
	sc.Step(`^OneLogin says that the same command goes on$`, func() error {
		if !strings.Contains(w.synced.Errors, "the same command goes on") {
			return fmt.Errorf("got %s", w.synced)
		}
		return expect("exit code", w.synced.Code, 1)
	})
	sc.Step(`^everybody who was worked on is finished$`, w.nobodyHalf)
	// On the same address and the same database.
	sc.Step(`^the server is started again$`, w.startedAgain)
	// The last cycle ended because the server did not answer.
	sc.Step(`^the cycle was cut off$`, func() error {
		if !strings.Contains(w.synced.Errors, "the server does not answer") {
			return fmt.Errorf("got %s", w.synced)
		}
		return expect("exit code", w.synced.Code, 1)
	})
	// Nobody is doubled, and nobody is missing.
	sc.Step(`^each of the (\d+) users has exactly one account in "([^"]*)"$`, w.oneAccountEach)
}

func (w *world) manyUsers(n int, app string) error {
	for i := range n {
		name := fmt.Sprintf("user%03d@acme.example", i)
		w.account.add(map[string]string{
			"username": name, "firstname": "User", "lastname": fmt.Sprint(i), "roles": "Everybody",
		})
		if err := w.assign(name, app); err != nil {
			return err
		}
	}
	return nil
}

// killedAfter runs a cycle against a server of its own, which is killed when
// it has answered some writes. The answer to the last one is lost with it.
func (w *world) killedAfter(ctx context.Context, writes int, app string) (err error) {
	if w.own, err = w.h.Serve(ctx, "127.0.0.1:0"); err != nil {
		return err
	}
	w.recorder.Redirect(w.own.Address)
	var killed atomic.Bool
	failed := make(chan error, 1)
	w.recorder.OnWrite(func(n int) bool {
		if n < writes {
			return false
		}
		if !killed.Swap(true) {
			failed <- w.own.Stop(os.Kill)
		}
		return true
	})
	err = w.sync(ctx, app)
	w.recorder.OnWrite(nil)
	if err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	default:
		return fmt.Errorf("the cycle ended before %d writes: %s", writes, w.synced)
	}
}

func (w *world) answerLost(ctx context.Context, number int, app string) error {
	w.recorder.OnWrite(func(n int) bool { return n == number })
	defer w.recorder.OnWrite(nil)
	return w.sync(ctx, app)
}

func (w *world) startedAgain(ctx context.Context) (err error) {
	address := w.own.Address
	w.own, err = w.h.Serve(ctx, address)
	return err
}

func (w *world) oneAccountEach(ctx context.Context, n int, instance string) error {
	list, err := w.appUsers(ctx, instance)
	if err != nil {
		return err
	}
	seen := make(map[string]int)
	for _, u := range list {
		seen[strings.ToLower(u.UserName)]++
	}
	for _, p := range w.account.users {
		if seen[p["username"]] != 1 {
			return fmt.Errorf("%s has %d accounts", p["username"], seen[p["username"]])
		}
	}
	return expect("accounts", len(list), n)
}

// simulatorEnds ends the provider's process in mid-cycle.
func (w *world) simulatorEnds(ctx context.Context, how string, writes int, app string) error {
	signal := os.Interrupt
	if how == "killed" {
		signal = os.Kill
	}
	return w.endsAfter(ctx, signal, writes, "sync", "--app", app)
}

// endsAfter runs a command, and sends its process a signal after some writes.
func (w *world) endsAfter(
	ctx context.Context, signal os.Signal, writes int, command ...string,
) error {
	ctx, cancel := context.WithCancel(harness.WithSignal(ctx, signal))
	defer cancel()
	w.recorder.Forget()
	w.recorder.OnWrite(func(n int) bool {
		if n >= writes {
			cancel()
		}
		return false
	})
	err := w.simulate(ctx, append(command, "--json", "--tries", "3", "--wait", "10ms")...)
	w.recorder.OnWrite(nil)
	w.synced = w.last
	if err == nil && w.last.Code == 0 {
		return fmt.Errorf("the cycle ended before %d writes: %s", writes, w.last)
	}
	return err
}

// nobodyHalf looks at what the provider remembers: nobody is in the middle of
// being created.
func (w *world) nobodyHalf(ctx context.Context) error {
	var list []struct {
		UserName, Status string
		Creating         bool
	}
	if err := w.simulator(ctx, &list, "users", "--app", w.account.apps[0].name); err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("nobody was worked on")
	}
	for _, u := range list {
		if u.Creating || u.Status != "provisioned" {
			return fmt.Errorf("%+v is half done", u)
		}
	}
	return nil
}
