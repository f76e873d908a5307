package report

import (
	_ "embed"
	"encoding/json"
	"html/template"
	"io"
	"slices"
	"strings"

	"muster/simulator/cycle"
	"muster/simulator/rollout"
)

//go:embed rehearsal.html
var page string

// timeline is what happened to one user, wave by wave.
type timeline struct {
	User  string
	Steps []step
}

type step struct {
	Wave int
	cycle.Item
}

// Last returns the last outcome.
func (t timeline) Last() cycle.Outcome { return t.Steps[len(t.Steps)-1].Outcome }

// Requests returns how many requests were sent for the user.
func (t timeline) Requests() int {
	n := 0
	for _, s := range t.Steps {
		n += len(s.Exchanges)
	}
	return n
}

// timelines returns what happened to each user, sorted by user name.
func timelines(r *rollout.Result) []timeline {
	at := make(map[string]int)
	var list []timeline
	for _, w := range r.Waves {
		if w.Cycle == nil {
			continue
		}
		for _, item := range w.Cycle.Items {
			key := item.Key
			if key == "" {
				key = item.User
			}
			i, ok := at[key]
			if !ok {
				i = len(list)
				at[key] = i
				list = append(list, timeline{})
			}
			list[i].User = item.User
			list[i].Steps = append(list[i].Steps, step{w.Position, item})
		}
	}
	slices.SortFunc(list, func(a, b timeline) int { return strings.Compare(a.User, b.User) })
	return list
}

// pretty indents a body if it is JSON.
func pretty(body string) string {
	var v any
	if json.Unmarshal([]byte(body), &v) != nil {
		return body
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return body
	}
	return string(text)
}

// HTML writes the result of a rehearsal as a page that needs nothing beside
// it.
func HTML(w io.Writer, r *rollout.Result) error {
	t, err := template.New("rehearsal").Funcs(template.FuncMap{
		"count":     func(c *cycle.Report, o string) int { return c.Count(cycle.Outcome(o)) },
		"seconds":   seconds,
		"joined":    func(c *cycle.Report) int { n, _ := c.Memberships(); return n },
		"left":      func(c *cycle.Report) int { _, n := c.Memberships(); return n },
		"failed":    failed,
		"fix":       fix,
		"none":      orNone,
		"pretty":    pretty,
		"timelines": timelines,
		"outcomes":  cycle.Outcomes,
		"bars":      bars,
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
	return t.Execute(w, r)
}

// bar is a part of the chart of a wave.
type bar struct {
	Outcome cycle.Outcome
	N       int
	Class   string
}

// bars returns the parts of the chart of a wave.
func bars(c *cycle.Report) []bar {
	classes := map[cycle.Outcome]string{
		cycle.PickedUp: "pick", cycle.Created: "make", cycle.Conflict: "bad", cycle.Failed: "bad",
		cycle.Drifted: "bad", cycle.Deleted: "gone", cycle.Suspended: "gone",
		cycle.Released: "gone",
	}
	var list []bar
	for _, o := range cycle.Outcomes() {
		if n := c.Count(o); n > 0 {
			class := classes[o]
			if class == "" {
				class = "rest"
			}
			list = append(list, bar{o, n, class})
		}
	}
	return list
}
