package command

import (
	"github.com/spf13/cobra"

	"muster/server/instance"
	"muster/usage"
)

func newInstance() *cobra.Command {
	c := &cobra.Command{Use: "instance", Short: "Create and show instances of the application"}
	create := &cobra.Command{
		Use: "create NAME", Short: "Create an instance", Args: cobra.ExactArgs(1),
		RunE: run(createInstance), Annotations: map[string]string{creates: "yes"},
		Example: "  muster-server instance create acme --edition enterprise",
	}
	create.Flags().String("edition", "enterprise",
		"professional, enterprise or unlimited; SCIM is part of the last two")
	create.Flags().String("environment", "production", "production or sandbox")
	create.Flags().String("title", "", "the name of the customer, for people")
	usage.Complete(create, "edition", usage.OneOf("professional", "enterprise", "unlimited"))
	usage.Complete(create, "environment", usage.OneOf("production", "sandbox"))
	list := &cobra.Command{
		Use: "list", Short: "List all instances", Args: cobra.NoArgs, RunE: run(listInstances),
	}
	show := &cobra.Command{
		Use: "show NAME", Short: "Show an instance", Args: cobra.ExactArgs(1),
		RunE: run(showInstance), ValidArgsFunction: completeInstances,
	}
	withJSON(create, list, show)
	c.AddCommand(create, list, show)
	return c
}

func createInstance(a *application, c *cobra.Command, args []string) error {
	edition, _ := c.Flags().GetString("edition")
	environment, _ := c.Flags().GetString("environment")
	title, _ := c.Flags().GetString("title")
	i, err := a.admin.CreateInstance(c.Context(), instance.Instance{
		Slug: args[0], Name: title, Edition: instance.Edition(edition),
		Environment: instance.Environment(environment),
	}, administrator())
	if err != nil {
		return err
	}
	return a.print(c, i, func() error {
		return a.line("instance %s created (%s edition, %s)", i.Instance, i.Edition, i.Environment)
	})
}

func listInstances(a *application, c *cobra.Command, _ []string) error {
	list, err := a.admin.ListInstances(c.Context())
	if err != nil {
		return err
	}
	return a.print(c, list, func() error {
		rows := make([][]string, len(list))
		for i, x := range list {
			rows[i] = []string{x.Instance, x.Title, x.Edition, x.Environment, stamp(x.Created)}
		}
		return a.table("INSTANCE | TITLE | EDITION | ENVIRONMENT | CREATED", rows)
	})
}

func showInstance(a *application, c *cobra.Command, args []string) error {
	sc, err := a.admin.Scope(c.Context(), args[0], administrator())
	if err != nil {
		return err
	}
	d, err := a.admin.ShowInstance(c.Context(), sc)
	if err != nil {
		return err
	}
	return a.print(c, d, func() error {
		scim := "yes"
		if !d.SCIM {
			scim = "no: the " + d.Edition + " edition has no SCIM-based user provisioning"
		}
		return a.line("instance     %s\ntitle        %s\nedition      %s\nenvironment  %s\nSCIM   "+
			"      %s\ncreated      %s\nusers        %d\ngroups       %d\nvalid keys   %d",
			d.Instance, d.Title, d.Edition, d.Environment, scim, stamp(d.Created), *d.Users,
			*d.Groups, *d.Keys)
	})
}
