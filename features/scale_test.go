package features_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"muster/features/harness"

	"muster/features/steps"
	"muster/server/store/pgtest"
)

// cycleOf runs a cycle of the app acme in dir, and returns how many users it
// had something to do for, how long it took, and how much memory the process
// had at the most, in MiB.
func cycleOf(
	ctx context.Context, command, dir string,
) (users int, took time.Duration, memory float64, err error) {
	c := exec.CommandContext(ctx, command, "sync", "--app", "acme", "--json", "--concurrency", "8")
	c.Dir = dir
	out, err := os.Create(filepath.Join(dir, "report.json"))
	if err != nil {
		return 0, 0, 0, err
	}
	c.Stdout, c.Stderr = out, os.Stderr
	began := time.Now()
	if err := errors.Join(c.Run(), out.Close()); err != nil {
		return 0, 0, 0, err
	}
	took = time.Since(began)
	text, err := os.ReadFile(out.Name())
	if err != nil {
		return 0, 0, 0, err
	}
	var r struct{ Items []struct{} }
	if err := json.Unmarshal(text, &r); err != nil {
		return 0, 0, 0, err
	}
	usage, _ := c.ProcessState.SysUsage().(*syscall.Rusage)
	return len(r.Items), took, float64(usage.Maxrss) / 1024, nil
}

// BenchmarkSync provisions a generated company into muster-server on
// PostgreSQL, as processes of their own, and then again without a change.
// MUSTER_BENCH_PEOPLE is how many people it has, 2,000 if it is not given;
// they are in about 500 groups.
func BenchmarkSync(b *testing.B) {
	people, err := strconv.Atoi(cmp.Or(os.Getenv("MUSTER_BENCH_PEOPLE"), "2000"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		dir := b.TempDir()
		h, err := harness.New(b.Context(), dir, pgtest.Open(b))
		if err != nil {
			b.Fatal(err)
		}
		target, err := steps.NewTarget(b.Context(), h, "acme")
		if err != nil {
			b.Fatal(err)
		}
		b.Setenv("ACME_BASE_URL", target.BaseURL)
		b.Setenv("ACME_TOKEN", target.Token)
		command := filepath.Join(dir, "muster-simulator")
		out, err := exec.CommandContext(b.Context(), command, "generate", dir, "--people",
			strconv.Itoa(people), "--squad-size", strconv.Itoa(max(1, people/490))).CombinedOutput()
		if err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		users, first, memory, err := cycleOf(b.Context(), command, dir)
		if err != nil || users != people {
			b.Fatalf("first cycle: %d users, %v", users, err)
		}
		again, second, memoryAgain, err := cycleOf(b.Context(), command, dir)
		if err != nil || again != 0 {
			b.Fatalf("second cycle: %d users, %v", again, err)
		}
		b.ReportMetric(float64(people)/first.Seconds(), "users/s")
		b.ReportMetric(first.Seconds(), "s-first")
		b.ReportMetric(second.Seconds(), "s-empty")
		b.ReportMetric(first.Seconds()/second.Seconds(), "first/empty")
		b.ReportMetric(max(memory, memoryAgain), "MiB-simulator")
		if err := h.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
