// Package listener is a receiver of events to develop against: it verifies what comes,
// keeps count, and behaves badly as often as it is told to.
package listener

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"muster/lease"
	"muster/secevent"
)

// Faults say how often a listener behaves badly, each from 0 to 1.
type Faults struct {
	// Refuse is how often it refuses an event for good, when that comes first, and Busy
	// how often it does so for now.
	Refuse, Busy float64
	// Lose is how often the connection breaks off: half of the times before the event is
	// taken, half after it.
	Lose float64
	// Delay is how often it takes its time, and Longest how much at the most.
	Delay   float64
	Longest time.Duration
	// Seed makes the faults the same in each run.
	Seed uint64
}

// Counts is what a listener has seen.
type Counts struct {
	// Events are those that were taken, each once, and Again how often one of them came
	// once more; Resources is of how many resources they tell.
	Events    int `json:"events"`
	Again     int `json:"again"`
	Resources int `json:"resources"`
	// Older is how often an event of a resource came after one of a later version.
	Older int `json:"older"`
	// Invalid are tokens that are not right: forged, of another issuer, for another
	// audience.
	Invalid int `json:"invalid"`
	// Refused, Busy, Lost and Delayed is how often it behaved badly.
	Refused int `json:"refused"`
	Busy    int `json:"busy"`
	Lost    int `json:"lost"`
	Delayed int `json:"delayed"`
}

// Listener takes events.
type Listener struct {
	Verifier *secevent.Verifier
	// Authorization is the header that must come with what is pushed; any if empty.
	Authorization string
	Faults        Faults
	// Show is called with each event that is taken the first time, one after the other;
	// nil if nobody looks.
	Show func(*secevent.Token)

	mu       sync.Mutex
	counts   Counts
	tried    map[string]int
	taken    map[string]bool
	versions map[string]int64
}

// Counts returns what was seen until now.
func (l *Listener) Counts() Counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.counts
	c.Resources = len(l.versions)
	return c
}

// errBusy has an event be sent again.
var errBusy = errors.New("the listener is busy")

// Handler takes events that are pushed.
func (l *Listener) Handler() http.Handler {
	return &secevent.Receiver{
		Verifier: l.Verifier, Authorization: l.Authorization, Take: l.take, Refused: l.invalid,
	}
}

// invalid counts tokens that were not right.
func (l *Listener) invalid() { l.count(&l.counts.Invalid) }

// take takes an event, or behaves badly.
func (l *Listener) take(ctx context.Context, t *secevent.Token) error {
	l.mu.Lock()
	if l.tried == nil {
		l.tried, l.taken = make(map[string]int), make(map[string]bool)
		l.versions = make(map[string]int64)
	}
	l.tried[t.ID]++
	draw, first := l.Faults.draw(t.ID, l.tried[t.ID]), l.tried[t.ID] == 1
	l.mu.Unlock()
	if d := l.Faults.delay(draw); d > 0 {
		l.count(&l.counts.Delayed)
		lease.Sleep(ctx, d)
	}
	// What was lost may have been taken: that is not refused afterwards.
	if draw.Float64() < l.Faults.Refuse && first {
		l.count(&l.counts.Refused)
		return &secevent.Error{Code: secevent.InvalidRequest, Description: "refused on purpose"}
	}
	switch x := draw.Float64(); {
	case x < l.Faults.Busy:
		l.count(&l.counts.Busy)
		return errBusy
	case x < l.Faults.Busy+l.Faults.Lose:
		l.count(&l.counts.Lost)
		if draw.IntN(2) == 0 {
			l.accept(t)
		}
		panic(http.ErrAbortHandler)
	}
	l.accept(t)
	return nil
}

func (l *Listener) count(n *int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*n++
}

// accept takes an event.
func (l *Listener) accept(t *secevent.Token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken[t.ID] {
		l.counts.Again++
		return
	}
	l.taken[t.ID] = true
	l.counts.Events++
	before, version := l.versions[t.Subject.URI], t.Version()
	if version > 0 && version < before {
		l.counts.Older++
	}
	l.versions[t.Subject.URI] = max(before, version)
	if l.Show != nil {
		l.Show(t)
	}
}

// draw returns what decides on an attempt at an event.
func (f Faults) draw(id string, attempt int) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%d", id, attempt)
	return rand.New(rand.NewPCG(f.Seed, h.Sum64()))
}

func (f Faults) delay(draw *rand.Rand) time.Duration {
	if draw.Float64() >= f.Delay || f.Longest <= 0 {
		return 0
	}
	return 1 + rand.N(f.Longest)
}

// Payload is that of an event.
type Payload struct {
	Version    string          `json:"version"`
	Attributes []string        `json:"attributes"`
	Data       json.RawMessage `json:"data"`
	Method     string          `json:"method"`
	Status     string          `json:"status"`
}

// PayloadOf returns the payload of a token that has one, by the URI of the event.
func PayloadOf(t *secevent.Token, uri string) (p Payload) {
	// Payloads of others may be otherwise.
	_ = json.Unmarshal(t.Events[uri], &p)
	return p
}

// Poll polls for events until ctx ends, and tells the log of what fails. Nothing is lost
// by a failure: it is tried again.
func (l *Listener) Poll(ctx context.Context, url, token string, log io.Writer) {
	p := &secevent.Poller{
		Verifier: l.Verifier, URL: url, Token: token,
		Take: func(ctx context.Context, t *secevent.Token) (err error) {
			defer func() {
				if v := recover(); v == http.ErrAbortHandler { //nolint:errorlint // a panic's value
					err = errBusy // what is lost is not acknowledged
				} else if v != nil {
					panic(v)
				}
			}()
			return l.take(ctx, t)
		},
		Refused: l.invalid,
	}
	pause := 200 * time.Millisecond
	for ctx.Err() == nil {
		_, err := p.Poll(ctx, false)
		switch {
		case err == nil:
			pause = 200 * time.Millisecond
			continue
		case ctx.Err() != nil:
		case errors.Is(err, errBusy):
			continue // ask again; the transmitter has it still
		default:
			fmt.Fprintln(log, "not polled, it is tried again:", err)
		}
		lease.Sleep(ctx, pause)
		pause = min(2*pause, 10*time.Second)
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := p.Acknowledge(end); err != nil {
		fmt.Fprintln(log, "not acknowledged, it will come again:", err)
	}
}
