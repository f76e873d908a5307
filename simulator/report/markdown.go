package report

import (
	_ "embed"
	"io"
	"strings"
	"text/template"

	"muster/simulator/cycle"
	"muster/simulator/rollout"
	"muster/terminal"
)

//go:embed rehearsal.md
var markdown string

// Markdown writes the result of a rehearsal as Markdown, as for a ticket.
func Markdown(w io.Writer, r *rollout.Result) error {
	t, err := template.New("rehearsal").Funcs(template.FuncMap{
		"count":   func(c *cycle.Report, o string) int { return c.Count(cycle.Outcome(o)) },
		"seconds": seconds,
		"cell":    cell,
		"failed":  failed,
		"fix":     fix,
	}).Parse(markdown)
	if err != nil {
		return err
	}
	return t.Execute(w, r)
}

// cell makes a text fit for a cell of a table: nothing in it is Markdown.
func cell(s string) string {
	return strings.NewReplacer(
		"\n", " ", "\\", `\\`, "|", `\|`, "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`, "`",
		"\\`", "[", `\[`, "]", `\]`,
	).Replace(terminal.Harmless(s))
}

// failed returns who could not be provisioned in a wave.
func failed(w *rollout.WaveResult) []cycle.Item {
	var items []cycle.Item
	for _, item := range w.Cycle.Items {
		if item.Outcome.Wrong() {
			items = append(items, item)
		}
	}
	return items
}

// fix returns what an administrator can do about a failure.
func fix(w *rollout.WaveResult, item cycle.Item) string {
	if w.Forecast != nil {
		for _, f := range w.Forecast.Findings {
			if f.User == item.User && f.Fix != "" && f.Kind == "conflict" {
				return f.Fix
			}
		}
	}
	if item.Outcome == cycle.Conflict {
		return "give the person another username in the provider, or have the other " +
			"instance give the name up; then rehearse --resume"
	}
	return "put right what the reason says; then rehearse --resume"
}
