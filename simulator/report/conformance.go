package report

import (
	"cmp"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"muster/features/conformance"
)

// Conformance writes for a person what a server does and does not do: what many
// failures have in common, then the sections, then what failed by how binding it
// is.
func Conformance(w io.Writer, r *conformance.Report) error {
	p := &printer{w: w}
	p.line("%s", r.Target)
	for _, text := range r.Survey {
		p.line("\n* %s", text)
	}
	p.causes(r)
	rows := make([]table.Row, 0, len(r.Sections)+1)
	for _, s := range r.Sections {
		rows = append(rows, conformanceRow(s.Name(), s.Title, s.Counts))
	}
	rows = append(rows, conformanceRow("all", "", r.Counts))
	p.table(table.Row{
		"Section", "What", "Passed", "MUST\nfailed", "SHOULD\nfailed", "Guide\nfailed",
		"May, ours\nfailed", "Tolerance\nrefused", "Not\nasked",
	}, rows)
	p.notAsked(r)
	p.failures(r, "must", "What a MUST asks for, and the server does not do:")
	p.failures(r, "guide", "What the guide asks for, and the server does not do:")
	p.failures(r, "should", "What a SHOULD recommends (warnings):")
	p.remarks(r)
	p.failures(r, "may", "What an RFC leaves open:")
	p.failures(r, "ours", "Where the RFCs are silent, and this server chose otherwise than Muster:")
	p.verdict(r)
	return p.err
}

func conformanceRow(section, title string, c conformance.Counts) table.Row {
	return table.Row{
		section, title, c.Passed, c.Failed, c.Warned, c.Guide, c.Noted, c.Refused, c.Unsupported,
	}
}

func (p *printer) causes(r *conformance.Report) {
	if len(r.Causes) == 0 {
		return
	}
	p.line("\nWhat several scenarios failed for:")
	for _, c := range r.Causes {
		p.line("  %3d (%d of a MUST): %.200s", c.Scenarios, c.Must, c.What)
	}
	p.line("")
}

func (p *printer) notAsked(r *conformance.Report) {
	if len(r.NotAsked) > 0 {
		p.line("\nNot announced, or not implemented, and therefore not asked for:")
		for _, what := range slices.SortedFunc(maps.Keys(r.NotAsked), func(a, b string) int {
			return cmp.Or(r.NotAsked[b]-r.NotAsked[a], strings.Compare(a, b))
		}) {
			p.line("  %s: %s", what, count(r.NotAsked[what], "scenario"))
		}
	}
	if r.Administration > 0 {
		p.line("\n%d scenarios were left out: they need the application's administration (the tag "+
			"@admin), or a server of their own (@own).", r.Administration)
	}
}

// failures lists the scenarios of a level that failed: what failed for a cause that
// was told already, by name only.
func (p *printer) failures(r *conformance.Report, level, title string) {
	told := make(map[string]bool)
	for _, c := range r.Causes {
		told[c.What] = true
	}
	first := true
	for _, s := range r.Sections {
		for _, f := range s.Failures {
			if f.Level != level {
				continue
			}
			if first {
				p.line("\n%s", title)
				first = false
			}
			p.line("  %s: %s", cmp.Or(f.Place, s.Name()+", "+s.Title), f.Scenario)
			if reason, _, _ := strings.Cut(f.Reason, "\n"); !told[f.Cause] {
				p.line("      %.300s", reason)
				if f.Cause != reason && !strings.Contains(reason, f.Cause) {
					p.line("      %.300s", f.Cause)
				}
			}
		}
	}
}

func (p *printer) remarks(r *conformance.Report) {
	if len(r.Remarks) == 0 {
		return
	}
	p.line("\nWhat should be, and failed nothing:")
	for _, text := range slices.Sorted(maps.Keys(r.Remarks)) {
		p.line("  %s (%s)", text, count(r.Remarks[text], "scenario"))
	}
}

func (p *printer) verdict(r *conformance.Report) {
	switch {
	case r.Failed > 0:
		p.failure("\nThe server breaks %s of the RFCs that it says to support.",
			count(r.Failed, "sentence"))
	default:
		p.line("\nThe server breaks no MUST of the RFCs that it was asked about.")
	}
}
