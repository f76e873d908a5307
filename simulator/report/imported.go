package report

import (
	"io"

	"muster/simulator/directory"
)

// Imported tells of an import of people, person by person; before is how many
// there were.
func Imported(w io.Writer, path string, changes []directory.Change, before int, dryRun bool) error {
	p := &printer{w: w}
	count := make(map[string]int)
	for _, c := range changes {
		count[c.Kind]++
		p.line("%s (id %s): %s", c.User, c.Key, c.Kind)
		for _, f := range c.Fields {
			p.line("    %s: %s → %s", f.Field, orNone(f.Old), orNone(f.New))
		}
	}
	same := before - count[directory.Changed] - count[directory.Removed]
	p.line("%s: %d added, %d changed, %d removed, %d as they were", path, count[directory.Added], count[directory.Changed], count[directory.Removed], same)
	if dryRun {
		p.line("Nothing was written.")
	}
	return p.err
}
