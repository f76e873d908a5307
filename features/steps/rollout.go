package steps

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"muster/features/harness"

	"github.com/cucumber/godog"
	"github.com/goccy/go-yaml"
)

// rolloutReport is what `muster-simulator rehearse --json` prints.
type rolloutReport struct {
	AsPlanned bool
	Planned   int
	Problems  []string
	Waves     []struct {
		Name     string
		Passed   bool
		Resumed  bool
		Problems []string
		Check    struct{ Untouched, Compared int }
		// Surprises is where the forecast was wrong.
		Surprises []struct{ User, Foretold, Happened string }
		Cycle     struct {
			Items []struct{ User, Outcome string }
		}
	}
}

// registerRollout adds the steps about gradual rollouts.
func (w *world) registerRollout(sc *registry) {
	sc.Step(`^a rollout of the app "([^"]*)" in these waves:$`, w.theseWaves)
	// Runs the waves until one is stopped by its gate.
	sc.Step(`^the rollout is rehearsed$`,
		func(ctx context.Context) error { return w.rehearse(ctx) })
	// Another rollout of the same account, after the first.
	sc.Step(`^the rollout is rehearsed anew$`, func(ctx context.Context) error {
		w.wavesName = "Another rollout"
		if err := w.writeWaves(); err != nil {
			return err
		}
		return w.rehearse(ctx)
	})
	// Goes on with the wave at which the rollout was stopped.
	sc.Step(`^the rollout is resumed$`,
		func(ctx context.Context) error { return w.rehearse(ctx, "--resume") })
	// All waves ran, and nothing was otherwise than planned.
	sc.Step(`^everything went as planned$`, func() error {
		if !w.rollout.AsPlanned {
			return fmt.Errorf("problems: %q", w.rollout.Problems)
		}
		return expect("exit code", w.synced.Code, 0)
	})
	// The gate of the wave stayed shut, with this among the problems.
	sc.Step(`^the rollout stopped after wave (\d+), because "([^"]*)"$`, w.stoppedAfter)
	// The waves whose gate opened, in their order.
	sc.Step(`^these waves were passed: (.*)$`, func(names string) error {
		var passed []string
		for _, wave := range w.rollout.Waves {
			if wave.Passed {
				passed = append(passed, wave.Name)
			}
		}
		return expect("waves passed", strings.Join(passed, ", "), names)
	})
	// The outcome for a user in a wave.
	sc.Step(
		`^in wave "([^"]*)" "([^"]*)" was (picked up|created|updated|suspended|deleted|a conflict)$`,
		w.inWave)
	// What reading the application after the wave showed.
	sc.Step(`^the check after wave "([^"]*)" found (\d+) accounts? as sent and (\d+) untouched$`,
		func(name string, compared, untouched int) error {
			for _, wave := range w.rollout.Waves {
				if wave.Name == name {
					if err := expect("compared", wave.Check.Compared, compared); err != nil {
						return err
					}
					if w.h.Foreign != nil && wave.Check.Untouched > untouched {
						return nil // it has accounts of its own
					}
					return expect("untouched", wave.Check.Untouched, untouched)
				}
			}
			return fmt.Errorf("there is no wave %q", name)
		})
}

// theseWaves writes a rollout from a table with the columns Wave and Users
// (user names separated by commas, or "everybody"), and what is expected:
// Picked up, Created, Conflicts (user names), and what the gate lets pass:
// Gate (conflicts). An empty cell expects nothing.
func (w *world) theseWaves(app string, t *godog.Table) error {
	var waves []map[string]any
	for _, row := range rows(t) {
		users := map[string]any{"everybody": true}
		if row["Users"] != "everybody" {
			users = map[string]any{"list": w.namesIn(row["Users"])}
		}
		wants := make(map[string]any)
		for column, key := range map[string]string{"Picked up": "picked_up", "Created": "created"} {
			if row[column] != "" {
				wants[key] = json.Number(row[column])
			}
		}
		if row["Near misses"] != "" {
			wants["near_misses"] = w.namesIn(row["Near misses"])
		}
		if row["Conflicts"] != "" {
			wants["conflicts"] = w.namesIn(row["Conflicts"])
		}
		wave := map[string]any{"name": row["Wave"], "users": users, "expect": wants}
		if row["Gate"] != "" {
			wave["gate"] = map[string]any{"max_conflicts": json.Number(row["Gate"])}
		}
		waves = append(waves, wave)
	}
	w.waves, w.wavesApp = waves, app
	return w.writeWaves()
}

// changeWave changes a wave that was written.
func (w *world) changeWave(name string, change func(wave map[string]any)) error {
	for _, wave := range w.waves {
		if wave["name"] == name {
			change(wave)
			return w.writeWaves()
		}
	}
	return fmt.Errorf("there is no wave %q", name)
}

func (w *world) writeWaves() error {
	text, err := yaml.Marshal(map[string]any{
		"rollout": cmp.Or(w.wavesName, "A rollout"), "account": "account.yaml", "app": w.wavesApp,
		"waves": w.waves,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.dir, "rollout.yaml"), text, 0o600)
}

func (w *world) namesIn(list string) []string {
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		names = append(names, w.name(strings.TrimSpace(name)))
	}
	return names
}

func (w *world) rehearse(ctx context.Context, args ...string) error {
	args = append([]string{"rehearse", "--json", "--tries", "3", "--wait", "10ms"}, args...)
	if err := w.simulate(ctx, args...); err != nil {
		return err
	}
	w.synced = w.last
	if err := harness.MatchSchema("report", w.last.Out); err != nil {
		return err
	}
	w.rollout = &rolloutReport{}
	if err := json.Unmarshal([]byte(w.last.Out), w.rollout); err != nil {
		return fmt.Errorf("%w: %s", err, w.last)
	}
	return nil
}

func (w *world) stoppedAfter(wave int, reason string) error {
	if err := expect("exit code", w.synced.Code, 1); err != nil {
		return err
	}
	if err := expect("waves", len(w.rollout.Waves), wave); err != nil {
		return err
	}
	if !strings.Contains(w.plain(strings.Join(w.rollout.Problems, "\n")), reason) {
		return fmt.Errorf("problems: %q, want %q", w.rollout.Problems, reason)
	}
	return expect("the gate is open", w.rollout.Waves[wave-1].Passed, false)
}

func (w *world) inWave(name, userName, what string) error {
	what = strings.TrimPrefix(what, "a ")
	for _, wave := range w.rollout.Waves {
		if wave.Name != name {
			continue
		}
		for _, item := range wave.Cycle.Items {
			if strings.EqualFold(w.plain(item.User), userName) {
				return expect("outcome of "+userName, item.Outcome, what)
			}
		}
		return fmt.Errorf("nothing happened to %q in wave %q", userName, name)
	}
	return fmt.Errorf("there is no wave %q", name)
}
