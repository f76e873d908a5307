// Package fault is a transport that breaks things on purpose: it delays
// requests, drops connections before or after the server has acted, and
// answers in the server's place with errors and rubbish. What befalls a
// request depends on the seed, on the request, and on how often it was sent
// before, and on nothing else: the same seed gives the same faults, in
// whatever order requests are sent.
package fault

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Kind is something that can go wrong.
type Kind string

// The kinds of faults.
const (
	// Latency delays the request.
	Latency Kind = "latency"
	// DropBefore breaks the connection off before the server has the request,
	// DropAfter when it has acted, so that the answer is lost.
	DropBefore Kind = "drop-before"
	DropAfter  Kind = "drop-after"
	// TooMany, Broken and Unavailable are the answers 429, 500 and 503, in
	// place of the server's; the server does not get the request.
	TooMany     Kind = "429"
	Broken      Kind = "500"
	Unavailable Kind = "503"
	// Truncate cuts the answer in the middle of its body.
	Truncate Kind = "truncate"
	// ContentType answers with a page of HTML, though the server has acted.
	ContentType Kind = "content-type"
)

// Kinds returns all kinds, in the order in which they are tried.
func Kinds() []Kind {
	return []Kind{
		Latency, DropBefore, DropAfter, TooMany, Broken, Unavailable, Truncate, ContentType,
	}
}

// Plan says which faults happen, each with the part of the requests that it
// befalls, from 0 to 1.
type Plan struct {
	Rates map[Kind]float64
	// Delay is how long a latency is at the most.
	Delay time.Duration
}

// Parse reads a plan such as "drop-after=5%,429=0.1,latency=20%:50ms". The
// name "all" stands for every kind.
func Parse(text string) (Plan, error) {
	p := Plan{Rates: make(map[Kind]float64), Delay: 20 * time.Millisecond}
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return p, fmt.Errorf("the fault %q has no rate; write, for example, %s=5%%", part,
				DropAfter)
		}
		rateText, delay, delayed := strings.Cut(value, ":")
		rate, err := parseRate(rateText)
		if err != nil {
			return p, fmt.Errorf("the fault %q: %w", name, err)
		}
		if delayed {
			if p.Delay, err = time.ParseDuration(delay); err != nil || p.Delay < 0 ||
				Kind(name) != Latency && name != "all" {
				return p, fmt.Errorf("the fault %q: only latency takes a duration, such as "+
					"latency=20%%:50ms", part)
			}
		}
		kinds := []Kind{Kind(name)}
		if name == "all" {
			kinds = Kinds()
		}
		for _, k := range kinds {
			if !slices.Contains(Kinds(), k) {
				return p, fmt.Errorf("there is no fault %q; use all, or some of %v", name, Kinds())
			}
			p.Rates[k] = rate
		}
	}
	sum := 0.0
	for k, rate := range p.Rates {
		if k != Latency {
			sum += rate
		}
	}
	if sum >= 1 {
		return p, fmt.Errorf("the rates add up to %.0f%%: no request would ever succeed", 100*sum)
	}
	return p, nil
}

func parseRate(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	rate, err := strconv.ParseFloat(number, 64)
	if percent {
		rate /= 100
	}
	if err != nil || rate < 0 || rate > 1 {
		return 0, fmt.Errorf("%q is no rate; write 5%% or 0.05", text)
	}
	return rate, nil
}

// Transport breaks what another transport carries. It is safe for concurrent
// use.
type Transport struct {
	Base http.RoundTripper
	Plan Plan
	Seed uint64

	mu     sync.Mutex
	sent   map[uint64]uint64
	counts map[Kind]int
}

// Counts returns how often each fault happened.
func (t *Transport) Counts() map[Kind]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := make(map[Kind]int, len(t.counts))
	for k, n := range t.counts {
		counts[k] = n
	}
	return counts
}

// errDropped is what a client sees of a connection that broke off.
var errDropped = errors.New("the connection broke off (a fault that was asked for)")

// RoundTrip implements [http.RoundTripper].
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	kind, err := t.choose(r)
	if err != nil {
		return nil, err
	}
	switch kind {
	case DropBefore:
		return nil, errDropped
	case TooMany, Broken, Unavailable:
		status, _ := strconv.Atoi(string(kind))
		return answer(r, status), nil
	}
	a, err := t.Base.RoundTrip(r)
	if err != nil || kind == "" {
		return a, err
	}
	text, err := io.ReadAll(a.Body)
	if err = errors.Join(err, a.Body.Close()); err != nil {
		return nil, err
	}
	switch kind {
	case DropAfter:
		return nil, errDropped
	case Truncate:
		a.Body = io.NopCloser(io.MultiReader(bytes.NewReader(text[:len(text)/2]), broken{}))
	case ContentType:
		a.Header.Set("Content-Type", "text/html")
		a.Body = io.NopCloser(strings.NewReader("<html><body>Please wait</body></html>"))
		a.ContentLength = -1
		if a.StatusCode == http.StatusNoContent {
			a.StatusCode, a.Status = http.StatusOK, "200 OK"
		}
	}
	return a, nil
}

// broken is a body that breaks off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// answer answers in the server's place.
func answer(r *http.Request, status int) *http.Response {
	body := fmt.Sprintf(
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"%d",`+
			`"detail":"a fault that was asked for"}`,
		status)
	return &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:  http.Header{"Content-Type": {"application/scim+json"}},
		Body:    io.NopCloser(strings.NewReader(body)),
		Request: r, ContentLength: int64(len(body)),
	}
}

// choose waits if the request is to be delayed, and returns which other
// fault befalls it.
func (t *Transport) choose(r *http.Request) (Kind, error) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %s\n", r.Method, r.URL.RequestURI())
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return "", err
		}
		if _, err := io.Copy(h, body); err != nil {
			return "", err
		}
	}
	what := h.Sum64()
	t.mu.Lock()
	if t.sent == nil {
		t.sent, t.counts = make(map[uint64]uint64), make(map[Kind]int)
	}
	t.sent[what]++
	dice := rand.New(rand.NewPCG(t.Seed, what+t.sent[what]<<40))
	delay := time.Duration(0)
	if dice.Float64() < t.Plan.Rates[Latency] {
		delay = time.Duration(dice.Float64() * float64(t.Plan.Delay))
		t.counts[Latency]++
	}
	point, chosen := dice.Float64(), Kind("")
	for _, k := range Kinds()[1:] {
		if point -= t.Plan.Rates[k]; point < 0 {
			chosen = k
			t.counts[k]++
			break
		}
	}
	t.mu.Unlock()
	if delay > 0 {
		select {
		case <-r.Context().Done():
			return "", r.Context().Err()
		case <-time.After(delay):
		}
	}
	return chosen, nil
}
