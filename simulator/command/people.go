package command

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"muster/simulator/account"
	"muster/simulator/administration"
	"muster/simulator/client"
	"muster/simulator/directory"
	"muster/simulator/report"
	"muster/spec"
)

func newGenerate() *cobra.Command {
	c := &cobra.Command{
		Use:   "generate DIRECTORY",
		Short: "Make up a company of any size, with an account and a rollout",
		Args:  cobra.ExactArgs(1), RunE: generate,
		Long: `Make up a company: users.csv with its people in OneLogin's columns, account.yaml
and rollout.yaml. The names are in several scripts, with apostrophes and
plus-addresses; people share surnames, and those who share a whole name get
numbered user names; some have no manager, and the first two manage each other.

The same seed gives the same company. With --months it is the same company some
months later: people left, came, moved, changed their names, or are on leave. An
existing account.yaml or rollout.yaml is kept, so that the later company can be put
over the earlier one and synced.`,
		Example: `  muster-simulator generate company --people 600
  muster-simulator generate company --people 600 --months 3
  muster-simulator generate big --people 1000000 --seed 7`,
	}
	c.Flags().Int("people", 600, "how many people, 10 to 1,000,000")
	c.Flags().Uint64("seed", 1, "another seed gives another company")
	c.Flags().Int("months", 0, "how many months later, 0 to 120")
	c.Flags().String("domain", "acme.example", "the domain of the e-mail addresses")
	c.Flags().Int("squad-size", 250,
		"about how many people make a squad; each squad is a role, and so a group")
	return c
}

func generate(c *cobra.Command, args []string) (err error) {
	company := directory.Company{}
	company.People, _ = c.Flags().GetInt("people")
	company.Seed, _ = c.Flags().GetUint64("seed")
	company.Months, _ = c.Flags().GetInt("months")
	company.Domain, _ = c.Flags().GetString("domain")
	company.SquadSize, _ = c.Flags().GetInt("squad-size")
	roles, err := company.Roles()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // people look into it
		return err
	}
	p := report.NewProgress(os.Stderr)
	company.Progress = p.Show
	users := filepath.Join(args[0], "users.csv")
	err = administration.ReplaceFile(users,
		func(w io.Writer) error { return company.Generate(c.Context(), w) })
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		v    any
	}{{"account.yaml", companyAccount(company, roles)}, {"rollout.yaml", companyRollout()}} {
		path := filepath.Join(args[0], f.name)
		text, err := yaml.Marshal(f.v)
		if err != nil {
			return err
		}
		if _, there := os.Stat(path); there == nil {
			fmt.Fprintf(c.OutOrStdout(), "%s is there already, and was kept\n", path)
			continue
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(c.OutOrStdout(),
		"%s: people of %s\nNext: export ACME_BASE_URL and ACME_TOKEN, then muster-simulator "+
			"preflight -f %s\n",
		users, company.Domain, filepath.Join(args[0], "rollout.yaml"))
	return err
}

// companyAccount is the account of a generated company, with an app.
func companyAccount(company directory.Company, roles []string) yaml.MapSlice {
	return yaml.MapSlice{
		{Key: "account", Value: "The people of " + company.Domain},
		{Key: "users", Value: "users.csv"},
		{Key: "roles", Value: roles},
		{Key: "apps", Value: []yaml.MapSlice{{
			{Key: "name", Value: "acme"},
			{Key: "configuration", Value: yaml.MapSlice{
				{Key: "base_url", Value: map[string]string{"env": "ACME_BASE_URL"}},
				{Key: "bearer_token", Value: map[string]string{"env": "ACME_TOKEN"}},
			}},
			{Key: "provisioning", Value: map[string]bool{"enabled": true}},
			{Key: "parameters", Value: map[string]any{"groups": map[string]bool{"included": true}}},
			{
				Key: "rules",
				Value: []map[string]string{
					{
						"name":                  "A group for each team and squad",
						"set_groups_from_roles": "(?:Team|Squad) .*",
					},
				},
			},
			{Key: "access", Value: map[string]any{"roles": []string{"Employees", "Contractors"}}},
		}}},
	}
}

func companyRollout() yaml.MapSlice {
	wave := func(name string, users any) yaml.MapSlice {
		return yaml.MapSlice{{Key: "name", Value: name}, {Key: "users", Value: users}}
	}
	return yaml.MapSlice{
		{Key: "rollout", Value: "A gradual rollout"},
		{Key: "account", Value: "account.yaml"},
		{Key: "app", Value: "acme"},
		{Key: "waves", Value: []yaml.MapSlice{
			wave("Pilot", map[string]any{"roles": []string{"Pilot"}}),
			wave("A tenth of all", map[string]any{"percent": 10}),
			wave("Everybody", map[string]any{"everybody": true}),
		}},
	}
}

func newDirectory() *cobra.Command {
	c := &cobra.Command{
		Use: "directory", Short: "Take people in from a CSV file, and give them out",
	}
	export := &cobra.Command{
		Use: "export", Short: "Write the people of an account as OneLogin's user CSV",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			path, _ := c.Flags().GetString("file")
			a, err := account.Load(path)
			if err != nil {
				return err
			}
			return a.Directory.Write(c.OutOrStdout())
		},
	}
	take := &cobra.Command{
		Use:   "import FILE",
		Short: "Add people of a CSV file to an account, and change those it has",
		Args:  cobra.ExactArgs(1), RunE: importPeople,
		Long: `Add the people of a CSV file to the account's own, and change those whom it has
already: the person of the same id; or, where the file or the account has no id for
somebody, of the same user name. An e-mail address identifies nobody, and an id never
changes. A column that the account lacks is added, as a custom attribute. Who is not in
the file stays, unless --remove is given. Each person who changes is listed, field by
field; --dry-run lists and writes nothing. Nothing is written if any line is wrong.

The file may have commas, semicolons or tabs, in UTF-8 or UTF-16. The columns and status
words of exports of OneLogin, Okta, Entra ID, Google Workspace and BambooHR are known;
others are named by --map.`,
		Example: `  muster-simulator directory import people.csv --dry-run
  muster-simulator directory import people.csv --remove
  muster-simulator directory import hr.csv --map "Work email=email" --map "Staff no=id"`,
	}
	take.Flags().Bool("remove", false, "remove who is not in the file")
	take.Flags().String("preset", "",
		"whose export it is: onelogin, okta, entra, google, bamboohr or none (default: found by "+
			"its columns)")
	take.Flags().StringArray("map", nil,
		"what a column of the file is called here, such as \"Work email=email\"; may be given "+
			"several times")
	take.Flags().Bool("dry-run", false, "show what would change, and write nothing")
	withJSON(take)
	for _, x := range []*cobra.Command{export, take} {
		x.Flags().StringP("file", "f", "account.yaml", "the account")
	}
	c.AddCommand(export, take)
	return c
}

func importPeople(c *cobra.Command, args []string) error {
	path, _ := c.Flags().GetString("file")
	a, err := account.Load(path)
	if err != nil {
		return err
	}
	export, err := exportOf(c)
	if err != nil {
		return err
	}
	from, found, err := directory.ReadExportFile(args[0], export)
	if err != nil {
		return err
	}
	remove, _ := c.Flags().GetBool("remove")
	merged, changes, err := a.Directory.Merge(from, remove)
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	if !dryRun(c) {
		if err := administration.ReplaceFile(a.UsersPath(), merged.Write); err != nil {
			return err
		}
	}
	if asJSON(c) {
		return report.JSON(c.OutOrStdout(),
			map[string]any{"file": found, "changes": changes, "written": !dryRun(c)})
	}
	return report.Imported(c.OutOrStdout(), report.Import{
		From: args[0], Found: found, Into: a.UsersPath(), Changes: changes,
		Before: len(a.Directory.Users), DryRun: dryRun(c),
	})
}

// exportOf reads the flags that say how a file of another program is read.
func exportOf(c *cobra.Command) (directory.Export, error) {
	e := directory.Export{Columns: make(map[string]string)}
	e.Preset, _ = c.Flags().GetString("preset")
	pairs, _ := c.Flags().GetStringArray("map")
	for _, pair := range pairs {
		from, to, ok := strings.Cut(pair, "=")
		if !ok || strings.TrimSpace(from) == "" || strings.TrimSpace(to) == "" {
			return e, fmt.Errorf("--map %q: give the file's column and what it is called here, "+
				"such as \"Work email=email\"", pair)
		}
		e.Columns[strings.TrimSpace(from)] = strings.TrimSpace(to)
	}
	return e, nil
}

// newUnsupported returns a command for something that OneLogin has and that
// the application does not support, as the guide says.
func newUnsupported(name string) *cobra.Command {
	reasons := map[string]string{
		"import-users": "people come from the account's own CSV file (muster-simulator directory " +
			"import); accounts that were made by hand at the application are picked up " +
			"when their User Name is the same",
		"import-groups": "groups of the application are picked up when their names are the same " +
			"(muster-simulator refresh shows them)",
		"sync-password": "passwords stay in the provider: people sign in at the application " +
			"through it, and a password that is sent is dropped",
	}
	return &cobra.Command{
		Use: name, Short: "Not supported, as in the guide; says what to do instead",
		Args: cobra.ArbitraryArgs,
		RunE: func(*cobra.Command, []string) error {
			return fmt.Errorf("%s: not supported by the application, though it may be in "+
				"the future; %s", name, reasons[name])
		},
	}
}

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use: "schema account|rollout|report",
		Short: "Print the JSON Schema of account.yaml, of rollout.yaml, or of the report of " +
			"a rehearsal",
		Args: cobra.ExactArgs(1), ValidArgs: spec.FileSchemas(),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := spec.FileSchema(args[0])
			if err == nil {
				_, err = c.OutOrStdout().Write(text)
			}
			return err
		},
	}
}

func newProfiles() *cobra.Command {
	c := &cobra.Command{
		Use: "profiles", Short: "List the providers whose requests can be sent", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if asJSON(c) {
				return report.JSON(c.OutOrStdout(), client.Profiles())
			}
			return report.Profiles(c.OutOrStdout(), client.Profiles())
		},
	}
	withJSON(c)
	return c
}
