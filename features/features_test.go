package features_test

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/features/harness"

	"github.com/cucumber/godog"

	"muster/features/living"
	"muster/features/steps"
	"muster/server/scim/tolerance"
	"muster/server/store/pgtest"
)

// TestFeatures runs the feature files against muster-server and
// muster-simulator as processes, on each engine. On PostgreSQL two servers
// answer by turns. It is found as package pgtest tells;
// MUSTER_TEST_DATABASE_URL=sqlite: leaves it out.
//
// With MUSTER_TARGET and MUSTER_TOKEN it runs those that need SCIM alone
// against that server, and with MUSTER_TOKEN_2 (and MUSTER_TARGET_2) those
// that need another instance.
func TestFeatures(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short no processes are started")
	}
	if target := os.Getenv("MUSTER_TARGET"); target != "" {
		t.Run("Target", func(t *testing.T) { runAgainst(t, target) })
		return
	}
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		run(t, 1, func(dir string) string { return "sqlite:" + filepath.Join(dir, "features.db") })
	})
	if !strings.HasPrefix(os.Getenv("MUSTER_TEST_DATABASE_URL"), "sqlite:") {
		t.Run("PostgreSQL", func(t *testing.T) {
			t.Parallel()
			run(t, 2, func(string) string { return pgtest.Open(t) })
		})
	}
}

// run runs the features on a database, served by so many servers by turns;
// name returns it, given a directory.
func run(t *testing.T, servers int, name func(dir string) string) {
	t.Helper()
	dir := t.TempDir()
	h, err := harness.NewReplicas(t.Context(), dir, name(dir), servers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	suite(t, h, os.Getenv("MUSTER_TEST_TAGS"), 4)
}

// runAgainst runs the features against a server of somebody else, one
// scenario after the other.
func runAgainst(t *testing.T, target string) {
	t.Helper()
	dir := t.TempDir()
	simulator, err := harness.Command(t.Context(), "simulator", dir)
	if err != nil {
		t.Fatal(err)
	}
	targets := []harness.Target{{BaseURL: target, Token: os.Getenv("MUSTER_TOKEN")}}
	if err := targets[0].Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if token := os.Getenv("MUSTER_TOKEN_2"); token != "" {
		targets = append(targets,
			harness.Target{BaseURL: cmp.Or(os.Getenv("MUSTER_TARGET_2"), target), Token: token})
	}
	h := harness.Against(dir, simulator, targets...)
	if h.Admin = os.Getenv("MUSTER_ADMIN"); h.Admin != "" {
		t.Log("scenarios with the tag @own need a server of their own, and are left out")
		suite(t, h, "~@own", 1)
		return
	}
	t.Log("scenarios with the tag @admin need the application's administration, and are left out")
	suite(t, h, "~@admin", 1)
}

// suite runs the features. MUSTER_TEST_REPORTS is a directory for the reports
// of the run: JUnit, cucumber's JSON, and the features as a page.
func suite(t *testing.T, h *harness.Harness, tags string, concurrency int) {
	t.Helper()
	format := "progress"
	if testing.Verbose() {
		format = "pretty"
	}
	reports := os.Getenv("MUSTER_TEST_REPORTS")
	name := strings.ReplaceAll(t.Name(), "/", "-")
	page := &living.Recorder{}
	if reports != "" {
		h.Outcome = page.Add
		format += ",junit:" + filepath.Join(reports, name+".xml") + ",cucumber:" +
			filepath.Join(reports, name+".json")
	}
	suite := &godog.TestSuite{
		Name:                "muster",
		ScenarioInitializer: func(sc *godog.ScenarioContext) { steps.Register(h, sc) },
		Options: &godog.Options{
			Format: format, Paths: paths(), Tags: tags,
			Strict: true, NoColors: true, Randomize: -1, Concurrency: concurrency, TestingT: t,
			StopOnFailure: os.Getenv("MUSTER_TEST_STOP") != "",
		},
	}
	status := suite.Run()
	if reports != "" {
		if err := page.WriteFile(filepath.Join(reports, name+".html"),
			"What Muster does: "+t.Name(), suite); err != nil {
			t.Error(err)
		}
	}
	if status != 0 && !t.Failed() {
		t.Errorf("the suite ended with status %d", status)
	}
}

// TestEveryDeviationHasScenarios: each by default and in strict mode.
func TestEveryDeviationHasScenarios(t *testing.T) {
	text, err := os.ReadFile("tolerance.feature")
	if err != nil {
		t.Fatal(err)
	}
	tolerant, strict, _ := strings.Cut(string(text), "Rule: A strict server")
	for _, d := range tolerance.Describe() {
		for mode, part := range map[string]string{
			"by default": tolerant, "in strict mode": strict,
		} {
			if !strings.Contains(part, "| "+string(d.Name)+" ") {
				t.Errorf("%s has no scenario %s", d.Name, mode)
			}
		}
	}
}

// paths are the files of MUSTER_TEST_PATHS, separated by spaces, or all.
func paths() []string {
	if list := strings.Fields(os.Getenv("MUSTER_TEST_PATHS")); len(list) > 0 {
		return list
	}
	names, _ := filepath.Glob("*.feature") // the pattern is right
	return append(names, "protocol")       // those in a browser have a suite of their own
}

// TestBusinessScenariosHaveNoJSON: what is not about the wire is written in
// the language of administrators.
func TestBusinessScenariosHaveNoJSON(t *testing.T) {
	names, err := filepath.Glob("*.feature")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tags, _, _ := strings.Cut(string(text), "Feature:")
		if !strings.Contains(tags, "@wire") && strings.Contains(string(text), "{\"") {
			t.Errorf("%s has JSON; write a table, or tag it @wire", name)
		}
	}
}
