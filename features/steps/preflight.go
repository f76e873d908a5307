package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cucumber/godog"
)

// preflightReport is what `muster-simulator preflight --json` prints.
type preflightReport struct {
	Findings []finding
	Waves    []struct {
		Wave, RolledOut              string
		PickedUp, Created, Conflicts int
		GroupsMatched, GroupsCreated []string
		Findings                     []finding
		Items                        []struct{ User, Outcome, NearMiss string }
	}
}

type finding struct{ Severity, Kind, User, Text, Fix string }

// rolledBack is what `muster-simulator rollback --json` prints.
type rolledBack struct {
	Wave                                                                   string
	Deleted, Suspended, Kept, Restored, MadeAgain, GroupsDeleted, Problems []string
}

// registerPreflight adds the steps about what is foretold of a rollout, and
// about taking it back.
func (w *world) registerPreflight(sc *registry) {
	// Runs a preflight: reads the application, and writes nothing.
	sc.Step(`^the rollout is foretold$`, func(ctx context.Context) error { return w.foretell(ctx) })
	// Runs a preflight without a plan of waves.
	sc.Step(`^a cycle for everybody in the app "([^"]*)" is foretold$`,
		func(ctx context.Context, app string) error {
			return w.foretell(ctx, "--account", "account.yaml", "--app", app)
		})
	// What the preflight says of a user.
	sc.Step(`^it is foretold that "([^"]*)" (?:is|will be) (picked up|created|a conflict)$`,
		w.foretold)
	// What the preflight says of a wave.
	sc.Step(`^wave "([^"]*)" is foretold with (\d+) picked up, (\d+) created and (\d+) conflicts?$`,
		w.waveForetold)
	// A finding of the preflight about a user, with this in its fix.
	sc.Step(
		`^there is a (problem|warning|note) of the kind "([^"]*)" about "([^"]*)", with the fix "(.*)"$`,
		w.findingIs)
	// A finding of the preflight with this in its text.
	sc.Step(`^there is a (problem|warning|note) of the kind "([^"]*)" that says "(.*)"$`,
		w.findingSays)
	// The preflight found no problem.
	sc.Step(`^nothing stands in the way$`,
		func() error { return expect("exit code", w.synced.Code, 0) })
	// The preflight found a problem.
	sc.Step(`^there is something to mend$`,
		func() error { return expect("exit code", w.synced.Code, 1) })
	// The preflight says so of each wave.
	sc.Step(`^every wave is already rolled out$`, func() error {
		for _, wave := range w.preflight.Waves {
			if wave.RolledOut == "" {
				return fmt.Errorf("wave %q is not", wave.Wave)
			}
		}
		return expect("waves", len(w.preflight.Waves) > 0, true)
	})
	// What the preflight says of a group.
	sc.Step(`^it is foretold that the group "([^"]*)" is (matched by name|created)$`,
		w.groupForetold)
	// What happened in the wave is what was foretold.
	sc.Step(`^the forecast of wave "([^"]*)" was right$`,
		func(name string) error { return w.surprisesOf(name, 0) })
	// For so many users something else happened.
	sc.Step(`^the forecast of wave "([^"]*)" was wrong for (\d+) users?$`, w.surprisesOf)
	// Rolls the last wave back, which must succeed.
	sc.Step(`^the last wave is taken back$`, w.rollBack)
	// How many accounts the rollback treated so.
	sc.Step(
		`^(\d+) accounts? (?:was|were) (deleted|suspended|kept|restored|made again) by the rollback$`,
		w.rolledBackCount)
	sc.Step(`^in wave "([^"]*)" is to be checked:$`, w.toCheck)
	// What becomes of the accounts that the wave created.
	sc.Step(`^the rollback of wave "([^"]*)" is set to (delete|suspend|keep) what was created$`,
		func(name, how string) error {
			return w.changeWave(name,
				func(wave map[string]any) { wave["rollback"] = map[string]any{"created": how} })
		})
	// How many creations beside near misses the gate lets pass.
	sc.Step(`^the gate of wave "([^"]*)" lets (\d+) unexpected creations? pass$`,
		func(name string, n int) error {
			return w.changeWave(name,
				func(wave map[string]any) {
					wave["gate"] = map[string]any{"max_unexpected_creates": n}
				})
		})
}

func (w *world) foretell(ctx context.Context, args ...string) error {
	w.recorder.Forget()
	args = append([]string{"preflight", "--json", "--tries", "3", "--wait", "10ms"}, args...)
	if err := w.simulate(ctx, args...); err != nil {
		return err
	}
	w.synced = w.last
	w.preflight = &preflightReport{}
	if err := json.Unmarshal([]byte(w.last.Out), w.preflight); err != nil {
		return fmt.Errorf("%w: %s", err, w.last)
	}
	return nil
}

func (w *world) foretold(userName, want string) error {
	want = strings.TrimPrefix(want, "a ")
	for _, wave := range w.preflight.Waves {
		for _, item := range wave.Items {
			if strings.EqualFold(w.plain(item.User), userName) {
				return expect("outcome of "+userName, item.Outcome, want)
			}
		}
	}
	return fmt.Errorf("nothing is foretold of %q", userName)
}

func (w *world) waveForetold(name string, pickedUp, created, conflicts int) error {
	for _, wave := range w.preflight.Waves {
		if wave.Wave == name {
			return expect("forecast", fmt.Sprint(wave.PickedUp, wave.Created, wave.Conflicts),
				fmt.Sprint(pickedUp, created, conflicts))
		}
	}
	return fmt.Errorf("there is no wave %q", name)
}

func (w *world) findings() []finding {
	list := w.preflight.Findings
	for _, wave := range w.preflight.Waves {
		list = append(list, wave.Findings...)
	}
	return list
}

func (w *world) findingIs(severity, kind, userName, fix string) error {
	for _, f := range w.findings() {
		if f.Severity == severity && f.Kind == kind &&
			strings.EqualFold(w.plain(f.User), userName) && strings.Contains(w.plain(f.Fix), fix) {
			return nil
		}
	}
	return fmt.Errorf("there is none among %+v", w.findings())
}

func (w *world) findingSays(severity, kind, text string) error {
	for _, f := range w.findings() {
		if f.Severity == severity && f.Kind == kind && strings.Contains(w.plain(f.Text), text) {
			return nil
		}
	}
	return fmt.Errorf("there is none among %+v", w.findings())
}

func (w *world) groupForetold(group, what string) error {
	for _, wave := range w.preflight.Waves {
		list := wave.GroupsMatched
		if what == "created" {
			list = wave.GroupsCreated
		}
		for _, name := range list {
			if w.plain(name) == group {
				return nil
			}
		}
	}
	return fmt.Errorf("got %+v", w.preflight.Waves)
}

func (w *world) surprisesOf(name string, n int) error {
	for _, wave := range w.rollout.Waves {
		if wave.Name == name {
			return expect("surprises", len(wave.Surprises), n)
		}
	}
	return fmt.Errorf("there is no wave %q", name)
}

func (w *world) rollBack(ctx context.Context) error {
	w.undone = &rolledBack{}
	if err := w.simulator(ctx, w.undone, "rollback", "--tries", "3", "--wait", "10ms"); err != nil {
		return err
	}
	return expect("problems", len(w.undone.Problems), 0)
}

func (w *world) rolledBackCount(n int, what string) error {
	lists := map[string][]string{
		"deleted": w.undone.Deleted, "suspended": w.undone.Suspended, "kept": w.undone.Kept,
		"restored": w.undone.Restored, "made again": w.undone.MadeAgain,
	}
	return expect(what, len(lists[what]), n)
}

// toCheck adds checks from a table with the columns User and, as wanted,
// State, Groups (separated by commas) and Title.
func (w *world) toCheck(name string, t *godog.Table) error {
	var checks []map[string]any
	for _, row := range rows(t) {
		c := map[string]any{"user": w.name(row["User"])}
		switch row["State"] {
		case "active", "suspended":
			c["active"] = row["State"] == "active"
		case "gone":
			c["exists"] = false
		}
		if row["Groups"] != "" {
			groups := strings.Split(row["Groups"], ", ")
			for i := range groups {
				groups[i] = w.group(groups[i])
			}
			c["groups"] = groups
		}
		if row["Title"] != "" {
			c["has"] = map[string]any{"title": row["Title"]}
		}
		checks = append(checks, c)
	}
	return w.changeWave(name, func(wave map[string]any) { wave["check"] = checks })
}
