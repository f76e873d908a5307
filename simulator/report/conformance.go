package report

import (
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"muster/features/conformance"
)

// Conformance writes for a person what a server does and does not do, by
// section, and then what failed.
func Conformance(w io.Writer, r *conformance.Report) error {
	p := &printer{w: w}
	rows := make([]table.Row, 0, len(r.Sections)+1)
	for _, s := range r.Sections {
		rows = append(rows, table.Row{
			section(s), s.Title, s.Passed, s.Failed, s.Unsupported, strings.Join(s.Lacks, ", "),
		})
	}
	rows = append(rows, table.Row{"all", "", r.Passed, r.Failed, r.Unsupported, ""})
	p.line("%s", r.Target)
	p.table(table.Row{"Section", "What", "Passed", "Failed", "Not\nsupported", "Not announced"},
		rows)
	if r.Administration > 0 {
		p.line("%d scenarios were left out: they need the application's administration (the tag "+
			"@admin), or a server of their own (@own).", r.Administration)
	}
	for _, s := range r.Sections {
		for _, f := range s.Failures {
			reason, _, _ := strings.Cut(f.Reason, "\n")
			p.line("\n%s: %s\n  %s", section(s), f.Scenario, reason)
		}
	}
	return p.err
}

func section(s *conformance.Section) string {
	if s.Number == "" {
		return s.Document
	}
	return s.Document + " §" + s.Number
}
