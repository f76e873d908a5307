package report

import (
	"io"

	"github.com/jedib0t/go-pretty/v6/table"

	"muster/simulator/cycle"
	"muster/simulator/state"
)

// Records writes the provisioning states of users for a person.
func Records(w io.Writer, records []*state.Record) error {
	rows := make([]table.Row, len(records))
	for i, r := range records {
		note := r.Failure
		if r.Waiting != nil && note == "" {
			note = r.Waiting.Action + waitingNote(r.Waiting)
		}
		rows[i] = table.Row{r.UserName, r.Status, note}
	}
	p := &printer{w: w}
	p.table(table.Row{"User", "State", "Note"}, rows)
	return p.err
}

func waitingNote(w *state.Waiting) string {
	switch {
	case w.Skipped:
		return " was skipped"
	case w.Approved:
		return " is approved"
	}
	return " waits for approval"
}

// Approvals writes the approval queue for a person.
func Approvals(w io.Writer, records []*state.Record) error {
	p := &printer{w: w}
	if len(records) == 0 {
		p.line("nothing waits for approval")
		return p.err
	}
	rows := make([]table.Row, len(records))
	for i, r := range records {
		rows[i] = table.Row{r.UserName, r.Waiting.Action}
	}
	p.table(table.Row{"User", "Action"}, rows)
	return p.err
}

// Entitlements writes for a person which groups match.
func Entitlements(w io.Writer, e *cycle.Entitlements) error {
	var rows []table.Row
	for _, part := range []struct {
		names []string
		note  string
	}{
		{e.Matched, "there already: will be picked up"},
		{e.Missing, "not there: will be created"},
		{e.Others, "at the application only"},
	} {
		for _, name := range part.names {
			rows = append(rows, table.Row{name, part.note})
		}
	}
	p := &printer{w: w}
	p.table(table.Row{"Group", "At the application"}, rows)
	return p.err
}
