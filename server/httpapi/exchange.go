package httpapi

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/tolerance"
)

// exchange is one request with its answer, and what is known of it.
type exchange struct {
	*http.Request
	answer *answerWriter

	scope provisioning.Scope
	// administrator is the token of the admin API, and credential the API key
	// that the request came with; nil for the other, and before anybody knows.
	administrator *instance.AdminToken
	credential    *instance.Credential

	route *route
	// query holds the parameters of the URL that the route takes.
	query url.Values
	// name is the user name or display name in the body, for the history.
	name string
	// base is the URL that the client reaches SCIM at: see instancePath.
	base string
	// digest is that of the API key; cursors are sealed with it.
	digest []byte
	// text is the body as it was sent, once it was read.
	text []byte
	// stale is set when the credential, or how the instance is set up, turned
	// out to be what it was before: then the request begins anew.
	stale bool
	// decoded is the body if it was decoded already: that of an operation of
	// a bulk request.
	decoded map[string]any

	users *provisioning.Service
	began time.Time
}

// answerWriter remembers the status for the log.
type answerWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the status.
func (a *answerWriter) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write writes to the client, who may not be slower than writeTime.
func (a *answerWriter) Write(p []byte) (int, error) {
	// Not every kind of writer can do it; those of a real server can.
	_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTime))
	return a.ResponseWriter.Write(p)
}

type exchangeKey struct{}

// observe wraps everything: it makes the exchange, logs its end, and keeps a
// panic from ending the process.
func (s *server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{answer: &answerWriter{ResponseWriter: w}, began: time.Now(), users: s.Admin.Users, base: s.public + Base}
		x.scope.Policy = tolerance.New(s.Strict)
		x.scope.Actor = history.Actor{
			RequestID: requestID(r), Client: clip(r.UserAgent(), 200), Address: s.address(r),
		}
		x.Request = r
		x.attach()
		x.answer.Header().Set("X-Request-Id", x.scope.Actor.RequestID)
		if s.Metrics != nil {
			s.Metrics.Begin()
		}
		defer func() {
			p := recover()
			if p != nil && !aborted(p) {
				func() {
					defer func() { p = recover() }()
					s.fail(x, fmt.Errorf("panic: %v", p))
				}()
			}
			s.end(x)
			if aborted(p) {
				panic(p)
			}
		}()
		next.ServeHTTP(x.answer, x.Request)
	})
}

// aborted reports whether a panic ends the connection, and is no accident.
func aborted(p any) bool {
	err, ok := p.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// attach makes the exchange reachable from its request.
func (x *exchange) attach() *http.Request {
	x.Request = x.WithContext(context.WithValue(x.Context(), exchangeKey{}, x))
	return x.Request
}

// end tells the metrics, the trace and the log of a request that has ended.
func (s *server) end(x *exchange) {
	path := ""
	if x.route != nil {
		path = x.route.path
	}
	if s.Metrics != nil {
		s.Metrics.End(x.Method, path, x.answer.status, time.Since(x.began))
	}
	s.count(x, x.route, x.answer.status)
	if span := trace.SpanFromContext(x.Context()); span.IsRecording() {
		span.SetName(x.Method + " " + path)
		span.SetAttributes(attribute.String("http.route", path), attribute.String("muster.request_id", x.scope.Actor.RequestID))
		if x.scope.Instance != nil {
			span.SetAttributes(attribute.String("muster.instance", x.scope.Instance.Slug))
		}
	}
	s.logEnd(x)
}

// count counts what a provider asked for.
func (s *server) count(x *exchange, r *route, status int) {
	if s.Metrics != nil && r != nil && r.action != "" && x.scope.Instance != nil {
		s.Metrics.Provisioned(x.scope.Instance.Slug, string(r.action), status)
	}
}

func (s *server) logEnd(x *exchange) {
	level := slog.LevelInfo
	if x.answer.status >= 500 {
		level = slog.LevelError
	}
	attributes := []slog.Attr{
		slog.String("requestId", x.scope.Actor.RequestID), slog.String("method", x.Method), slog.String("path", x.URL.EscapedPath()),
		slog.Int("status", x.answer.status), slog.Duration("duration", time.Since(x.began)), slog.String("address", x.scope.Actor.Address),
	}
	if x.scope.Instance != nil {
		attributes = append(attributes, slog.String("instance", x.scope.Instance.Slug), slog.String("key", x.scope.Actor.KeyID))
	}
	if c := trace.SpanContextFromContext(x.Context()); c.HasTraceID() {
		attributes = append(attributes, slog.String("traceId", c.TraceID().String()))
	}
	if taken := x.scope.Policy.Taken(); len(taken) > 0 {
		attributes = append(attributes, slog.Any("deviations", taken))
	}
	s.Log.LogAttrs(x.Context(), level, "request", attributes...)
}

// serve makes an http.Handler of f, and renders the error that f returns.
func (s *server) serve(f func(*exchange) error) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		x := r.Context().Value(exchangeKey{}).(*exchange)
		x.Request = r // the mux has added the values of the path
		if err := f(x); err != nil {
			s.fail(x, err)
		}
	})
}

// fail sends an error. What is not a SCIM error is the server's own fault:
// its text goes to the log, and never to the client.
func (s *server) fail(x *exchange, err error) {
	if s.outdated(x, err) {
		x.stale = true
		return
	}
	e := scim.AsError(err)
	if e == nil {
		switch {
		case errors.Is(x.Context().Err(), context.DeadlineExceeded):
			e = &scim.Error{Status: http.StatusServiceUnavailable, RetryAfter: 10 * time.Second, Detail: fmt.Sprintf("the request took longer than %v and was given up; read what came of it before it is sent again", requestTime)}
		case x.Context().Err() == nil:
			s.Log.ErrorContext(x.Context(), "internal error", "requestId", x.scope.Actor.RequestID, "error", err)
		}
		if e == nil {
			e = &scim.Error{Status: http.StatusInternalServerError, Detail: "internal error; the server's log has the request id " + x.scope.Actor.RequestID}
		}
	}
	if x.answer.status != 0 {
		// The answer has begun: the client must not take it for whole.
		panic(http.ErrAbortHandler)
	}
	s.held(x, e)
	body, err := e.MarshalJSON()
	if err == nil {
		err = x.sendJSON(e.Status, x.mediaType(), body)
	}
	if err != nil {
		s.Log.WarnContext(x.Context(), "answer not sent", "requestId", x.scope.Actor.RequestID, "error", err)
	}
}

// authenticate lets through what carries a valid API key. It stands around
// the router and knows no paths but those that need no key and give nothing
// away (see isOpen), and those of the admin API, which take tokens of its own: so there is no spelling of a path that passes by it.
func (s *server) authenticate(next http.Handler) http.Handler {
	return s.serve(func(x *exchange) error {
		if isOpen(x.URL.EscapedPath()) {
			next.ServeHTTP(x.answer, x.Request)
			return nil
		}
		slug := x.instancePath()
		token, err := bearer(x.Header)
		switch {
		case err != nil:
		case isAdmin(x.URL.EscapedPath()):
			err = s.identifyAdministrator(x, token)
		default:
			err = s.identify(x, token, slug)
		}
		if err != nil {
			return challenge(x, err)
		}
		if err := take(x, "key", s.limits.key, cmp.Or(x.scope.Actor.KeyID, x.scope.Actor.Name)); err != nil {
			return err
		}
		leave, err := s.share(x)
		if err != nil {
			return err
		}
		defer leave()
		next.ServeHTTP(x.answer, x.Request)
		if x.stale {
			return s.again(x, token, slug, next)
		}
		return nil
	})
}

// again answers a request that began with what was remembered of its key,
// and found that it is not true any more.
func (s *server) again(x *exchange, token, slug string, next http.Handler) error {
	s.Admin.Instances.Forget(x.scope.Actor.KeyID)
	x.Request = x.WithContext(instance.WithTenant(x.Context(), ""))
	actor := history.Actor{RequestID: x.scope.Actor.RequestID, Client: x.scope.Actor.Client, Address: x.scope.Actor.Address}
	x.stale, x.name, x.route, x.scope = false, "", nil, provisioning.Scope{Actor: actor, Policy: tolerance.New(s.Strict)}
	if err := s.identify(x, token, slug); err != nil {
		return challenge(x, err)
	}
	// What was read just now is true enough: there is no third time.
	x.Request = x.WithContext(instance.WithTenant(x.Context(), x.scope.Instance.ID))
	next.ServeHTTP(x.answer, x.Request)
	return nil
}

// outdated reports whether a request failed because of what was remembered
// of its key, or may have.
func (s *server) outdated(x *exchange, err error) bool {
	if x.answer.status != 0 || x.scope.Instance == nil {
		return false
	}
	return errors.Is(err, instance.ErrStale) || errors.Is(s.Admin.Instances.Current(x.Context()), instance.ErrStale)
}

// instancePaths are those that name the instance for which the key must be.
var instancePaths = regexp.MustCompile(`^/instances/([a-z0-9-]+)(/scim/v2(?:/.*)?)$`)

// instancePath takes the name of an instance out of the path, if there is
// one: /instances/acme/scim/v2 is the base URL for the keys of acme only, so
// that a provider with the key of another instance is told.
func (x *exchange) instancePath() (slug string) {
	m := instancePaths.FindStringSubmatch(x.URL.EscapedPath())
	if m == nil {
		return ""
	}
	prefix := "/instances/" + m[1]
	x.base = strings.TrimSuffix(x.base, Base) + prefix + Base
	u := *x.URL
	u.Path = strings.TrimPrefix(u.Path, prefix)
	u.RawPath = strings.TrimPrefix(u.RawPath, prefix)
	x.Request = x.WithContext(x.Context())
	x.URL = &u
	return m[1]
}

// bearer returns the token of an Authorization header, Section 2.1 of RFC
// 6750.
func bearer(h http.Header) (string, error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", &instance.KeyError{Reason: `no API key: send the header "Authorization: Bearer " followed by a key`}
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", &instance.KeyError{Reason: `the Authorization header is not "Bearer " followed by an API key`}
	}
	return token, nil
}

// identify finds out whose token it is.
func (s *server) identify(x *exchange, token, slug string) error {
	c, err := s.Admin.Instances.Authenticate(x.Context(), token, x.scope.Actor)
	if err != nil {
		return err
	}
	if slug != "" && slug != c.Instance.Slug {
		return s.Admin.Instances.Mismatch(x.Context(), c, slug, x.scope.Actor)
	}
	x.scope.Instance = &c.Instance
	x.Request = x.WithContext(instance.WithRevision(x.Context(), &c.Instance))
	x.scope.Actor.Kind = history.KeyActor
	x.scope.Actor.Name = c.Holder.UserName
	x.scope.Actor.KeyID = c.Key.ID
	x.digest, x.credential = c.Key.Digest, c
	// A provider with a valid key of the wrong instance would not notice.
	x.answer.Header().Set("X-Muster-Instance", c.Instance.Slug)
	if c.Key.ClientID == "" && time.Until(c.Key.Expires) < instance.ExpiryNotice {
		x.answer.Header().Set("X-Muster-Key-Expires", c.Key.Expires.Format(time.RFC3339))
	}
	return nil
}

// challenge makes an answer of a key that is not accepted: 401 with the
// challenge of Section 3 of RFC 6750, or 403.
func challenge(x *exchange, err error) error {
	var refused *instance.KeyError
	if !errors.As(err, &refused) {
		return err
	}
	if refused.Forbidden {
		return &scim.Error{Status: http.StatusForbidden, Detail: refused.Reason}
	}
	value := `Bearer realm="muster"`
	if x.Header.Get("Authorization") != "" {
		value += `, error="invalid_token"`
	}
	x.answer.Header().Set("WWW-Authenticate", value)
	return &scim.Error{Status: http.StatusUnauthorized, Detail: refused.Reason}
}

// refused writes to the history that the request was refused before a use
// case began, if it would have changed something.
func (x *exchange) refused(err error) error {
	if err == nil || x.route.action == "" {
		return err
	}
	target := history.Target{Type: x.route.targetType, ID: x.PathValue("id"), Name: x.name}
	return x.users.Refuse(x.Context(), x.scope, x.route.action, target, err)
}

// requestIDs are those of a client that are taken over.
var requestIDs = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); requestIDs.MatchString(id) {
		return id
	}
	// It need not be hard to guess.
	var id uuid.UUID
	binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4
	return id.String()
}

func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "")
	}
	return strings.ToValidUTF8(s, "")
}
