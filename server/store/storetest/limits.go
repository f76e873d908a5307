package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/server/history"
	"muster/server/limit"
)

// testBuckets takes from one bucket by several at once, and counts.
func testBuckets(t *testing.T, x *suite) {
	b, ok := x.store.(limit.Bucket)
	if !ok {
		t.Fatal("no buckets")
	}
	client := "client of " + x.tag
	var sum float64
	var mu sync.Mutex
	var all sync.WaitGroup
	began := time.Now()
	for range 8 {
		all.Go(func() {
			for range 20 {
				n, err := b.TakeTokens(t.Context(), client, 10, 20, 100)
				if err != nil || n < 0 || n > 10 {
					t.Errorf("got %v, %v", n, err)
				}
				mu.Lock()
				sum += n
				mu.Unlock()
			}
		})
	}
	all.Wait()
	// 1,600 were asked for; the bucket held 100, and 20 came each second.
	if most := 100 + 20*(time.Since(began).Seconds()+0.1); sum < 99.9 || sum > most {
		t.Errorf("%v were given, of at most %v", sum, most)
	}
	if n, err := b.TakeTokens(t.Context(), client+" who is new", 10, 20, 4); err != nil || n != 4 {
		t.Errorf("a small bucket: got %v, %v", n, err)
	}
}

// testHeld keeps who was held back, added up over servers.
func testHeld(t *testing.T, x *suite) {
	l, ok := x.store.(interface {
		NoteHeld(ctx context.Context, list []limit.Tally) error
		Held(ctx context.Context, instance string, since time.Time) ([]limit.Tally, error)
	})
	if !ok {
		t.Fatal("no ledger")
	}
	now := time.Now().UTC().Truncate(time.Second)
	key := limit.Refusal{Limit: "key", Instance: x.tag, Key: "k1"}
	scan := limit.Refusal{Limit: "scans", Instance: x.tag, Key: "k1"}
	fatal(t,
		l.NoteHeld(t.Context(), []limit.Tally{
			{Refusal: key, N: 2, First: now.Add(-time.Hour), Last: now.Add(-time.Hour)},
			{Refusal: scan, N: 1, First: now, Last: now},
		}))
	fatal(t,
		l.NoteHeld(t.Context(), []limit.Tally{
			{Refusal: key, N: 3, First: now, Last: now},
			{
				Refusal: limit.Refusal{Limit: "address", Address: "192.0.2.1"}, N: 7, First: now,
				Last: now,
			},
		}))
	got, err := l.Held(t.Context(), x.tag, now.Add(-2*time.Hour))
	fatal(t, err)
	want := []limit.Tally{
		{Refusal: key, N: 5, First: now.Add(-time.Hour), Last: now},
		{Refusal: scan, N: 1, First: now, Last: now},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if all, err := l.Held(t.Context(), "", now.Add(-2*time.Hour)); err != nil || len(all) < 3 {
		t.Errorf("of all: %v, %v", all, err)
	}
	if none, err := l.Held(t.Context(), x.tag, now.Add(2*time.Hour)); err != nil || len(none) > 0 {
		t.Errorf("later: %v, %v", none, err)
	}
}

// testHistoryParts reads a history of entries of very different sizes: each is
// there once, in its order.
func testHistoryParts(t *testing.T, x *suite) {
	var want []string
	for n := range 700 {
		e := history.New(x.scope.Instance.ID, time.Now(), administrator, history.GroupUpdate,
			history.Target{Type: "Group", ID: fmt.Sprint(n), Name: "large"})
		size := 10
		if n%97 == 0 || n > 650 && n < 670 {
			size = 1 << 20
		}
		if n == 300 {
			size = 9 << 20
		}
		e.Detail = strings.Repeat("x", size)
		fatal(t, x.store.AppendHistory(t.Context(), e))
		want = append(want, fmt.Sprint(n, " ", size))
	}
	for _, text := range []string{"", "large"} {
		var got []string
		q := history.Query{InstanceID: x.scope.Instance.ID, Group: "large", Text: text}
		fatal(t, x.users.History(t.Context(), q, func(e *history.Entry) error {
			got = append(got, fmt.Sprint(e.Target.ID, " ", len(e.Detail)))
			return nil
		}))
		if !slices.Equal(got, want) {
			t.Errorf("%q: %d entries of %d", text, len(got), len(want))
		}
	}
	v, err := x.users.VerifyHistory(t.Context(), x.scope, nil)
	fatal(t, err)
	if len(v.Problems) > 0 || v.Rows < len(want) {
		t.Errorf("%d rows, %q", v.Rows, v.Problems)
	}
}
