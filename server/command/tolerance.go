package command

import (
	_ "embed"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"muster/server/scim/tolerance"
)

func newTolerance() *cobra.Command {
	c := &cobra.Command{
		Use:   "tolerance",
		Short: "List what the server takes although the standard does not allow it",
		Args:  cobra.NoArgs,
		Long: `List the deviations of identity providers that the server takes by default, with
what the standard asks for instead. A server that runs with --strict refuses each
by its name. The log names those that a request showed.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if markdown, _ := c.Flags().GetBool("markdown"); markdown {
				return writeTolerance(c.OutOrStdout())
			}
			a := &application{out: c.OutOrStdout()}
			described := tolerance.Describe()
			return a.print(c, described, func() error {
				rows := make([][]string, len(described))
				for i, d := range described {
					rows[i] = []string{string(d.Name), d.Senders, d.What}
				}
				return a.table("NAME | SENT BY | WHAT", rows)
			})
		},
	}
	c.Flags().Bool("markdown", false, "print the page spec/TOLERANCE.md")
	withJSON(c)
	return c
}

// writeTolerance writes the page that documents the deviations. A test keeps
// the file current.
func writeTolerance(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`# What the server takes although the standard does not allow it

Written by ` + "`muster-server tolerance --markdown`" +
		`; features/tolerance.feature shows each, by default and in strict mode.

| name | sent by | what is taken | what the standard asks for |
| --- | --- | --- | --- |
`)
	for _, d := range tolerance.Describe() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.Name, d.Senders, escape(d.What),
			escape(d.Instead))
	}
	b.WriteString(decisions)
	_, err := io.WriteString(w, b.String())
	return err
}

// decisions are what the page says beyond the deviations.
//
//go:embed tolerance.md
var decisions string

func escape(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
