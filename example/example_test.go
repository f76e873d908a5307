// Package example shows how a team uses the steps of the suite in feature
// files of its own, with steps of its own beside them.
package example

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"muster/features/harness"

	"github.com/cucumber/godog"

	"muster/features/steps"
)

// TestJoiners runs the team's features against the server in MUSTER_TARGET
// and MUSTER_TOKEN, or else against one of our own on SQLite.
func TestJoiners(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short no processes are started")
	}
	dir := t.TempDir()
	own, err := harness.New(t.Context(), dir, "sqlite:"+filepath.Join(dir, "muster.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := own.Close(); err != nil {
			t.Error(err)
		}
	})
	target, err := steps.NewTarget(t.Context(), own, "acme")
	if err != nil {
		t.Fatal(err)
	}
	target.BaseURL, target.Token = cmp.Or(os.Getenv("MUSTER_TARGET"),
		target.BaseURL), cmp.Or(os.Getenv("MUSTER_TOKEN"), target.Token)
	suite := harness.Against(t.TempDir(), filepath.Join(dir, "muster-simulator"), target)
	desk := &welcomeDesk{}
	status := godog.TestSuite{
		Name: "joiners",
		ScenarioInitializer: func(sc *godog.ScenarioContext) {
			steps.Register(suite, sc) // all steps of the suite; STEPS.md lists them
			sc.Step(`^the welcome desk knows "([^"]*)"$`, desk.knows)
		},
		Options: &godog.Options{
			Format: "progress", Paths: []string{"joiners.feature"}, Strict: true, NoColors: true,
			TestingT: t,
		},
	}.Run()
	if status != 0 || len(desk.greeted) != 1 {
		t.Errorf("the suite ended with status %d; greeted: %v", status, desk.greeted)
	}
}

// welcomeDesk is a system of the team's own.
type welcomeDesk struct{ greeted []string }

func (d *welcomeDesk) knows(userName string) error {
	if userName == "" {
		return fmt.Errorf("nobody is to be greeted")
	}
	d.greeted = append(d.greeted, userName)
	return nil
}
