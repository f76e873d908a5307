// Package usagetest checks what the help of both programs shows.
package usagetest

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Flags fails the test for each flag, of a command and all below it, that is shown with
// prose and not with a name for its value; and if there are fewer than 50 flags.
func Flags(t *testing.T, root *cobra.Command) {
	t.Helper()
	flags := 0
	var look func(*cobra.Command)
	look = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			flags++
			if name, _ := pflag.UnquoteUsage(f); strings.ContainsAny(name, " ;") {
				t.Errorf("%s --%s is shown as --%s %s", c.CommandPath(), f.Name, f.Name, name)
			}
		})
		for _, below := range c.Commands() {
			look(below)
		}
	}
	look(root)
	if flags < 50 {
		t.Errorf("there are %d flags", flags)
	}
}
