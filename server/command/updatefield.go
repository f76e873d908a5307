package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"muster/server/administration"
	"muster/server/provisioning"
)

const updateFieldExample = `  muster-server user update-field userName --instance acme \
      --from email --lower
  muster-server user update-field userName --instance acme --domain acme.example \
      --filter 'userName ew "@old.example"' --apply`

func newUpdateField() *cobra.Command {
	c := &cobra.Command{
		Use: "update-field FIELD", Short: "Give a field of many users a new value, after a preview",
		Args: cobra.ExactArgs(1), RunE: runIn(updateField), ValidArgsFunction: completeFields,
		Long: `Give a field of many users a new value: the custom action "update field". It shows
what would change, and what would conflict, and writes nothing until --apply is
given. The use that it is made for: the User Names of accounts that were made by
hand, before a provider picks them up.`,
		Example: updateFieldExample,
	}
	c.Flags().String("from", "", "the field that the value is taken from; by default FIELD itself")
	c.Flags().Bool("lower", false, "in lower case")
	c.Flags().String("domain", "", "replace what stands behind the @ by this")
	c.Flags().String("filter", "", "a SCIM filter that chooses the users; by default all")
	c.Flags().Bool("apply", false, "do it")
	withInstance(c)
	withJSON(c)
	return c
}

func updateField(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	u := administration.FieldUpdate{Field: args[0]}
	u.From, _ = c.Flags().GetString("from")
	u.Lower, _ = c.Flags().GetBool("lower")
	u.Domain, _ = c.Flags().GetString("domain")
	u.Filter, _ = c.Flags().GetString("filter")
	u.Apply, _ = c.Flags().GetBool("apply")
	results, err := a.admin.UpdateField(c.Context(), sc, u)
	if err != nil {
		return err
	}
	problems := 0
	rows := make([][]string, len(results))
	for i, r := range results {
		rows[i] = []string{r.UserName, r.Old, r.New, r.Problem}
		if r.Problem != "" {
			problems++
		}
	}
	err = a.print(c, results, func() error {
		if err := a.table("USER | "+administration.Title(sc,
			administration.Field(sc, u.Field))+" | NEW | PROBLEM", rows); err != nil {
			return err
		}
		if u.Apply {
			return a.line("%d users updated, %d not", len(results)-problems, problems)
		}
		return a.line("%d users would be updated, %d not; nothing was written, --apply does it",
			len(results)-problems, problems)
	})
	if err == nil && u.Apply && problems > 0 {
		err = fmt.Errorf("%d users could not be updated", problems)
	}
	return err
}
