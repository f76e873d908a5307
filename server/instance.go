package main

import (
	"time"

	"github.com/spf13/cobra"

	"muster/server/instance"
	"muster/server/provisioning"
)

func newInstance() *cobra.Command {
	c := &cobra.Command{Use: "instance", Short: "Create and show instances of the application"}
	create := &cobra.Command{
		Use: "create NAME", Short: "Create an instance", Args: cobra.ExactArgs(1), RunE: run(createInstance),
		Example: "  muster-server instance create acme --edition enterprise",
	}
	create.Flags().String("edition", "enterprise", "professional, enterprise or unlimited; SCIM is part of the last two")
	create.Flags().String("environment", "production", "production or sandbox")
	create.Flags().String("title", "", "the name of the customer, for people")
	list := &cobra.Command{Use: "list", Short: "List all instances", Args: cobra.NoArgs, RunE: run(listInstances)}
	show := &cobra.Command{Use: "show NAME", Short: "Show an instance", Args: cobra.ExactArgs(1), RunE: run(showInstance)}
	withJSON(create, list, show)
	c.AddCommand(create, list, show)
	return c
}

// instanceJSON is an instance as scripts see it.
type instanceJSON struct {
	ID          string    `json:"id"`
	Instance    string    `json:"instance"`
	Title       string    `json:"title"`
	Edition     string    `json:"edition"`
	Environment string    `json:"environment"`
	SCIM        bool      `json:"scim"`
	Created     time.Time `json:"created"`
	// Users, Groups and Keys count; nil in lists.
	Users  *int `json:"users,omitempty"`
	Groups *int `json:"groups,omitempty"`
	Keys   *int `json:"validKeys,omitempty"`
}

func describeInstance(i *instance.Instance) instanceJSON {
	return instanceJSON{
		ID: i.ID, Instance: i.Slug, Title: i.Name, Edition: string(i.Edition), Environment: string(i.Environment),
		SCIM: i.Edition.SCIM(), Created: i.Created,
	}
}

func createInstance(a *application, c *cobra.Command, args []string) error {
	edition, _ := c.Flags().GetString("edition")
	environment, _ := c.Flags().GetString("environment")
	title, _ := c.Flags().GetString("title")
	i, err := a.instances.Create(c.Context(), instance.Instance{
		Slug: args[0], Name: title, Edition: instance.Edition(edition), Environment: instance.Environment(environment),
	}, administrator())
	if err != nil {
		return err
	}
	return a.print(c, describeInstance(i), func() error {
		return a.line("instance %s created (%s edition, %s)", i.Slug, i.Edition, i.Environment)
	})
}

func listInstances(a *application, c *cobra.Command, _ []string) error {
	list, err := a.instances.List(c.Context())
	if err != nil {
		return err
	}
	described := make([]instanceJSON, len(list))
	rows := make([][]string, len(list))
	for i, x := range list {
		described[i] = describeInstance(x)
		rows[i] = []string{x.Slug, x.Name, string(x.Edition), string(x.Environment), stamp(x.Created)}
	}
	return a.print(c, described, func() error { return a.table("INSTANCE | TITLE | EDITION | ENVIRONMENT | CREATED", rows) })
}

func showInstance(a *application, c *cobra.Command, args []string) error {
	i, err := a.instances.BySlug(c.Context(), args[0])
	if err != nil {
		return err
	}
	sc := provisioning.Scope{Instance: i, Actor: administrator()}
	d := describeInstance(i)
	_, userPage, err := a.users.Users(c.Context(), sc, provisioning.Query{})
	if err != nil {
		return err
	}
	_, groupPage, err := a.users.Groups(c.Context(), sc, provisioning.Query{})
	if err != nil {
		return err
	}
	keys, err := a.instances.Keys(c.Context(), i)
	if err != nil {
		return err
	}
	valid := 0
	for _, k := range keys {
		if k.State(time.Now()) == "valid" {
			valid++
		}
	}
	users, groups := userPage.Total, groupPage.Total
	d.Users, d.Groups, d.Keys = &users, &groups, &valid
	return a.print(c, d, func() error {
		scim := "yes"
		if !d.SCIM {
			scim = "no: the " + d.Edition + " edition has no SCIM-based user provisioning"
		}
		return a.line("instance     %s\ntitle        %s\nedition      %s\nenvironment  %s\nSCIM         %s\ncreated      %s\nusers        %d\ngroups       %d\nvalid keys   %d",
			d.Instance, d.Title, d.Edition, d.Environment, scim, stamp(d.Created), users, groups, valid)
	})
}
