// Package living writes the features as a page that says what the software
// does, and whether it does: each rule with its scenarios, passed or failed,
// each step with the requests behind it, linked to the sentence of the guide
// and the section of the RFC that it is about.
package living

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"muster/features/harness"

	messages "github.com/cucumber/messages/go/v34"

	"github.com/cucumber/godog"

	"muster/spec"
)

//go:embed page.html
var page string

// Recorder keeps the outcomes of scenarios. Its zero value is ready for use,
// and it is safe for concurrent use.
type Recorder struct {
	mu   sync.Mutex
	kept map[string]harness.Outcome // by the pickle's id
}

// Add keeps an outcome.
func (r *Recorder) Add(o harness.Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == nil {
		r.kept = make(map[string]harness.Outcome)
	}
	r.kept[o.ID] = o
}

// Page is what the page shows.
type Page struct {
	Title    string
	At       time.Time
	Features []*Feature
	// Sentences are those of the guide.
	Sentences                    []*Sentence
	Passed, Failed, LeftOut, All int
}

// Feature is a feature file.
type Feature struct {
	Name, Description, File string
	Links                   []Link
	Rules                   []*Rule
	Passed, Failed, LeftOut int
}

// Link leads to what a feature is about.
type Link struct{ Text, URL string }

// Rule is a rule of a feature; its name is empty for scenarios without one.
type Rule struct {
	Name      string
	Scenarios []*Scenario
}

// Scenario is a scenario, or an example of an outline.
type Scenario struct {
	ID, Name string
	// State is passed, failed, "left out" or "not run".
	State, Reason string
	Steps         []harness.StepOutcome
	Sentences     []*Sentence
}

// Sentence is a sentence of the guide, with the scenarios that show it.
type Sentence struct {
	ID, Part, Text, Shown string
	Scenarios             []*Scenario
}

// WriteFile writes the page to a file that only its owner may read: it has
// the requests.
func (r *Recorder) WriteFile(path, title string, suite *godog.TestSuite) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(r.Write(f, title, suite), f.Close())
}

// Write writes the page of a suite that was run with the recorder.
func (r *Recorder) Write(w io.Writer, title string, suite *godog.TestSuite) error {
	list, err := suite.RetrieveFeatures()
	if err != nil {
		return fmt.Errorf("read the features: %w", err)
	}
	p := &Page{Title: title, At: time.Now().UTC(), Sentences: sentences()}
	for _, f := range list {
		p.add(r, f.GherkinDocument, f.Pickles)
	}
	slices.SortFunc(p.Features, func(a, b *Feature) int { return strings.Compare(a.File, b.File) })
	t, err := template.New("page").Parse(page)
	if err != nil {
		return err
	}
	return t.Execute(w, p)
}

var rfcTag = regexp.MustCompile(`^@rfc(\d+)-([\d.]+)$`)

func (p *Page) add(r *Recorder, d *messages.GherkinDocument, pickles []*messages.Pickle) {
	f := &Feature{
		Name: d.Feature.Name, Description: strings.Join(strings.Fields(d.Feature.Description), " "),
		File: path.Base(d.Uri),
	}
	for _, tag := range d.Feature.Tags {
		if m := rfcTag.FindStringSubmatch(tag.Name); m != nil {
			f.Links = append(f.Links, Link{
				"RFC " + m[1] + ", section " + m[2],
				"https://www.rfc-editor.org/rfc/rfc" + m[1] + "#section-" + m[2],
			})
		}
		if name, ok := strings.CutPrefix(tag.Name, "@guide-"); ok {
			f.Links = append(f.Links,
				Link{"The guide: " + strings.ReplaceAll(name, "-", " "), "#guide"})
		}
	}
	names := ruleNames(d)
	rules := make(map[string]*Rule)
	for _, pickle := range pickles {
		name := names[pickle.AstNodeIds[0]]
		if rules[name] == nil {
			rules[name] = &Rule{Name: name}
			f.Rules = append(f.Rules, rules[name])
		}
		s := p.scenario(r, f, pickle)
		rules[name].Scenarios = append(rules[name].Scenarios, s)
	}
	if len(f.Rules) > 0 {
		p.Features = append(p.Features, f)
	}
}

// ruleNames returns the names of the rules by the ids of their scenarios.
func ruleNames(d *messages.GherkinDocument) map[string]string {
	names := make(map[string]string)
	for _, child := range d.Feature.Children {
		if child.Rule == nil {
			continue
		}
		for _, c := range child.Rule.Children {
			if c.Scenario != nil {
				names[c.Scenario.Id] = child.Rule.Name
			}
		}
	}
	return names
}

func (p *Page) scenario(r *Recorder, f *Feature, pickle *messages.Pickle) *Scenario {
	r.mu.Lock()
	o, run := r.kept[pickle.Id]
	r.mu.Unlock()
	p.All++
	s := &Scenario{
		ID: fmt.Sprintf("s%d", p.All), Name: pickle.Name, State: "passed", Steps: o.Steps,
	}
	switch {
	case !run:
		s.State = "not run"
	case o.Unsupported != "":
		s.State, s.Reason = "left out", "the server does not offer "+o.Unsupported
		p.LeftOut++
		f.LeftOut++
	case o.Err != nil:
		s.State, s.Reason = "failed", o.Err.Error()
		p.Failed++
		f.Failed++
	default:
		p.Passed++
		f.Passed++
	}
	for _, x := range p.Sentences {
		if x.shownBy(strings.TrimSuffix(f.File, ".feature"), pickle.Name) {
			x.Scenarios, s.Sentences = append(x.Scenarios, s), append(s.Sentences, x)
		}
	}
	return s
}

// sentences reads the sentences of the guide out of COVERAGE.md.
func sentences() []*Sentence {
	_, text, _ := strings.Cut(spec.Coverage(), "\n## The guide")
	var list []*Sentence
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | ")
		if len(cells) != 3 || cells[0] == "part" || strings.HasPrefix(cells[0], "---") {
			continue
		}
		list = append(list, &Sentence{
			ID: fmt.Sprintf("g%d", len(list)+1), Part: cells[0], Text: cells[1], Shown: cells[2],
		})
	}
	return list
}

// shownBy reports whether a scenario shows the sentence: COVERAGE.md has the
// beginning of its name, with <placeholders> for what examples fill in.
func (s *Sentence) shownBy(feature, scenario string) bool {
	where, title, ok := strings.Cut(s.Shown, ": ")
	if !ok || where != feature {
		return false
	}
	var pattern strings.Builder
	for i, part := range placeholder.Split(title, -1) {
		if i > 0 {
			pattern.WriteString(".*")
		}
		pattern.WriteString(regexp.QuoteMeta(part))
	}
	matched, err := regexp.MatchString("^"+pattern.String(), scenario)
	return err == nil && matched
}

var placeholder = regexp.MustCompile(`<[^>]*>`)

// Status returns the state of a step.
func (s *Scenario) Status(i int) string {
	switch o := s.Steps[i]; {
	case o.Passed:
		return "passed"
	case o.Skipped:
		return "not run"
	}
	return "failed"
}

// Verdict says how the whole went.
func (p *Page) Verdict() string {
	return cmp.Or(map[bool]string{
		true: fmt.Sprintf("%d scenarios failed.", p.Failed),
	}[p.Failed > 0], "Everything passed.")
}
