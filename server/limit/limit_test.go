package limit_test

import (
	"testing"
	"time"

	"muster/server/limit"
)

func TestRate(t *testing.T) {
	r := limit.NewRate(2, nil)
	for i := range 4 {
		if _, ok := r.Take(t.Context(), "a"); !ok {
			t.Fatalf("the %dth of a burst of 4 was held back", i+1)
		}
	}
	wait, ok := r.Take(t.Context(), "a")
	if ok || wait <= 0 || wait > 500*time.Millisecond {
		t.Errorf("the 5th: got %v, %t; want a wait of up to half a second", wait, ok)
	}
	if _, ok := r.Take(t.Context(), "b"); !ok {
		t.Error("another client was held back")
	}
	// To be held back costs nothing of what comes later.
	for range 100 {
		r.Take(t.Context(), "a")
	}
	if again, ok := r.Take(t.Context(), "a"); !ok && again > 500*time.Millisecond {
		t.Errorf("after a hundred refusals the wait is %v", again)
	}
}

func TestNoLimit(t *testing.T) {
	r, s := limit.NewRate(0, nil), limit.NewSlots(0)
	for range 10_000 {
		if _, ok := r.Take(t.Context(), "a"); !ok || !s.Take() {
			t.Fatal("held back without a limit")
		}
	}
}

func TestSlots(t *testing.T) {
	s := limit.NewSlots(2)
	for i, want := range []bool{true, true, false} {
		if got := s.Take(); got != want {
			t.Errorf("place %d: got %t", i+1, got)
		}
	}
	s.Give()
	if !s.Take() {
		t.Error("a place that was given back is not there")
	}
}
