package command

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"muster/terminal"
)

// harmless writes to a terminal. Names come from providers: control characters
// in them, which could move the cursor or worse, are shown and not sent.
type harmless struct{ w io.Writer }

// Write writes p to the terminal.
func (h harmless) Write(p []byte) (int, error) {
	b := make([]byte, 0, len(p))
	for i, c := range p { // by bytes: a character may go on in the next p
		switch {
		case c < ' ' && c != '\n' && c != '\t' || c == 0x7f:
			b = fmt.Appendf(b, "\\x%02x", c)
		case 0x80 <= c && c < 0xa0 && i > 0 && p[i-1] == 0xc2: // U+0080 to U+009F
			b = fmt.Appendf(b[:len(b)-1], "\\x%02x", c)
		default:
			b = append(b, c)
		}
	}
	if _, err := h.w.Write(b); err != nil {
		return 0, err
	}
	return len(p), nil
}

// print prints v as one line of JSON if --json is set, and calls text otherwise.
func (a *application) print(c *cobra.Command, v any, text func() error) error {
	if asJSON, err := c.Flags().GetBool("json"); err == nil && asJSON {
		e := json.NewEncoder(a.out)
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	return text()
}

// line prints one line.
func (a *application) line(format string, args ...any) error {
	_, err := fmt.Fprintf(a.out, format+"\n", args...)
	return err
}

// table prints rows under a head, whose names are separated by " | ".
func (a *application) table(head string, rows [][]string) error {
	list := make([]table.Row, len(rows))
	for i, row := range rows {
		list[i] = cells(row)
	}
	return a.line("%s", terminal.Table(a.width, cells(strings.Split(head, " | ")), list))
}

func cells(texts []string) table.Row {
	row := make(table.Row, len(texts))
	for i, text := range texts {
		row[i] = text
	}
	return row
}

// stamp writes a time for people.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}
