package httpapi

import (
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

// requestContext is one request with its answer, and what is known of it.
type requestContext struct {
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
	// resumed is set for one that was accepted before, and is done now; accepted for one
	// that is done later.
	resumed  *resumption
	accepted bool

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

// Unwrap returns the writer behind it, for [http.ResponseController].
func (a *answerWriter) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Write writes to the client, who may not be slower than writeTime.
func (a *answerWriter) Write(p []byte) (int, error) {
	// Not every kind of writer can do it; those of a real server can.
	_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTime))
	return a.ResponseWriter.Write(p)
}

type requestKey struct{}

// observe wraps everything: it makes the request context, logs its end, and keeps a
// panic from ending the process.
func (s *server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &requestContext{
			answer: &answerWriter{ResponseWriter: w}, began: time.Now(), users: s.Admin.Users,
			base: s.public + Base,
		}
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

// attach makes the context of a request reachable from it.
func (x *requestContext) attach() *http.Request {
	x.Request = x.WithContext(context.WithValue(x.Context(), requestKey{}, x))
	return x.Request
}

// end tells the metrics, the trace and the log of a request that has ended.
func (s *server) end(x *requestContext) {
	path := ""
	if x.route != nil {
		path = x.route.path
	}
	if s.Metrics != nil {
		s.Metrics.End(x.Method, path, x.answer.status, time.Since(x.began))
	}
	if !x.accepted { // else it is counted when it is done
		s.count(x, x.route, x.answer.status)
	}
	if span := trace.SpanFromContext(x.Context()); span.IsRecording() {
		span.SetName(x.Method + " " + path)
		span.SetAttributes(attribute.String("http.route", path),
			attribute.String("muster.request_id", x.scope.Actor.RequestID))
		if x.scope.Instance != nil {
			span.SetAttributes(attribute.String("muster.instance", x.scope.Instance.Slug))
		}
	}
	s.logEnd(x)
}

// count counts what a provider asked for.
func (s *server) count(x *requestContext, r *route, status int) {
	if s.Metrics != nil && r != nil && r.action != "" && x.scope.Instance != nil {
		s.Metrics.Provisioned(x.scope.Instance.Slug, string(r.action), status)
	}
}

func (s *server) logEnd(x *requestContext) {
	level := slog.LevelInfo
	if x.answer.status >= 500 {
		level = slog.LevelError
	}
	attributes := []slog.Attr{
		slog.String("requestId", x.scope.Actor.RequestID), slog.String("method", x.Method),
		slog.String("path", x.URL.EscapedPath()),
		slog.Int("status", x.answer.status), slog.Duration("duration", time.Since(x.began)),
		slog.String("address", x.scope.Actor.Address),
	}
	if x.scope.Instance != nil {
		attributes = append(attributes, slog.String("instance", x.scope.Instance.Slug),
			slog.String("key", x.scope.Actor.KeyID))
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
func (s *server) serve(f func(*requestContext) error) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		x := r.Context().Value(requestKey{}).(*requestContext)
		x.Request = r // the mux has added the values of the path
		if err := f(x); err != nil {
			s.fail(x, err)
		}
	})
}

// fail sends an error. What is not a SCIM error is the server's own fault:
// its text goes to the log, and never to the client.
func (s *server) fail(x *requestContext, err error) {
	if s.outdated(x, err) {
		x.stale = true
		return
	}
	e := scim.AsError(err)
	if e == nil {
		switch {
		case errors.Is(x.Context().Err(), context.DeadlineExceeded):
			e = &scim.Error{
				Status: http.StatusServiceUnavailable, RetryAfter: 10 * time.Second,
				Detail: fmt.Sprintf("the request took longer than %v and was given up; read what "+
					"came of it before it is sent again", requestTime),
			}
		case x.Context().Err() == nil:
			s.Log.ErrorContext(x.Context(), "internal error", "requestId", x.scope.Actor.RequestID,
				"error", err)
		}
		if e == nil {
			e = &scim.Error{
				Status: http.StatusInternalServerError,
				Detail: "internal error; the server's log has the request id " +
					x.scope.Actor.RequestID,
			}
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
		s.Log.WarnContext(x.Context(), "answer not sent", "requestId", x.scope.Actor.RequestID,
			"error", err)
	}
}

// refused writes to the history that the request was refused before a use
// case began, if it would have changed something.
func (x *requestContext) refused(err error) error {
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
