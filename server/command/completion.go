package command

import (
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"muster/server/instance"
)

// completeInstances offers the instances of the database.
func completeInstances(
	c *cobra.Command, _ []string, prefix string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	return offer(c, prefix, func(a *application) ([]cobra.Completion, error) {
		list, err := a.admin.Instances.List(c.Context())
		return each(list, func(i *instance.Instance) string { return i.Slug }), err
	})
}

// completeFields offers the fields of the instance as the first argument.
func completeFields(
	c *cobra.Command, args []string, prefix string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return offer(c, prefix, func(a *application) ([]cobra.Completion, error) {
		sc, err := a.scope(c)
		if err != nil {
			return nil, err
		}
		var names []string
		for _, row := range a.admin.Users.Mapping(sc.Instance) {
			names = append(names, string(row.Field))
		}
		return names, nil
	})
}

// offer returns what begins with a prefix of what is found in the database; nothing
// if that cannot be opened.
func offer(
	c *cobra.Command, prefix string, find func(*application) ([]cobra.Completion, error),
) ([]cobra.Completion, cobra.ShellCompDirective) {
	if err := configure(c.Flags()); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	a, err := open(c, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	list, err := find(a)
	if closed := a.store.Close(); err != nil || closed != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var fitting []cobra.Completion
	for _, name := range list {
		if strings.HasPrefix(strings.ToLower(name), strings.ToLower(prefix)) {
			fitting = append(fitting, name)
		}
	}
	return fitting, cobra.ShellCompDirectiveNoFileComp
}

func each[T any](list []T, name func(T) string) []string {
	names := make([]string, len(list))
	for i, x := range list {
		names[i] = name(x)
	}
	return names
}
