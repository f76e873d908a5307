package administration_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"muster/server/administration"
	"muster/server/history"
	"muster/server/instance"
)

// TestHistoryPages: whatever window and limit, the pages together have exactly the rows
// that are chosen, each once, the newest first.
func TestHistoryPages(t *testing.T) {
	s := office(t, "sqlite:"+filepath.Join(t.TempDir(), "m.db"))
	actor := history.Actor{Kind: history.Administrator, Name: "test"}
	if _, err := s.Instances.Create(t.Context(), instance.Instance{Slug: "acme"},
		actor); err != nil {
		t.Fatal(err)
	}
	sc, err := s.Scope(t.Context(), "acme", actor)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 25 {
		if _, err := s.CreateUser(t.Context(), sc, administration.NewUser{
			UserName: fmt.Sprintf("user%d", n), Uninvited: true,
		}); err != nil {
			t.Fatal(err)
		}
		if n%3 == 0 {
			if _, _, err := s.SetActive(t.Context(), sc, fmt.Sprintf("user%d", n),
				false); err != nil {
				t.Fatal(err)
			}
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		h := administration.HistoryQuery{
			Action: rapid.SampledFrom([]string{
				"", string(history.UserSuspend), string(history.GroupDelete),
			}).Draw(r, "action"),
			Text: rapid.SampledFrom([]string{"", "user1", "USER7", "nobody"}).Draw(r, "text"),
		}
		var want, got []string
		if err := s.History(t.Context(), sc, h, func(e *history.Entry) error {
			want = append(want, e.ID)
			return nil
		}); err != nil {
			r.Fatal(err)
		}
		slices.Reverse(want)
		h.Window = rapid.IntRange(0, 40).Draw(r, "window")
		h.Limit = rapid.IntRange(1, 20).Draw(r, "limit")
		for range 100 {
			rows, before, err := s.HistoryPage(t.Context(), sc, h)
			if err != nil {
				r.Fatal(err)
			}
			for _, e := range rows {
				got = append(got, e.ID)
			}
			if h.Before = before; before == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			r.Errorf("%+v: got %v, want %v", h, got, want)
		}
	})
}
