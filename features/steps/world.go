// Package steps holds the steps of the feature files, a file for each topic. A
// scenario drives the two public faces only: the commands, as package harness
// runs them, and SCIM over HTTP.
package steps

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"

	"muster/features/harness"

	"github.com/cucumber/godog"
)

// world is what one scenario works on. Its instances and user names carry a
// tag of their own, so that scenarios share a database without meeting.
type world struct {
	h   *harness.Harness
	tag string
	dir string

	recorder *harness.Recorder
	// own is a server that this scenario started for itself, to kill it.
	own *harness.Server

	keys    map[string]string // by instance
	keyIDs  map[string]string
	newKeys map[string]string // those that took the place of others
	ids     map[string]string // what a scenario remembers by a name
	// bases and made are of instances at somebody else's server: the base URL,
	// and the ids of the groups that were made by hand.
	bases   map[string]string
	made    map[string]bool
	account *account

	last    harness.Result // of the last command
	synced  harness.Result // of the last cycle
	cycle   *cycleReport
	rollout *rolloutReport

	preflight *preflightReport
	undone    *rolledBack
	waves     []map[string]any
	wavesApp  string
	wavesName string

	// steps are those that were run; sent and logged are how many exchanges
	// belong to them.
	steps        []harness.StepOutcome
	sent, logged int

	limited *harness.Server // has a limit, for this scenario
	// heard is what an application hears, and completed are the statuses of the
	// operations of a request that was done later.
	heard     *harness.Listener
	completed []string
	oauth     *oauthClient
	scim      *scimClient
	statuses  map[int]int
	// unsupported is what the scenario needs and the server does not
	// announce.
	unsupported string
	// level and place are of the sentence that the scenario shows; failure is why
	// it failed where that fails no run; remarks failed nothing at all.
	level, place string
	failure      error
	remarks      []string
	// refused is the answer that a step failed for.
	refused string
}

// Register adds the steps to a scenario. It is for the ScenarioInitializer
// of a godog suite.
func Register(h *harness.Harness, sc *godog.ScenarioContext) {
	w := &world{h: h}
	sc.Before(func(ctx context.Context, s *godog.Scenario) (context.Context, error) {
		w.level, w.place = readTags(s.Tags)
		return ctx, w.begin()
	})
	sc.StepContext().After(func(
		ctx context.Context, st *godog.Step, status godog.StepResultStatus, _ error,
	) (context.Context, error) {
		if h.Outcome != nil {
			w.noteStep(st, status)
		}
		return ctx, nil
	})
	sc.After(func(ctx context.Context, s *godog.Scenario, err error) (context.Context, error) {
		w.cleanUp(ctx)
		if h.Outcome != nil {
			h.Outcome(w.outcome(s, err))
		}
		return ctx, w.end(err)
	})
	w.register(sc,
		w.registerProtocol, w.registerSending, w.registerAnswers, w.registerValues,
		w.registerLists, w.registerHeaders, w.registerAdvice,
	)
	if h.Foreign != nil && h.Dir == "" {
		return
	}
	w.register(sc,
		w.registerApplication, w.registerKeys, w.registerAdministration, w.registerProvider,
		w.registerOutcomes, w.registerAccounts, w.registerStates, w.registerConnection,
		w.registerConnectionTest, w.registerApproval, w.registerRollout, w.registerInterruption,
		w.registerPortal, w.registerReapply, w.registerActivity, w.registerRequests,
		w.registerPreflight, w.registerHistory, w.registerTampering, w.registerMail,
		w.registerMapping, w.registerLimits, w.registerOAuth, w.registerEvents,
		w.registerAsynchronous,
	)
}

// registry takes the steps of one scenario.
type registry struct {
	*godog.ScenarioContext
	w *world
}

// patterns are the compiled ones of all steps. Each scenario registers all
// steps: to compile their patterns each time took a third of the processor that
// the suite itself needs.
var patterns sync.Map

// Step registers a step by its pattern.
func (r *registry) Step(pattern string, f any) {
	compiled, ok := patterns.Load(pattern)
	if !ok {
		compiled, _ = patterns.LoadOrStore(pattern, regexp.MustCompile(pattern))
	}
	r.ScenarioContext.Step(compiled, r.w.lenient(f))
}

// register adds the steps of some topics.
func (w *world) register(sc *godog.ScenarioContext, topics ...func(*registry)) {
	for _, add := range topics {
		add(&registry{sc, w})
	}
}

func (w *world) begin() (err error) {
	w.tag = strings.ToLower(rand.Text()[:8])
	w.keys, w.keyIDs, w.newKeys, w.ids = make(map[string]string), make(map[string]string), make(
		map[string]string), make(map[string]string)
	w.bases, w.made = make(map[string]string), make(map[string]bool)
	if w.h.Foreign != nil && w.h.Dir == "" {
		return nil
	}
	w.account = newAccount(w)
	if w.h.Foreign != nil {
		bases := make([]string, len(w.h.Instances))
		for i, t := range w.h.Instances {
			bases[i] = t.BaseURL
		}
		w.recorder = harness.NewRecorder("", nil, bases...)
	} else {
		w.recorder = harness.NewRecorder(w.h.Server.Address, w.h.Contract)
	}
	w.dir, err = os.MkdirTemp(w.h.Dir, "scenario-")
	return err
}

// end cleans up. To a scenario that failed it adds what one needs to see why.
func (w *world) end(failed error) error {
	if w.unsupported != "" || w.failure != nil {
		failed = nil
	}
	if w.recorder == nil {
		return nil
	}
	errs := w.recorder.Violations()
	if failed != nil {
		errs = errors.Join(errs, errors.New(w.evidence()))
	}
	w.recorder.Close()
	if w.oauth != nil {
		w.oauth.server.Close()
	}
	if w.heard != nil {
		errs = errors.Join(errs, w.heard.Stop())
	}
	if w.limited != nil {
		errs = errors.Join(errs, w.limited.Stop(os.Interrupt))
	}
	if w.own != nil {
		errs = errors.Join(errs, w.own.Stop(os.Kill))
	}
	return errors.Join(errs, os.RemoveAll(w.dir))
}

// noteStep keeps what came of a step, with the exchanges behind it.
func (w *world) noteStep(st *godog.Step, status godog.StepResultStatus) {
	o := harness.StepOutcome{
		Text: st.Text, Passed: status == godog.StepPassed, Skipped: status == godog.StepSkipped,
	}
	if w.recorder != nil {
		list := w.recorder.Exchanges()
		if len(list) < w.sent {
			w.sent = 0 // they were forgotten meanwhile
		}
		for _, e := range list[w.sent:] {
			o.Exchanges = append(o.Exchanges, masked(e.String()))
		}
		w.sent = len(list)
	}
	if w.scim != nil {
		if w.h.Foreign != nil || w.recorder == nil { // else they went through the recorder
			for _, e := range w.scim.log[min(w.logged, len(w.scim.log)):] {
				o.Exchanges = append(o.Exchanges, masked(e))
			}
		}
		w.logged = len(w.scim.log)
	}
	w.steps = append(w.steps, o)
}

// secrets are API keys, tokens of the admin API, and passwords.
var secrets = regexp.MustCompile(
	`muster(?:_[a-z0-9-]+)?_[a-z0-9]{10}_[A-Za-z0-9]{20,}|` +
		`"password"\s*:\s*"(?:[^"\\]|\\.)*"|"(?:key|token)"\s*:\s*"[^"]*"`)

func masked(text string) string { return secrets.ReplaceAllString(text, "…") }

func (w *world) outcome(s *godog.Scenario, err error) harness.Outcome {
	o := harness.Outcome{
		ID: s.Id, Steps: w.steps, File: s.Uri, Scenario: s.Name, Unsupported: w.unsupported,
		Err: err,
	}
	switch {
	case w.unsupported != "":
		o.Err = nil
	case w.failure != nil:
		o.Err = w.failure
	}
	w.judged(&o)
	if w.scim != nil {
		o.Exchanges = w.scim.log
	}
	if w.h.Foreign != nil && w.recorder != nil {
		for _, e := range w.recorder.Exchanges() {
			o.Exchanges = append(o.Exchanges, e.String())
		}
	}
	return o
}

// evidence tells what was exchanged last, and what the last command did.
func (w *world) evidence() string {
	var b strings.Builder
	list := w.recorder.Exchanges()
	fmt.Fprintf(&b, "the last of %d SCIM exchanges:\n", len(list))
	for _, e := range list[max(0, len(list)-6):] {
		fmt.Fprintf(&b, "%s\n", e)
	}
	fmt.Fprintf(&b, "the last command:\n%s\n", w.last)
	for instance := range w.keys {
		if w.h.Foreign != nil {
			break
		}
		o, err := w.h.Run(context.Background(), "muster-server", w.dir, nil,
			"history", "list", "--instance", w.slug(instance), "--limit", "6", "--database",
			w.h.Database)
		if err != nil {
			continue
		}
		fmt.Fprintf(&b, "the newest history rows of %s:\n%s%s\n", instance, o.Out, o.Errors)
	}
	return b.String()
}

// slug returns the name of an instance in the database.
func (w *world) slug(instance string) string { return instance + "-" + w.tag }

// name returns a user name as it is in the database.
func (w *world) name(userName string) string { return userName + "." + w.tag }

// plain takes the tag out of a text that a command printed.
func (w *world) plain(text string) string {
	return strings.NewReplacer("."+w.tag, "", "-"+w.tag, "").Replace(text)
}

// server runs a muster-server command, which must succeed, and decodes what
// it prints into dest, if that is not nil.
func (w *world) server(ctx context.Context, dest any, args ...string) error {
	if dest != nil {
		args = append(args, "--json")
	}
	if err := w.tryServer(ctx, args...); err != nil {
		return err
	}
	if w.last.Code != 0 {
		return fmt.Errorf("the command failed: %s", w.last)
	}
	if dest == nil {
		return nil
	}
	if err := json.Unmarshal([]byte(w.last.Out), dest); err != nil {
		return fmt.Errorf("%w: %s", err, w.last)
	}
	return nil
}

// tryServer runs a muster-server command, which may fail.
func (w *world) tryServer(ctx context.Context, args ...string) (err error) {
	if w.scimOnly() {
		return w.lacks(administration)
	}
	if w.h.Admin == "" {
		args = append(args, "--database", w.h.Database)
	}
	w.last, err = w.h.Run(ctx, "muster-server", w.dir, nil, args...)
	return err
}

// expect makes an error of what is not as it should be.
func expect(what string, got, want any) error {
	if got != want {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}

// rows returns the rows of a table under its head, each by the names of the
// columns.
func rows(t *godog.Table) []map[string]string {
	var list []map[string]string
	for _, r := range t.Rows[1:] {
		row := make(map[string]string, len(r.Cells))
		for i, c := range r.Cells {
			row[t.Rows[0].Cells[i].Value] = c.Value
		}
		list = append(list, row)
	}
	return list
}
