package command

import (
	"github.com/spf13/cobra"

	"muster/simulator/account"
)

// completeApps offers the apps of the account that the flags name.
func completeApps(
	c *cobra.Command, _ []string, _ string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	path, _ := c.Flags().GetString("file")
	if flag := c.Flags().Lookup("account"); path == "" && flag != nil {
		path = flag.Value.String()
	}
	a, err := account.Load(path)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, app := range a.Apps {
		names = append(names, app.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
