package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
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
			a = failures(r, &scim.Error{
				Status: http.StatusInternalServerError, Detail: "internal error",
			})
		}
	}()
	c, err := s.Admin.Instances.Reauthenticate(ctx, r.Actor.KeyID, r.Actor)
	var refused *instance.KeyError
	if errors.As(err, &refused) {
		status := http.StatusUnauthorized
		if refused.Forbidden {
			status = http.StatusForbidden
		}
		return failures(r, &scim.Error{Status: status, Detail: refused.Reason}), nil
	}
	if err != nil {
		return nil, err
	}
	if own := footprintOf(r.Txn, made); !isBulk(r) && own.outcome(r.Method) != 0 {
		return &asynchronous.Answer{Outcomes: []asynchronous.Outcome{own.single(r)}}, nil
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
		a.Outcomes = s.outcomes(x, r, answer)
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

// resource is a path of a user or group, or of their resource type.
var resourcePath = regexp.MustCompile(`^/(User|Group)s(?:/([A-Za-z0-9-]+))?$`)

// targetOf returns what a URI is that of.
func targetOf(uri, name string) history.Target {
	if m := resourcePath.FindStringSubmatch(uri); m != nil {
		return history.Target{Type: m[1], ID: m[2], Name: name}
	}
	return history.Target{Type: "Bulk"}
}

// outcomes says what came of a request that is no Bulk, or of a Bulk as a whole.
func (s *server) outcomes(
	x *requestContext, r *asynchronous.Request, answer *recorded,
) []asynchronous.Outcome {
	result := history.Result{
		Method: r.Method, Status: answer.status, ETag: answer.header.Get("ETag"),
		Location: answer.header.Get("Location"),
	}
	result.URI, _, _ = strings.Cut(r.Path, "?")
	switch {
	case answer.status >= http.StatusBadRequest:
		result.Response = slices.Clone(json.RawMessage(answer.body.Bytes()))
	case result.Location != "":
		result.URI = strings.TrimPrefix(result.Location, r.Base)
	}
	if isBulk(r) {
		return same(r, result)
	}
	if result.Location == "" && r.Method != http.MethodPost {
		result.Location = r.Base + result.URI
	}
	return []asynchronous.Outcome{{
		Txn: r.Txn, Target: targetOf(result.URI, x.name), Result: result,
	}}
}

// failures has a request, and each operation of a Bulk, fail in the same way.
func failures(r *asynchronous.Request, e *scim.Error) *asynchronous.Answer {
	result := history.Result{Method: r.Method, Status: e.Status}
	result.URI, _, _ = strings.Cut(r.Path, "?")
	result.Response, _ = e.MarshalJSON()
	header := http.Header{"Content-Type": {scim.MediaType}}
	return &asynchronous.Answer{
		Status: e.Status, Header: header, Body: result.Response, Outcomes: same(r, result),
	}
}

// same returns the same outcome for all operations.
func same(r *asynchronous.Request, result history.Result) []asynchronous.Outcome {
	raw, err := scim.DecodeObject(r.Body)
	b, parsed := (*bulkRun)(nil), error(nil)
	if isBulk(r) && err == nil {
		b, parsed = newBulk(raw)
	}
	if b == nil || parsed != nil || len(b.operations) == 0 {
		return []asynchronous.Outcome{{
			Txn: r.Txn, Target: targetOf(result.URI, ""), Result: result,
		}}
	}
	for _, o := range b.operations {
		o.done, o.status, o.answer = true, result.Status, result.Response
	}
	return b.outcomes(r)
}

// outcomes says what came of each operation of a Bulk: Section 2.5.1.2 of RFC 9967.
func (b *bulkRun) outcomes(r *asynchronous.Request) []asynchronous.Outcome {
	list := make([]asynchronous.Outcome, len(b.operations))
	for i, o := range b.operations {
		if !o.done {
			o.fail(&scim.Error{
				Status: http.StatusFailedDependency,
				Detail: "the operation was not tried: as many had failed as failOnErrors allows",
			})
		}
		result := history.Result{
			URI: b.resolvePath(o.path), Method: o.method, BulkID: o.bulkID, ETag: o.etag,
			Status: o.status, Location: o.location,
		}
		switch {
		case o.failed():
			result.Response = o.answer
		case o.location != "":
			result.URI = strings.TrimPrefix(o.location, r.Base)
		}
		if !bulkPaths.MatchString(result.URI) {
			result.URI = "/Bulk"
		} else if result.Location == "" && o.method != http.MethodPost {
			result.Location = r.Base + result.URI
		}
		list[i] = asynchronous.Outcome{
			Txn: operationTxn(r.Txn, i), Target: targetOf(result.URI, ""), Result: result,
		}
	}
	return list
}

// operationTxn is the transaction of an operation: Section 2.5.1.2 of RFC 9967.
func operationTxn(txn string, i int) string { return txn + ":" + strconv.Itoa(i) }
