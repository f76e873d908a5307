package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster/server/administration"
	"muster/server/provisioning"
)

func newImport() *cobra.Command {
	c := &cobra.Command{
		Use: "import FILE", Short: "Create users in bulk, from JSON lines or CSV",
		Args: cobra.ExactArgs(1), RunE: runIn(importUsers),
		Long: `Create users in bulk, each with a row in the history; FILE may be - for standard
input. JSON lines hold a SCIM user each. The first row of a CSV names fields of
users, by name or title: userName,firstName,lastName,email.

Users are written by the hundred, each hundred in one transaction. Who is there
already stays as he or she is, so that an import that was cut off is completed
by running it again. No invitations are sent.`,
		Example: `  muster-server import people.jsonl --instance acme
  muster-server import people.csv --instance acme --refused refused.jsonl`,
	}
	c.Flags().String("format", "", "jsonl or csv; by default what the file's name ends in")
	c.Flags().Bool("provisioned", false,
		"the users are managed by an identity provider already; by default they are manual "+
			"accounts, which one can pick up")
	c.Flags().String("refused", "",
		"a file for the lines that made no user, as JSON lines with the reason")
	withInstance(c)
	withJSON(c)
	return c
}

// shownRefusals is how many lines that made no user are shown.
const shownRefusals = 20

func importUsers(
	a *application, c *cobra.Command, sc provisioning.Scope, args []string,
) (err error) {
	in := c.InOrStdin()
	if args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	o := administration.UserImport{}
	if o.Format, _ = c.Flags().GetString("format"); o.Format == "" {
		o.Format = strings.TrimPrefix(filepath.Ext(args[0]), ".")
	}
	o.Provisioned, _ = c.Flags().GetBool("provisioned")
	refused := io.Discard
	if name, _ := c.Flags().GetString("refused"); name != "" {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		refused = f
	}
	e, shown := json.NewEncoder(refused), 0
	people := harmless{c.ErrOrStderr()}
	o.Refused = func(r administration.RefusedLine) error {
		if shown++; shown <= shownRefusals {
			fmt.Fprintf(people, "line %d: %s\n", r.Line,
				strings.TrimPrefix(r.UserName+": "+r.Reason, ": "))
		}
		return e.Encode(r)
	}
	began, told := time.Now(), time.Now()
	o.Progress = func(done administration.Imported) {
		if time.Since(told) > 2*time.Second {
			told = time.Now()
			fmt.Fprintf(people, "%d created, %d there already, %d refused; %.0f s\n", done.Created,
				done.Existing, done.Refused, time.Since(began).Seconds())
		}
	}
	done, err := a.admin.ImportUsers(c.Context(), sc, in, o)
	if err != nil {
		return fmt.Errorf("%w (%d users were created before; run it again to go on)", err,
			done.Created)
	}
	if shown > shownRefusals {
		fmt.Fprintf(people, "and %d more lines\n", shown-shownRefusals)
	}
	err = a.print(c, done, func() error {
		return a.line("%d users created in %s, %d there already, %d refused; %d linked with "+
			"managers who came later", done.Created, sc.Instance.Slug, done.Existing, done.Refused,
			done.Linked)
	})
	if err == nil && done.Refused > 0 {
		err = fmt.Errorf("%d lines made no user; see above, or the file of --refused", done.Refused)
	}
	return err
}
