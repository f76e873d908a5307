// Package limit holds back clients who ask for more than they should have, and
// shares among tenants what there is.
package limit

import (
	"context"
	"math"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Bucket is one that all servers share. It fills at a rate, up to what fits
// into it.
type Bucket interface {
	// TakeTokens takes up to want tokens for a client, and returns how many
	// there were.
	TakeTokens(ctx context.Context, client string, want, perSecond, fits float64) (float64, error)
}

// Rate lets each of any number of clients do so many things a second, and
// twice as many at once after a pause.
type Rate struct {
	perSecond float64
	// shared is nil for a limit of this process alone.
	shared  Bucket
	clients *lru.Cache[string, *client]
}

// client is what is known of one of them.
type client struct {
	mu sync.Mutex
	// own is what this process lets through by itself.
	own *rate.Limiter
	// leased is what it has taken from the shared bucket and not used.
	leased float64
	// empty is until when the shared bucket has nothing.
	empty time.Time
}

const (
	// clientsKnown is how many clients are remembered. Who is forgotten begins
	// anew; a client who was that quiet would have everything again anyway.
	clientsKnown = 20_000
	// ownPart is the part of the rate that a process lets through without
	// asking the others: who is slower than that never costs a question.
	ownPart = 8
	// leasePart is the part of a second for which it then takes tokens at once.
	leasePart = 10
	// askEvery is how often it asks a bucket that is empty.
	askEvery = 100 * time.Millisecond
)

// NewRate returns a limit, or nil if perSecond is zero: no limit. With a shared
// bucket it is one for all servers, but for an eighth of the rate that each of
// them lets through by itself; without, it is of this process.
func NewRate(perSecond float64, shared Bucket) *Rate {
	if perSecond <= 0 {
		return nil
	}
	clients, err := lru.New[string, *client](clientsKnown)
	if err != nil {
		panic(err) // only for a size of zero
	}
	return &Rate{perSecond, shared, clients}
}

// of returns what is known of a client.
func (r *Rate) of(name string) *client {
	c, known := r.clients.Get(name)
	if known {
		return c
	}
	own := r.perSecond
	switch {
	case r.shared == nil:
	case own >= 2*ownPart:
		own /= ownPart
	default:
		own = 0 // it would be less than one at a time
	}
	c = &client{own: rate.NewLimiter(rate.Limit(own), int(math.Ceil(2*own)))}
	if before, was, _ := r.clients.PeekOrAdd(name, c); was {
		return before
	}
	return c
}

// Take takes one of what a client may do. If there is nothing left, it says
// after what time there is again. If the shared bucket cannot be asked, the
// client goes on: whatever it wants will fail for a better reason.
func (r *Rate) Take(ctx context.Context, name string) (wait time.Duration, ok bool) {
	if r == nil {
		return 0, true
	}
	c := r.of(name)
	if r.shared == nil {
		taken := c.own.Reserve()
		if wait = taken.Delay(); wait > 0 {
			taken.Cancel()
			return wait, false
		}
		return 0, true
	}
	if c.own.Allow() {
		return 0, true
	}
	return r.lease(ctx, name, c)
}

// lease takes one of what was leased, and leases more if that is used up.
func (r *Rate) lease(ctx context.Context, name string, c *client) (wait time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leased < 1 {
		if wait := time.Until(c.empty); wait > 0 {
			return wait, false
		}
		n, err := r.shared.TakeTokens(ctx, name, math.Max(1, math.Floor(r.perSecond/leasePart)),
			r.perSecond, math.Max(1, math.Ceil(2*r.perSecond)))
		if err != nil {
			return 0, true
		}
		if c.leased += n; c.leased < 1 {
			one := time.Duration(float64(time.Second) / r.perSecond)
			c.empty = time.Now().Add(min(max(one, askEvery), time.Minute))
			return max(one, askEvery), false
		}
	}
	c.leased--
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
