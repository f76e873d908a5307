package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim/filter"
	"muster/server/scim/tolerance"
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

func newUser() *cobra.Command {
	c := &cobra.Command{
		Use: "user", Short: "Make, show and change user accounts by hand",
		Long: `User accounts that are made here are manual accounts, as an administrator makes
them in the application. A provider that looks a user up by the same User Name
picks the account up.`,
	}
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a user account by hand", Args: cobra.ExactArgs(1), RunE: run(createUser),
		Example: `  muster-server user create scim-sync --instance acme --integration --role lite-admin
  muster-server user create anna@acme.example --instance acme --first-name Anna --last-name Novak`,
	}
	create.Flags().Bool("integration", false, "an integration user: may hold API keys, and is not visible over SCIM")
	create.Flags().String("role", "user", "user, lite-admin or admin")
	for _, f := range userFlags {
		create.Flags().String(f.name, "", "the field "+f.field.Label())
	}
	create.Flags().Bool("no-invitation", false, "write no invitation to the outbox")
	create.Flags().StringToString("field", nil, "custom fields, as NAME=VALUE; may be given several times")
	list := &cobra.Command{
		Use: "list", Short: "List users", Args: cobra.NoArgs, RunE: run(listUsers),
		Example: `  muster-server user list --instance acme --filter 'active eq false'`,
	}
	list.Flags().String("filter", "", "a SCIM filter")
	show := &cobra.Command{Use: "show NAME", Short: "Show a user with all fields", Args: cobra.ExactArgs(1), RunE: run(showUser)}
	setRole := &cobra.Command{Use: "set-role NAME ROLE", Short: "Give a user the role user, lite-admin or admin", Args: cobra.ExactArgs(2), RunE: run(setRole)}
	suspend := &cobra.Command{Use: "suspend NAME", Short: "Suspend a user", Args: cobra.ExactArgs(1), RunE: run(setActive(false))}
	reactivate := &cobra.Command{Use: "reactivate NAME", Short: "Reactivate a suspended user", Args: cobra.ExactArgs(1), RunE: run(setActive(true))}
	remove := &cobra.Command{Use: "delete NAME", Short: "Delete a user; the keys of an integration user end", Args: cobra.ExactArgs(1), RunE: run(deleteUser)}
	withInstance(create, list, show, setRole, suspend, reactivate, remove)
	withJSON(create, list, show)
	c.AddCommand(create, list, show, setRole, suspend, reactivate, remove, newUpdateField())
	return c
}

// userJSON is a user as scripts see it.
type userJSON struct {
	ID          string                   `json:"id"`
	UserName    string                   `json:"userName"`
	State       string                   `json:"state"`
	Source      string                   `json:"source"`
	Integration bool                     `json:"integration"`
	Role        string                   `json:"role"`
	Fields      map[mapping.Field]string `json:"fields"`
	ManagerID   string                   `json:"managerId,omitempty"`
	Groups      []string                 `json:"groups,omitempty"`
	// Objects are the names of the objects that the user is linked to, by
	// type: job-title.
	Objects  map[string]string `json:"objects,omitempty"`
	Version  int64             `json:"version"`
	Created  time.Time         `json:"created"`
	Modified time.Time         `json:"modified"`
}

func describeUser(u *provisioning.User) userJSON {
	state := "active"
	if !u.Active {
		state = "suspended"
	}
	return userJSON{
		ID: u.ID, UserName: u.UserName(), State: state, Source: string(u.Source), Integration: u.Integration, Role: string(u.Role),
		Fields: u.Fields, ManagerID: u.Manager.ID, Version: u.Version, Created: u.Created, Modified: u.Modified,
	}
}

func createUser(a *application, c *cobra.Command, args []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	account := provisioning.Account{Fields: mapping.Fields{mapping.UserName: args[0]}}
	for _, f := range userFlags {
		if value, _ := c.Flags().GetString(f.name); value != "" {
			account.Fields[f.field] = value
		}
	}
	custom, _ := c.Flags().GetStringToString("field")
	for name, value := range custom {
		f := field(sc, name)
		if !instance.HasField(sc.Instance.Fields, string(f)) {
			return fmt.Errorf("instance %s has no custom field %q; `muster-server field list --instance %s` shows its fields", sc.Instance.Slug, name, sc.Instance.Slug)
		}
		account.Fields[f] = value
	}
	account.Integration, _ = c.Flags().GetBool("integration")
	account.Uninvited, _ = c.Flags().GetBool("no-invitation")
	role, _ := c.Flags().GetString("role")
	if account.Role, err = instance.ParseRole(role); err != nil {
		return err
	}
	u, err := a.users.AddUser(c.Context(), sc, account)
	if err != nil {
		return err
	}
	return a.print(c, describeUser(u), func() error {
		kind := "user"
		if u.Integration {
			kind = "integration user"
		}
		return a.line("%s %s created in %s (role %s)", kind, u.UserName(), sc.Instance.Slug, u.Role)
	})
}

// perPage is how many rows a command reads at once.
const perPage = 1000

// filter reads the flag --filter; nil without one.
func (a *application) filter(c *cobra.Command, sc provisioning.Scope) (filter.Node, error) {
	text, _ := c.Flags().GetString("filter")
	if text == "" {
		return nil, nil
	}
	policy := tolerance.New(false)
	e, err := filter.Parse(text, policy)
	if err != nil {
		return nil, err
	}
	return filter.Bind(a.users.UserType(sc.Instance), e, policy)
}

func listUsers(a *application, c *cobra.Command, _ []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	q := provisioning.Query{Integration: true, Limit: perPage}
	if q.Filter, err = a.filter(c, sc); err != nil {
		return err
	}
	described := []userJSON{}
	var rows [][]string
	for {
		users, _, err := a.users.Users(c.Context(), sc, q)
		if err != nil {
			return err
		}
		for _, u := range users {
			d := describeUser(u)
			described = append(described, d)
			rows = append(rows, []string{d.UserName, u.Display(), d.State, d.Source, d.Role, u.Fields[mapping.ScimSyncJobTitle]})
		}
		if len(users) < perPage {
			break
		}
		q.Offset += perPage
	}
	return a.print(c, described, func() error {
		return a.table("USER NAME | DISPLAY NAME | STATE | SOURCE | ROLE | SCIM SYNC JOB TITLE", rows)
	})
}

func showUser(a *application, c *cobra.Command, args []string) error {
	sc, err := a.scope(c)
	if err != nil {
		return err
	}
	u, err := a.users.UserByName(c.Context(), sc, args[0])
	if err != nil {
		return err
	}
	groups, err := a.users.Memberships(c.Context(), sc, u.ID)
	if err != nil {
		return err
	}
	d := describeUser(u)
	for _, g := range groups[u.ID] {
		d.Groups = append(d.Groups, g.Display)
	}
	if d.Objects, err = a.users.Links(c.Context(), u); err != nil {
		return err
	}
	return a.print(c, d, func() error {
		rows := [][]string{{"Id", d.ID}, {"State", d.State}, {"Source", d.Source}, {"Role", d.Role}}
		for _, f := range u.Fields.Names() {
			value := u.Fields[f]
			if f == mapping.DirectManager {
				value += map[bool]string{true: " (" + u.Manager.DisplayName + ")", false: " (pending: not in the instance yet)"}[u.Manager.ID != ""]
			}
			rows = append(rows, []string{f.Label(), value})
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
		rows = append(rows, []string{"Created", stamp(d.Created)}, []string{"Modified", stamp(d.Modified)})
		return a.table("FIELD | VALUE", rows)
	})
}

// named returns the user that a command is about.
func (a *application) named(c *cobra.Command, userName string) (provisioning.Scope, *provisioning.User, error) {
	sc, err := a.scope(c)
	if err != nil {
		return sc, nil, err
	}
	u, err := a.users.UserByName(c.Context(), sc, userName)
	return sc, u, err
}

func setRole(a *application, c *cobra.Command, args []string) error {
	role, err := instance.ParseRole(args[1])
	if err != nil {
		return err
	}
	sc, u, err := a.named(c, args[0])
	if err != nil {
		return err
	}
	changed, err := a.users.SetRole(c.Context(), sc, u, role)
	if err != nil {
		return err
	}
	if !changed {
		return a.line("user %s has the role %s already", u.UserName(), role)
	}
	if u.Integration && !role.HoldsKeys() {
		return a.line("user %s has the role %s now: the API keys of this user stop working", u.UserName(), role)
	}
	return a.line("user %s has the role %s now", u.UserName(), role)
}

func setActive(active bool) func(*application, *cobra.Command, []string) error {
	state := map[bool]string{true: "active", false: "suspended"}[active]
	return func(a *application, c *cobra.Command, args []string) error {
		sc, u, err := a.named(c, args[0])
		if err != nil {
			return err
		}
		_, changed, err := a.users.SetActive(c.Context(), sc, u, active)
		if err != nil {
			return err
		}
		already := ""
		if !changed {
			already = " already"
		}
		return a.line("user %s is %s%s", u.UserName(), state, already)
	}
}

func deleteUser(a *application, c *cobra.Command, args []string) error {
	sc, u, err := a.named(c, args[0])
	if err != nil {
		return err
	}
	if err := a.users.DeleteUser(c.Context(), sc, u.ID, nil); err != nil {
		return fmt.Errorf("delete %s: %w", u.UserName(), err)
	}
	return a.line("user %s deleted", u.UserName())
}
