package limit

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"muster/server/scim"
)

// Shares divides places, in which something is done at the same time, among
// tenants. Nobody holds more than a share, and who waits for a place stands in
// the line of their own: places that become free go around among those who
// wait, so that a tenant who wants much waits longer, and nobody else does.
type Shares struct {
	// Name tells them from others, in errors and counts.
	Name string
	// Places is how many there are, and Share how many of them one tenant can
	// hold at once.
	Places, Share int
	// Queue is how many of one tenant can wait; who comes when it is full is
	// refused at once. Wait is for how long one waits at the most.
	Queue int
	Wait  time.Duration

	mu      sync.Mutex
	taken   int
	tenants map[string]*tenant
	// turns are the tenants who wait and could hold a place more, in the order
	// in which they get the next ones.
	turns []*tenant
}

// tenant is one who holds places, or waits for some.
type tenant struct {
	holds   int
	waiting []chan struct{}
}

// refused says that a tenant has to come again later: 429 if the tenant's own
// line is full, and 503 if the wait was too long.
func (s *Shares) refused(full bool) *scim.Error {
	seconds := int(math.Ceil(s.Wait.Seconds()))
	e := &scim.Error{Status: http.StatusServiceUnavailable, RetryAfter: s.Wait, Limit: s.Name}
	e.Detail = fmt.Sprintf("the request waited for %d s, and others of its kind are still under "+
		"way (limit: %s); try again later", seconds, s.Name)
	if full {
		e.Status = http.StatusTooManyRequests
		e.Detail = fmt.Sprintf("this instance has as many requests waiting as it may (limit: %s); "+
			"send the next one in %d s, and fewer at once", s.Name, seconds)
	}
	return e
}

// Enter takes a place for a tenant, when there is one. Whoever has it must
// call leave, once. The error is a [scim.Error], or that of the context.
func (s *Shares) Enter(ctx context.Context, name string) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	t := s.tenants[name]
	if t == nil {
		t = &tenant{}
		if s.tenants == nil {
			s.tenants = make(map[string]*tenant)
		}
		s.tenants[name] = t
	}
	leave = func() { s.leave(name, t) }
	if s.taken < s.Places && t.holds < s.Share && len(t.waiting) == 0 {
		s.taken++
		t.holds++
		s.mu.Unlock()
		return leave, nil
	}
	if len(t.waiting) >= s.Queue {
		s.tidy(name, t)
		s.mu.Unlock()
		return nil, s.refused(true)
	}
	turn := make(chan struct{})
	t.waiting = append(t.waiting, turn)
	s.next(t)
	s.mu.Unlock()
	return s.wait(ctx, name, t, turn, leave)
}

// wait waits until it is one's turn.
func (s *Shares) wait(
	ctx context.Context, name string, t *tenant, turn chan struct{}, leave func(),
) (func(), error) {
	timer := time.NewTimer(s.Wait)
	defer timer.Stop()
	var err error
	select {
	case <-turn:
		return leave, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = s.refused(false)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(t.waiting, turn)
	if i < 0 { // it was given meanwhile
		return leave, nil
	}
	t.waiting = slices.Delete(t.waiting, i, i+1)
	s.tidy(name, t)
	return nil, err
}

// next puts a tenant at the end of those whose turn it is, if that is so and
// it does not stand there.
func (s *Shares) next(t *tenant) {
	if len(t.waiting) > 0 && t.holds < s.Share && !slices.Contains(s.turns, t) {
		s.turns = append(s.turns, t)
	}
}

// leave gives a place back, and places to those who wait.
func (s *Shares) leave(name string, t *tenant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	t.holds--
	s.next(t)
	for s.taken < s.Places && len(s.turns) > 0 {
		first := s.turns[0]
		s.turns = slices.Delete(s.turns, 0, 1)
		if len(first.waiting) == 0 || first.holds >= s.Share { // those who waited are gone
			continue
		}
		close(first.waiting[0])
		first.waiting = slices.Delete(first.waiting, 0, 1)
		s.taken++
		first.holds++
		s.next(first)
	}
	s.tidy(name, t)
}

// tidy forgets a tenant who holds and wants nothing.
func (s *Shares) tidy(name string, t *tenant) {
	if t.holds == 0 && len(t.waiting) == 0 {
		s.turns = slices.DeleteFunc(s.turns, func(other *tenant) bool { return other == t })
		delete(s.tenants, name)
	}
}
