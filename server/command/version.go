package command

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"muster/buildinfo"
)

func newVersion() *cobra.Command {
	c := &cobra.Command{
		Use: "version", Short: "Show version, commit and its date", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out, b := &application{out: harmless{c.OutOrStdout()}}, buildinfo.Read()
			return out.print(c, b, func() error { return out.line("muster-server %s", b) })
		},
	}
	withJSON(c)
	return c
}

func newMan() *cobra.Command {
	return &cobra.Command{
		Use: "man DIRECTORY", Short: "Write the manual pages of all commands",
		Args:    cobra.ExactArgs(1),
		Example: "  muster-server man /usr/local/share/man/man1",
		RunE: func(c *cobra.Command, args []string) error {
			if info, err := os.Stat(args[0]); err != nil || !info.IsDir() {
				return fmt.Errorf("there is no directory %s: make it first", args[0])
			}
			root := c.Root()
			root.DisableAutoGenTag = true // it has the date of today
			return doc.GenManTree(root,
				&doc.GenManHeader{
					Title: "MUSTER-SERVER", Section: "1", Source: "Muster", Manual: "Muster",
				}, args[0])
		},
	}
}
