package command

import (
	"strconv"

	"github.com/spf13/cobra"

	"muster/server/administration"
	"muster/server/provisioning"
	"muster/server/workflow"
)

const ruleExample = `  muster-server rule create titles --instance acme --field scimSyncJobTitle \
      --do create:job-title
  muster-server rule create heads --instance acme --field scimSyncJobTitle \
      --when 'matches:^Head of' --do 'add-to-group:Heads'`

func newRule() *cobra.Command {
	c := &cobra.Command{
		Use: "rule", Short: "Show and change workflow rules",
		Long: `Workflow rules do something when a field of a user gets a new value: link the user to
an object such as a job title, put him or her into a group, or set a field. They run
in their order, in the transaction of the change; one that fails is recorded in the
change history, and never loses the change.`,
	}
	create := &cobra.Command{
		Use: "create NAME", Short: "Add a rule behind the others", Args: cobra.ExactArgs(1),
		RunE: runIn(createRule),
		Long: `Add a rule behind the others.

Conditions (--when): changed, equals:VALUE, one-of:A|B, matches:REGEXP.
Actions (--do, several): link:TYPE links to the object of the name, create:TYPE makes
it first if it is missing, add-to-group:GROUP, remove-from-group:GROUP,
set:FIELD=VALUE, clear:FIELD. {value} stands for the new value.`,
		Example: ruleExample,
	}
	create.Flags().String("field", "", "the field whose change the rule watches")
	create.Flags().String("when", "changed", "what the new value must be")
	create.Flags().StringArray("do", nil, "what to do; may be given several times")
	for _, name := range []string{"field", "do"} {
		if err := create.MarkFlagRequired(name); err != nil {
			panic(err)
		}
	}
	list := &cobra.Command{
		Use: "list", Short: "List the rules in their order", Args: cobra.NoArgs,
		RunE: runIn(listRules),
	}
	remove := &cobra.Command{
		Use: "delete NAME", Short: "Delete a rule", Args: cobra.ExactArgs(1),
		RunE: runIn(deleteRule),
	}
	withInstance(create, list, remove)
	withJSON(list)
	c.AddCommand(create, list, remove)
	return c
}

func createRule(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	n := administration.NewRule{Name: args[0]}
	n.Field, _ = c.Flags().GetString("field")
	n.When, _ = c.Flags().GetString("when")
	n.Do, _ = c.Flags().GetStringArray("do")
	r, err := a.admin.CreateRule(c.Context(), sc, n)
	if err != nil {
		return err
	}
	return a.line("rule %s added to %s: %s", r.Name, sc.Instance.Slug,
		administration.DescribeRule(r))
}

func listRules(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	rules := append([]workflow.Rule{}, sc.Instance.Workflow.Rules...)
	return a.print(c, rules, func() error {
		rows := make([][]string, len(rules))
		for i, r := range rules {
			rows[i] = []string{strconv.Itoa(i + 1), r.Name, administration.DescribeRule(r)}
		}
		return a.table("ORDER | RULE | WHAT", rows)
	})
}

func deleteRule(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	name, err := a.admin.DeleteRule(c.Context(), sc, args[0])
	if err != nil {
		return err
	}
	return a.line("rule %s deleted from %s", name, sc.Instance.Slug)
}

func newObject() *cobra.Command {
	c := &cobra.Command{
		Use: "object", Short: "Make and show objects that users are linked to",
		Long: `Objects are what workflow rules link users to by name. Every instance has the type
job-title; others are defined here.`,
	}
	define := &cobra.Command{
		Use: "define TYPE", Short: "Define a type of objects", Args: cobra.ExactArgs(1),
		RunE: runIn(defineType),
	}
	create := &cobra.Command{
		Use: "create TYPE NAME", Short: "Make an object", Args: cobra.ExactArgs(2),
		RunE:    runIn(createObject),
		Example: `  muster-server object create job-title "Project Manager" --instance acme`,
	}
	list := &cobra.Command{
		Use: "list", Short: "List the objects with how many users are linked to each",
		Args: cobra.NoArgs, RunE: runIn(listObjects),
	}
	withInstance(define, create, list)
	withJSON(list)
	c.AddCommand(define, create, list)
	return c
}

func defineType(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	if err := a.admin.DefineType(c.Context(), sc, args[0]); err != nil {
		return err
	}
	return a.line("object type %s defined in %s", args[0], sc.Instance.Slug)
}

func createObject(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	o, err := a.admin.Users.AddObject(c.Context(), sc, args[0], args[1])
	if err != nil {
		return err
	}
	return a.line("%s %q made in %s", o.Type, o.Name, sc.Instance.Slug)
}

func listObjects(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	objects, err := a.admin.Users.Objects(c.Context(), sc)
	if err != nil {
		return err
	}
	return a.print(c, objects, func() error {
		rows := make([][]string, len(objects))
		for i, o := range objects {
			rows[i] = []string{o.Type, o.Name, strconv.Itoa(o.Users)}
		}
		return a.table("TYPE | NAME | USERS", rows)
	})
}
