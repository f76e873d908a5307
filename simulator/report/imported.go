package report

import (
	"io"
	"strings"

	"muster/simulator/directory"
)

// Import is an import of people.
type Import struct {
	From  string
	Found *directory.Found
	Into  string
	// Changes are what it does, person by person; Before is how many there were.
	Changes []directory.Change
	Before  int
	DryRun  bool
}

// Imported tells of an import of people, person by person.
func Imported(w io.Writer, i Import) error {
	p := &printer{w: w}
	as := ""
	if i.Found.Preset != "" {
		as = ", as an export of " + i.Found.Preset
	}
	p.line("%s is read in %s, with a %s between columns%s", i.From, i.Found.Encoding,
		i.Found.Delimiter, as)
	if len(i.Found.Custom) > 0 {
		p.line("custom attributes: %s", strings.Join(i.Found.Custom, ", "))
	}
	for _, note := range i.Found.Notes {
		p.line("note: %s", note)
	}
	count := make(map[string]int)
	for _, c := range i.Changes {
		count[c.Kind]++
		p.line("%s (id %s): %s", c.User, c.Key, c.Kind)
		for _, f := range c.Fields {
			p.line("    %s: %s → %s", f.Field, orNone(f.Old), orNone(f.New))
		}
	}
	same := i.Before - count[directory.Changed] - count[directory.Removed]
	p.line("%s: %d added, %d changed, %d removed, %d as they were", i.Into, count[directory.Added],
		count[directory.Changed], count[directory.Removed], same)
	if i.DryRun {
		p.line("Nothing was written.")
	}
	return p.err
}
