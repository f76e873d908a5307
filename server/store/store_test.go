package store_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"muster/server/store"
	"muster/server/store/pgtest"
	"muster/server/store/storetest"
)

func open(t *testing.T, name string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestSQLite(t *testing.T) {
	storetest.Run(t, open(t, "sqlite:"+filepath.Join(t.TempDir(), "a b%c?.db")))
}

func TestPostgreSQL(t *testing.T) {
	storetest.Run(t, open(t, pgtest.Open(t)))
}

func TestOpenRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"":                         "give sqlite:PATH",
		"mysql://u:secret@h/d":     "give sqlite:PATH",
		"sqlite:":                  "needs a path",
		"sqlite:/no/such/dir/m.db": "cannot be opened",
		"postgres://u:secret@127.0.0.1:1/d?connect_timeout=2": "does not answer",
		"postgres://u:secret@127.0.0.1:port/d":                "not valid",
	} {
		s, err := store.Open(t.Context(), name)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

// Several processes may open a new file at once.
func TestOpenTogether(t *testing.T) {
	for range 3 {
		name := "sqlite:" + filepath.Join(t.TempDir(), "m.db")
		errs := make(chan error)
		for range 4 {
			go func() {
				s, err := store.Open(context.Background(), name)
				if err == nil {
					err = s.Close()
				}
				errs <- err
			}()
		}
		for range 4 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		m, err := open(t, name).Migrations(t.Context())
		if err != nil || len(m) == 0 || m[0].Applied.IsZero() {
			t.Errorf("got %+v, %v", m, err)
		}
	}
}
