package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"muster/server/history"
)

func newHistory() *cobra.Command {
	c := &cobra.Command{Use: "history", Short: "Read the change history"}
	list := &cobra.Command{
		Use: "list", Short: "List what was changed, and what was refused", Args: cobra.NoArgs, RunE: run(listHistory),
		Long: `List the change history of an instance, the oldest row first: who changed what,
field by field, when, by which request, and with which outcome. With --json each
row is a JSON object on a line of its own.`,
		Example: `  muster-server history list --instance acme --outcome refused
  muster-server history list --instance acme --user anna@acme.example --json`,
	}
	list.Flags().String("user", "", "only rows about this user: a User Name as it was at the time, or an id")
	list.Flags().String("group", "", "only rows about this group: a display name as it was at the time, or an id")
	list.Flags().String("outcome", "", "only rows with this outcome: done, refused or failed")
	list.Flags().Int("limit", 0, "only the newest rows, this many")
	withInstance(list)
	withJSON(list)
	c.AddCommand(list)
	return c
}

func listHistory(a *application, c *cobra.Command, _ []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	q := history.Query{InstanceID: sc.Instance.ID}
	q.User, _ = c.Flags().GetString("user")
	q.Group, _ = c.Flags().GetString("group")
	q.Limit, _ = c.Flags().GetInt("limit")
	outcome, _ := c.Flags().GetString("outcome")
	if q.Outcome, err = history.ParseOutcome(outcome); err != nil {
		return err
	}
	show := a.entry
	if asJSON, _ := c.Flags().GetBool("json"); asJSON {
		e := json.NewEncoder(a.out)
		e.SetEscapeHTML(false)
		show = func(row *history.Entry) error { return e.Encode(row) }
	}
	return a.users.History(c.Context(), q, show)
}

// entry prints a row of the history for people.
func (a *application) entry(e *history.Entry) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %-7s  %-16s %s", stamp(e.Time), e.Outcome, e.Action, e.Target.Name)
	if e.Target.Name == "" {
		b.WriteString(e.Target.ID)
	}
	fmt.Fprintf(&b, "  by %s", e.Actor.Name)
	if e.Actor.KeyID != "" {
		fmt.Fprintf(&b, " (key %s)", e.Actor.KeyID)
	}
	if e.Actor.RequestID != "" {
		fmt.Fprintf(&b, "  request %s", e.Actor.RequestID)
	}
	if e.Detail != "" {
		fmt.Fprintf(&b, "\n    %s", e.Detail)
	}
	for _, c := range e.Changes {
		fmt.Fprintf(&b, "\n    %s: %s → %s", c.Label(), orNone(c.Old), orNone(c.New))
	}
	return a.line("%s", b.String())
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}
