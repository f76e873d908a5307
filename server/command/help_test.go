package command

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestFlagsAreShown: each flag is shown with a name for its value, and not with prose.
func TestFlagsAreShown(t *testing.T) {
	t.Parallel()
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
	look(newRoot())
	if flags < 50 {
		t.Errorf("there are %d flags", flags)
	}
}
