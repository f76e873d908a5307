package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// markdown renders all tables.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s; %s; PostgreSQL from %s.\n", r.Date, r.Machine, r.Database)
	r.firstSyncTable(&b)
	for _, t := range r.Tables {
		t.markdown(&b)
	}
	r.eventsTable(&b)
	r.fairTable(&b)
	return b.String()
}

// firstSyncTable renders the first sync of an empty database.
func (r *report) firstSyncTable(b *strings.Builder) {
	if len(r.FirstSyncs) == 0 {
		return
	}
	b.WriteString("\n### First sync into an empty database\n\n")
	b.WriteString("| version | people | took | requests/s | users/s | 1st quarter | 2nd | 3rd | " +
		"4th | CPU of one person: simulator | server | database |\n")
	b.WriteString("| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n")
	for _, s := range r.FirstSyncs {
		q := s.Quarters
		seconds := s.Took.Seconds()
		fmt.Fprintf(b, "| %s | %s | %.1f s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n",
			s.Version, thousands(float64(s.People)), seconds,
			thousands(float64(s.Requests)/seconds), thousands(float64(s.People)/seconds),
			thousands(q[0]), thousands(q[1]), thousands(q[2]), thousands(q[3]),
			short(s.SimulatorCPU), short(s.ServerCPU), short(s.DatabaseCPU))
	}
}

// name says what the table was measured on.
func (t *table) name() string {
	name := thousands(float64(t.Users)) + " users"
	if t.Instances > 1 {
		name += fmt.Sprintf(", %s instances", thousands(float64(t.Instances)))
	}
	if t.Servers > 1 {
		name += fmt.Sprintf(", %d servers", t.Servers)
	}
	return name
}

// summary renders what the README shows: the first table without what few look
// at, and all tables side by side.
func (r *report) summary() string {
	var b strings.Builder
	fmt.Fprintf(&b,
		"Measured on %s; %s; PostgreSQL from %s, with a quarter of the memory as "+
			"`shared_buffers`.\n", r.Date, r.Machine, r.Database)
	r.firstSyncTable(&b)
	if len(r.Tables) == 0 {
		return b.String()
	}
	b.WriteString("\n### One operation at a time\n\n")
	fmt.Fprintf(&b,
		"%s; beside PostgreSQL stand this server on SQLite, and a server on elimity-com/scim that "+
			"keeps its users in memory:\n\n", r.Tables[0].name())
	b.WriteString("| operation | clients | ours/s | limit/s | ratio | p50 | p99 | SQLite/s | " +
		"elimity/s |\n| --- | --: | --: | --: | --: | --: | --: | --: | --: |\n")
	for _, x := range r.Tables[0].Rows {
		fmt.Fprintf(&b, "| %s | %d | %s | %s | %s | %s | %s | %s | %s |\n", x.Operation, x.Clients,
			thousands(x.Ours.PerSecond), thousands(x.Limit), ratio(x.ratio()),
			short(x.Ours.P50), short(x.Ours.P99), thousands(x.SQLite.PerSecond),
			thousands(x.Elimity.PerSecond))
	}
	b.WriteString("\nHow it grows, per second, with the ratio to the limit where that was " +
		"measured:\n\n| operation | clients |")
	line := "\n| --- | --: |"
	for _, t := range r.Tables {
		b.WriteString(" " + t.name() + " |")
		line += " --: |"
	}
	b.WriteString(line + "\n")
	for _, x := range r.widest().Rows {
		fmt.Fprintf(&b, "| %s | %d |", x.Operation, x.Clients)
		for _, t := range r.Tables {
			b.WriteString(" " + t.cell(x.Operation, x.Clients) + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// widest returns the table with the most rows: some operations take many
// users.
func (r *report) widest() *table {
	widest := &r.Tables[0]
	for i := range r.Tables {
		if len(r.Tables[i].Rows) > len(widest.Rows) {
			widest = &r.Tables[i]
		}
	}
	return widest
}

func (t *table) cell(operation string, clients int) string {
	for _, x := range t.Rows {
		if x.Operation != operation || x.Clients != clients {
			continue
		}
		if x.Limit == 0 {
			return thousands(x.Ours.PerSecond)
		}
		return fmt.Sprintf("%s (%s)", thousands(x.Ours.PerSecond), ratio(x.ratio()))
	}
	return "–"
}

// These stand in the README around the summary.
const (
	begins = "<!-- what make bench measured -->\n"
	ends   = "<!-- end of what was measured -->\n"
)

// writeSummary puts the summary into a README.
func (r *report) writeSummary(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(text), begins)
	_, after, foundEnd := strings.Cut(rest, ends)
	if !found || !foundEnd {
		return fmt.Errorf("%s has no place for the summary, between %q and %q", file, begins, ends)
	}
	return os.WriteFile(file, []byte(before+begins+r.summary()+ends+after), 0o644)
}

func (t *table) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s", t.name())
	b.WriteString("\n\n| operation | clients | ours/s | limit/s | ratio | p50 | p95 | p99 | CPU " +
		"server | CPU database | memory | pgbench/s | bare/s | SQLite/s | elimity/s |\n")
	b.WriteString("| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: " +
		"| --: | --: |\n")
	for _, r := range t.Rows {
		cells := []string{
			r.Operation, fmt.Sprint(r.Clients), thousands(r.Ours.PerSecond), thousands(r.Limit),
			ratio(r.ratio()),
			short(r.Ours.P50), short(r.Ours.P95), short(r.Ours.P99), short(r.Ours.ServerCPU),
			short(r.Ours.DatabaseCPU),
			fmt.Sprintf("%d MB", r.Ours.Memory/1e6),
			thousands(r.PgBench), thousands(r.Bare), thousands(r.SQLite.PerSecond),
			thousands(r.Elimity.PerSecond),
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
