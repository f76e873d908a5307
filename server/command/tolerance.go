package command

import (
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
const decisions = `
## What is never taken for something else

Absent, null, empty and "nothing is left" are four things. This holds by default and in strict mode:

| what is sent | what it does |
| --- | --- |
| "replace" by null, or "remove" without a value or with null | clears what the path names |
| "replace" of a list by [] | empties it |
| null, or "" for a text, in an object that replaces | clears that part; what the object does not name stays |
| "add" of null, "", {} or [] | adds nothing; an add never takes away |
| {}, or an object with nothing but what is read-only | names nothing, and changes nothing |
| "" where an object or a list belongs (see blank-value) | names nothing, and changes nothing; in a "remove" it is refused |
| "remove" with [] | lists nothing, and removes nothing |
| "replace" without a value | is refused with invalidValue |
| an entry of a list that names nothing: null, {}, blank, or with nothing but its type or what is read-only | is refused with invalidValue and its place; blank ones are dropped (see blank-value) from a whole user, and from what is added when others remain |
| a record that brackets choose, replaced by a record | is replaced whole; the type and what else the brackets state by "eq" stays, unless the record says otherwise |
| a record that brackets choose, replaced by an object without its "value" | keeps what the object does not name |
| "replace" of what brackets choose by its "value", when it is not there | is refused with noTarget |
| a record from which all but its type and mark goes | goes, too |
| "active" removed, null or blank in a PATCH | is refused with mutability: send true or false |

## What is decided where the standard leaves room

- A PUT without "active", or with null for it, keeps the state: a template that leaves it out must not bring a suspended person back.
- A PUT without the application's own extension keeps what stands there: workflow rules set it.
- A member of a group may be named by its URI ("$ref") alone.
- The manager who is chosen by brackets, manager[value eq "ID"], is the one whom the client has read, or what it has sent.
`

func escape(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
