package report

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"muster/simulator/cycle"
	"muster/simulator/rollout"
)

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
			text.WrapSoft(title(wave), 30), wave.People, c.Count(cycle.PickedUp),
			c.Count(cycle.Created), c.Count(cycle.Updated), c.Count(cycle.Suspended),
			c.Count(cycle.Deleted),
			fmt.Sprintf("%d new,\n%d matched", len(c.GroupsCreated), len(c.GroupsMatched)),
			c.Count(cycle.Conflict), c.Count(cycle.Failed), c.Requests, seconds(c.Seconds),
			gate(wave),
		}
	}
	p.line("")
	p.table(table.Row{
		"Wave", "People", "Picked\nup", "Created", "Updated", "Sus-\npended", "Deleted", "Groups",
		"Con-\nflicts", "Failed", "Requests", "Time", "Gate",
	}, rows)
	failures(p, unseen(r.Waves))
	surprises(p, r.Waves)
	p.line("")
	for _, wave := range r.Waves {
		if c := wave.Check; c != nil {
			p.line("Checked after wave %d: %s and %s read, %s and %s as sent, %s untouched, %s.",
				wave.Position, count(c.Users, "user"), count(c.Groups, "group"),
				count(c.Compared, "account"), count(c.Memberships, "membership"),
				count(c.Untouched, "other account"), count(len(c.Problems), "problem"))
		}
	}
	verdict(p, r)
	return p.err
}

// surprises lists where something else happened than the forecast said.
func surprises(p *printer, waves []*rollout.WaveResult) {
	var rows []table.Row
	right, all := 0, 0
	for _, w := range waves {
		if w.Forecast == nil {
			continue
		}
		all += len(w.Forecast.Items)
		right += len(w.Forecast.Items) - len(w.Surprises)
		for _, x := range w.Surprises {
			note := ""
			if x.NearMiss != "" {
				note = "there is " + x.NearMiss
			}
			rows = append(rows, table.Row{x.User, w.Position, x.Foretold, x.Happened, note})
		}
	}
	if all == 0 {
		return
	}
	p.line("")
	p.line("The forecast was right for %d of %s who had no account of the provider.", right,
		count(all, "user"))
	if len(rows) > 0 {
		p.table(table.Row{"User", "Wave", "Foretold", "Happened", "Note"}, rows)
	}
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
		p.line("Everything went as planned: %s in %s.", count(len(r.Waves), "wave"),
			seconds(r.Seconds))
		return
	}
	p.failure("Not as planned:")
	for i, problem := range r.Problems {
		if i == shown && len(r.Problems) > shown+1 {
			p.line("  - and %d more, which the JSON and HTML reports list", len(r.Problems)-shown)
			break
		}
		p.line("  - %s", problem)
	}
}
