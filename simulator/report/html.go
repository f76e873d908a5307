package report

import (
	_ "embed"
	"html/template"
	"io"

	"muster/simulator/cycle"
	"muster/simulator/rollout"
)

//go:embed rehearsal.html
var page string

// HTML writes the result of a rehearsal as a page that needs nothing beside
// it.
func HTML(w io.Writer, r *rollout.Result) error {
	t, err := template.New("rehearsal").Funcs(template.FuncMap{
		"count":   func(c *cycle.Report, o string) int { return c.Count(cycle.Outcome(o)) },
		"seconds": seconds,
		"joined":  func(c *cycle.Report) int { n, _ := c.Memberships(); return n },
		"left":    func(c *cycle.Report) int { _, n := c.Memberships(); return n },
		"failed": func(w *rollout.WaveResult) []cycle.Item {
			var items []cycle.Item
			for _, item := range w.Cycle.Items {
				if item.Outcome == cycle.Conflict || item.Outcome == cycle.Failed {
					items = append(items, item)
				}
			}
			return items
		},
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
