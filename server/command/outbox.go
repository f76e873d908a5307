package command

import (
	"strconv"

	"github.com/spf13/cobra"

	"muster/server/provisioning"
)

func newOutbox() *cobra.Command {
	c := &cobra.Command{
		Use: "outbox", Short: "Show the invitations of accounts that were made by hand",
		Long: `Accounts that are made by hand get an invitation, which lies in the outbox and is
sent by "serve --smtp". What arrives by SCIM is never invited.`,
	}
	list := &cobra.Command{
		Use: "list", Short: "List the invitations of an instance", Args: cobra.NoArgs,
		RunE: runIn(listOutbox),
	}
	withInstance(list)
	withJSON(list)
	c.AddCommand(list)
	return c
}

func listOutbox(a *application, c *cobra.Command, sc provisioning.Scope, _ []string) error {
	messages, err := a.admin.Messages(c.Context(), sc)
	if err != nil {
		return err
	}
	return a.print(c, messages, func() error {
		rows := make([][]string, len(messages))
		for i, m := range messages {
			rows[i] = []string{
				m.UserName, m.To, stamp(m.Created), stamp(m.Sent), strconv.Itoa(m.Attempts),
				m.Failure,
			}
		}
		return a.table("USER | TO | CREATED | SENT | TRIES | FAILURE", rows)
	})
}
