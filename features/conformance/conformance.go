// Package conformance runs the features against any SCIM server, and sums up
// what came of them by the sections of the RFCs and the topics of the guide.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"sync"

	"github.com/cucumber/godog"

	"muster/features"
	"muster/features/harness"
	"muster/features/living"
	"muster/features/steps"
)

// Options say how to run.
type Options struct {
	// Tags choose scenarios, as godog takes them; empty for all.
	Tags string
	// JUnit is a file for a report in JUnit's format, Cucumber one for
	// cucumber's JSON, and HTML one for the features as a page; empty for
	// none.
	JUnit, Cucumber, HTML string
	// Simulator is the path of muster-simulator. With it, the scenarios of
	// the guide run too: a provider provisions the server. Without it only
	// those of the protocol do.
	Simulator string
	// Dir is a directory for the provider's files; needed with Simulator.
	Dir string
	// Admin is the absolute path of a command that stands for muster-server;
	// see [steps.Harness]. With it the scenarios run that need the
	// application's administration.
	Admin string
	// Template is the absolute path of the JSON template that the provider's
	// apps have; empty for the simulator's own.
	Template string
	// DefaultTemplate is the text of the simulator's own. Where the server takes
	// no {"active": "true"}, the run has one that is changed so that it does.
	DefaultTemplate []byte
	// Second is another instance of the same application, for the scenarios
	// that need two; nil if there is none.
	Second *harness.Target
	// FailOn are the levels whose scenarios fail the run, as the report of godog's
	// formats counts; see [harness.Outcome]. Empty for must alone, and Any for all.
	FailOn []string
	// Progress is called after each scenario; may be nil.
	Progress func(done int)
}

// names of the feature files: rfc7644-3.4.2-queries.feature.
var names = regexp.MustCompile(`^(rfc)(\d+)-([\d.]+)-(.*)\.feature$`)

// Run runs the features against a server. It returns an error only if they
// could not be run; what failed is in the report.
func Run(ctx context.Context, target harness.Target, o Options) (*Report, error) {
	offer, err := target.Survey(ctx)
	if err != nil {
		return nil, err
	}
	report := &Report{Target: target.BaseURL}
	h, paths := harnessOf(target, o)
	h.Offer, h.FailOn = offer, o.failing()
	if err := report.adapt(h, o); err != nil {
		return nil, err
	}
	page := &living.Recorder{}
	done := report.listen(h, page, o.Progress)
	// What needs the administration has the tag @admin; what needs a server
	// that the scenario starts, stops or looks behind has @own, too.
	leave := "@admin"
	if o.Admin != "" {
		leave = "@own"
	}
	suite := suiteOf(ctx, h, o)
	suite.Options.Paths, suite.Options.Tags = paths, and(o.Tags, "~"+leave)
	status := suite.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if o.HTML != "" {
		if err := page.WriteFile(o.HTML, "What "+target.BaseURL+" does", suite); err != nil {
			return nil, err
		}
	}
	suite.Options.Tags = and(o.Tags, leave)
	if left, err := suite.RetrieveFeatures(); err == nil {
		for _, f := range left {
			report.Administration += len(f.Pickles)
		}
	}
	if done() == 0 {
		return nil, errors.New("no scenario was run; check the tags")
	}
	report.sum(h.FailOn)
	if status > 1 || status == 1 && !report.Fails {
		return nil, fmt.Errorf("the features could not be run (status %d)", status)
	}
	return report, nil
}

// harnessOf returns what the features run on, and where they are.
func harnessOf(target harness.Target, o Options) (h *harness.Harness, paths []string) {
	if o.Simulator == "" {
		return harness.Remote(target), []string{"protocol"}
	}
	targets := []harness.Target{target}
	if o.Second != nil {
		targets = append(targets, *o.Second)
	}
	h = harness.Against(o.Dir, o.Simulator, targets...)
	h.Template, h.Admin = o.Template, o.Admin
	return h, []string{"."}
}

// Any stands for all levels in [Options].
const Any = "any"

// failing returns the levels whose scenarios fail the run.
func (o *Options) failing() []string {
	switch {
	case len(o.FailOn) == 0:
		return []string{"must"}
	case slices.Contains(o.FailOn, Any):
		return harness.Levels()
	}
	return o.FailOn
}

// listen has a harness tell the report, and a page, what came of each scenario.
// It returns what counts them.
func (r *Report) listen(
	h *harness.Harness, page *living.Recorder, progress func(done int),
) (count func() int) {
	sections := make(map[string]*Section)
	var mu sync.Mutex
	done := 0
	h.Outcome = func(outcome harness.Outcome) {
		page.Add(outcome)
		mu.Lock()
		defer mu.Unlock()
		file := path.Base(outcome.File)
		s := sections[file]
		if s == nil {
			s = newSection(file)
			sections[file] = s
			r.Sections = append(r.Sections, s)
		}
		s.add(outcome)
		done++
		if progress != nil {
			progress(done)
		}
	}
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return done
	}
}

// suiteOf returns the suite of features, without paths and tags.
func suiteOf(ctx context.Context, h *harness.Harness, o Options) *godog.TestSuite {
	format := "progress"
	if o.JUnit != "" {
		format += ",junit:" + o.JUnit
	}
	if o.Cucumber != "" {
		format += ",cucumber:" + o.Cucumber
	}
	return &godog.TestSuite{
		Name:                "conformance",
		ScenarioInitializer: func(sc *godog.ScenarioContext) { steps.Register(h, sc) },
		Options: &godog.Options{
			Format: format, Output: io.Discard, FS: features.Files(),
			Strict: true, NoColors: true, DefaultContext: ctx,
		},
	}
}

// and joins two expressions of tags.
func and(a, b string) string {
	if a == "" {
		return b
	}
	return a + " && " + b
}
