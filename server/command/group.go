package command

import (
	"strconv"

	"github.com/spf13/cobra"

	"muster/server/provisioning"
)

const groupExample = `  muster-server group create "Project Managers" --instance acme \
      --member anna@acme.example`

func newGroup() *cobra.Command {
	c := &cobra.Command{Use: "group", Short: "Make and show groups"}
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a group by hand", Args: cobra.ExactArgs(1),
		RunE:    runIn(createGroup),
		Example: groupExample,
	}
	create.Flags().StringArray("member", nil,
		"the User Name of a member; may be given several times")
	list := &cobra.Command{
		Use: "list", Short: "List groups", Args: cobra.NoArgs, RunE: runIn(listGroups),
	}
	show := &cobra.Command{
		Use: "show NAME", Short: "Show a group with its members", Args: cobra.ExactArgs(1),
		RunE: runIn(showGroup),
	}
	withInstance(create, list, show)
	withJSON(create, list, show)
	c.AddCommand(create, list, show)
	return c
}

func createGroup(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	members, _ := c.Flags().GetStringArray("member")
	g, err := a.admin.CreateGroup(c.Context(), sc, args[0], members)
	if err != nil {
		return err
	}
	return a.print(c, g, func() error {
		return a.line("group %q created in %s with %d members", g.DisplayName, sc.Instance.Slug,
			len(members))
	})
}

func listGroups(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	groups, err := a.admin.ListGroups(c.Context(), sc)
	if err != nil {
		return err
	}
	return a.print(c, groups, func() error {
		rows := make([][]string, len(groups))
		for i, g := range groups {
			rows[i] = []string{g.DisplayName, g.Source, strconv.Itoa(len(g.Members))}
		}
		return a.table("GROUP | SOURCE | MEMBERS", rows)
	})
}

func showGroup(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	g, err := a.admin.ShowGroup(c.Context(), sc, args[0])
	if err != nil {
		return err
	}
	return a.print(c, g, func() error {
		rows := make([][]string, len(g.Members))
		for i, m := range g.Members {
			rows[i] = []string{m.Name, m.Display, m.Type}
		}
		if err := a.line("group %s (%s), %d members", g.DisplayName, g.Source,
			len(g.Members)); err != nil || len(rows) == 0 {
			return err
		}
		return a.table("NAME | DISPLAY NAME | TYPE", rows)
	})
}
