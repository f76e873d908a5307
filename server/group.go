package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"muster/server/provisioning"
	"muster/server/scim/filter"
)

func newGroup() *cobra.Command {
	c := &cobra.Command{Use: "group", Short: "Make and show groups"}
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a group by hand", Args: cobra.ExactArgs(1), RunE: run(createGroup),
		Example: `  muster-server group create "Project Managers" --instance acme --member anna@acme.example`,
	}
	create.Flags().StringArray("member", nil, "the User Name of a member; may be given several times")
	list := &cobra.Command{Use: "list", Short: "List groups", Args: cobra.NoArgs, RunE: run(listGroups)}
	show := &cobra.Command{Use: "show NAME", Short: "Show a group with its members", Args: cobra.ExactArgs(1), RunE: run(showGroup)}
	withInstance(create, list, show)
	withJSON(create, list, show)
	c.AddCommand(create, list, show)
	return c
}

// groupJSON is a group as scripts see it.
type groupJSON struct {
	ID          string       `json:"id"`
	DisplayName string       `json:"displayName"`
	Source      string       `json:"source"`
	Version     int64        `json:"version"`
	Members     []memberJSON `json:"members"`
}

type memberJSON struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Name    string `json:"name"`
	Display string `json:"display"`
}

// describeGroups reads the members of groups.
func (a *application) describeGroups(c *cobra.Command, groups []*provisioning.Group) ([]groupJSON, error) {
	list := make([]groupJSON, len(groups))
	ids := make([]string, len(groups))
	at := make(map[string]int, len(groups))
	for i, g := range groups {
		list[i] = groupJSON{ID: g.ID, DisplayName: g.DisplayName, Source: string(g.Source), Version: g.Version, Members: []memberJSON{}}
		ids[i], at[g.ID] = g.ID, i
	}
	err := a.users.Members(c.Context(), ids, func(groupID string, m provisioning.Member) error {
		g := &list[at[groupID]]
		g.Members = append(g.Members, memberJSON{m.ID, m.Type, m.Name, m.Display})
		return nil
	})
	return list, err
}

func createGroup(a *application, c *cobra.Command, args []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	names, _ := c.Flags().GetStringArray("member")
	var ids []string
	for _, name := range names {
		u, err := a.users.UserByName(c.Context(), sc, name)
		if err != nil {
			return err
		}
		ids = append(ids, u.ID)
	}
	g, err := a.users.AddGroup(c.Context(), sc, args[0], ids)
	if err != nil {
		return err
	}
	described, err := a.describeGroups(c, []*provisioning.Group{g})
	if err != nil {
		return err
	}
	return a.print(c, described[0], func() error {
		return a.line("group %q created in %s with %d members", g.DisplayName, sc.Instance.Slug, len(ids))
	})
}

func listGroups(a *application, c *cobra.Command, _ []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	q := provisioning.Query{Limit: perPage}
	var groups []*provisioning.Group
	for {
		page, _, err := a.users.Groups(c.Context(), sc, q)
		if err != nil {
			return err
		}
		groups = append(groups, page...)
		if len(page) < perPage {
			break
		}
		q.Offset += perPage
	}
	described, err := a.describeGroups(c, groups)
	if err != nil {
		return err
	}
	return a.print(c, described, func() error {
		rows := make([][]string, len(described))
		for i, g := range described {
			rows[i] = []string{g.DisplayName, g.Source, strconv.Itoa(len(g.Members))}
		}
		return a.table("GROUP | SOURCE | MEMBERS", rows)
	})
}

func showGroup(a *application, c *cobra.Command, args []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	byName, err := filter.Bind(a.users.GroupType(), &filter.Comparison{Path: "displayName", Op: filter.EQ, Value: args[0]}, nil)
	if err != nil {
		return err
	}
	groups, _, err := a.users.Groups(c.Context(), sc, provisioning.Query{Filter: byName, Limit: 1})
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		return notThere(sc, "group", args[0])
	}
	described, err := a.describeGroups(c, groups)
	if err != nil {
		return err
	}
	g := described[0]
	return a.print(c, g, func() error {
		rows := make([][]string, len(g.Members))
		for i, m := range g.Members {
			rows[i] = []string{m.Name, m.Display, m.Type}
		}
		if err := a.line("group %s (%s), %d members", g.DisplayName, g.Source, len(g.Members)); err != nil || len(rows) == 0 {
			return err
		}
		return a.table("NAME | DISPLAY NAME | TYPE", rows)
	})
}
