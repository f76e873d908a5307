package httpapi

import (
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
	// Requests is how many requests are answered at the same time.
	Requests int
}

// Recorder is told of each request; see package metrics.
type Recorder interface {
	// Begin and End stand around each request. route is empty for a path that
	// there is not.
	Begin()
	End(method, route string, status int, took time.Duration)
	// Provisioned tells of a change that an identity provider asked for.
	Provisioned(instance, action string, status int)
	// Limited tells of a request that was refused by the limit of that name.
	Limited(limit string)
}

type limits struct {
	key, address *limit.Rate
	slots        limit.Slots
}

func newLimits(l Limits) limits {
	return limits{limit.NewRate(l.PerKey), limit.NewRate(l.PerAddress), limit.NewSlots(l.Requests)}
}

// requestTime is how long a request may take before it is given up.
const requestTime = 2 * time.Minute

// IsProbe reports whether a path tells how the server is: it needs no key, and
// knows no limits.
func IsProbe(path string) bool { return path == "/healthz" || path == "/readyz" }

// admit lets requests through as far as limits go that need no knowledge of
// who sends them: before anything is read or looked up.
func (s *server) admit(next http.Handler) http.Handler {
	return s.serve(func(x *exchange) error {
		if IsProbe(x.URL.EscapedPath()) {
			next.ServeHTTP(x.answer, x.Request)
			return nil
		}
		if err := s.take(x, "address", s.limits.address, x.scope.Actor.Address); err != nil {
			return err
		}
		if !s.limits.slots.Take() {
			s.limited("requests")
			x.answer.Header().Set("Retry-After", "1")
			return &scim.Error{Status: http.StatusServiceUnavailable, Detail: "the server has as many requests as it can answer at once; try again in a second"}
		}
		defer s.limits.slots.Give()
		ctx, cancel := context.WithTimeout(x.Context(), requestTime)
		defer cancel()
		x.Request = x.WithContext(ctx)
		next.ServeHTTP(x.answer, x.Request)
		return nil
	})
}

// take takes one request of what a client may send, or returns the error that
// tells when there is more.
func (s *server) take(x *exchange, name string, r *limit.Rate, client string) error {
	wait, ok := r.Take(client)
	if ok {
		return nil
	}
	s.limited(name)
	seconds := int(math.Ceil(wait.Seconds()))
	x.answer.Header().Set("Retry-After", strconv.Itoa(seconds))
	return &scim.Error{Status: http.StatusTooManyRequests, Detail: fmt.Sprintf("too many requests from this %s; send the next one in %d s", name, seconds)}
}

func (s *server) limited(name string) {
	if s.Metrics != nil {
		s.Metrics.Limited(name)
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
