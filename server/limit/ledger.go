package limit

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Refusal is what was held back.
type Refusal struct {
	// Limit names the limit.
	Limit string
	// Instance is the instance's name, and Key the id of the API key, or the
	// name of an administrator's token; both are empty before anybody knows.
	Instance, Key string
	// Address is that of a client who is not known by a key.
	Address string
}

// Tally is how often something was held back.
type Tally struct {
	Refusal
	N           int
	First, Last time.Time
}

// Ledger keeps who was held back until it is written where all servers keep
// it. Its methods may be called on a nil Ledger.
type Ledger struct {
	mu      sync.Mutex
	tallies map[Refusal]*Tally
}

// ledgerSize is how many different refusals are told apart between two times
// of writing: strangers can have any number of addresses.
const ledgerSize = 1000

// Note notes a refusal.
func (l *Ledger) Note(r Refusal, at time.Time) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tallies == nil {
		l.tallies = make(map[Refusal]*Tally)
	}
	if l.tallies[r] == nil && len(l.tallies) >= ledgerSize {
		r = Refusal{Limit: r.Limit, Address: "others"}
	}
	t := l.tallies[r]
	if t == nil {
		t = &Tally{Refusal: r, First: at}
		l.tallies[r] = t
	}
	t.N++
	t.Last = at
}

// take returns what was noted, and forgets it.
func (l *Ledger) take() []Tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Tally, 0, len(l.tallies))
	for _, t := range l.tallies {
		list = append(list, *t)
	}
	l.tallies = nil
	return list
}

// back notes again what could not be written.
func (l *Ledger) back(list []Tally) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tallies == nil {
		l.tallies = make(map[Refusal]*Tally)
	}
	for _, t := range list {
		if now := l.tallies[t.Refusal]; now != nil {
			t.N, t.Last = t.N+now.N, now.Last
		}
		l.tallies[t.Refusal] = &t
	}
}

// Run writes what was noted, every so often and once more when ctx ends.
func (l *Ledger) Run(
	ctx context.Context, every time.Duration, write func(context.Context, []Tally) error,
	log *slog.Logger,
) {
	for running := true; running; {
		select {
		case <-ctx.Done():
			running = false
		case <-time.After(every):
		}
		list := l.take()
		if len(list) == 0 {
			continue
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), every)
		if err := write(last, list); err != nil {
			log.Warn("who was held back could not be written; trying again", "error", err)
			l.back(list)
		}
		cancel()
	}
}
