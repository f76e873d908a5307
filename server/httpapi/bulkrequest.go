package httpapi

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"

	"muster/server/scim"
	"muster/server/scim/tolerance"
)

// recorded keeps the answer to an operation.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorded) Header() http.Header { return r.header }

func (r *recorded) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorded) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}

// bulkPaths are the paths that an operation may have: those of users and groups, and of
// their resource types.
var bulkPaths = regexp.MustCompile(`^/(User|Group)s(?:/([A-Za-z0-9-]+))?$`)

// subrequest does an operation as a request of its own, with the key of the
// bulk request.
func (s *server) subrequest(
	x *requestContext, o *bulkOperation, method, path string, data map[string]any,
) {
	if !bulkPaths.MatchString(path) {
		o.fail(scim.BadRequest(scim.InvalidPath,
			"the path %q is not /Users, /Groups, or one of these with an id", path))
		return
	}
	r := x.Clone(x.Context())
	r.Method, r.URL, r.RequestURI = method, &url.URL{Path: Base + path}, Base+path
	r.Body, r.ContentLength = http.NoBody, 0
	r.Header = http.Header{"Content-Type": {scim.MediaType}, "Accept": {scim.MediaType}}
	if o.version != "" {
		r.Header.Set("If-Match", o.version)
	}
	answer := &recorded{header: make(http.Header)}
	sub := &requestContext{
		Request: r, answer: &answerWriter{ResponseWriter: answer}, scope: x.scope,
		users: x.users, began: x.began, base: x.base, digest: x.digest, credential: x.credential,
		decoded: data,
	}
	sub.scope.Policy, sub.scope.Txn, sub.resumed = tolerance.New(s.Strict), o.txn, x.resumed
	if sub.decoded == nil {
		sub.decoded = map[string]any{}
	}
	s.mux.ServeHTTP(sub.answer, sub.attach())
	x.scope.Policy.Add(sub.scope.Policy)
	s.count(sub, sub.route, answer.status)
	o.status, o.etag, o.answer = answer.status, answer.header.Get("ETag"), nil
	switch {
	case o.failed():
		o.answer = answer.body.Bytes()
	case answer.header.Get("Location") != "":
		o.location = answer.header.Get("Location")
	case o.location == "" && method != http.MethodPost:
		o.location = x.base + path
	}
}
