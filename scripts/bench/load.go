package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// request is what one client sends next.
type request struct {
	method, path string // path is below the base URL, with its query
	body         []byte
	// token is that of an administrator for the admin API, whose paths begin
	// at the server; empty for the key of the target.
	token string
	// want is the status of success.
	want int
	// done is called with the answer of success; nil if nobody needs it.
	done func(body []byte)
}

// next returns the request that a client sends as its nth; nil ends the
// client.
type next func(client, n int) *request

// measured is what a load gave.
type measured struct {
	PerSecond     float64 `json:"perSecond"`
	P50, P95, P99 time.Duration
	// Size is the mean size of an answer, in bytes.
	Size int `json:"size"`
	// ServerCPU and DatabaseCPU are the time per request.
	ServerCPU, DatabaseCPU time.Duration
	// Memory is the server's resident memory at the end, in bytes.
	Memory int64 `json:"memory"`
}

// loader sends requests to a target: to each of its servers by turns.
type loader struct {
	bases  []string
	turn   atomic.Uint64
	token  string
	client *http.Client
}

func newLoader(t *target, clients int) *loader {
	return &loader{bases: t.bases, token: t.token, client: &http.Client{
		Timeout: 5 * time.Minute,
		Transport: &http.Transport{
			MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients, DisableCompression: true,
		},
	}}
}

// do sends one request.
func (l *loader) do(ctx context.Context, r *request) (*http.Response, error) {
	base, token := l.bases[l.turn.Add(1)%uint64(len(l.bases))], l.token
	if r.token != "" {
		base, token = strings.TrimSuffix(base, "/scim/v2"), r.token
	}
	req, err := http.NewRequestWithContext(ctx, r.method, base+r.path, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if len(r.body) > 0 {
		req.Header.Set("Content-Type", "application/scim+json")
	}
	return l.client.Do(req)
}

// drain reads an answer to its end.
func drain(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }

// send sends one request and reads its answer.
func (l *loader) send(ctx context.Context, r *request) ([]byte, error) {
	resp, err := l.do(ctx, r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	err = errors.Join(err, resp.Body.Close())
	if err == nil && resp.StatusCode != r.want {
		err = fmt.Errorf("%s %s: %d instead of %d: %.300s", r.method, r.path, resp.StatusCode,
			r.want, body)
	}
	return body, err
}

// tally is what one client counts.
type tally struct {
	times []time.Duration
	bytes int
	err   error
}

// run lets clients send requests one after the other for a time.
func (l *loader) run(ctx context.Context, clients int, d time.Duration, f next) (measured, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tallies := make([]tally, clients)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range tallies {
		wg.Go(func() {
			t := &tallies[i]
			for n := 0; time.Since(began) < d; n++ {
				r := f(i, n)
				if r == nil {
					return
				}
				start := time.Now()
				body, err := l.send(ctx, r)
				if err != nil {
					t.err = err
					cancel()
					return
				}
				t.times = append(t.times, time.Since(start))
				t.bytes += len(body)
				if r.done != nil {
					r.done(body)
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	var all []time.Duration
	size := 0
	for _, t := range tallies {
		if t.err != nil && !errors.Is(t.err, context.Canceled) {
			return measured{}, t.err
		}
		all = append(all, t.times...)
		size += t.bytes
	}
	if len(all) == 0 {
		return measured{}, errors.New("no request was sent")
	}
	m := summarize(all, took)
	m.Size = size / len(all)
	return m, nil
}

// summarize makes a summary of how long requests took.
func summarize(all []time.Duration, took time.Duration) measured {
	slices.Sort(all)
	at := func(share float64) time.Duration {
		return all[min(int(share*float64(len(all))), len(all)-1)]
	}
	return measured{
		PerSecond: float64(len(all)) / took.Seconds(), P50: at(0.50), P95: at(0.95), P99: at(0.99),
	}
}

// resourceID returns the id in the text of a resource.
func resourceID(body []byte) string {
	_, rest, _ := bytes.Cut(body, []byte(`"id":"`))
	id, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(id)
}

// numbers reads a list such as 8,32.
func numbers(list string) ([]int, error) {
	var out []int
	for text := range strings.SplitSeq(list, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no number above zero", text)
		}
		out = append(out, n)
	}
	return out, nil
}
