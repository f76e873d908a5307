package command

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"muster/features/conformance"
	"muster/features/harness"
	"muster/simulator/account"
	"muster/simulator/report"
	"muster/simulator/template"
	"muster/usage"
)

func newCheck() *cobra.Command {
	c := &cobra.Command{
		Use: "check", Short: "Check a SCIM server against the RFCs and the guide",
		Args: cobra.NoArgs, RunE: check,
		Long: `Run the scenarios of RFC 7643, RFC 7644 and RFC 9865 against a SCIM server, and those
of the guide, in which a provider provisions it: pickups, suspensions, deletions,
conflicts, rollouts, other providers' requests, bad lines. Show by section and topic
what passed, what failed, and what was left out: because the server does not announce
it, because it needs a second instance, or because it needs the application's
administration, which no standard describes.

Each scenario has the level of the sentence that it shows:

  must       the RFC binds every server; a failure ends the command with 1
  should     the RFC recommends it; a failure is a warning
  may, ours  the RFC leaves it open, or is silent and Muster chose; a note
  tolerance  a request that the RFC does not allow, and providers send; refusing it is right
  guide      what the guide asks of the application, and no RFC does

--fail-on says which of them end the command with 1: --fail-on must,guide where OneLogin
is to provision the server. A feature that the server does not announce, or answers with
501, is not asked for.

The scenarios create users and groups with names of their own and delete them again,
one after the other; use a sandbox all the same.`,
		Example: `  MUSTER_TOKEN=… muster-simulator check --target https://scim.example.com/scim/v2
  muster-simulator check --target http://127.0.0.1:8080/scim/v2 --tags @rfc7644-3.5.2
  muster-simulator check --tags @guide-picking-up   # a section of the guide
  muster-simulator check --protocol --json      # the RFCs alone`,
	}
	c.Flags().String("target", os.Getenv("MUSTER_TARGET"),
		"the base URL of the server [MUSTER_TARGET]")
	c.Flags().String("token-file", "",
		"a file with the bearer token; by default it is in the variable MUSTER_TOKEN")
	c.Flags().String("second-target", os.Getenv("MUSTER_TARGET_2"),
		"the base URL of another instance of the same application [MUSTER_TARGET_2]; by default "+
			"that of the first, if MUSTER_TOKEN_2 is set")
	c.Flags().String("template", "",
		"the JSON template of the provider's apps, as in account.yaml; by default that of "+
			"simulator/template")
	c.Flags().String("admin", os.Getenv("MUSTER_ADMIN"),
		"a command for the application's administration: it takes the arguments of muster-server, "+
			"and prints the same with --json [MUSTER_ADMIN]")
	c.Flags().Bool("protocol", false, "only the scenarios of the RFCs")
	c.Flags().StringSlice("fail-on", []string{"must"},
		"the levels whose failures end the command with 1: "+
			strings.Join(harness.Levels(), ", ")+", or any")
	usage.Complete(c, "fail-on", usage.OneOf(append(harness.Levels(), conformance.Any)...))
	c.Flags().String("tags", "", "only the scenarios with these tags")
	c.Flags().String("junit", "", "write a report in JUnit's format to this file")
	c.Flags().String("cucumber", "", "write a report in cucumber's JSON to this file")
	c.Flags().String("html", "",
		"write the features as an HTML page to this file: each step with the requests behind it")
	c.Flags().String("report", "", "write the report with all exchanges as JSON to this file")
	withJSON(c)
	return c
}

func check(c *cobra.Command, _ []string) (err error) {
	target, _ := c.Flags().GetString("target")
	if target == "" {
		return usage.Errorf("--target is missing: give the base URL of the server, such as " +
			"https://scim.example.com/scim/v2")
	}
	t := harness.Target{BaseURL: target, Token: os.Getenv("MUSTER_TOKEN")}
	if file, _ := c.Flags().GetString("token-file"); file != "" {
		if t.Token, err = (account.Source{File: file}).Read("--token-file"); err != nil {
			return err
		}
	}
	o, err := checkOptions(c)
	if err != nil {
		return err
	}
	if token := os.Getenv("MUSTER_TOKEN_2"); token != "" {
		second, _ := c.Flags().GetString("second-target")
		o.Second = &harness.Target{BaseURL: cmp.Or(second, target), Token: token}
	}
	if only, _ := c.Flags().GetBool("protocol"); !only {
		if o.Simulator, err = os.Executable(); err != nil {
			return err
		}
		if o.Dir, err = os.MkdirTemp("", "muster-check-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.Dir)) }()
	}
	if !asJSON(c) {
		o.Progress = func(done int) {
			if done%100 == 0 {
				fmt.Fprintf(os.Stderr, "  %d scenarios\n", done)
			}
		}
	}
	r, err := conformance.Run(c.Context(), t, o)
	if err != nil {
		return err
	}
	if path, _ := c.Flags().GetString("report"); path != "" {
		if err := writeFile(path, any(r), report.JSON); err != nil {
			return fmt.Errorf("--report: %w", err)
		}
	}
	if asJSON(c) {
		err = report.JSON(c.OutOrStdout(), r)
	} else {
		err = report.Conformance(c.OutOrStdout(), r)
	}
	if err == nil && r.Fails {
		err = errNotAsPlanned
	}
	return err
}

// checkTemplate refuses a template that is none at once, not in each scenario.
func checkTemplate(path string) error {
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err == nil {
		_, err = template.Parse(text, func(string, string) error { return nil })
	}
	if err != nil {
		return fmt.Errorf("--template: %w", err)
	}
	return nil
}

// checkOptions reads the flags that say how to run.
func checkOptions(c *cobra.Command) (o conformance.Options, err error) {
	o.DefaultTemplate = template.Default()
	if o.FailOn, err = failOn(c); err != nil {
		return o, err
	}
	o.Tags, _ = c.Flags().GetString("tags")
	o.JUnit, _ = c.Flags().GetString("junit")
	o.HTML, _ = c.Flags().GetString("html")
	o.Cucumber, _ = c.Flags().GetString("cucumber")
	for flag, path := range map[string]*string{"template": &o.Template, "admin": &o.Admin} {
		if file, _ := c.Flags().GetString(flag); file != "" {
			if *path, err = filepath.Abs(file); err != nil {
				return o, err
			}
		}
	}
	return o, checkTemplate(o.Template)
}

// failOn reads the flag of that name.
func failOn(c *cobra.Command) ([]string, error) {
	levels, err := c.Flags().GetStringSlice("fail-on")
	if err != nil {
		return nil, err
	}
	known := append(harness.Levels(), conformance.Any)
	for _, level := range levels {
		if !slices.Contains(known, level) {
			return nil, usage.Errorf("--fail-on: there is no level %q; take one or more of %s",
				level, strings.Join(known, ", "))
		}
	}
	return levels, nil
}
