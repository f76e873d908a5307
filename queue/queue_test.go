package queue_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster/queue"
)

type item struct {
	queue.Ticket
	n int
}

func newQueue(most, limit int) *queue.Queue[*item] {
	return &queue.Queue[*item]{
		Most: most, Together: func(waiting []*item) int { return min(len(waiting), limit) },
	}
}

// Each of many callers is served exactly once, with an outcome of its own, or
// is gone before anybody saw it; and there are never more batches than are
// allowed.
func TestEachOnce(t *testing.T) {
	q := newQueue(2, 5)
	var underWay, served, gone atomic.Int64
	seen := make([]atomic.Int64, 2000)
	odd := errors.New("odd")
	f := func(_ context.Context, list []*item) {
		if n := underWay.Add(1); n > 2 {
			t.Errorf("%d batches at once", n)
		}
		if len(list) == 0 || len(list) > 5 {
			t.Errorf("a batch of %d", len(list))
		}
		for _, x := range list {
			seen[x.n].Add(1)
			if x.n%2 == 1 {
				x.End(odd)
			} else {
				x.End(nil)
			}
		}
		// Whoever serves may reorder the list, and write into it.
		slices.Reverse(list)
		clear(list[1:])
		time.Sleep(time.Duration(rand.IntN(50)) * time.Microsecond)
		underWay.Add(-1)
	}
	var wg sync.WaitGroup
	for n := range seen {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if n%7 == 0 {
				go func() {
					time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
					cancel()
				}()
			}
			err := q.Do(ctx, &item{n: n}, f)
			switch times := seen[n].Load(); {
			case times == 0 && errors.Is(err, context.Canceled):
				gone.Add(1)
			case times == 1 && errors.Is(err, odd) == (n%2 == 1):
				served.Add(1)
			default:
				t.Errorf("%d was served %d times, with %v", n, times, err)
			}
		})
	}
	wg.Wait()
	if served.Load() == 0 || served.Load()+gone.Load() != int64(len(seen)) || q.Len() != 0 {
		t.Errorf("%d served, %d gone, %d wait", served.Load(), gone.Load(), q.Len())
	}
	t.Logf("%d served, %d gone", served.Load(), gone.Load())
}

// A batch that panics, or forgets somebody, leaves nobody waiting.
func TestBroken(t *testing.T) {
	q := newQueue(1, 10)
	begun, end := make(chan bool), make(chan bool)
	go func() {
		_ = q.Do(t.Context(), &item{}, func(_ context.Context, list []*item) {
			close(begun)
			<-end
			list[0].End(nil)
		})
	}()
	<-begun
	f := func(context.Context, []*item) { panic("at the disco") }
	errs := make(chan error, 3)
	for n := range 3 {
		go func() {
			defer func() {
				if recover() != nil {
					errs <- errors.New("panicked")
				}
			}()
			errs <- q.Do(t.Context(), &item{n: n}, f)
		}()
	}
	for q.Len() < 3 {
		time.Sleep(time.Millisecond)
	}
	close(end)
	panicked := 0
	for range 3 {
		err := <-errs
		if err == nil {
			t.Error("what nobody did is acknowledged")
		} else if err.Error() == "panicked" {
			panicked++
		}
	}
	if panicked != 1 {
		t.Errorf("%d panicked", panicked)
	}
	if err := q.Do(t.Context(), &item{},
		func(_ context.Context, list []*item) { list[0].End(nil) }); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

// A caller that is not told an outcome has not succeeded, even the one that
// served.
func TestForgotten(t *testing.T) {
	q := newQueue(1, 1)
	if err := q.Do(t.Context(), &item{}, func(context.Context, []*item) {}); err == nil {
		t.Error("nothing was done, and it is acknowledged")
	}
}
