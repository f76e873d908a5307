package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/tolerance"
)

func newMapping() *cobra.Command {
	c := &cobra.Command{
		Use: "mapping", Short: "Show and change which SCIM attribute lands in which field",
		Long: `Show and change the attribute mapping of an instance: which SCIM attribute lands in
which field of a user. The first rows are read-only. Each change is checked as a
whole, and saved or refused; users are brought in line when they change, or by
"mapping apply".`,
	}
	list := &cobra.Command{Use: "list", Short: "List the rows of the mapping", Args: cobra.NoArgs, RunE: run(listMapping)}
	set := &cobra.Command{
		Use: "set ATTRIBUTE FIELD", Short: "Map an attribute to a field: add a row, or change the one of that field", Args: cobra.ExactArgs(2), RunE: run(setMapping),
		Example: `  muster-server mapping set 'addresses[type eq "work"].country' country --instance acme
  muster-server mapping set userType scimSyncJobTitle --instance acme`,
	}
	remove := &cobra.Command{Use: "delete FIELD", Short: "Delete the row of a field", Args: cobra.ExactArgs(1), RunE: run(deleteMapping)}
	restore := &cobra.Command{Use: "restore", Short: "Restore the default mapping", Args: cobra.NoArgs, RunE: run(restoreMapping)}
	save := &cobra.Command{
		Use: "save FILE", Short: "Save a whole mapping, as `mapping list --json` prints it; - reads standard input", Args: cobra.ExactArgs(1), RunE: run(saveMapping),
	}
	preview := &cobra.Command{
		Use: "preview", Short: "Show what lands where, for a user or a SCIM body; writes nothing", Args: cobra.NoArgs, RunE: run(previewMapping),
		Example: `  muster-server mapping preview --instance acme --user anna@acme.example
  muster-server mapping preview --instance acme --body user.json`,
	}
	preview.Flags().String("user", "", "a user who is there")
	preview.Flags().String("body", "", "a file with a SCIM user; - reads standard input")
	preview.MarkFlagsOneRequired("user", "body")
	preview.MarkFlagsMutuallyExclusive("user", "body")
	apply := &cobra.Command{
		Use: "apply", Short: "Re-apply the mapping to all users", Args: cobra.NoArgs, RunE: run(applyMapping),
		Long: `Re-apply the mapping to all users, as it is now. Users who are as they should be
are not written; a run that was cut off is completed by the next.`,
	}
	withInstance(list, set, remove, restore, save, preview, apply)
	withJSON(list, preview)
	c.AddCommand(list, set, remove, restore, save, preview, apply)
	return c
}

func listMapping(a *application, c *cobra.Command, _ []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	rows := a.users.Mapping(sc.Instance)
	return a.print(c, rows, func() error {
		table := make([][]string, len(rows))
		for i, r := range rows {
			note := ""
			if r.ReadOnly {
				note = "read-only"
			}
			table[i] = []string{r.Attribute, string(r.Field), r.Field.Label(), note}
		}
		return a.table("SCIM ATTRIBUTE | FIELD | TITLE | ", table)
	})
}

// saveRows saves a mapping and says so.
func (a *application) saveRows(c *cobra.Command, sc provisioning.Scope, rows []mapping.Row) error {
	if err := a.users.SaveMapping(c.Context(), sc, rows); err != nil {
		return err
	}
	return a.line("mapping of %s saved; `muster-server mapping apply --instance %s` brings all users in line", sc.Instance.Slug, sc.Instance.Slug)
}

// field returns the field that a person names: by its name or its title, in
// any letter case.
func field(sc provisioning.Scope, name string) mapping.Field {
	for _, t := range mapping.Standard() {
		if strings.EqualFold(string(t.Field), name) || strings.EqualFold(t.Label, name) {
			return t.Field
		}
	}
	for _, f := range sc.Instance.Fields {
		if strings.EqualFold(f.Name, name) || strings.EqualFold(f.Title, name) {
			return mapping.Field(f.Name)
		}
	}
	return mapping.Field(name) // refused when it is saved
}

func setMapping(a *application, c *cobra.Command, args []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	row := mapping.Row{Attribute: args[0], Field: field(sc, args[1])}
	rows := a.users.Mapping(sc.Instance)
	if i := slices.IndexFunc(rows, func(r mapping.Row) bool { return r.Field == row.Field }); i >= 0 {
		rows[i] = row
	} else {
		rows = append(rows, row)
	}
	return a.saveRows(c, sc, rows)
}

func deleteMapping(a *application, c *cobra.Command, args []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	f := field(sc, args[0])
	rows := a.users.Mapping(sc.Instance)
	i := slices.IndexFunc(rows, func(r mapping.Row) bool { return r.Field == f })
	if i < 0 {
		return fmt.Errorf("nothing is mapped to %s in %s; `muster-server mapping list --instance %s` shows the rows", args[0], sc.Instance.Slug, sc.Instance.Slug)
	}
	return a.saveRows(c, sc, slices.Delete(rows, i, i+1))
}

func restoreMapping(a *application, c *cobra.Command, _ []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	return a.saveRows(c, sc, nil)
}

// readInput reads a file, or standard input for "-".
func readInput(c *cobra.Command, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(c.InOrStdin())
	}
	return os.ReadFile(path)
}

func saveMapping(a *application, c *cobra.Command, args []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	text, err := readInput(c, args[0])
	if err != nil {
		return err
	}
	var rows []mapping.Row
	if err := json.Unmarshal(text, &rows); err != nil {
		return fmt.Errorf("%s: not a mapping as `mapping list --json` prints it: %w", args[0], err)
	}
	if len(rows) == 0 {
		return errors.New("the mapping has no rows; `mapping restore` restores the default")
	}
	return a.saveRows(c, sc, rows)
}

func previewMapping(a *application, c *cobra.Command, _ []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	rt := a.users.UserType(sc.Instance)
	var text []byte
	if name, _ := c.Flags().GetString("user"); name != "" {
		u, err := a.users.UserByName(c.Context(), sc, name)
		if err != nil {
			return err
		}
		text = u.Text
	} else {
		path, _ := c.Flags().GetString("body")
		if text, err = readInput(c, path); err != nil {
			return err
		}
	}
	raw, err := scim.DecodeObject(text)
	if err == nil {
		raw, err = tolerance.Resource(rt, raw, tolerance.New(false))
	}
	if err != nil {
		return err
	}
	r, err := rt.Resource(raw)
	if err != nil {
		return err
	}
	fields := a.users.Preview(sc.Instance, r)
	return a.print(c, fields, func() error {
		var rows [][]string
		for _, f := range fields.Names() {
			rows = append(rows, []string{f.Label(), fields[f]})
		}
		return a.table("FIELD | VALUE", rows)
	})
}

func applyMapping(a *application, c *cobra.Command, _ []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	done, err := a.users.Reapply(c.Context(), sc, func(done provisioning.Reapplied, total int) {
		fmt.Fprintf(c.ErrOrStderr(), "%d of %d users, %d changed\n", done.Users, total, done.Changed)
	})
	if err != nil {
		return fmt.Errorf("after %d users: %w; the same command goes on", done.Users, err)
	}
	return a.line("mapping applied to %d users of %s; %d changed", done.Users, sc.Instance.Slug, done.Changed)
}
