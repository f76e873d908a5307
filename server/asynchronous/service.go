package asynchronous

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"muster/lease"
	"muster/server/history"
	"muster/server/instance"
)

const (
	// lookTime is how often requests are looked for that nobody does.
	lookTime = time.Second
	// KeepTime is how long what came of a request can be fetched.
	KeepTime = 24 * time.Hour
	// forgetTime is how often what is older is deleted.
	forgetTime = time.Minute
	// firstRetry is how long to wait after a failure.
	firstRetry = 200 * time.Millisecond
	// places is how many instances have a request done at once.
	places = 8
	// patience and longestTry are how often, and for how long, a request is tried that
	// fails though the database can be reached: others wait behind it.
	patience   = 10
	longestTry = 5 * time.Minute
)

// Service does requests that were accepted: those of an instance, which this server
// has accepted, in their order.
type Service struct {
	// Retry is how long to wait after a failure; after each further one it is twice as
	// long, up to half a minute. Zero stands for a fifth of a second.
	Retry time.Duration

	store Store
	log   *slog.Logger
	owner string

	mu       sync.Mutex
	executor Executor
	// lanes are the requests of each instance that wait, by their txn. An instance has
	// a lane as long as it is worked on.
	lanes map[string][]string
	// mine are those in the lanes, or being done, with where their clients wait; nil for
	// those that another server has accepted.
	mine  map[string]chan *Answer
	watch lease.Watch[Due]
	// begun has those whose lane is to be worked on.
	begun   chan string
	stopped chan struct{}
	places  chan struct{}
}

// New returns a service on a store.
func New(store Store, log *slog.Logger) *Service {
	return &Service{
		store: store, log: log, owner: uuid.NewString(),
		lanes: make(map[string][]string), mine: make(map[string]chan *Answer),
		begun: make(chan string), stopped: make(chan struct{}),
		places: make(chan struct{}, places),
	}
}

// Use has requests done by e. Nothing is done before.
func (s *Service) Use(e Executor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.executor = e
}

// NewTxn returns a transaction for a request.
func NewTxn() string { return strings.ReplaceAll(uuid.NewString(), "-", "") }

// Accept keeps a request, which is done from then on whatever happens. What is answered
// then comes over the channel, if this server does it, and in one go.
func (s *Service) Accept(ctx context.Context, r *Request) (<-chan *Answer, error) {
	done := make(chan *Answer, 1)
	s.mu.Lock()
	s.mine[r.Txn] = done
	s.mu.Unlock()
	if err := s.store.AcceptRequest(ctx, r, s.owner); err != nil {
		s.forget(r.Txn)
		return nil, err
	}
	s.enqueue(r.InstanceID, r.Txn, done)
	return done, nil
}

// Wait returns what is answered, or nil if that takes longer than a client wants to
// wait.
func (s *Service) Wait(ctx context.Context, done <-chan *Answer, most time.Duration) *Answer {
	if most <= 0 {
		return nil
	}
	select {
	case a := <-done:
		return a
	case <-time.After(most):
	case <-ctx.Done():
	case <-s.stopped:
	}
	return nil
}

// Request returns a request, as far as it has come.
func (s *Service) Request(ctx context.Context, instanceID, txn string) (*Request, error) {
	return s.store.AcceptedRequest(ctx, instanceID, txn)
}

func (s *Service) forget(txn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mine, txn)
}

// enqueue puts a request at the end of the lane of its instance.
func (s *Service) enqueue(instanceID, txn string, done chan *Answer) {
	s.mu.Lock()
	lane, busy := s.lanes[instanceID]
	s.lanes[instanceID] = append(lane, txn)
	s.mine[txn] = done
	s.mu.Unlock()
	if busy {
		return
	}
	select {
	case s.begun <- instanceID:
	case <-s.stopped:
	}
}

// Run does what there is to do, until ctx ends.
func (s *Service) Run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { s.beat(ctx) })
	group.Go(func() { s.look(ctx) })
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case instanceID := <-s.begun:
			group.Go(func() { s.work(ctx, instanceID) })
		}
	}
	close(s.stopped)
	group.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lease.DeadTime)
	defer cancel()
	if err := s.store.ReleaseRequests(ctx, s.owner); err != nil {
		s.log.WarnContext(ctx, "the requests of this server are taken over late", "error", err)
	}
}

func (s *Service) beat(ctx context.Context) {
	lease.Beat(ctx, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.mine) > 0
	}, func(ctx context.Context) error { return s.store.BeatRequests(ctx, s.owner) },
		func(err error) {
			s.log.WarnContext(ctx, "the owner of requests cannot tell that it lives", "error", err)
		})
}

// look takes over the requests that nobody does, and deletes what was completed long
// ago.
func (s *Service) look(ctx context.Context) {
	failing := false
	var forgotten time.Time
	for ctx.Err() == nil {
		err := s.takeOver(ctx)
		if now := time.Now(); err == nil && now.Sub(forgotten) > forgetTime {
			forgotten = now
			err = s.store.ForgetRequests(ctx, now.Add(-KeepTime))
		}
		if err != nil && ctx.Err() == nil && !failing {
			s.log.WarnContext(ctx, "accepted requests cannot be looked for; it is tried again",
				"error", err)
		}
		failing = err != nil
		lease.Sleep(ctx, lookTime)
	}
}

func (s *Service) takeOver(ctx context.Context) error {
	open, err := s.store.OpenRequests(ctx)
	if err != nil {
		return err
	}
	dead := s.watch.Look(open, func(d Due) string { return d.Txn })
	for _, d := range open {
		s.mu.Lock()
		_, mine := s.mine[d.Txn]
		s.mu.Unlock()
		if mine || d.Owner != "" && d.Owner != s.owner && !dead(d) {
			continue
		}
		claimed, err := s.store.ClaimRequest(ctx, d, s.owner)
		if err != nil {
			return err
		}
		if claimed {
			s.enqueue(d.InstanceID, d.Txn, nil)
		}
	}
	return nil
}

// work does the requests in the lane of an instance, until it is empty.
func (s *Service) work(ctx context.Context, instanceID string) {
	for {
		s.mu.Lock()
		lane := s.lanes[instanceID]
		if len(lane) == 0 {
			delete(s.lanes, instanceID)
			s.mu.Unlock()
			return
		}
		txn := lane[0]
		s.lanes[instanceID] = lane[1:]
		s.mu.Unlock()
		select {
		case s.places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		s.do(ctx, instanceID, txn)
		<-s.places
		if ctx.Err() != nil {
			return
		}
	}
}

// do does one request, and tries until it is done, or somebody else's.
func (s *Service) do(ctx context.Context, instanceID, txn string) {
	defer s.forget(txn)
	ctx = instance.WithTenant(ctx, instanceID)
	var tried tries
	for failures := 0; ctx.Err() == nil; {
		err := s.attempt(ctx, instanceID, txn, &tried)
		if err == nil || errors.Is(err, ErrTaken) || errors.Is(err, instance.ErrNotFound) ||
			ctx.Err() != nil {
			return
		}
		failures++
		s.log.WarnContext(ctx, "an accepted request could not be done; it is tried again",
			"txn", txn, "attempts", failures, "error", err)
		lease.Sleep(ctx, lease.Pause(cmp.Or(s.Retry, firstRetry), failures))
	}
}

// tries are the attempts at a request that this server has made.
type tries struct {
	// begun is set from the first on, and n counts those in vain since a time.
	begun bool
	n     int
	first time.Time
}

// enough reports whether it is not to be tried again.
func (t *tries) enough() bool { return t.n >= patience && time.Since(t.first) >= longestTry }

// attempt does a request once, and writes what came of it.
func (s *Service) attempt(ctx context.Context, instanceID, txn string, tried *tries) error {
	r, err := s.store.AcceptedRequest(ctx, instanceID, txn)
	if err != nil {
		return err
	}
	switch {
	case !r.Completed.IsZero():
		return nil
	case r.Owner != s.owner:
		return ErrTaken
	}
	var made []history.Sealed
	if tried.begun { // what came of it may not be known, and not have ended
		if err := s.store.FenceRequest(ctx, txn, s.owner); err != nil {
			return err
		}
	}
	if tried.begun || r.Claims > 0 {
		if made, err = s.made(ctx, r); err != nil {
			return err
		}
	}
	s.mu.Lock()
	executor := s.executor
	s.mu.Unlock()
	if executor == nil {
		return errors.New("the server is not ready yet")
	}
	tried.begun = true
	a, err := executor.Execute(WithClaim(ctx, Claim{txn, s.owner}), r, made)
	if err != nil {
		if tried.n++; tried.n == 1 {
			tried.first = time.Now()
		}
		if a == nil || !tried.enough() {
			return err
		}
	}
	return s.complete(ctx, r, a)
}

// complete writes what came of a request, and tells the client who waits.
func (s *Service) complete(ctx context.Context, r *Request, a *Answer) error {
	var rows []*history.Entry
	now := time.Now()
	for _, o := range a.Outcomes {
		e := history.New(r.InstanceID, now, r.Actor, history.RequestComplete, o.Target)
		result := o.Result
		e.Event = &history.Event{Txn: o.Txn, Result: &result}
		r.Events = append(r.Events, e.Event)
		e.Detail = fmt.Sprintf("the asynchronous request %s: %s %s was answered with %d", o.Txn,
			o.Method, o.URI, o.Status)
		rows = append(rows, e)
	}
	r.Completed = now
	// What was done is told also when the server stops.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), lease.DeadTime)
	defer cancel()
	if err := s.store.CompleteRequest(end, s.owner, r, rows); err != nil {
		return err
	}
	s.mu.Lock()
	done := s.mine[r.Txn]
	s.mu.Unlock()
	if done != nil && a.Status != 0 {
		done <- a
	}
	return nil
}

// made returns the rows of a request, and of its operations.
func (s *Service) made(ctx context.Context, r *Request) (list []history.Sealed, err error) {
	err = s.store.HistoryAfter(ctx, r.InstanceID, r.Place, func(row history.Sealed) error {
		if row.Event == nil || row.Actor.Kind != history.KeyActor {
			return nil // not asked for, but a consequence
		}
		if of, _, _ := strings.Cut(row.Event.Txn, ":"); of == r.Txn {
			list = append(list, row)
		}
		return nil
	})
	return list, err
}
