package store

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/store/pgtest"
)

// TestLookupsTogether: many who look something up at once, for instances of
// which one has changed meanwhile, and for none, are all answered, each for
// what it asked, and those of the one that has changed are told.
func TestLookupsTogether(t *testing.T) {
	s, err := Open(t.Context(), pgtest.Open(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var towns []*planned
	ids := make(map[*planned]string)
	for _, slug := range []string{"one", "two", "stale"} {
		f := &planned{t: t, s: s}
		f.town(slug, 3)
		list, _, err := f.users.Users(t.Context(), f.sc, provisioning.Query{Limit: 1})
		f.must(err)
		f.sc.Instance, err = s.InstanceBySlug(t.Context(), slug)
		f.must(err)
		if f.sc.Instance.Revision == 0 {
			t.Fatal("the instance has no revision")
		}
		ids[f] = list[0].ID
		towns = append(towns, f)
	}
	towns[2].sc.Instance.Revision++ // another one than the database has
	done := make(chan struct{})
	var wg sync.WaitGroup
	for n := range 60 {
		wg.Go(func() {
			for range 50 {
				if err := lookUp(t, s, towns[n%3], ids, n); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("some were not answered")
	}
}

func lookUp(t *testing.T, s *Store, f *planned, ids map[*planned]string, n int) error {
	i := f.sc.Instance
	ctx := instance.WithRevision(t.Context(), i)
	if n%4 == 0 { // what belongs to no instance
		got, err := s.InstanceBySlug(t.Context(), i.Slug)
		if err != nil || got.ID != i.ID {
			return fmt.Errorf("%s: %w", i.Slug, err)
		}
		return nil
	}
	u, err := s.User(ctx, i.ID, ids[f], true)
	switch {
	case i.Slug == "stale":
		if !errors.Is(err, instance.ErrStale) {
			return fmt.Errorf("%s: got %w", i.Slug, err)
		}
	case err != nil || u.ID != ids[f]:
		return fmt.Errorf("%s: %w", i.Slug, err)
	}
	return nil
}
