package command

import (
	"strings"

	"github.com/spf13/cobra"

	"muster/server/instance"
	"muster/server/provisioning"
)

func newField() *cobra.Command {
	c := &cobra.Command{Use: "field", Short: "Add and show custom fields of users"}
	create := &cobra.Command{
		Use: "create NAME", Short: "Add a custom field to the users of an instance",
		Args: cobra.ExactArgs(1), RunE: runIn(createField),
		Long: `Add a custom field to the users of an instance. Over SCIM it is an attribute of the
extension urn:muster:params:scim:schemas:extension:application:1.0:User, which
/Schemas shows to the keys of that instance.`,
		Example: `  muster-server field create country --instance acme --title "Country"`,
	}
	create.Flags().String("type", "text", "text, number, date, yes-no, pick-list or reference")
	create.Flags().StringSlice("values", nil, "what a pick-list offers, separated by commas")
	create.Flags().String("title", "", "the name as people see it; by default NAME")
	list := &cobra.Command{
		Use: "list", Short: "List the custom fields of an instance", Args: cobra.NoArgs,
		RunE: runIn(listFields),
	}
	withInstance(create, list)
	withJSON(create, list)
	c.AddCommand(create, list)
	return c
}

func createField(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	title, _ := c.Flags().GetString("title")
	kind, _ := c.Flags().GetString("type")
	values, _ := c.Flags().GetStringSlice("values")
	f, err := a.admin.Instances.AddField(c.Context(), sc.Instance,
		instance.Field{Name: args[0], Title: title, Type: instance.FieldType(kind), Values: values},
		sc.Actor)
	if err != nil {
		return err
	}
	return a.print(c, f, func() error {
		return a.line("field %s (%s, %s) added to the users of %s", f.Name, f.Title, f.Type,
			sc.Instance.Slug)
	})
}

func listFields(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	fields := append([]instance.Field{}, sc.Instance.Fields...)
	rows := make([][]string, len(fields))
	for i, f := range fields {
		rows[i] = []string{f.Name, f.Title, string(f.Type), strings.Join(f.Values, ", ")}
	}
	return a.print(c, fields,
		func() error { return a.table("FIELD | TITLE | TYPE | VALUES", rows) })
}
