package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/server/asynchronous"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/tolerance"
)

// resumption is the doing of a request that was accepted before.
type resumption struct {
	txn string
	// made are the rows that earlier attempts have left in the history.
	made []history.Sealed
	// bulk is the Bulk, once it is done.
	bulk *bulkRun
}

// Execute does a request that was accepted; see [asynchronous.Executor].
func (s *server) Execute(
	ctx context.Context, r *asynchronous.Request, made []history.Sealed,
) (a *asynchronous.Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			a = failures(r, made, &scim.Error{
				Status: http.StatusInternalServerError, Detail: "internal error",
			})
		}
	}()
	if o, done := recalled(r, made); done {
		return &asynchronous.Answer{Outcomes: []asynchronous.Outcome{o}}, nil
	}
	c, err := s.Admin.Instances.Reauthenticate(ctx, r.Actor.KeyID, r.Actor)
	var refused *instance.KeyError
	if errors.As(err, &refused) {
		e := &scim.Error{Status: http.StatusUnauthorized, Detail: refused.Reason}
		if refused.Forbidden {
			e.Status = http.StatusForbidden
		}
		return failures(r, made, e), nil
	}
	if err != nil {
		return nil, err
	}
	answer := &recorded{header: make(http.Header)}
	x, err := s.resumed(ctx, r, c, answer)
	if err != nil {
		return nil, err
	}
	x.resumed = &resumption{txn: r.Txn, made: made}
	s.mux.ServeHTTP(x.answer, x.attach())
	s.count(x, x.route, answer.status)
	s.logEnd(x)
	a = &asynchronous.Answer{
		Status: answer.status, Header: answer.header, Body: answer.body.Bytes(),
	}
	if b := x.resumed.bulk; b != nil {
		a.Outcomes = b.outcomes(r)
	} else {
		a.Outcomes = abandoned(r, made, answered(r, answer))
	}
	if !isBulk(r) {
		a.Outcomes[0].Target.Name = x.name
	}
	if passing(answer.status) {
		err = fmt.Errorf("it was answered with %d", answer.status)
	}
	return a, err
}

// passing reports whether another attempt may be answered otherwise.
func passing(status int) bool {
	return status == 0 || status >= 500 && status != http.StatusNotImplemented ||
		status == http.StatusTooManyRequests
}

func isBulk(r *asynchronous.Request) bool { return strings.HasPrefix(r.Path, "/Bulk") }

// resumed makes the context of a request as it was when it was accepted, with the key
// as it is now.
func (s *server) resumed(
	ctx context.Context, r *asynchronous.Request, c *instance.Credential, to *recorded,
) (*requestContext, error) {
	q, err := http.NewRequestWithContext(ctx, r.Method, Base+r.Path, http.NoBody)
	if err != nil {
		return nil, err
	}
	q.RequestURI = Base + r.Path
	for name, values := range r.Header {
		q.Header[name] = values
	}
	x := &requestContext{
		Request: q, answer: &answerWriter{ResponseWriter: to}, began: time.Now(),
		users: s.Admin.Users, base: r.Base, digest: c.Key.Digest, credential: c,
		decoded: map[string]any{},
		scope: provisioning.Scope{
			Instance: &c.Instance, Actor: r.Actor, Policy: tolerance.New(s.Strict), Txn: r.Txn,
		},
	}
	if len(r.Body) > 0 {
		x.decoded, err = scim.DecodeObject(r.Body)
	}
	return x, err
}

// outcome says what came of an operation, or of a request as if it were one, at a path.
func outcome(
	r *asynchronous.Request, txn string, o *bulkOperation, path string,
) asynchronous.Outcome {
	result := history.Result{
		URI: path, Method: o.method, BulkID: o.bulkID, ETag: o.etag, Status: o.status,
		Location: o.location,
	}
	switch {
	case o.failed():
		result.Response, result.ETag = o.answer, ""
	case o.location != "":
		result.URI = strings.TrimPrefix(o.location, r.Base)
	}
	target := history.Target{Type: "Bulk"}
	if m := bulkPaths.FindStringSubmatch(result.URI); m != nil {
		target = history.Target{Type: m[1], ID: m[2]}
		if result.Location == "" && o.method != http.MethodPost {
			result.Location = r.Base + result.URI
		}
	} else {
		result.URI = "/Bulk"
	}
	return asynchronous.Outcome{Txn: txn, Target: target, Result: result}
}

// answered returns what came of a request as if it were an operation.
func answered(r *asynchronous.Request, answer *recorded) *bulkOperation {
	return &bulkOperation{
		method: r.Method, done: true, status: answer.status, etag: answer.header.Get("ETag"),
		location: answer.header.Get("Location"), answer: slices.Clone(answer.body.Bytes()),
	}
}

// pathOf returns the path of a request without its query.
func pathOf(r *asynchronous.Request) string {
	path, _, _ := strings.Cut(r.Path, "?")
	return path
}

// failures has a request fail, and of a Bulk all that was not done before.
func failures(
	r *asynchronous.Request, made []history.Sealed, e *scim.Error,
) *asynchronous.Answer {
	o := &bulkOperation{method: r.Method}
	o.fail(e)
	return &asynchronous.Answer{
		Status: e.Status, Header: http.Header{"Content-Type": {scim.MediaType}}, Body: o.answer,
		Outcomes: abandoned(r, made, o),
	}
}

// outcomes says what came of each operation of a Bulk: Section 2.5.1.2 of RFC 9967.
func (b *bulkRun) outcomes(r *asynchronous.Request) []asynchronous.Outcome {
	list := make([]asynchronous.Outcome, len(b.operations))
	for i, o := range b.operations {
		why := "as many had failed as failOnErrors allows"
		if b.halted {
			why = "one before it failed by a fault of the server"
		}
		switch {
		case o.done:
		case b.halted && passing(o.status) && o.status != 0: // that one, given up
			o.done = true
		default:
			o.fail(&scim.Error{
				Status: http.StatusFailedDependency, Detail: "the operation was not tried: " + why,
			})
		}
		list[i] = outcome(r, operationTxn(r.Txn, i), o, b.resolvePath(o.path))
	}
	return list
}

// operationTxn is the transaction of an operation: Section 2.5.1.2 of RFC 9967.
func operationTxn(txn string, i int) string { return txn + ":" + strconv.Itoa(i) }
