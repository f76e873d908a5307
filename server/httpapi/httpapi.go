// Package httpapi serves SCIM and the admin API over HTTP. A SCIM request goes one way through it:
// limits, authenticate, one decoding of the body, tolerance, the OpenAPI
// contract, a use case of package provisioning, and the answer.
package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"muster/server/administration"
	"muster/server/asynchronous"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/limit"
	"muster/server/oauth"
	"muster/server/scim"
)

// Base is the path below which SCIM is served.
const Base = "/scim/v2"

// MaxBody is how long the body of a request may be, in bytes.
const MaxBody = 8 << 20

// ConsoleBase is the path below which the console is served.
const ConsoleBase = "/console"

// Console serves what is below [ConsoleBase], to somebody who asks from there.
type Console interface {
	ServeConsole(w http.ResponseWriter, r *http.Request, from history.Actor)
}

// Config is what a server is made of.
type Config struct {
	// Admin has the use cases of the admin API, and the services behind them,
	// which SCIM uses too.
	Admin *administration.Service
	// PublicURL is where clients reach the server, without Base.
	PublicURL string
	// Strict refuses each deviation from the standard; see package tolerance.
	Strict bool
	Log    *slog.Logger
	// Limits is how much clients may ask.
	Limits Limits
	// TrustedProxies are those whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Metrics is told of each request; it may be nil.
	Metrics Recorder
	// Events sends the events of RFC 9967.
	Events Publisher
	// Requests does requests after they were answered; nil if there is no such thing.
	Requests *asynchronous.Service
	// Console may be nil. It finds out by itself who somebody is.
	Console Console
	// Ready returns an error when requests cannot be answered now.
	Ready func(context.Context) error
}

// New returns the handler that serves everything.
func New(c Config) (http.Handler, error) {
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
		return nil, errors.New("the public URL " + c.PublicURL +
			" is not valid: give scheme and host, such as https://scim.example.com")
	}
	s := &server{
		Config: c, public: strings.TrimSuffix(c.PublicURL, "/"), limits: newLimits(c.Limits),
	}
	s.oauth = oauth.NewServer(c.Admin.Instances, s.public)
	if s.contract, err = newContract(); err != nil {
		return nil, err
	}
	s.mux = http.NewServeMux()
	paths := make(map[string]methods)
	for _, r := range s.routes() {
		if r.operation, err = s.contract.operation(r.method, r.path); err != nil {
			return nil, err
		}
		if paths[r.path] == nil {
			paths[r.path] = make(methods)
		}
		paths[r.path][r.method] = r
	}
	if s.Requests != nil {
		s.Requests.Use(s)
	}
	for path, m := range paths {
		s.mux.Handle(path, s.dispatch(path, m))
	}
	s.mux.Handle("/", s.serve(func(x *requestContext) error {
		return &scim.Error{
			Status: http.StatusNotFound,
			Detail: "there is nothing at this path; SCIM is at " + x.base,
		}
	}))
	return plainSlashes(s.observe(s.admit(s.console(s.authenticate(s.mux))))), nil
}

// plainSlashes makes one slash of several in the path of a SCIM request, and
// takes one away that it ends in: clients join URLs carelessly, and few follow
// a redirect with a body. It stands before everything that looks at the path.
func plainSlashes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := r.URL.EscapedPath()
		plain := strings.TrimSuffix(manySlashes.ReplaceAllString(sent, "/"), "/")
		if path, err := url.PathUnescape(plain); err == nil && plain != sent &&
			(isSCIM(plain) || isAdmin(sent)) {
			u := *r.URL
			u.Path, u.RawPath = path, plain
			r = r.WithContext(r.Context())
			r.URL = &u
		}
		next.ServeHTTP(w, r)
	})
}

// console serves the console, if there is one, and has next serve all else.
func (s *server) console(next http.Handler) http.Handler {
	return s.serve(func(x *requestContext) error {
		if s.Console != nil && isConsole(x.URL.EscapedPath()) {
			s.Console.ServeConsole(x.answer, x.Request, x.scope.Actor)
			return nil
		}
		next.ServeHTTP(x.answer, x.Request)
		return nil
	})
}

func isConsole(path string) bool {
	return path == ConsoleBase || strings.HasPrefix(path, ConsoleBase+"/")
}

func isSCIM(path string) bool {
	return path == Base || strings.HasPrefix(path, Base+"/") || instancePaths.MatchString(path)
}

var manySlashes = regexp.MustCompile(`//+`)

// me answers for the alias of the authenticated subject, Section 3.11 of RFC
// 7644. The subject is an integration user, who is not visible over SCIM.
func me(*requestContext) error {
	return &scim.Error{
		Status: http.StatusNotImplemented,
		Detail: "/Me is not supported: an API key stands for an integration user, who is not " +
			"provisioned over SCIM; use /Users",
	}
}

type server struct {
	Config
	public   string // the public URL
	limits   limits
	oauth    *oauth.Server
	contract *contract
	mux      *http.ServeMux
}

// route is one operation of the OpenAPI document.
type route struct {
	method, path string
	handle       func(*requestContext) error
	// action is what the history calls an attempt; empty for what only reads.
	action     history.Action
	targetType string
	// takes is the role that an administrator needs; administrator if empty.
	takes instance.AdminRole
	// searched is what a query is about, the same for GET and POST.
	searched string
	// discovery is set for what is configured: Section 4 of RFC 7644 forbids
	// filters there.
	discovery bool
	// turns are set for what takes long, and waits for the instance's turn.
	turns *limit.Shares
	// alone is set for what reads nothing that would show that the key has
	// been revoked since the server saw it last.
	alone bool
	// anyType is set for what is answered in its own media type, whatever is accepted.
	anyType   bool
	operation *operation
}

// takesAccept reports whether the Accept header matters. The admin API answers with other
// types too, and to who did not wait nothing is answered: Section 2.5.1.1 of RFC 9967.
func (r *route) takesAccept(x *requestContext) bool {
	return x.administrator == nil && !r.anyType && x.resumed == nil
}

type methods map[string]*route

// dispatch serves the methods of one path.
func (s *server) dispatch(path string, m methods) http.Handler {
	return s.serve(func(x *requestContext) error {
		// authenticate has seen the path as it was sent, and the router as it
		// understands it: whoever came in by one door stays behind it.
		if isAdmin(path) != (x.administrator != nil) {
			return challenge(x, &instance.KeyError{Reason: "this path takes other credentials"})
		}
		method := x.Method
		if method == http.MethodHead {
			method = http.MethodGet // net/http drops the body
		}
		x.route = m[method]
		if x.route == nil {
			x.answer.Header().Set("Allow", m.allow())
			return &scim.Error{
				Status: http.StatusMethodNotAllowed,
				Detail: x.Method + " is not possible here; " + m.allow() + " are",
			}
		}
		var err error
		var later preference
		if s.postponable(x) {
			later = preferred(x.Header)
		}
		if x.route.takesAccept(x) && !later.async {
			err = x.checkAccept()
		}
		if err == nil {
			err = s.contract.checkParameters(x)
		}
		if denied := x.denied(); err == nil && denied != "" {
			return s.deny(x, denied)
		}
		if err == nil && x.route.discovery && x.query.Has("filter") {
			err = &scim.Error{
				Status: http.StatusForbidden,
				Detail: "this endpoint cannot be filtered; read all of it",
			}
		}
		if err == nil && x.route.alone {
			err = s.Admin.Instances.Current(x.Context())
		}
		if err != nil {
			return x.refused(err)
		}
		if later.async {
			return s.accept(x, later)
		}
		if x.administrator != nil { // it knows the instance by the path
			return x.route.handle(x)
		}
		return x.inTurn(s.turns(x), func() error { return x.route.handle(x) })
	})
}

// allow returns the value of an Allow header.
func (m methods) allow() string {
	var list []string
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		if m[method] != nil {
			list = append(list, method)
			if method == "GET" {
				list = append(list, "HEAD")
			}
		}
	}
	return strings.Join(list, ", ")
}

// health answers as long as the process runs.
func (s *server) health(x *requestContext) error {
	return x.sendJSON(http.StatusOK, scim.MediaTypeJSON, []byte(`{"status":"ok"}`))
}

// readiness answers 503 while the server cannot do its work.
func (s *server) readiness(x *requestContext) error {
	if err := s.Ready(x.Context()); err != nil {
		s.Log.WarnContext(x.Context(), "not ready", "requestId", x.scope.Actor.RequestID,
			"error", err)
		return x.sendJSON(http.StatusServiceUnavailable, scim.MediaTypeJSON,
			[]byte(`{"status":"unavailable"}`))
	}
	return x.sendJSON(http.StatusOK, scim.MediaTypeJSON, []byte(`{"status":"ok"}`))
}
