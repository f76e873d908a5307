package command

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"muster/server/administration"
	"muster/server/history"
	"muster/server/provisioning"
	"muster/usage"
)

func newHistory() *cobra.Command {
	c := &cobra.Command{Use: "history", Short: "Read and check the change history"}
	list := &cobra.Command{
		Use: "list", Short: "List what was changed, and what was refused", Args: cobra.NoArgs,
		RunE: runIn(listHistory),
		Long: `List the change history of an instance, the newest 50 rows, the oldest of them first:
who changed what, field by field, when, by which request, and with which outcome.
--all lists every row, and --follow goes on with those that are written from then
on, until Ctrl-C. With --json each row is a JSON object on a line of its own.`,
		Example: `  muster-server history list --instance acme --outcome refused
  muster-server history list --instance acme --user anna@acme.example --json
  muster-server history list --instance acme --before ID      the page before
  muster-server history list --instance acme --follow --outcome failed`,
	}
	list.Flags().Int("limit", newestRows, "only the newest rows, this many")
	list.Flags().Bool("all", false, "every row")
	list.Flags().Bool("follow", false, "go on with the rows that are written from then on")
	list.Flags().String("before", "", "only rows before the one with this id")
	list.MarkFlagsMutuallyExclusive("limit", "all")
	list.MarkFlagsMutuallyExclusive("follow", "before")
	export := &cobra.Command{
		Use: "export", Short: "Write the history as CSV or JSON lines, as a stream",
		Args: cobra.NoArgs, RunE: runIn(exportHistory),
		Example: `  muster-server history export --instance acme --format csv > history.csv`,
	}
	export.Flags().String("format", "jsonl",
		"csv or jsonl; in csv each changed field is a line of its own")
	verify := &cobra.Command{
		Use: "verify", Short: "Check that no row was altered, removed or reordered",
		Args: cobra.NoArgs, RunE: runIn(verifyHistory),
		Long: `Check the hash chain of an instance's history. Rows are linked into it within a
second of being written; those that are not yet are checked one by one. It exits
with 1 and names each row that is not as it was written.`,
	}
	prune := &cobra.Command{
		Use: "prune", Short: "Delete rows by their age; the rest still verifies",
		Args: cobra.NoArgs, RunE: runIn(pruneHistory),
		Example: "  muster-server history prune --instance acme --older-than 8760h",
	}
	prune.Flags().Duration("older-than", 0, "the age")
	if err := prune.MarkFlagRequired("older-than"); err != nil {
		panic(err)
	}
	for _, cmd := range []*cobra.Command{list, export} {
		cmd.Flags().String("user", "",
			"only rows about this user: a User Name as it was at the time, or an id")
		cmd.Flags().String("group", "",
			"only rows about this group: a display name as it was at the time, or an id")
		cmd.Flags().String("key", "", "only rows by the API key with this id")
		cmd.Flags().String("request", "",
			"only rows of the request with this id: what the provider sent as X-Request-Id, or "+
				"was answered")
		cmd.Flags().String("outcome", "", "only rows with this outcome: done, refused or failed")
		usage.Complete(cmd, "outcome", usage.OneOf("done", "refused", "failed"))
		cmd.Flags().String("action", "", "only rows of this action, such as user.create")
		cmd.Flags().String("text", "",
			"only rows with this text in the name, the detail or the changes")
		cmd.Flags().String("from", "",
			"only rows from this time on: 2026-01-31, or 2026-01-31T09:00:00Z")
		cmd.Flags().String("to", "", "only rows before this time")
	}
	withInstance(list, export, verify, prune)
	withJSON(list, verify)
	c.AddCommand(list, export, verify, prune)
	return c
}

// historyQuery reads the flags that choose rows.
func historyQuery(c *cobra.Command) administration.HistoryQuery {
	var q administration.HistoryQuery
	for name, dest := range map[string]*string{
		"user": &q.User, "group": &q.Group, "key": &q.Key, "request": &q.Request,
		"outcome": &q.Outcome, "action": &q.Action, "text": &q.Text, "from": &q.From, "to": &q.To,
	} {
		*dest, _ = c.Flags().GetString(name)
	}
	return q
}

func listHistory(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	q := historyQuery(c)
	q.Limit, _ = c.Flags().GetInt("limit")
	q.Before, _ = c.Flags().GetString("before")
	if all, _ := c.Flags().GetBool("all"); all {
		q.Limit = 0
	}
	show := a.entry
	if asJSON, _ := c.Flags().GetBool("json"); asJSON {
		show = a.entryJSON
	}
	if follow, _ := c.Flags().GetBool("follow"); follow {
		return a.admin.FollowHistory(c.Context(), sc, q, show)
	}
	return a.admin.History(c.Context(), sc, q, show)
}

// newestRows are how many rows are listed unless more are asked for.
const newestRows = 50

func exportHistory(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	format, _ := c.Flags().GetString("format")
	return a.admin.Export(c.Context(), sc, historyQuery(c), format, a.out, func() {})
}

func verifyHistory(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	v, err := a.admin.Verify(c.Context(), sc)
	if err != nil {
		return err
	}
	err = a.print(c, v, func() error {
		for _, p := range v.Problems {
			if err := a.line("%s", p); err != nil {
				return err
			}
		}
		left := ""
		if v.Unsealed > 0 {
			left = fmt.Sprintf(", %d of them left by an older version and not in the chain yet",
				v.Unsealed)
		}
		return a.line("%d rows checked%s; %d problems", v.Rows, left, len(v.Problems))
	})
	if err == nil && len(v.Problems) > 0 {
		err = fmt.Errorf("the history of %s is not as it was written", sc.Instance.Slug)
	}
	return err
}

func pruneHistory(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	age, _ := c.Flags().GetDuration("older-than")
	if age <= 0 {
		return fmt.Errorf("--older-than %v: give an age such as 8760h, a year", age)
	}
	n, err := a.admin.Users.PruneHistory(c.Context(), sc, age)
	if err != nil {
		return err
	}
	return a.line("%d rows of %s deleted", n, sc.Instance.Slug)
}

// entryJSON prints a row of the history as a JSON object on a line of its own.
func (a *application) entryJSON(e *history.Entry) error {
	lines := json.NewEncoder(a.out)
	lines.SetEscapeHTML(false)
	return lines.Encode(e)
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
