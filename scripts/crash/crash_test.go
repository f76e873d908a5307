package main

import (
	"os/exec"
	"path/filepath"
	"testing"

	"muster/features/harness"
)

// TestCampaign is a short campaign: each fault once.
func TestCampaign(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short no processes are started")
	}
	if err := exec.CommandContext(t.Context(), "docker", "info").Run(); err != nil {
		t.Skip("no container engine answers; the campaign kills PostgreSQL's container")
	}
	dir := t.TempDir()
	o := options{
		server:    filepath.Join(dir, "muster-server"),
		simulator: filepath.Join(dir, "muster-simulator"), rounds: len(faults()), seed: 1,
		clients: 4,
	}
	for _, program := range []string{"server", "simulator"} {
		if _, err := harness.Command(t.Context(), program, dir); err != nil {
			t.Fatal(err)
		}
	}
	r, err := campaign(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for _, round := range r.rounds {
		acknowledged += round.acknowledged
	}
	if acknowledged < 20*len(r.rounds) {
		t.Errorf("only %d writes were acknowledged in %d rounds", acknowledged, len(r.rounds))
	}
}
