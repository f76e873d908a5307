package deploy_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // a pool whose statistics are shown

	"muster/server/events"
	"muster/server/metrics"
)

// promtool returns Prometheus's tool for checking files.
func promtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed; Debian's package prometheus has it")
	}
	return path
}

// TestAlerts has promtool check the rules, and that each fires on what it is
// for.
func TestAlerts(t *testing.T) {
	tool := promtool(t)
	for _, args := range [][]string{
		{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"},
	} {
		if out, err := exec.CommandContext(t.Context(), tool,
			args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// dashboard returns the expressions of the dashboard.
func dashboard(t *testing.T) (list []string) {
	t.Helper()
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			list = append(list, target.Expr)
		}
	}
	return list
}

// TestDashboard has promtool check the expressions of the dashboard, as if
// they were rules.
func TestDashboard(t *testing.T) {
	tool := promtool(t)
	var b strings.Builder
	b.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for i, expr := range dashboard(t) {
		fmt.Fprintf(&b, "  - record: panel_%d\n    expr: '%s'\n", i,
			strings.ReplaceAll(expr, "$__rate_interval", "5m"))
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), tool, "check", "rules",
		file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestNames: alerts and dashboard ask for nothing that the server does not
// tell.
func TestNames(t *testing.T) {
	m := metrics.New("v1", "abc")
	pool, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	m.Database("postgresql", pool)
	m.Backlog(func(context.Context) (metrics.Backlog, error) { return metrics.Backlog{}, nil },
		slog.Default())
	m.Keys(func(context.Context) ([]metrics.Key, error) {
		return []metrics.Key{{Instance: "acme", ID: "k"}}, nil
	}, slog.Default())
	m.Feeds(func(context.Context) ([]events.State, error) {
		return []events.State{{Instance: "acme", Name: "app"}}, nil
	}, slog.Default())
	m.Begin()
	m.End("GET", "/scim/v2/Users", 200, time.Millisecond)
	m.Provisioned("acme", "user.create", 409)
	m.Limited("key", "acme")
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer,
		httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	told, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := os.ReadFile("alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\b(muster|go|process)_[a-z_]+`).FindAllString(
		strings.Join(dashboard(t), "\n")+string(alerts), -1)
	if len(names) < 20 {
		t.Fatalf("only %d names found", len(names))
	}
	for _, name := range names {
		if name == "muster_instance" { // a label
			continue
		}
		if !regexp.MustCompile(`(?m)^` + name + `[ {]`).Match(told) {
			t.Errorf("the server tells nothing of %s", name)
		}
	}
}
