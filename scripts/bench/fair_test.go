package main

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"muster/features/harness"
	"muster/server/store/pgtest"
)

// TestFair is the short form of make fair: while one instance asks for the
// worst of each kind, another one goes on, nothing of it fails, and the first
// is told nothing but to ask for less.
func TestFair(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short no processes are started")
	}
	dir := t.TempDir()
	server, err := harness.Command(t.Context(), "server", dir)
	if err != nil {
		t.Fatal(err)
	}
	o := options{
		server: server, dir: dir, fair: 3000, attackers: 40, time: 300 * time.Millisecond,
	}
	for engine, database := range map[string]string{
		"PostgreSQL": pgtest.Open(t), "SQLite": "sqlite:" + filepath.Join(dir, "fair.db"),
	} {
		rows, err := o.attackOn(t.Context(), engine, database)
		if err != nil {
			t.Fatal(err)
		}
		want := len(attacks())
		if engine == "SQLite" {
			want-- // see oneWriter
		}
		if len(rows) != want {
			t.Errorf("%s: %d attacks", engine, len(rows))
		}
		for _, r := range rows {
			// How fast they were answered is for make fair to say.
			if r.Failed > 0 || r.Beside.PerSecond == 0 || r.Memory > fairMemory {
				t.Errorf("%s, %s: of the other, %d failed (%s), %.0f a second were answered; %d MB",
					engine, r.Attack, r.Failed, r.Complaint, r.Beside.PerSecond, r.Memory>>20)
			}
			for _, status := range r.statuses() {
				if !slices.Contains([]int{200, 201, 400, 429, 503}, status) {
					t.Errorf("%s, %s: the first was answered %d", engine, r.Attack, status)
				}
			}
		}
	}
}
