// Package queue serves callers in batches: a database does many things in one
// round trip for little more than the price of one.
package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// Queue has callers served in batches. What they ask for while a batch is
// under way makes up the next one, so that under load one round trip serves
// many of them, and when there is none nobody waits. A batch is served by the
// caller who is the first of it: there is no goroutine of the queue's own.
type Queue[T Waiter] struct {
	// Most is how many batches can be under way at once.
	Most int
	// Together returns how many of those who wait make up the next batch; at
	// least one.
	Together func(waiting []T) int

	mu       sync.Mutex
	underWay int
	waiting  []T
}

// Waiter is what waits in a queue: a pointer to a struct that embeds a
// [Ticket].
type Waiter interface {
	comparable
	place() *Ticket
}

// Ticket is what the queue knows of one who waits.
type Ticket struct {
	// turn gets true when the caller is to serve the next batch, and false
	// when another one has served the caller, with the outcome in err.
	turn chan bool
	err  error
	over bool
}

func (t *Ticket) place() *Ticket { return t }

// End says what came of it.
func (t *Ticket) End(err error) { t.err, t.over = err, true }

var errBroken = errors.New("the batch that the request was part of was broken off")

// Ended reports whether it was said what came of it.
func (t *Ticket) Ended() bool { return t.over }

// Do has x served by f, together with others, and returns what f has said came
// of it. f may do with the list that it gets what it likes. A caller whose
// context ends before its turn is gone as if it had never come; from then on
// the end of its context breaks nothing off.
func (q *Queue[T]) Do(ctx context.Context, x T, f func(context.Context, []T)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := x.place()
	t.turn = make(chan bool, 1)
	q.mu.Lock()
	q.waiting = append(q.waiting, x)
	serves := q.underWay < q.Most
	if serves {
		q.underWay++
	}
	q.mu.Unlock()
	if !serves {
		select {
		case serves = <-t.turn:
		case <-ctx.Done():
			if q.leave(x) {
				return ctx.Err()
			}
			serves = <-t.turn
		}
	}
	if serves {
		q.serve(ctx, f)
	}
	return t.err
}

// leave takes x out of the queue, unless it is being served or is to serve.
func (q *Queue[T]) leave(x T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, x)
	if i < 0 || len(x.place().turn) > 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

// serve serves the next batch, and has one of those who came meanwhile serve
// the one after it.
func (q *Queue[T]) serve(ctx context.Context, f func(context.Context, []T)) {
	q.mu.Lock()
	n := q.Together(q.waiting)
	list := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	q.mu.Unlock()

	// Should f panic, the others must not wait for ever; and f has a list of its
	// own, which it may reorder.
	defer q.pass(list)
	f(context.WithoutCancel(ctx), slices.Clone(list))
}

// pass tells those who were served, and has the next one serve.
func (q *Queue[T]) pass(list []T) {
	for i, x := range list {
		t := x.place()
		if !t.over {
			t.err = errBroken
		}
		if i > 0 { // the first of them is the one who serves
			t.turn <- false
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) > 0 {
		q.waiting[0].place().turn <- true
	} else {
		q.underWay--
	}
}

// Len returns how many wait, without those who are being served.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}
