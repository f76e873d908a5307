// Package terminal writes for people: tables that fit the terminal, in one style,
// and colors where there are any. Names come from files and from servers; what
// would steer the terminal is shown, and not sent.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// Width returns how wide the terminal behind w is, in characters; 0 if there is
// none, as when the output goes to a file.
func Width(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// Colored reports whether colors may be written to w: it is a terminal, and
// NO_COLOR (https://no-color.org) is not set.
func Colored(w io.Writer) bool {
	return Width(w) > 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Red returns a text as it is to stand out on w.
func Red(w io.Writer, s string) string { return colored(w, text.FgRed, s) }

// Green returns a text that says that all is well, as it is to be on w.
func Green(w io.Writer, s string) string { return colored(w, text.FgGreen, s) }

func colored(w io.Writer, color text.Color, s string) string {
	if !Colored(w) {
		return s
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", color, s)
}

// widest is how wide a column is at the most where no terminal sets a bound, and
// narrowest what it needs.
const widest, narrowest = 72, 3

// Table returns rows under a head as a table that fits the width, 0 for none: what
// is too long is wrapped within its column.
func Table(width int, head table.Row, rows []table.Row) string {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault // as it is written
	t.AppendHeader(head)
	t.AppendRows(rows)
	t.SetColumnConfigs(columns(len(head), widest))
	rendered := t.Render()
	for bound := widest; width > 0 && bound > narrowest; bound = bound * 9 / 10 {
		if text.LongestLineLen(rendered) <= width {
			break
		}
		t.SetColumnConfigs(columns(len(head), bound))
		rendered = t.Render()
	}
	return rendered
}

func columns(n, width int) []table.ColumnConfig {
	list := make([]table.ColumnConfig, n)
	for i := range list {
		list[i] = table.ColumnConfig{
			Number: i + 1, WidthMax: width, WidthMaxEnforcer: text.WrapSoft,
		}
	}
	return list
}

// Harmless replaces characters that would steer the terminal.
func Harmless(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
