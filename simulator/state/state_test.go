package state_test

import (
	"os"
	"path/filepath"
	"testing"

	"muster/simulator/state"
)

// TestOpen: nobody else can read what is remembered of people.
func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "account.state.db")
	f, err := state.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, name := range []string{path, path + "-wal"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want a file that only its owner may read", name, info, err)
		}
	}
	if _, err := state.Open(t.Context(),
		filepath.Join(t.TempDir(), "none", "state.db")); err == nil {
		t.Error("a directory that is not there was accepted")
	}
}
