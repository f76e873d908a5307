package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster/simulator/client"
	"muster/simulator/cycle"
	"muster/simulator/state"
)

// Rehearsal runs a rollout against an application.
type Rehearsal struct {
	Rollout *Rollout
	State   *state.File
	Client  *client.Client
	// BaseURL stands in the result.
	BaseURL     string
	Concurrency int
	// Others are the other apps of the account, whose instances are looked at
	// for user names that are taken.
	Others []Other
	// Resume goes on with the wave at which the rollout was stopped.
	Resume bool
	// Began is called when a wave begins, and Progress after each action;
	// both may be nil.
	Began    func(position int, w *Wave)
	Progress func(done, total int)

	elsewhere map[string]string // user names in other instances
}

// Result tells of a rehearsal.
type Result struct {
	Rollout string `json:"rollout"`
	Account string `json:"account"`
	App     string `json:"app"`
	BaseURL string `json:"baseUrl"`
	// Instance is the instance that the server said the token is for.
	Instance string    `json:"instance,omitempty"`
	Profile  string    `json:"profile"`
	Began    time.Time `json:"began"`
	Seconds  float64   `json:"seconds"`
	People   int       `json:"people"`
	// Planned is how many waves the rollout has.
	Planned int           `json:"planned"`
	Waves   []*WaveResult `json:"waves"`
	// AsPlanned is true when all waves ran and each went as planned.
	AsPlanned bool `json:"asPlanned"`
	// Problems are all deviations from the plan, in words.
	Problems []string `json:"problems"`
}

// WaveResult tells of one wave.
type WaveResult struct {
	Position int    `json:"position"`
	Name     string `json:"name"`
	// People is how many are in this wave and those before it.
	People       int           `json:"people"`
	Cycle        *cycle.Report `json:"cycle"`
	Expectations []Expectation `json:"expectations"`
	Check        *Check        `json:"check,omitempty"`
	// Forecast is what reading the application foretold before the wave, and
	// Surprises is where it happened otherwise.
	Forecast  *Forecast  `json:"forecast,omitempty"`
	Surprises []Surprise `json:"surprises,omitempty"`
	// Passed is whether the gate let the rollout go on.
	Passed   bool     `json:"passed"`
	Problems []string `json:"problems"`
	// Resumed is true if the wave was stopped before and run again.
	Resumed bool `json:"resumed,omitempty"`
	// ShutBefore is why the gate was shut when it was run before.
	ShutBefore []string `json:"shutBefore,omitempty"`
}

// Surprise is somebody for whom something else happened than was foretold.
type Surprise struct {
	User     string        `json:"user"`
	Foretold cycle.Outcome `json:"foretold"`
	Happened cycle.Outcome `json:"happened"`
	// NearMiss is the account that is probably the person's, if the forecast
	// saw one: then the creation itself is the surprise.
	NearMiss string `json:"nearMiss,omitempty"`
}

// Expectation compares one planned outcome with what happened.
type Expectation struct {
	What     string `json:"what"`
	Expected string `json:"expected"`
	Got      string `json:"got"`
	Met      bool   `json:"met"`
}

// Run runs the waves until one is stopped by its gate. The error is for what
// kept it from running; deviations from the plan are in the result.
func (r *Rehearsal) Run(ctx context.Context) (*Result, error) {
	began := time.Now()
	result := &Result{
		Rollout: r.Rollout.Name, Account: r.Rollout.Account.Name, App: r.Rollout.App.Name,
		BaseURL: r.BaseURL,
		Profile: r.Client.Profile().Name, Began: began.UTC(),
		People: len(r.Rollout.Account.Directory.Users), Planned: len(r.Rollout.Waves),
		Waves: []*WaveResult{}, Problems: []string{},
	}
	err := r.waves(ctx, result)
	result.Instance = r.Client.Instance()
	result.Seconds = time.Since(began).Round(time.Millisecond).Seconds()
	for _, w := range result.Waves {
		for _, p := range w.Problems {
			result.Problems = append(result.Problems,
				fmt.Sprintf("wave %d, %s: %s", w.Position, w.Name, p))
		}
	}
	if n := len(result.Waves); n < result.Planned && err == nil {
		result.Problems = append(result.Problems,
			fmt.Sprintf("stopped after wave %d of %d; put it right and go on with --resume", n,
				result.Planned))
	}
	result.AsPlanned = err == nil && len(result.Problems) == 0
	return result, err
}

func (r *Rehearsal) waves(ctx context.Context, result *Result) error {
	if _, err := r.cycle(0).Probe(ctx); err != nil {
		return fmt.Errorf("the connection test of the app %q failed: %w", r.Rollout.App.Name, err)
	}
	if err := r.cycle(0).Belongs(ctx, true); err != nil {
		return err
	}
	if err := r.lookElsewhere(ctx, nil); err != nil {
		return err
	}
	for i, w := range r.Rollout.Waves {
		if err := w.apply(r.Rollout.Account.Directory); err != nil {
			return err
		}
		var earlier WaveResult
		known, err := r.earlier(ctx, i, &earlier)
		if err != nil {
			return err
		}
		if known && !r.Resume {
			return errors.New(
				"the state file knows this rollout already: go on with --resume, or " +
					"begin anew with another --state")
		}
		if known && earlier.Passed {
			result.Waves = append(result.Waves, &earlier)
			continue
		}
		wave, err := r.wave(ctx, i, w, &earlier)
		if wave != nil {
			wave.ShutBefore = earlier.Problems
			r.judge(w, wave)
			result.Waves = append(result.Waves, wave)
			err = errors.Join(err,
				r.State.SaveWave(context.WithoutCancel(ctx), r.Rollout.Name, i, wave))
		}
		if err != nil || !wave.Passed {
			return err
		}
	}
	return nil
}

// cycle returns the cycle of the first n waves.
func (r *Rehearsal) cycle(n int) *cycle.Cycle {
	return &cycle.Cycle{
		Account: r.Rollout.Account.Name, App: r.Rollout.App, Directory: r.Rollout.Account.Directory,
		State: r.State, Client: r.Client,
		Scope: r.Rollout.scope(n), RetryFailed: r.Resume, Concurrency: r.Concurrency,
		Progress: r.Progress,
	}
}

// wave runs one wave and checks its outcome by reading the application. What
// an earlier run of it did belongs to it.
func (r *Rehearsal) wave(
	ctx context.Context, i int, w *Wave, earlier *WaveResult,
) (*WaveResult, error) {
	if r.Began != nil {
		r.Began(i+1, w)
	}
	before, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	c := r.cycle(i + 1)
	c.Trace = len(r.Rollout.Account.Directory.Users) <= traced
	r.note(c, i)
	result := &WaveResult{
		Position: i + 1, Name: w.Name, Problems: []string{}, Resumed: earlier.Cycle != nil,
	}
	if result.Forecast, err = r.forecast(ctx, i+1, before); err != nil {
		return nil, err
	}
	result.Forecast.goOn(earlier.Forecast)
	if err := r.State.Note(ctx, r.Rollout.Name, i, state.ForecastNote, "",
		result.Forecast); err != nil {
		return nil, err
	}
	for _, p := range r.Rollout.Account.Directory.Users {
		if r.Rollout.App.Assigned(p) && c.Scope(p) {
			result.People++
		}
	}
	result.Cycle, err = c.Run(ctx)
	if err == nil {
		result.Check, err = r.check(ctx, w, before, result.Cycle)
	} else {
		err = fmt.Errorf("wave %q was cut off: %w", w.Name, err)
	}
	merge(result.Cycle, earlier.Cycle)
	result.Surprises = before.still(surprises(result.Forecast, result.Cycle))
	return result, err
}

// traced is up to how many people the requests of each are kept.
const traced = 5000

// surprises compares what was foretold with what happened.
func surprises(f *Forecast, report *cycle.Report) []Surprise {
	foretold := make(map[string]Foretold, len(f.Items))
	for _, x := range f.Items {
		foretold[x.Key] = x
	}
	var list []Surprise
	for _, item := range report.Items {
		x, ok := foretold[item.Key]
		if !ok || item.Action != cycle.Provision || item.Outcome == cycle.Waiting {
			continue
		}
		if x.Outcome != item.Outcome || x.NearMiss != "" && item.Outcome == cycle.Created {
			list = append(list, Surprise{item.User, x.Outcome, item.Outcome, x.NearMiss})
		}
	}
	return list
}

// unexpectedCreates returns those who were created and should probably not
// have been.
func (w *WaveResult) unexpectedCreates(e Expect) []Surprise {
	return slices.DeleteFunc(slices.Clone(w.Surprises), func(s Surprise) bool {
		return containsFold(e.NearMisses, s.User) || s.Happened != cycle.Created ||
			s.NearMiss == "" && s.Foretold != cycle.PickedUp
	})
}

// judge compares the outcome of a wave with the plan, and opens the gate or
// keeps it shut.
func (r *Rehearsal) judge(w *Wave, result *WaveResult) {
	report := result.Cycle
	if report == nil {
		return
	}
	result.Expectations = w.Expect.compare(report)
	for _, e := range result.Expectations {
		if !e.Met {
			result.Problems = append(result.Problems,
				fmt.Sprintf("%s: expected %s, got %s", e.What, e.Expected, e.Got))
		}
	}
	unexpected := w.Expect.unexpected(report)
	for _, item := range unexpected {
		result.Problems = append(result.Problems,
			fmt.Sprintf("conflict: %s: %s", item.User, item.Detail))
	}
	failed := report.With(cycle.Failed)
	for _, item := range failed {
		result.Problems = append(result.Problems,
			fmt.Sprintf("failed: %s: %s", item.User, item.Detail))
	}
	for _, item := range report.With(cycle.Drifted) {
		result.Problems = append(result.Problems,
			fmt.Sprintf("drifted: %s: %s", item.User, item.Detail))
	}
	if waiting := report.Count(cycle.Waiting); waiting > 0 {
		result.Problems = append(result.Problems,
			fmt.Sprintf("%d actions wait for approval; approve them with `muster-simulator "+
				"approvals approve`", waiting))
	}
	if result.Check == nil {
		result.Problems = append(result.Problems, "the outcome was not checked")
		return
	}
	result.Problems = append(result.Problems, result.Check.Problems...)
	for _, e := range result.Check.Assertions {
		if !e.Met {
			result.Problems = append(result.Problems,
				fmt.Sprintf("check: %s: expected %s, got %s", e.What, orNothing(e.Expected),
					orNothing(e.Got)))
		}
	}
	creates := result.unexpectedCreates(w.Expect)
	for _, x := range creates {
		text := fmt.Sprintf("created: %s, though the forecast saw an account to pick up", x.User)
		if x.NearMiss != "" {
			text = fmt.Sprintf("created: %s, though there is %s, which is nearly the same", x.User,
				x.NearMiss)
		}
		result.Problems = append(result.Problems, text)
	}
	// What the gate allows is reported as a problem all the same; it does not
	// stop the rollout.
	allowed := 0
	if len(unexpected) <= w.Gate.MaxConflicts {
		allowed += len(unexpected)
	}
	if len(failed) <= w.Gate.MaxFailures {
		allowed += len(failed)
	}
	if len(creates) <= w.Gate.MaxUnexpectedCreates {
		allowed += len(creates)
	}
	result.Passed = len(result.Problems) == allowed
}

// unexpected returns the conflicts that are not planned.
func (e Expect) unexpected(report *cycle.Report) []cycle.Item {
	return slices.DeleteFunc(report.With(cycle.Conflict),
		func(item cycle.Item) bool { return containsFold(e.Conflicts, item.User) })
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(x string) bool { return strings.EqualFold(x, s) })
}

func (e Expect) compare(report *cycle.Report) []Expectation {
	list := []Expectation{}
	number := func(o cycle.Outcome, expected *int) {
		if expected != nil {
			got := report.Count(o)
			list = append(list,
				Expectation{string(o), fmt.Sprint(*expected), fmt.Sprint(got), *expected == got})
		}
	}
	number(cycle.PickedUp, e.PickedUp)
	number(cycle.Created, e.Created)
	number(cycle.Updated, e.Updated)
	number(cycle.Suspended, e.Suspended)
	number(cycle.Reactivated, e.Reactivated)
	number(cycle.Deleted, e.Deleted)
	names := func(what string, expected, got []string) {
		if expected != nil {
			want, have := slices.Sorted(slices.Values(expected)), slices.Sorted(slices.Values(got))
			list = append(list, Expectation{
				what, enumerate(want), enumerate(have),
				slices.EqualFunc(want, have, strings.EqualFold),
			})
		}
	}
	names("groups created", e.GroupsCreated, report.GroupsCreated)
	names("groups matched", e.GroupsMatched, report.GroupsMatched)
	for _, name := range e.Conflicts {
		met := slices.ContainsFunc(report.With(cycle.Conflict),
			func(i cycle.Item) bool { return strings.EqualFold(i.User, name) })
		got := "a conflict"
		if !met {
			got = "none"
		}
		list = append(list, Expectation{"conflict of " + name, "a conflict", got, met})
	}
	return list
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func enumerate(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
