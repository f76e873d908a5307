package main

import (
	"fmt"
	"strings"
	"time"
)

// markdown renders all tables.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s; %s; PostgreSQL from %s.\n", r.Date, r.Machine, r.Database)
	for _, t := range r.Tables {
		t.markdown(&b)
	}
	return b.String()
}

func (t *table) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s users", thousands(float64(t.Users)))
	if t.Instances > 1 {
		fmt.Fprintf(b, ", %s instances", thousands(float64(t.Instances)))
	}
	if t.Servers > 1 {
		fmt.Fprintf(b, ", %d servers", t.Servers)
	}
	b.WriteString("\n\n| operation | clients | ours/s | limit/s | ratio | p50 | p95 | p99 | CPU server | CPU database | memory | pgbench/s | bare/s | SQLite/s | elimity/s |\n")
	b.WriteString("| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n")
	for _, r := range t.Rows {
		cells := []string{
			r.Operation, fmt.Sprint(r.Clients), thousands(r.Ours.PerSecond), thousands(r.Limit), ratio(r.ratio()),
			short(r.Ours.P50), short(r.Ours.P95), short(r.Ours.P99), short(r.Ours.ServerCPU), short(r.Ours.DatabaseCPU),
			fmt.Sprintf("%d MB", r.Ours.Memory/1e6),
			thousands(r.PgBench), thousands(r.Bare), thousands(r.SQLite.PerSecond), thousands(r.Elimity.PerSecond),
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
}

func ratio(x float64) string {
	if x == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", x)
}

func short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// thousands writes a number with commas, and – for what was not measured.
func thousands(x float64) string {
	if x == 0 {
		return "–"
	}
	if x < 10 {
		return fmt.Sprintf("%.1f", x)
	}
	s := fmt.Sprintf("%.0f", x)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
