package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"muster/server/limit"
	"muster/server/scim"
)

// Limits is how much clients may ask of a server. Zero is no limit.
type Limits struct {
	// PerKey and PerAddress are requests a second, with twice as many at once
	// after a pause: of an API key, and of a network address.
	PerKey, PerAddress float64
	// Requests is how many requests are answered at the same time. An instance
	// has no more than half of them.
	Requests int
	// Shared is the bucket that all servers take what a key may send from; nil
	// if there is only this one.
	Shared limit.Bucket
	// Ledger is told who was held back; nil if nobody asks.
	Ledger *limit.Ledger
}

// Recorder is told of each request; see package metrics.
type Recorder interface {
	// Begin and End stand around each request. route is empty for a path that
	// there is not.
	Begin()
	End(method, route string, status int, took time.Duration)
	// Provisioned tells of a change that an identity provider asked for.
	Provisioned(instance, action string, status int)
	// Limited tells of a request that was refused by the limit of that name,
	// and of which instance it was, if that was known.
	Limited(limit, instance string)
}

type limits struct {
	key, address *limit.Rate
	slots        limit.Slots
	// tenants are the slots of each instance. bulk are those of bulk requests,
	// large those of other large bodies, and long those of exports, and of what
	// an administrator does to all users.
	tenants, bulk, large, long *limit.Shares
	// polls are the places of receivers who wait for events, by feed.
	polls *limit.Shares
}

// How many bulk requests, and how much long work, there is at once, of all
// instances and of one; how much of one can wait, and how long.
const (
	bulkPlaces, bulkShare   = 8, 2
	largePlaces, largeShare = 2, 1
	longPlaces, longShare   = 4, 1
	longLine                = 32
	longTime                = 10 * time.Second
)

func newLimits(l Limits) limits {
	made := limits{
		key: limit.NewRate(l.PerKey, l.Shared), address: limit.NewRate(l.PerAddress, nil),
		slots: limit.NewSlots(l.Requests),
		bulk: &limit.Shares{
			Name: "bulk", Places: bulkPlaces, Share: bulkShare, Queue: longLine, Wait: longTime,
		},
		large: &limit.Shares{
			Name: "bodies", Places: largePlaces, Share: largeShare, Queue: longLine, Wait: longTime,
		},
		long: &limit.Shares{
			Name: "long-work", Places: longPlaces, Share: longShare, Queue: longLine,
			Wait: longTime,
		},
		polls: &limit.Shares{Name: "polls", Places: 256, Share: 4, Wait: time.Second},
	}
	if l.Requests > 0 {
		made.tenants = &limit.Shares{
			Name: "requests", Places: l.Requests, Share: max(1, l.Requests/2), Wait: time.Second,
		}
	}
	return made
}

// requestTime is how long a request may take before it is given up.
const requestTime = 2 * time.Minute

// IsProbe reports whether a path tells how the server is: it needs no key, and
// knows no limits.
func IsProbe(path string) bool { return path == "/healthz" || path == "/readyz" }

// admit lets requests through as far as limits go that need no knowledge of
// who sends them: before anything is read or looked up.
func (s *server) admit(next http.Handler) http.Handler {
	return s.serve(func(x *requestContext) error {
		if IsProbe(x.URL.EscapedPath()) {
			next.ServeHTTP(x.answer, x.Request)
			return nil
		}
		if err := take(x, "address", s.limits.address, x.scope.Actor.Address); err != nil {
			return err
		}
		if !s.limits.slots.Take() {
			return &scim.Error{
				Status: http.StatusServiceUnavailable, RetryAfter: time.Second, Limit: "requests",
				Detail: "the server has as many requests as it can answer at once; try again " +
					"in a second",
			}
		}
		defer s.limits.slots.Give()
		if !isConsole(x.URL.EscapedPath()) { // who looks at long work can stop it
			ctx, cancel := context.WithTimeout(x.Context(), requestTime)
			defer cancel()
			x.Request = x.WithContext(ctx)
		}
		next.ServeHTTP(x.answer, x.Request)
		return nil
	})
}

// take takes one request of what a client may send, or returns the error that
// tells when there is more.
func take(x *requestContext, name string, r *limit.Rate, client string) error {
	wait, ok := r.Take(x.Context(), client)
	if ok {
		return nil
	}
	return &scim.Error{
		Status: http.StatusTooManyRequests, RetryAfter: wait, Limit: name,
		Detail: fmt.Sprintf("too many requests from this %s; send the next one in %d s", name,
			seconds(wait)),
	}
}

// seconds returns a time as Retry-After tells it.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// share takes one of the slots of an instance, so that the requests of one
// leave room for those of others.
func (s *server) share(x *requestContext) (leave func(), err error) {
	if s.limits.tenants == nil || x.scope.Instance == nil {
		return func() {}, nil
	}
	return s.limits.tenants.Enter(x.Context(), x.scope.Instance.ID)
}

// largeBody is how long a body is, in bytes, that waits for its turn: while it
// is understood, it takes about ten times as much memory. Users have a few
// kilobytes; this is a group of about six hundred.
const largeBody = 32 << 10

// turns returns the line that the request has to stand in, before its body is
// read; nil for none.
func (s *server) turns(x *requestContext) *limit.Shares {
	if x.route.turns == nil && (x.ContentLength > largeBody || x.ContentLength < 0) {
		return s.limits.large
	}
	return x.route.turns
}

// inTurn does what takes long when it is the turn of the instance.
func (x *requestContext) inTurn(of *limit.Shares, f func() error) error {
	if of == nil {
		return f()
	}
	leave, err := of.Enter(x.Context(), x.scope.Instance.ID)
	if err != nil {
		return err
	}
	defer leave()
	return f()
}

// held notes who was held back, and tells the client when to come again.
func (s *server) held(x *requestContext, e *scim.Error) {
	if e.RetryAfter > 0 {
		x.answer.Header().Set("Retry-After", strconv.Itoa(seconds(e.RetryAfter)))
	}
	if e.Limit == "" {
		return
	}
	r := limit.Refusal{Limit: e.Limit, Key: cmp.Or(x.scope.Actor.KeyID, x.scope.Actor.Name)}
	if x.scope.Instance != nil {
		r.Instance = x.scope.Instance.Slug
	}
	if r.Key == "" {
		r.Address = x.scope.Actor.Address
	}
	s.Limits.Ledger.Note(r, time.Now())
	if s.Metrics != nil {
		s.Metrics.Limited(e.Limit, r.Instance)
	}
}

// writeTime is how long a client may take to read one part of an answer; see
// [partSize].
const writeTime = 30 * time.Second

// address returns the network address of the client. X-Forwarded-For counts
// only if it comes from a proxy that is trusted, and of it only what trusted
// proxies have written: each appends the address that it was reached from.
func (s *server) address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if len(s.TrustedProxies) == 0 {
		return host
	}
	at, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(at); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		at = hop
	}
	return at.Unmap().WithZone("").String()
}

func (s *server) trusted(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range s.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
