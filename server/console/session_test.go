package console

import (
	"path/filepath"
	"testing"

	"muster/screen"
	"muster/server/store"
)

// TestEndedSessionStaysEnded: a request that is under way when its session is ended
// writes it at its end, and does not bring it back.
func TestEndedSessionStaysEnded(t *testing.T) {
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	m := screen.NewSessions("x", Base, false)
	m.Store = sessionStore{s}
	begun, err := m.Load(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	m.Put(begun, "person", "ada")
	token, _, err := m.Commit(begin(begun))
	if err != nil {
		t.Fatal(err)
	}
	for _, ended := range []bool{false, true} {
		request, err := m.Load(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		m.Put(request, "notice", "something was done")
		if ended {
			if _, err := s.EndConsoleSessions(t.Context(), "ada"); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := m.Commit(request); err != nil {
			t.Fatal(err)
		}
		after, err := m.Load(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if in := m.GetString(after, "person") == "ada"; in == ended {
			t.Errorf("ended is %v, and the session is there: %v", ended, in)
		}
	}
}
