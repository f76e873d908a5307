package lease_test

import (
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"muster/lease"
)

// TestWatch: who counts on is never dead, and who does not is, once the time is over;
// whatever comes and goes meanwhile.
func TestWatch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(0, 2), 3, 3), 1, 30).Draw(rt, "steps")
		pause := time.Duration(rapid.IntRange(1, 2000).Draw(rt, "pause")) * time.Millisecond
		synctest.Test(t, func(*testing.T) {
			type work struct {
				id    string
				count int
			}
			var w lease.Watch[work]
			idOf := func(w work) string { return w.id }
			now := map[string]int{"a": 0, "b": 0, "c": 0}
			since := make(map[string]time.Time) // when it was first seen as it is
			for _, step := range steps {
				for i, id := range []string{"a", "b", "c"} {
					switch step[i] {
					case 1:
						now[id]++
						delete(since, id)
					case 2: // it is not there this time
						delete(now, id)
						delete(since, id)
					}
				}
				var list []work
				for id, count := range now {
					list = append(list, work{id, count})
				}
				dead := w.Look(list, idOf)
				for id, count := range now {
					if _, ok := since[id]; !ok {
						since[id] = time.Now()
					}
					want := time.Since(since[id]) > lease.DeadTime
					if got := dead(work{id, count}); got != want {
						rt.Fatalf("%s, seen for %v: dead is %v", id, time.Since(since[id]), got)
					}
				}
				if dead(work{id: "nobody"}) {
					rt.Fatal("what is not there is dead")
				}
				for _, id := range []string{"a", "b", "c"} {
					if _, ok := now[id]; !ok {
						now[id] = 0
					}
				}
				time.Sleep(pause)
			}
		})
	})
}

// TestPause: a pause grows, is never nothing, and ends at half a minute.
func TestPause(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		first := time.Duration(rapid.IntRange(2, 1000).Draw(rt, "first")) * time.Millisecond
		n := rapid.IntRange(1, 1_000_000).Draw(rt, "failures")
		full := min(first<<min(n-1, 10), 30*time.Second)
		if d := lease.Pause(first, n); d < full/2 || d > full {
			rt.Fatalf("%v after %d failures, first %v", d, n, first)
		}
	})
}
