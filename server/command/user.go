package command

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"muster/server/administration"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/usage"
)

// userFlags are the flags of `user create` that fill a field.
var userFlags = []struct {
	name  string
	field mapping.Field
}{
	{"display-name", mapping.DisplayName},
	{"email", mapping.Email},
	{"first-name", mapping.FirstName},
	{"last-name", mapping.LastName},
	{"office-phone", mapping.OfficePhone},
	{"mobile-phone", mapping.MobilePhone},
	{"manager", mapping.DirectManager},
	{"job-title", mapping.ScimSyncJobTitle},
}

const userExample = `  muster-server user create scim-sync --instance acme --integration \
      --role lite-admin
  muster-server user create anna@acme.example --instance acme --first-name Anna --last-name Novak`

func newUser() *cobra.Command {
	c := &cobra.Command{
		Use: "user", Short: "Make, show and change user accounts by hand",
		Long: `User accounts that are made here are manual accounts, as an administrator makes
them in the application. A provider that looks a user up by the same User Name
picks the account up.`,
	}
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a user account by hand", Args: cobra.ExactArgs(1),
		RunE:    runIn(createUser),
		Example: userExample,
	}
	create.Flags().Bool("integration", false,
		"an integration user: may hold API keys, and is not visible over SCIM")
	create.Flags().String("role", "user", "user, lite-admin or admin")
	usage.Complete(create, "role", usage.OneOf("user", "lite-admin", "admin"))
	for _, f := range userFlags {
		create.Flags().String(f.name, "", "the field "+f.field.Label())
	}
	create.Flags().Bool("no-invitation", false, "write no invitation to the outbox")
	create.Flags().StringToString("field", nil,
		"custom fields, as NAME=VALUE; may be given several times")
	list := &cobra.Command{
		Use: "list", Short: "List users", Args: cobra.NoArgs, RunE: runIn(listUsers),
		Example: `  muster-server user list --instance acme --filter 'active eq false'`,
	}
	list.Flags().String("filter", "", "a SCIM filter")
	show := &cobra.Command{
		Use: "show NAME", Short: "Show a user with all fields", Args: cobra.ExactArgs(1),
		RunE: runIn(showUser),
	}
	setRole := &cobra.Command{
		Use: "set-role NAME ROLE", Short: "Give a user the role user, lite-admin or admin",
		Args: cobra.ExactArgs(2), RunE: runIn(setRole),
	}
	suspend := &cobra.Command{
		Use: "suspend NAME", Short: "Suspend a user", Args: cobra.ExactArgs(1),
		RunE: runIn(setActive(false)),
	}
	reactivate := &cobra.Command{
		Use: "reactivate NAME", Short: "Reactivate a suspended user", Args: cobra.ExactArgs(1),
		RunE: runIn(setActive(true)),
	}
	remove := &cobra.Command{
		Use: "delete NAME", Short: "Delete a user; the keys of an integration user end",
		Args: cobra.ExactArgs(1), RunE: runIn(deleteUser),
	}
	withInstance(create, list, show, setRole, suspend, reactivate, remove)
	withJSON(create, list, show)
	c.AddCommand(create, list, show, setRole, suspend, reactivate, remove, newUpdateField())
	return c
}

func createUser(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	n := administration.NewUser{UserName: args[0], Fields: make(map[string]string)}
	for _, f := range userFlags {
		if value, _ := c.Flags().GetString(f.name); value != "" {
			n.Fields[string(f.field)] = value
		}
	}
	custom, _ := c.Flags().GetStringToString("field")
	maps.Copy(n.Fields, custom)
	n.Integration, _ = c.Flags().GetBool("integration")
	n.Uninvited, _ = c.Flags().GetBool("no-invitation")
	n.Role, _ = c.Flags().GetString("role")
	u, err := a.admin.CreateUser(c.Context(), sc, n)
	if err != nil {
		return err
	}
	return a.print(c, u, func() error {
		kind := "user"
		if u.Integration {
			kind = "integration user"
		}
		return a.line("%s %s created in %s (role %s)", kind, u.UserName, sc.Instance.Slug, u.Role)
	})
}

func listUsers(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	text, _ := c.Flags().GetString("filter")
	users, err := a.admin.ListUsers(c.Context(), sc, text)
	if err != nil {
		return err
	}
	return a.print(c, users, func() error {
		rows := make([][]string, len(users))
		for i, u := range users {
			rows[i] = []string{
				u.UserName, u.DisplayName, u.State, u.Source, u.Role,
				u.Fields[mapping.ScimSyncJobTitle],
			}
		}
		return a.table("USER NAME | DISPLAY NAME | STATE | SOURCE | ROLE | SCIM SYNC JOB TITLE",
			rows)
	})
}

func showUser(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	d, err := a.admin.ShowUser(c.Context(), sc, args[0])
	if err != nil {
		return err
	}
	return a.print(c, d, func() error {
		rows := [][]string{{"Id", d.ID}, {"State", d.State}, {"Source", d.Source}, {"Role", d.Role}}
		for _, f := range mapping.Fields(d.Fields).Names() {
			value := d.Fields[f]
			if f == mapping.DirectManager {
				value += map[bool]string{
					true: " (" + d.ManagerName + ")", false: " (pending: not in the instance yet)",
				}[d.ManagerID != ""]
			}
			rows = append(rows, []string{administration.Title(sc, f), value})
		}
		for _, kind := range slices.Sorted(maps.Keys(d.Objects)) {
			rows = append(rows, []string{kind, d.Objects[kind]})
		}
		for i, g := range d.Groups {
			label := "Groups"
			if i > 0 {
				label = ""
			}
			rows = append(rows, []string{label, g})
		}
		rows = append(rows, []string{"Created", stamp(d.Created)},
			[]string{"Modified", stamp(d.Modified)})
		return a.table("FIELD | VALUE", rows)
	})
}

func setRole(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	u, changed, err := a.admin.SetRole(c.Context(), sc, args[0], args[1])
	if err != nil {
		return err
	}
	if !changed {
		return a.line("user %s has the role %s already", u.UserName, u.Role)
	}
	if u.Integration && !instance.Role(u.Role).HoldsKeys() {
		return a.line("user %s has the role %s now: the API keys of this user stop working",
			u.UserName, u.Role)
	}
	return a.line("user %s has the role %s now", u.UserName, u.Role)
}

func setActive(active bool) func(*application, *cobra.Command, provisioning.Scope, []string) error {
	state := map[bool]string{true: "active", false: "suspended"}[active]
	return func(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
		u, changed, err := a.admin.SetActive(c.Context(), sc, args[0], active)
		if err != nil {
			return err
		}
		already := ""
		if !changed {
			already = " already"
		}
		return a.line("user %s is %s%s", u.UserName, state, already)
	}
}

func deleteUser(a *application, c *cobra.Command, sc provisioning.Scope, args []string) error {
	name, err := a.admin.DeleteUser(c.Context(), sc, args[0])
	if err != nil {
		return err
	}
	return a.line("user %s deleted", name)
}
