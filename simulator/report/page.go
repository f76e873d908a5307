package report

import (
	_ "embed"
	"html/template"
	"io"
	"reflect"
	"strings"

	"muster/simulator/cycle"
	"muster/simulator/rollout"
)

//go:embed rehearsal.html
var page string

// A page is to open in a moment, whatever the size of the company: lists have so many
// lines at the most, and all timelines together about so many bytes. What is left out
// is in the report as JSON.
const (
	pageLines     = 200
	timelineBytes = 3 << 20
)

// todo is something that somebody has to do after the rehearsal.
type todo struct{ User, What, Fix string }

// totals are of all waves together.
type totals struct {
	cycles   []*cycle.Report
	Requests int64
	Seconds  float64
}

// Count returns how many users had an outcome, in all waves.
func (t totals) Count(outcome string) int {
	n := 0
	for _, c := range t.cycles {
		n += c.Count(cycle.Outcome(outcome))
	}
	return n
}

// Groups returns how many groups were created in all waves.
func (t totals) Groups() int {
	n := 0
	for _, c := range t.cycles {
		n += len(c.GroupsCreated)
	}
	return n
}

// view is what the page shows.
type view struct {
	*rollout.Result
	Todo   []todo
	Totals totals
	// Timelines are those inside the page, deviations first; People how many there
	// are in all.
	Timelines []timeline
	People    int
}

// HTML writes the result of a rehearsal as a page that needs nothing beside it. Of a
// large company it has the timelines of those for whom something was not as planned,
// and as many of the others as fit.
func HTML(w io.Writer, r *rollout.Result) error {
	t, err := template.New("rehearsal").Funcs(template.FuncMap{
		"count":   func(c *cycle.Report, o string) int { return c.Count(cycle.Outcome(o)) },
		"seconds": seconds,
		"joined":  func(c *cycle.Report) int { n, _ := c.Memberships(); return n },
		"left":    func(c *cycle.Report) int { _, n := c.Memberships(); return n },
		"failed":  failed,
		"fixes":   fixes,
		"none":    orNone,
		"pretty":  pretty,
		"bars":    bars,
		"of":      count,
		"first":   first,
		"beyond":  func(list any) int { return max(0, reflect.ValueOf(list).Len()-pageLines) },
		"share": func(part, whole int) float64 {
			if whole == 0 {
				return 0
			}
			return 100 * float64(part) / float64(whole)
		},
	}).Parse(page)
	if err != nil {
		return err
	}
	return t.Execute(w, newView(r))
}

// first returns the lines of a list that the page has.
func first(list any) any {
	v := reflect.ValueOf(list)
	return v.Slice(0, min(v.Len(), pageLines)).Interface()
}

func newView(r *rollout.Result) *view {
	v := &view{Result: r, Todo: todos(r)}
	for _, w := range r.Waves {
		if w.Cycle != nil {
			v.Totals.cycles = append(v.Totals.cycles, w.Cycle)
			v.Totals.Requests += w.Cycle.Requests
			v.Totals.Seconds += w.Cycle.Seconds
		}
	}
	all := timelines(r)
	v.People = len(all)
	odd := deviating(r)
	size := 0
	for _, deviates := range []bool{true, false} {
		for _, t := range all {
			if odd[t.key] != deviates || size > timelineBytes {
				continue
			}
			if size += t.size(); size <= timelineBytes {
				v.Timelines = append(v.Timelines, t)
			}
		}
	}
	return v
}

// size returns about how many bytes a timeline has on the page.
func (t timeline) size() int {
	n := 300 + 3*len(t.User)
	for _, s := range t.Steps {
		n += 200 + len(s.Detail)
		for _, c := range s.Changes {
			n += 40 + len(c.Path) + len(c.Old) + len(c.New)
		}
		for _, e := range s.Exchanges {
			// Indented and escaped, a body is about twice as long.
			n += 250 + len(e.Path) + 2*len(e.Request) + 2*len(e.Answer)
		}
	}
	return n
}

// deviating returns, by their keys, for whom something was not as it was foretold or
// as it should be.
func deviating(r *rollout.Result) map[string]bool {
	odd, keys := make(map[string]bool), make(map[string]string)
	for _, w := range r.Waves {
		if w.Cycle == nil {
			continue
		}
		for _, item := range w.Cycle.Items {
			key := keyOf(item)
			keys[item.User] = key
			if item.Outcome.Wrong() {
				odd[key] = true
			}
		}
		for _, s := range w.Surprises {
			odd[keys[s.User]] = true
		}
		if w.Forecast == nil {
			continue
		}
		for _, f := range w.Forecast.Findings {
			if f.Severity == rollout.Problem && f.User != "" {
				odd[keys[f.User]] = true
			}
		}
	}
	return odd
}

// fixes returns what an administrator can do about the failures of a wave, by user
// name.
func fixes(w *rollout.WaveResult) map[string]string {
	known := make(map[string]string)
	if w.Forecast != nil {
		for _, f := range w.Forecast.Findings {
			if f.Fix != "" && f.Kind == "conflict" && known[f.User] == "" {
				known[f.User] = f.Fix
			}
		}
	}
	list := make(map[string]string)
	for _, item := range failed(w) {
		if list[item.User] = known[item.User]; list[item.User] == "" {
			list[item.User] = fix(&rollout.WaveResult{}, item)
		}
	}
	return list
}

// todos returns what is still to be done: what shut a gate, and who is not as he or
// she should be after the last wave that had to do with him or her.
func todos(r *rollout.Result) []todo {
	var list []todo
	for _, w := range r.Waves {
		if !w.Passed && len(w.Problems) > 0 {
			list = append(list, todo{
				What: "The gate of wave " + w.Name + " is shut: " + strings.Join(w.Problems, "; "),
				Fix:  "mend it, or allow it in the plan; then rehearse --resume",
			})
		}
		if w.Cycle != nil && w.Cycle.Held > 0 {
			list = append(list, todo{
				What: count(w.Cycle.Held, "deletion") + " of wave " + w.Name + " held back",
				Fix:  "look whether they are meant; then muster-simulator approvals approve",
			})
		}
	}
	known := make(map[int]map[string]string) // fixes, by the position of the wave
	for _, w := range r.Waves {
		if w.Cycle != nil {
			known[w.Position] = fixes(w)
		}
	}
	for _, t := range timelines(r) {
		if last := t.Steps[len(t.Steps)-1]; last.Outcome.Wrong() || last.Outcome == cycle.Waiting {
			list = append(list, todo{
				t.User, string(last.Outcome) + ": " + last.Detail, known[last.Wave][t.User],
			})
		}
	}
	return list
}
