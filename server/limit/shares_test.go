package limit

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster/server/scim"
)

// TestSharesKeep draws who comes, goes and gives up, and counts after each
// step what must always be true: no more places are taken than there are, no
// tenant has more than a share, nobody waits whom a free place would serve, and
// in the end nothing is left.
func TestSharesKeep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.IntRange(1, 5).Draw(t, "places")
		s := &Shares{
			Places: places, Share: rapid.IntRange(1, places).Draw(t, "share"),
			Queue: rapid.IntRange(0, 3).Draw(t, "line"), Wait: time.Hour,
		}
		type visit struct {
			name   string
			cancel context.CancelFunc
			done   chan error
			leave  func()
		}
		var waiting, inside []*visit
		settle := func() {
			for again := true; again; {
				again = false
				rest := waiting[:0:0]
				for _, v := range waiting {
					select {
					case err := <-v.done:
						if again = true; err == nil {
							inside = append(inside, v)
						}
					default:
						rest = append(rest, v)
					}
				}
				waiting = rest
				s.mu.Lock()
				queued := 0
				for _, tn := range s.tenants {
					queued += len(tn.waiting)
				}
				over := s.taken == len(inside) && queued == len(waiting)
				s.mu.Unlock()
				if !over {
					again = true
					time.Sleep(10 * time.Microsecond)
				}
			}
		}
		check := func() {
			holds, wants := map[string]int{}, map[string]int{}
			for _, v := range inside {
				holds[v.name]++
			}
			for _, v := range waiting {
				wants[v.name]++
			}
			if len(inside) > s.Places {
				t.Fatalf("%d are inside, of %d", len(inside), s.Places)
			}
			for name, n := range holds {
				if n > s.Share {
					t.Fatalf("%s holds %d, and its share is %d", name, n, s.Share)
				}
			}
			for name, n := range wants {
				if n > s.Queue {
					t.Fatalf("%d of %s wait", n, name)
				}
				if len(inside) < s.Places && holds[name] < s.Share {
					t.Fatalf("%s waits, and there is a place", name)
				}
			}
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch step := rapid.IntRange(0, 3).Draw(t, "step"); {
			case step <= 1:
				v := &visit{
					name: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "tenant"),
					done: make(chan error, 1),
				}
				ctx, cancel := context.WithCancel(context.Background())
				v.cancel = cancel
				before := len(waiting)
				go func() {
					leave, err := s.Enter(ctx, v.name)
					v.leave = leave
					v.done <- err
				}()
				// It has decided when it is inside, in the line, or refused.
				for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(
					10 * time.Microsecond) {
					s.mu.Lock()
					queued := 0
					for _, tn := range s.tenants {
						queued += len(tn.waiting)
					}
					s.mu.Unlock()
					if len(v.done) > 0 || queued > before {
						break
					}
					if time.Now().After(deadline) {
						t.Fatal("neither in nor out")
					}
				}
				waiting = append(waiting, v)
			case step == 2 && len(inside) > 0:
				i := rapid.IntRange(0, len(inside)-1).Draw(t, "who leaves")
				v := inside[i]
				inside = append(inside[:i:i], inside[i+1:]...)
				v.leave()
			case step == 3 && len(waiting) > 0:
				i := rapid.IntRange(0, len(waiting)-1).Draw(t, "who gives up")
				v := waiting[i]
				waiting = append(waiting[:i:i], waiting[i+1:]...)
				v.cancel()
				if err := <-v.done; err == nil {
					inside = append(inside, v)
				}
			}
			settle()
			check()
		}
		for len(inside) > 0 {
			v := inside[0]
			inside = inside[1:]
			v.leave()
			settle()
			check()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(waiting) != 0 || s.taken != 0 || len(s.tenants) != 0 || len(s.turns) != 0 {
			t.Fatalf("left: %d who wait, %d places, %v, %v", len(waiting), s.taken, s.tenants,
				s.turns)
		}
	})
}

// TestSharesGoAround: who comes last and wants little is served next.
func TestSharesGoAround(t *testing.T) {
	s := &Shares{Places: 1, Share: 1, Queue: 10, Wait: time.Minute}
	leave, err := s.Enter(t.Context(), "much")
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	var mu sync.Mutex
	var all sync.WaitGroup
	come := func(name string) {
		before := waitingIn(s)
		all.Go(func() {
			leave, err := s.Enter(t.Context(), name)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			leave()
		})
		for waitingIn(s) == before {
			time.Sleep(time.Millisecond)
		}
	}
	for range 10 {
		come("much")
	}
	come("little")
	leave()
	all.Wait()
	if fmt.Sprint(order[:2]) != "[much little]" && fmt.Sprint(order[:1]) != "[little]" {
		t.Errorf("served in the order %v", order)
	}
}

func waitingIn(s *Shares) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.tenants {
		n += len(t.waiting)
	}
	return n
}

// TestSharesRefuse: a full line is told at once, and a long wait after it.
func TestSharesRefuse(t *testing.T) {
	s := &Shares{Places: 2, Share: 1, Queue: 0, Wait: time.Hour}
	leave, err := s.Enter(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Enter(t.Context(), "a"); scim.AsError(err) == nil ||
		scim.AsError(err).Status != 429 {
		t.Errorf("got %v", err)
	}
	other, err := s.Enter(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	other()
	s.Queue, s.Wait = 1, time.Millisecond
	if _, err := s.Enter(t.Context(), "a"); scim.AsError(err) == nil ||
		scim.AsError(err).Status != 503 {
		t.Errorf("got %v", err)
	}
	leave()
	if waitingIn(s) != 0 || len(s.tenants) != 0 {
		t.Errorf("left: %v", s.tenants)
	}
}
