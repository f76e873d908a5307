package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"

	"muster/simulator/rollout"
)

// List writes what a rehearsal did for whom, wave by wave, as CSV: something to
// hand to the application's owner. Its columns are wave, name, user, outcome,
// detail, joined and left.
func List(w io.Writer, r *rollout.Result) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"wave", "name", "user", "outcome", "detail", "joined", "left"}}
	for _, wave := range r.Waves {
		for _, item := range wave.Cycle.Items {
			rows = append(rows, []string{
				strconv.Itoa(wave.Position), wave.Name, item.User, string(item.Outcome),
				item.Detail,
				strings.Join(item.Joined, ";"), strings.Join(item.Left, ";"),
			})
		}
	}
	for _, row := range rows {
		for i, cell := range row {
			row[i] = inert(cell)
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// inert keeps a spreadsheet from taking a text for a formula: names come from
// files and from servers.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
