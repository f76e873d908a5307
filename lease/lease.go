// Package lease is for work that one of several servers does at a time. Who does it counts
// as long as it lives; who sees another one's count stand still takes the work over. Nobody's
// clock is compared with another's.
package lease

import (
	"context"
	"math/rand/v2"
	"time"
)

// BeatTime is how often a server tells that it lives, and DeadTime after how long without
// that others take it for dead.
const (
	BeatTime = 500 * time.Millisecond
	DeadTime = 3 * time.Second
)

// Watch remembers work of others as it was seen: a D tells who does it, and the count. The
// zero Watch has seen nothing.
type Watch[D comparable] struct{ seen map[string]sighting[D] }

// sighting is when work was first seen as it is.
type sighting[D comparable] struct {
	as D
	at time.Time
}

// Look takes in all work that there is now, each with an id, and forgets what is not there
// any more. It returns a function that reports whether who does it is dead.
func (w *Watch[D]) Look(work []D, idOf func(D) string) (dead func(D) bool) {
	seen := make(map[string]sighting[D], len(work))
	for _, as := range work {
		id := idOf(as)
		before, known := w.seen[id]
		if !known || before.as != as {
			before = sighting[D]{as, time.Now()}
		}
		seen[id] = before
	}
	w.seen = seen
	return func(d D) bool {
		s, ok := seen[idOf(d)]
		return ok && time.Since(s.at) > DeadTime
	}
}

// Beat tells that a server lives as long as it is busy, until ctx ends. failed is called
// when that cannot be told.
func Beat(ctx context.Context, busy func() bool, tell func(context.Context) error,
	failed func(error),
) {
	for Sleep(ctx, BeatTime) {
		if !busy() {
			continue
		}
		if err := tell(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
	}
}

// longest is how long a pause is at the most.
const longest = 30 * time.Second

// Pause is how long to wait after so many failures in succession: twice as long after each,
// and by chance up to half of it less, so that many do not come back at once.
func Pause(first time.Duration, failures int) time.Duration {
	d := min(first<<min(failures-1, 10), longest)
	return d/2 + rand.N(d/2)
}

// Sleep waits. It reports whether ctx goes on.
func Sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
