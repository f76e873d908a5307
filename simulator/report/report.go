// Package report shows what the simulator did: on a terminal, as JSON, and
// as an HTML page that needs nothing beside it.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"muster/simulator/cycle"
	"muster/simulator/rollout"
)

// JSON writes v as indented JSON.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printer writes lines and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// widest is how wide a column of text is at the most; longer text is wrapped.
const widest = 72

func (p *printer) table(head table.Row, rows []table.Row) {
	t := table.NewWriter()
	columns := make([]table.ColumnConfig, len(head))
	for i := range head {
		columns[i] = table.ColumnConfig{Number: i + 1, WidthMax: widest, WidthMaxEnforcer: text.WrapSoft}
	}
	t.SetColumnConfigs(columns)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = 0 // as it is written
	t.AppendHeader(head)
	t.AppendRows(rows)
	p.line("%s", t.Render())
}

// Cycle writes the report of a cycle for a person: what happened in a line,
// and what went wrong.
func Cycle(w io.Writer, r *cycle.Report) error {
	p := &printer{w: w}
	verb := "did"
	if r.DryRun {
		verb = "would do"
	}
	at := ""
	if r.Instance != "" {
		at = ", instance " + r.Instance
	}
	p.line("The cycle of the app %s%s %s this in %s, with %d requests:", r.App, at, verb, seconds(r.Seconds), r.Requests)
	some := false
	for _, o := range []cycle.Outcome{
		cycle.PickedUp, cycle.Created, cycle.Updated, cycle.Suspended, cycle.Reactivated, cycle.Deleted, cycle.Released,
		cycle.Waiting, cycle.Conflict, cycle.Failed,
	} {
		if n := r.Count(o); n > 0 {
			some = true
			p.line("  %-22s %d", o, n)
		}
	}
	if !some {
		p.line("  nothing: everything is as it should be")
	}
	joined, left := r.Memberships()
	if n := len(r.GroupsCreated) + len(r.GroupsMatched); n > 0 {
		p.line("  groups                 %d created, %d matched by name; %d members added, %d removed", len(r.GroupsCreated), len(r.GroupsMatched), joined, left)
	}
	if r.DryRun {
		plan(p, r)
		return p.err
	}
	failures(p, r.Items)
	return p.err
}

// plan lists what a dry run foretells, user by user.
func plan(p *printer, r *cycle.Report) {
	for _, item := range r.Items {
		p.line("%s: %s (%s)", item.User, item.Outcome, item.Detail)
		for _, d := range item.Changes {
			p.line("    %s: %s → %s", d.Path, orNone(d.Old), orNone(d.New))
		}
	}
	p.line("Nothing was written.")
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// failures lists who could not be provisioned, and why.
func failures(p *printer, items []cycle.Item) {
	var rows []table.Row
	for _, item := range items {
		if item.Outcome != cycle.Conflict && item.Outcome != cycle.Failed {
			continue
		}
		what := string(item.Outcome)
		if item.Earlier {
			what += ", not tried again"
		}
		rows = append(rows, table.Row{item.User, what, item.Detail})
	}
	if len(rows) > 0 {
		p.line("")
		p.table(table.Row{"User", "Outcome", "Reason"}, rows)
	}
}

// Rehearsal writes the result of a rehearsal for a person.
func Rehearsal(w io.Writer, r *rollout.Result) error {
	p := &printer{w: w}
	rows := make([]table.Row, len(r.Waves))
	for i, wave := range r.Waves {
		c := wave.Cycle
		if c == nil {
			rows[i] = table.Row{title(wave), wave.People}
			continue
		}
		rows[i] = table.Row{
			text.WrapSoft(title(wave), 30), wave.People, c.Count(cycle.PickedUp), c.Count(cycle.Created), c.Count(cycle.Updated), c.Count(cycle.Suspended),
			c.Count(cycle.Deleted), fmt.Sprintf("%d new,\n%d matched", len(c.GroupsCreated), len(c.GroupsMatched)),
			c.Count(cycle.Conflict), c.Count(cycle.Failed), c.Requests, seconds(c.Seconds), gate(wave),
		}
	}
	p.line("")
	p.table(table.Row{
		"Wave", "People", "Picked\nup", "Created", "Updated", "Sus-\npended", "Deleted", "Groups", "Con-\nflicts", "Failed", "Requests", "Time", "Gate",
	}, rows)
	failures(p, unseen(r.Waves))
	p.line("")
	for _, wave := range r.Waves {
		if c := wave.Check; c != nil {
			p.line("Checked after wave %d: %s and %s read, %s and %s as sent, %s untouched, %s.",
				wave.Position, count(c.Users, "user"), count(c.Groups, "group"), count(c.Compared, "account"), count(c.Memberships, "membership"),
				count(c.Untouched, "other account"), count(len(c.Problems), "problem"))
		}
	}
	verdict(p, r)
	return p.err
}

// unseen returns the items of all waves, without the failures that an
// earlier wave had already.
func unseen(waves []*rollout.WaveResult) []cycle.Item {
	var items []cycle.Item
	for _, wave := range waves {
		if wave.Cycle == nil {
			continue
		}
		for _, item := range wave.Cycle.Items {
			if !item.Earlier || wave.Position == 1 {
				items = append(items, item)
			}
		}
	}
	return items
}

func title(w *rollout.WaveResult) string { return fmt.Sprintf("%d %s", w.Position, w.Name) }

func gate(w *rollout.WaveResult) string {
	if w.Passed {
		return "open"
	}
	return "shut"
}

// shown is how many problems are listed on the terminal.
const shown = 30

func verdict(p *printer, r *rollout.Result) {
	p.line("")
	if r.AsPlanned {
		p.line("Everything went as planned: %s in %s.", count(len(r.Waves), "wave"), seconds(r.Seconds))
		return
	}
	p.line("Not as planned:")
	for i, problem := range r.Problems {
		if i == shown && len(r.Problems) > shown+1 {
			p.line("  - and %d more, which the JSON and HTML reports list", len(r.Problems)-shown)
			break
		}
		p.line("  - %s", problem)
	}
}

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(10 * time.Millisecond).String()
}

// Progress shows how far something is: on a terminal by a line that moves,
// elsewhere by a line at each quarter.
type Progress struct {
	w        io.Writer
	terminal bool
	began    time.Time
	quarter  int
}

// NewProgress returns a progress that is shown on a file.
func NewProgress(f *os.File) *Progress {
	info, err := f.Stat()
	return &Progress{w: f, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0, began: time.Now()}
}

// Start begins anew with a heading.
func (p *Progress) Start(heading string) {
	p.began, p.quarter = time.Now(), 0
	fmt.Fprintln(p.w, heading)
}

// Show tells that done of total are done.
func (p *Progress) Show(done, total int) {
	took := time.Since(p.began).Seconds()
	if took <= 0 {
		took = 1e-3
	}
	rate := float64(done) / took
	line := fmt.Sprintf("  %*d of %d users, %.0f a second", len(fmt.Sprint(total)), done, total, rate)
	if left := float64(total-done) / rate; left >= 1 {
		line += fmt.Sprintf(", %.0f s left", left)
	}
	switch {
	case p.terminal && done == total:
		fmt.Fprintf(p.w, "\r%s%s\n", line, strings.Repeat(" ", 12))
	case p.terminal:
		fmt.Fprintf(p.w, "\r%s%s", line, strings.Repeat(" ", 12))
	case done*4/total > p.quarter:
		p.quarter = done * 4 / total
		fmt.Fprintln(p.w, line)
	}
}
