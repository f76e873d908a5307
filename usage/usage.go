// Package usage is what the command lines of both programs have in common: a
// command line that is not right is refused with what is missing, the line that
// would be right, and the command that was perhaps meant; and ends with a status
// of its own.
package usage

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Statuses that the programs end with.
const (
	Good = 0
	// Bad says that something was found, or went wrong; the reason is on stderr.
	Bad = 1
	// Wrong says that the command line is not right, and nothing was done.
	Wrong = 2
)

// Error is a command line that is not right.
type Error struct{ text string }

func (e *Error) Error() string { return e.text }

// Errorf makes an error about the command line.
func Errorf(format string, args ...any) error { return &Error{fmt.Sprintf(format, args...)} }

// Status returns the status to end with after an error; nil is none.
func Status(err error) int {
	var wrong *Error
	switch {
	case err == nil:
		return Good
	case errors.As(err, &wrong):
		return Wrong
	}
	return Bad
}

// Prepare has a command and all below it refuse a command line that is not right
// with an [Error].
func Prepare(c *cobra.Command) {
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return wrong(c, err.Error()) })
	prepare(c)
}

func prepare(c *cobra.Command) {
	for _, below := range c.Commands() {
		prepare(below)
	}
	if c.HasSubCommands() && !c.Runnable() {
		c.Args = cobra.ArbitraryArgs
		c.RunE = group
		return
	}
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return wrong(c, arguments(c, args, err))
			}
			return missingFlags(c)
		}
	}
}

// missingFlags refuses a command line without a flag that the command needs;
// cobra would do so with an error that cannot be told from others.
func missingFlags(c *cobra.Command) error {
	var missing []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if slices.Contains(f.Annotations[cobra.BashCompOneRequiredFlag], "true") && !f.Changed {
			missing = append(missing, "--"+f.Name)
		}
	})
	switch len(missing) {
	case 0:
		return nil
	case 1:
		return wrong(c, missing[0]+" is missing")
	}
	return wrong(c, strings.Join(missing, ", ")+" are missing")
}

// group is run in place of a command that only has others below it.
func group(c *cobra.Command, args []string) error {
	if len(args) == 0 && !c.HasParent() {
		return c.Help()
	}
	text := "which command of " + c.CommandPath() + "?"
	if len(args) > 0 {
		text = fmt.Sprintf("there is no %q among the commands of %s", args[0], c.CommandPath())
		if near := suggestions(c, args[0]); len(near) > 0 {
			text += "; perhaps " + strings.Join(near, " or ")
		}
	}
	var names []string
	for _, below := range c.Commands() {
		if below.IsAvailableCommand() {
			names = append(names, below.Name())
		}
	}
	return Errorf("%s\nthere are: %s", text, strings.Join(names, ", "))
}

// suggestions returns the commands that a name is perhaps meant to be.
func suggestions(c *cobra.Command, name string) []string {
	if c.SuggestionsMinimumDistance <= 0 {
		c.SuggestionsMinimumDistance = 2
	}
	return c.SuggestionsFor(name)
}

// wrong adds the line that would be right.
func wrong(c *cobra.Command, text string) error {
	return Errorf("%s\nusage: %s\n%s --help tells more", text, c.UseLine(), c.CommandPath())
}

// arguments says what is wrong with the arguments that are no flags: those that a
// command takes stand in capitals in its line.
func arguments(c *cobra.Command, args []string, err error) string {
	var names []string
	for _, word := range strings.Fields(c.Use)[1:] {
		if strings.Trim(word, "[].…") == word {
			names = append(names, word)
		}
	}
	switch {
	case len(args) < len(names):
		return names[len(args)] + " is missing"
	case len(args) > len(names):
		return fmt.Sprintf("%q is too much", strings.Join(args[len(names):], " "))
	}
	return err.Error()
}

// Near returns that of some names which a name is perhaps meant to be; empty if
// none is near.
func Near(name string, known []string) string {
	all := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, k := range known {
		all.AddCommand(&cobra.Command{Use: k, Run: func(*cobra.Command, []string) {}})
	}
	if list := all.SuggestionsFor(name); len(list) > 0 {
		return list[0]
	}
	return ""
}
