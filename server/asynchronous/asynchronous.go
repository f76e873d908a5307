// Package asynchronous does requests after they were answered: Section 2.5.1 of RFC
// 9967. What was accepted is kept until it is done, and what came of it stands in the
// change history, where feeds of events find it.
package asynchronous

import (
	"context"
	"errors"
	"net/http"
	"time"

	"muster/server/history"
)

// Message is a request as it was sent, but for its body.
type Message struct {
	Method string `json:"method"`
	// Path begins behind the base URL, which is Base, and ends in the query.
	Path string `json:"path"`
	Base string `json:"base"`
	// Header has what the request depends on, and no credentials.
	Header http.Header `json:"header"`
	// Actor is who sent it. The key is looked at again when the request is done.
	Actor history.Actor `json:"actor"`
}

// Request is one that was accepted, and is done later.
type Request struct {
	// Txn is the transaction by which its client knows it: the "Set-Txn" of Section 3
	// of RFC 9967.
	Txn        string
	InstanceID string
	Message
	Body     []byte
	Accepted time.Time
	// Place is the end of the history when it was accepted: its own rows are behind it.
	Place int64
	// Completed is zero until it is done, and Events are what came of it: one for each
	// operation.
	Completed time.Time
	Events    []*history.Event
	// Owner is the server that does it, and Claims how often one has taken it over from
	// another.
	Owner  string
	Claims int64
}

// Due is a request that is not done yet.
type Due struct {
	Txn, InstanceID, Owner string
	Beat                   int64
}

// Outcome is what came of one operation.
type Outcome struct {
	// Txn is that of the operation: the request's own, or with its place in the Bulk.
	Txn    string
	Target history.Target
	history.Result
}

// Answer is what a client who waited is answered, and what came of each operation.
type Answer struct {
	// Status is 0 if only the outcomes are known.
	Status   int
	Header   http.Header
	Body     []byte
	Outcomes []Outcome
}

// Executor does requests. made are the rows that attempts before this one have left in
// the history. An error says that the request is to be tried again.
type Executor interface {
	Execute(ctx context.Context, r *Request, made []history.Sealed) (*Answer, error)
}

// ErrFull says that too many requests of an instance wait already.
var ErrFull = errors.New("too many requests wait already")

// MaxWaiting is how many requests of an instance may wait.
const MaxWaiting = 1000

// Store keeps requests.
type Store interface {
	// AcceptRequest keeps a request, and sets its place; it returns ErrFull if there
	// are too many.
	AcceptRequest(ctx context.Context, r *Request, owner string) error
	// AcceptedRequest returns instance.ErrNotFound if there is none, or none of that
	// instance.
	AcceptedRequest(ctx context.Context, instanceID, txn string) (*Request, error)
	// OpenRequests returns those that are not done, in the order in which they came.
	OpenRequests(ctx context.Context) ([]Due, error)
	// ClaimRequest makes a server the owner, in place of the one that was seen; it
	// returns false if another one was faster.
	ClaimRequest(ctx context.Context, seen Due, owner string) (bool, error)
	// FenceRequest waits for whatever an owner has begun to write on behalf of a request,
	// and may not know the end of. It returns ErrTaken if the request is not the owner's.
	FenceRequest(ctx context.Context, txn, owner string) error
	// BeatRequests tells that an owner lives, and ReleaseRequests that it does nothing
	// any more.
	BeatRequests(ctx context.Context, owner string) error
	ReleaseRequests(ctx context.Context, owner string) error
	// CompleteRequest writes what came of a request, with its rows of the history. It
	// returns ErrTaken if the request is not the owner's any more.
	CompleteRequest(ctx context.Context, owner string, r *Request, rows []*history.Entry) error
	// ForgetRequests deletes those that were completed before a time.
	ForgetRequests(ctx context.Context, before time.Time) error
	HistoryAfter(ctx context.Context, instanceID string, after int64,
		yield func(history.Sealed) error) error
}

// ErrTaken says that a request is somebody else's now. Nothing was written.
var ErrTaken = errors.New("another server does the request now")

// Claim is what entitles to write on behalf of a request.
type Claim struct{ Txn, Owner string }

type claimKey struct{}

// WithClaim returns a context in which everything is written on behalf of a request:
// a store refuses it with ErrTaken when the request is somebody else's.
func WithClaim(ctx context.Context, c Claim) context.Context {
	return context.WithValue(ctx, claimKey{}, c)
}

// ClaimOf returns the claim of a context; zero if it has none.
func ClaimOf(ctx context.Context) Claim {
	c, _ := ctx.Value(claimKey{}).(Claim)
	return c
}
