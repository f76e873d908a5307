// Package limit holds back clients who ask for more than they should have.
package limit

import (
	"math"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Rate lets each of any number of clients do so many things a second, and
// twice as many at once after a pause. It is of this process: two servers let
// through twice as much.
type Rate struct {
	perSecond float64
	clients   *lru.Cache[string, *rate.Limiter]
}

// clientsKnown is how many clients are remembered. Who is forgotten begins
// anew; a client who was that quiet would have everything again anyway.
const clientsKnown = 20_000

// NewRate returns a limit, or nil if perSecond is zero: no limit.
func NewRate(perSecond float64) *Rate {
	if perSecond <= 0 {
		return nil
	}
	clients, err := lru.New[string, *rate.Limiter](clientsKnown)
	if err != nil {
		panic(err) // only for a size of zero
	}
	return &Rate{perSecond, clients}
}

// Take takes one of what a client may do. If there is nothing left, it says
// after what time there is again.
func (r *Rate) Take(client string) (wait time.Duration, ok bool) {
	if r == nil {
		return 0, true
	}
	l, known := r.clients.Get(client)
	if !known {
		l = rate.NewLimiter(rate.Limit(r.perSecond), int(math.Ceil(2*r.perSecond)))
		if before, was, _ := r.clients.PeekOrAdd(client, l); was {
			l = before
		}
	}
	taken := l.Reserve()
	if wait = taken.Delay(); wait > 0 {
		taken.Cancel()
		return wait, false
	}
	return 0, true
}

// Slots are places for work that is done at the same time.
type Slots chan struct{}

// NewSlots returns n places, or nil if n is zero: no limit.
func NewSlots(n int) Slots {
	if n <= 0 {
		return nil
	}
	return make(Slots, n)
}

// Take takes a place, if there is one. Whoever has one must call Give.
func (s Slots) Take() bool {
	if s == nil {
		return true
	}
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

// Give gives a place back.
func (s Slots) Give() {
	if s != nil {
		<-s
	}
}
