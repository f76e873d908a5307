package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"muster/secevent"
)

// Exchange is one request with its answer. It holds no token.
type Exchange struct {
	Method, Path string
	Request      string
	Status       int
	Answer       string
	Instance     string
	RetryAfter   string
}

// Writes reports whether the request was to change something.
func (e Exchange) Writes() bool { return e.Method != http.MethodGet && e.Method != http.MethodHead }

func (e Exchange) String() string {
	return fmt.Sprintf("%s %s %s\n  → %d %s", e.Method, e.Path, e.Request, e.Status, e.Answer)
}

// Recorder stands between the simulator and the server: it keeps each
// exchange, checks each answer against the contract, and can cut the line.
type Recorder struct {
	*httptest.Server
	contract routers.Router

	// bases are the base URLs of somebody else's server; nil for our own.
	bases []string

	mu        sync.Mutex
	target    string // host:port
	exchanges []Exchange
	broken    []string
	// notImplemented is the first request that was answered with 501.
	notImplemented string
	// groups are the ids of those that were created.
	groups map[string]bool
	// underWay are requests that are not answered yet.
	underWay sync.WaitGroup
	// cut is called after each write that was answered; if it returns true,
	// the answer is lost on its way.
	cut func(writes int) bool
}

// NewRecorder starts a recorder before a server, given as host:port, whose answers
// are checked against a contract; or before the base URLs of somebody else's
// server, which has one of its own.
func NewRecorder(target string, contract routers.Router, bases ...string) *Recorder {
	r := &Recorder{
		target: target, contract: contract, bases: bases, groups: make(map[string]bool),
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			if r.rewriteRemote(p) {
				return
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			p.SetURL(&url.URL{Scheme: "http", Host: r.target})
		},
		ModifyResponse: r.record,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler) // the client sees a connection that broke off
		},
	}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		q.Body = io.NopCloser(bytes.NewReader(body))
		r.underWay.Add(1)
		defer r.underWay.Done()
		ctx := withBody(q.Context(), body)
		if len(bases) > 0 {
			// What was begun at somebody else's server is finished, though the client
			// is killed: else nobody would know what it made there.
			var cancel context.CancelFunc
			ctx, cancel = context.WithCancel(context.WithoutCancel(ctx))
			defer cancel()
		}
		proxy.ServeHTTP(w, q.WithContext(ctx))
	}))
	return r
}

// Base returns the base URL by which a provider reaches an instance through
// the recorder. Remote is the instance's own, at somebody else's server.
func (r *Recorder) Base(remote string) string {
	if i := slices.Index(r.bases, remote); i >= 0 {
		return fmt.Sprintf("%s/%d/scim/v2", r.URL, i)
	}
	return r.URL + "/scim/v2"
}

// rewriteRemote sends a request on to somebody else's server.
func (r *Recorder) rewriteRemote(p *httputil.ProxyRequest) bool {
	n, rest, ok := strings.Cut(strings.TrimPrefix(p.In.URL.Path, "/"), "/scim/v2")
	i, err := strconv.Atoi(n)
	if !ok || err != nil || i >= len(r.bases) {
		return false
	}
	base, err := url.Parse(r.bases[i])
	if err != nil {
		return false
	}
	p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = base.Scheme, base.Host, base.Host
	p.Out.URL.Path, p.Out.URL.RawPath = strings.TrimSuffix(base.Path, "/")+rest, ""
	return true
}

// local returns the path of a request as if our own server had got it.
func (r *Recorder) local(u *url.URL) string {
	for _, base := range r.bases {
		if b, err := url.Parse(base); err == nil && u.Host == b.Host &&
			strings.HasPrefix(u.Path, b.Path) {
			return "/scim/v2" + strings.TrimPrefix(u.RequestURI(), strings.TrimSuffix(b.Path, "/"))
		}
	}
	return u.RequestURI()
}

// record keeps the exchange and checks the answer.
func (r *Recorder) record(answer *http.Response) error {
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	answer.Body = io.NopCloser(bytes.NewReader(text))
	q := answer.Request
	e := Exchange{
		Method: q.Method, Path: r.local(q.URL), Request: string(bodyOf(q.Context())),
		Status: answer.StatusCode, Answer: string(text),
		Instance:   answer.Header.Get("X-Muster-Instance"),
		RetryAfter: answer.Header.Get("Retry-After"),
	}
	violation := r.check(answer, text)
	r.mu.Lock()
	if e.Method == http.MethodPost && e.Status == http.StatusCreated &&
		strings.HasSuffix(q.URL.Path, "/Groups") {
		var group struct{ ID string }
		if json.Unmarshal(text, &group) == nil {
			r.groups[group.ID] = true
		}
	}
	if e.Status == http.StatusNotImplemented && r.notImplemented == "" {
		r.notImplemented = e.Method + " " + e.Path
	}
	r.exchanges = append(r.exchanges, e)
	if violation != nil {
		r.broken = append(r.broken, fmt.Sprintf("%s\n  breaks the contract: %v", e, violation))
	}
	cut, writes := r.cut, 0
	for _, e := range r.exchanges {
		if e.Writes() {
			writes++
		}
	}
	r.mu.Unlock()
	if cut != nil && e.Writes() && cut(writes) {
		return io.ErrUnexpectedEOF
	}
	return nil
}

var manySlashes = regexp.MustCompile(`//+`)

// check validates an answer against spec/openapi.yaml.
func (r *Recorder) check(answer *http.Response, text []byte) error {
	if r.contract == nil {
		return nil // somebody else's server has one of its own
	}
	if answer.Request.Method == http.MethodHead {
		return nil // it is a GET whose body is left out
	}
	request := answer.Request.Clone(answer.Request.Context())
	request.URL.Path = strings.TrimSuffix(manySlashes.ReplaceAllString(request.URL.Path, "/"), "/")
	route, parameters, err := r.contract.FindRoute(request)
	if err != nil {
		if slices.Contains([]int{
			http.StatusUnauthorized, http.StatusNotFound, http.StatusMethodNotAllowed,
		}, answer.StatusCode) {
			err = nil // the contract has no such route, and the server said so
		}
		return err
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: answer.Request, PathParams: parameters, Route: route,
		},
		Status: answer.StatusCode, Header: answer.Header,
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true,
			// A token is a text, whatever is in it.
			ExcludeResponseBody: answer.Header.Get("Content-Type") == secevent.MediaType,
		},
	}
	input.SetBodyBytes(text)
	return openapi3filter.ValidateResponse(answer.Request.Context(), input)
}

// Exchanges returns what was recorded.
func (r *Recorder) Exchanges() []Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Exchange(nil), r.exchanges...)
}

// Wait waits until all requests are answered.
func (r *Recorder) Wait() { r.underWay.Wait() }

// MadeGroup reports whether a group was created through the recorder.
func (r *Recorder) MadeGroup(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.groups[id]
}

// NotImplemented returns method and path of the first request that was answered
// with 501; empty if none was.
func (r *Recorder) NotImplemented() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.notImplemented
}

// Forget drops what was recorded, so that the next check sees new exchanges only.
func (r *Recorder) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exchanges = nil
}

// Redirect sends what comes from now on to another server, given as host:port.
func (r *Recorder) Redirect(target string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.target = target
}

// OnWrite has cut called after each write that was answered, with how many there
// were; if it returns true, the answer is lost on its way.
func (r *Recorder) OnWrite(cut func(writes int) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = cut
}

// Violations returns an error with the answers that break the contract, if there
// are any.
func (r *Recorder) Violations() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.broken) == 0 {
		return nil
	}
	return fmt.Errorf("%d answers break the contract:\n%s", len(r.broken),
		strings.Join(r.broken, "\n"))
}

type bodyKey struct{}

func withBody(ctx context.Context, body []byte) context.Context {
	return context.WithValue(ctx, bodyKey{}, body)
}

func bodyOf(ctx context.Context) []byte {
	body, _ := ctx.Value(bodyKey{}).([]byte)
	return body
}
