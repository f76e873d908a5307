package command

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"muster/server/administration"
	"muster/server/mapping"
	"muster/server/provisioning"
)

const mappingExample = `  muster-server mapping set 'addresses[type eq "work"].country' country \
      --instance acme
  muster-server mapping set userType scimSyncJobTitle --instance acme`

func newMapping() *cobra.Command {
	c := &cobra.Command{
		Use: "mapping", Short: "Show and change which SCIM attribute lands in which field",
		Long: `Show and change the attribute mapping of an instance: which SCIM attribute lands in
which field of a user. The first rows are read-only. Each change is checked as a
whole, and saved or refused; users are brought in line when they change, or by
"mapping apply".`,
	}
	list := &cobra.Command{
		Use: "list", Short: "List the rows of the mapping", Args: cobra.NoArgs,
		RunE: runIn(listMapping),
	}
	set := &cobra.Command{
		Use:   "set ATTRIBUTE FIELD",
		Short: "Map an attribute to a field: add a row, or change the one of that field",
		Args:  cobra.ExactArgs(2), RunE: runIn(setMapping),
		Example: mappingExample,
	}
	remove := &cobra.Command{
		Use: "delete FIELD", Short: "Delete the row of a field", Args: cobra.ExactArgs(1),
		RunE: runIn(deleteMapping), ValidArgsFunction: completeFields,
	}
	restore := &cobra.Command{
		Use: "restore", Short: "Restore the default mapping", Args: cobra.NoArgs,
		RunE: runIn(restoreMapping),
	}
	save := &cobra.Command{
		Use:   "save FILE",
		Short: "Save a whole mapping, as `mapping list --json` prints it; - reads standard input",
		Args:  cobra.ExactArgs(1), RunE: runIn(saveMapping),
	}
	preview := &cobra.Command{
		Use: "preview", Short: "Show what lands where, for a user or a SCIM body; writes nothing",
		Args: cobra.NoArgs, RunE: runIn(previewMapping),
		Example: `  muster-server mapping preview --instance acme --user anna@acme.example
  muster-server mapping preview --instance acme --body user.json`,
	}
	preview.Flags().String("user", "", "a user who is there")
	preview.Flags().String("body", "", "a file with a SCIM user; - reads standard input")
	preview.MarkFlagsOneRequired("user", "body")
	preview.MarkFlagsMutuallyExclusive("user", "body")
	apply := &cobra.Command{
		Use: "apply", Short: "Re-apply the mapping to all users", Args: cobra.NoArgs,
		RunE: runIn(applyMapping),
		Long: `Re-apply the mapping to all users, as it is now. Users who are as they should be
are not written; a run that was cut off is completed by the next.`,
	}
	withInstance(list, set, remove, restore, save, preview, apply)
	withJSON(list, preview)
	c.AddCommand(list, set, remove, restore, save, preview, apply)
	return c
}

func listMapping(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	rows := a.admin.Users.Mapping(sc.Instance)
	return a.print(c, rows, func() error {
		table := make([][]string, len(rows))
		for i, r := range rows {
			note := ""
			if r.ReadOnly {
				note = "read-only"
			}
			table[i] = []string{
				r.Attribute, string(r.Field), administration.Title(sc, r.Field), note,
			}
		}
		return a.table("SCIM ATTRIBUTE | FIELD | TITLE | ", table)
	})
}

// saved says that the mapping was saved, unless it was not.
func (a *application) saved(sc provisioning.Scope, err error) error {
	if err != nil {
		return err
	}
	return a.line("mapping of %s saved; `muster-server mapping apply --instance %s` brings all "+
		"users in line", sc.Instance.Slug, sc.Instance.Slug)
}

func setMapping(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	return a.saved(sc, a.admin.MapField(c.Context(), sc, args[0], args[1]))
}

func deleteMapping(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	return a.saved(sc, a.admin.UnmapField(c.Context(), sc, args[0]))
}

func restoreMapping(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	return a.saved(sc, a.admin.RestoreMapping(c.Context(), sc))
}

// readInput reads a file, or standard input for "-".
func readInput(c *cobra.Command, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(c.InOrStdin())
	}
	return os.ReadFile(path)
}

func saveMapping(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	text, err := readInput(c, args[0])
	if err != nil {
		return err
	}
	var rows []mapping.Row
	if err := json.Unmarshal(text, &rows); err != nil {
		return fmt.Errorf("%s: not a mapping as `mapping list --json` prints it: %w", args[0], err)
	}
	return a.saved(sc, a.admin.SaveMapping(c.Context(), sc, rows))
}

func previewMapping(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	var (
		fields mapping.Fields
		err    error
	)
	if name, _ := c.Flags().GetString("user"); name != "" {
		fields, err = a.admin.PreviewUser(c.Context(), sc, name)
	} else {
		var text []byte
		path, _ := c.Flags().GetString("body")
		if text, err = readInput(c, path); err == nil {
			fields, err = a.admin.Preview(sc, text)
		}
	}
	if err != nil {
		return err
	}
	return a.print(c, fields, func() error {
		var rows [][]string
		for _, f := range fields.Names() {
			rows = append(rows, []string{administration.Title(sc, f), fields[f]})
		}
		return a.table("FIELD | VALUE", rows)
	})
}

func applyMapping(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	done, err := a.admin.Users.Reapply(c.Context(), sc, func(
		done provisioning.Reapplied, total int,
	) {
		fmt.Fprintf(c.ErrOrStderr(), "%d of %d users, %d changed\n", done.Users, total,
			done.Changed)
	})
	if err != nil {
		return fmt.Errorf("after %d users: %w; the same command goes on", done.Users, err)
	}
	return a.line("mapping applied to %d users of %s; %d changed", done.Users, sc.Instance.Slug,
		done.Changed)
}
