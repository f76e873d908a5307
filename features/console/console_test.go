// Package console_test tries the console and the portal in a real browser, as
// administrators use them.
package console_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cucumber/godog"

	"muster/features/harness"
	"muster/server/store/pgtest"
)

// TestConsole runs the scenarios of this folder in Chromium, against two servers on
// one PostgreSQL, which answer by turns, or on SQLite where there is no PostgreSQL.
func TestConsole(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short no processes are started")
	}
	c := startChromium(t)
	dir := t.TempDir()
	database, servers := "sqlite:"+filepath.Join(dir, "console.db"), 1
	if !strings.HasPrefix(os.Getenv("MUSTER_TEST_DATABASE_URL"), "sqlite:") {
		database, servers = pgtest.Open(t), 2
	}
	h, err := harness.NewReplicas(t.Context(), dir, database, servers)
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
	suite := godog.TestSuite{
		Name:                "console",
		ScenarioInitializer: func(sc *godog.ScenarioContext) { register(h, c, sc) },
		Options: &godog.Options{
			Format: format, Paths: []string{"."}, Tags: os.Getenv("MUSTER_TEST_TAGS"), Strict: true,
			NoColors: true, Randomize: -1, Concurrency: 2, TestingT: t,
		},
	}
	if status := suite.Run(); status != 0 && !t.Failed() {
		t.Errorf("the suite ended with status %d", status)
	}
}
