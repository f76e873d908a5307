package features_test

import (
	"context"
	"fmt"
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
// muster-simulator as processes. The database is PostgreSQL, found as package
// pgtest tells, or SQLite with MUSTER_TEST_DATABASE_URL=sqlite:.
func TestFeatures(t *testing.T) {
	dir := t.TempDir()
	h, err := steps.New(t.Context(), dir, database(t, dir))
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
			Format: format, Paths: []string{"."}, Tags: os.Getenv("MUSTER_TEST_TAGS"),
			Strict: true, NoColors: true, Randomize: -1, Concurrency: 4, TestingT: t,
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

// database returns the name of an empty database.
func database(t *testing.T, dir string) string {
	t.Helper()
	if strings.HasPrefix(os.Getenv("MUSTER_TEST_DATABASE_URL"), "sqlite:") {
		fmt.Fprintln(os.Stderr, "features: run on SQLite")
		return "sqlite:" + filepath.Join(dir, "features.db")
	}
	server, err := pgtest.Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(os.Stderr, "features: run on PostgreSQL in", server.Origin)
	name, drop, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, f := range []func() error{drop, func() error { return server.Stop(context.Background()) }} {
			if err := f(); err != nil {
				t.Error(err)
			}
		}
	})
	return name
}
