package features_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cucumber/godog"

	"muster/features/steps"
	"muster/server/scim/tolerance"
	"muster/server/store/pgtest"
)

// TestFeatures runs the feature files against muster-server and
// muster-simulator as processes, on each engine. PostgreSQL is found as
// package pgtest tells; MUSTER_TEST_DATABASE_URL=sqlite: leaves it out.
func TestFeatures(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		run(t, func(dir string) string { return "sqlite:" + filepath.Join(dir, "features.db") })
	})
	if !strings.HasPrefix(os.Getenv("MUSTER_TEST_DATABASE_URL"), "sqlite:") {
		t.Run("PostgreSQL", func(t *testing.T) { run(t, func(string) string { return pgtest.Open(t) }) })
	}
}

// run runs the features on a database; name returns it, given a directory.
func run(t *testing.T, name func(dir string) string) {
	t.Helper()
	dir := t.TempDir()
	h, err := steps.New(t.Context(), dir, name(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	format := "progress"
	if testing.Verbose() {
		format = "pretty"
	}
	status := godog.TestSuite{
		Name:                "muster",
		ScenarioInitializer: h.Register,
		Options: &godog.Options{
			Format: format, Paths: paths(), Tags: os.Getenv("MUSTER_TEST_TAGS"),
			Strict: true, NoColors: true, Randomize: -1, Concurrency: 4, TestingT: t,
			StopOnFailure: os.Getenv("MUSTER_TEST_STOP") != "",
		},
	}.Run()
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
		for mode, part := range map[string]string{"by default": tolerant, "in strict mode": strict} {
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
	return []string{"."}
}
