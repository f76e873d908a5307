// Package report shows what the simulator did: on a terminal, as JSON, and
// as an HTML page that needs nothing beside it.
package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"muster/simulator/cycle"
	"muster/terminal"
)

// JSON writes v as indented JSON.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// CycleJSON writes the report of a cycle as [JSON] does, an item at a time:
// a cycle may have a hundred thousand of them.
func CycleJSON(w io.Writer, r *cycle.Report) error {
	const mark = "\n  \"items\": ["
	frame := *r
	frame.Items = []cycle.Item{}
	var b bytes.Buffer
	if err := JSON(&b, frame); err != nil {
		return err
	}
	head, tail, ok := bytes.Cut(b.Bytes(), []byte(mark))
	if !ok || len(r.Items) == 0 {
		_, err := w.Write(b.Bytes())
		return err
	}
	out := bufio.NewWriter(w)
	write := func(parts ...[]byte) {
		for _, part := range parts {
			_, _ = out.Write(part) // Flush returns the error
		}
	}
	write(head, []byte(mark))
	var item bytes.Buffer
	e := json.NewEncoder(&item)
	e.SetEscapeHTML(false)
	e.SetIndent("    ", "  ")
	for i, x := range r.Items {
		item.Reset()
		if err := e.Encode(x); err != nil {
			return err
		}
		if i > 0 {
			write([]byte(","))
		}
		write([]byte("\n    "), bytes.TrimSuffix(item.Bytes(), []byte("\n")))
	}
	write([]byte("\n  "), tail)
	return out.Flush()
}

// printer writes lines and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

// line writes a line. Texts come from files and from servers: what would steer the
// terminal is not sent.
func (p *printer) line(format string, args ...any) {
	for i, arg := range args {
		switch v := arg.(type) {
		case string:
			args[i] = terminal.Harmless(v)
		case fmt.Stringer:
			args[i] = terminal.Harmless(v.String())
		case error:
			args[i] = terminal.Harmless(v.Error())
		case []string:
			args[i] = terminal.Harmless(fmt.Sprint(v))
		}
	}
	p.write(fmt.Sprintf(format, args...) + "\n")
}

// failure writes a line that stands out.
func (p *printer) failure(format string, args ...any) {
	p.write(terminal.Red(p.w, terminal.Harmless(fmt.Sprintf(format, args...))) + "\n")
}

func (p *printer) write(text string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, text)
	}
}

// table writes a table; wrong are the words that stand out in it.
func (p *printer) table(head table.Row, rows []table.Row, wrong ...string) {
	for _, row := range rows {
		for i, cell := range row {
			if s, ok := cell.(string); ok {
				row[i] = terminal.Harmless(s)
				if slices.Contains(wrong, s) {
					row[i] = terminal.Red(p.w, s)
				}
			}
		}
	}
	p.write(terminal.Table(terminal.Width(p.w), head, rows) + "\n")
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
	p.line("The cycle of the app %s%s %s this in %s, with %d requests:", r.App, at, verb,
		seconds(r.Seconds), r.Requests)
	some := r.Unchanged > 0
	for _, o := range cycle.Outcomes() {
		if n := r.Count(o); n > 0 {
			some = true
			p.line("  %-22s %d", o, n)
		}
	}
	if r.Unchanged > 0 {
		p.line("  %-22s %d", "as they should be", r.Unchanged)
	}
	switch {
	case r.Stopped != "":
		p.line("  it was stopped: %s", r.Stopped)
	case !some:
		p.line("  nothing: everything is as it should be")
	}
	joined, left := r.Memberships()
	if n := len(r.GroupsCreated) + len(r.GroupsMatched); n > 0 {
		p.line("  groups                 %d created, %d matched by name; %d members "+
			"added, %d removed", len(r.GroupsCreated), len(r.GroupsMatched), joined, left)
	}
	for _, text := range r.Unsupported {
		p.line("  not supported: %s", text)
	}
	if r.Held > 0 {
		p.line("  held                   %d deletions, because a cycle may have %d: look at "+
			"whether they are meant, then\n                         `muster-simulator approvals "+
			"approve --all --app %s` lets the next cycle do them,\n                         or "+
			"provisioning.max_deletes in the account allows as many", r.Held, r.Limit, r.App)
	}
	if r.DryRun {
		plan(p, r)
		return p.err
	}
	corrected(p, r)
	if r.Reason != nil {
		p.failure("\nAll %d failed for the same reason:\n  %s", len(r.Items), r.Reason.What)
		if r.Reason.Hint != "" {
			p.line("\nLook at this first: %s.", r.Reason.Hint)
		}
	} else {
		failures(p, r.Items)
	}
	if r.Quarantine != "" {
		p.line("\nThe app went into quarantine: %s. Put it right, then `muster-simulator enable "+
			"--app %s` ends it.", r.Quarantine, r.App)
	}
	return p.err
}

// corrected lists what a re-apply corrected.
func corrected(p *printer, r *cycle.Report) {
	for _, item := range r.With(cycle.Corrected) {
		p.line("%s: %s (%s)", item.User, item.Outcome, item.Detail)
		changes(p, item)
	}
}

// changes lists what changes for a user.
func changes(p *printer, item cycle.Item) {
	for _, d := range item.Changes {
		p.line("    %s: %s → %s", d.Path, orNone(d.Old), orNone(d.New))
	}
	for _, g := range item.Joined {
		p.line("    + group %s", g)
	}
	for _, g := range item.Left {
		p.line("    - group %s", g)
	}
}

// plan lists what a dry run foretells, user by user.
func plan(p *printer, r *cycle.Report) {
	for _, item := range r.Items {
		p.line("%s: %s (%s)", item.User, item.Outcome, item.Detail)
		changes(p, item)
	}
	p.line("Nothing was written.")
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// listed is how many failures are listed on the terminal.
const listed = 40

// failures lists who could not be provisioned, and why.
func failures(p *printer, items []cycle.Item) {
	var rows []table.Row
	all := 0
	for _, item := range items {
		if !item.Outcome.Wrong() {
			continue
		}
		if all++; all > listed {
			continue
		}
		what := string(item.Outcome)
		if item.Earlier {
			what += ", not tried again"
		}
		rows = append(rows, table.Row{item.User, what, item.Detail})
	}
	if all == 0 {
		return
	}
	p.line("")
	p.table(table.Row{"User", "Outcome", "Reason"}, rows, string(cycle.Failed),
		string(cycle.Conflict), string(cycle.Drifted))
	if all > listed {
		p.line("… and %d more, which the report as JSON lists", all-listed)
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
