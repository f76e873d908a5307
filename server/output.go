package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

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

// table prints rows under a head, in columns.
func (a *application) table(head string, rows [][]string) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(w, strings.ReplaceAll(head, " | ", "\t")); err != nil {
		return err
	}
	for _, row := range rows {
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// stamp writes a time for people.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}
