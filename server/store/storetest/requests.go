package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"muster/server/asynchronous"
	"muster/server/history"
	"muster/server/instance"
)

// accept keeps a request of the suite's instance, of the server "first".
func (x *suite) accept(t *testing.T) *asynchronous.Request {
	t.Helper()
	r := &asynchronous.Request{
		Txn: asynchronous.NewTxn(), InstanceID: x.scope.Instance.ID, Accepted: time.Now(),
		Message: asynchronous.Message{
			Method: "PUT", Path: "/Users/1?attributes=id", Actor: x.scope.Actor,
		},
		Body: []byte(`{"userName":"x"}`),
	}
	fatal(t, x.store.AcceptRequest(t.Context(), r, "first"))
	return r
}

// due returns a request as one who looks for them sees it; nil if it is done.
func (x *suite) due(t *testing.T, txn string) *asynchronous.Due {
	t.Helper()
	list, err := x.store.OpenRequests(t.Context())
	fatal(t, err)
	for _, d := range list {
		if d.Txn == txn {
			return &d
		}
	}
	return nil
}

// rows counts the rows of the history.
func (x *suite) rows(t *testing.T) (n int) {
	t.Helper()
	fatal(t, x.store.History(t.Context(), history.Query{InstanceID: x.scope.Instance.ID},
		func(*history.Entry) error {
			n++
			return nil
		}))
	return n
}

// testRequests: a request is kept until it is completed, once, by its owner.
func testRequests(t *testing.T, x *suite) {
	ctx := t.Context()
	r := x.accept(t)
	got, err := x.store.AcceptedRequest(ctx, r.InstanceID, r.Txn)
	fatal(t, err)
	if got.Path != r.Path || string(got.Body) != string(r.Body) || got.Actor != r.Actor ||
		got.Owner != "first" || got.Claims != 0 || !got.Completed.IsZero() {
		t.Errorf("got %+v", got)
	}
	other := x.newInstance(t, x.tag+"-other")
	if _, err := x.store.AcceptedRequest(ctx, other.Instance.ID, r.Txn); !errors.Is(err,
		instance.ErrNotFound) {
		t.Errorf("for another instance: %v", err)
	}
	seen := *x.due(t, r.Txn)
	fatal(t, x.store.BeatRequests(ctx, "first"))
	if claimed, err := x.store.ClaimRequest(ctx, seen, "second"); err != nil || claimed {
		t.Errorf("taken from who lives: %v", err)
	}
	if claimed, err := x.store.ClaimRequest(ctx, *x.due(t, r.Txn), "second"); err != nil ||
		!claimed {
		t.Errorf("not taken over: %v", err)
	}
	before := x.rows(t)
	done := func(owner string) error {
		got.Completed = time.Now()
		e := history.New(r.InstanceID, got.Completed, r.Actor, history.RequestComplete,
			history.Target{Type: "User"})
		e.Event = &history.Event{Txn: r.Txn, Result: &history.Result{Method: "PUT", Status: 200}}
		got.Events = []*history.Event{e.Event}
		return x.store.CompleteRequest(ctx, owner, got, []*history.Entry{e})
	}
	if err := done("first"); !errors.Is(err, asynchronous.ErrTaken) {
		t.Errorf("completed by who is not the owner any more: %v", err)
	}
	fatal(t, done("second"))
	if err := done("second"); !errors.Is(err, asynchronous.ErrTaken) {
		t.Errorf("completed twice: %v", err)
	}
	if n := x.rows(t) - before; n != 1 {
		t.Errorf("%d rows of the history", n)
	}
	got, err = x.store.AcceptedRequest(ctx, r.InstanceID, r.Txn)
	fatal(t, err)
	if len(got.Body) > 0 || len(got.Events) != 1 || got.Events[0].Result.Status != 200 ||
		got.Claims != 1 || x.due(t, r.Txn) != nil {
		t.Errorf("completed: %+v", got)
	}
	fatal(t, x.store.ForgetRequests(ctx, got.Completed))
	if _, err := x.store.AcceptedRequest(ctx, r.InstanceID, r.Txn); err != nil {
		t.Errorf("forgotten too early: %v", err)
	}
	fatal(t, x.store.ForgetRequests(ctx, got.Completed.Add(time.Second)))
	if _, err := x.store.AcceptedRequest(ctx, r.InstanceID, r.Txn); !errors.Is(err,
		instance.ErrNotFound) {
		t.Errorf("not forgotten: %v", err)
	}
	for range asynchronous.MaxWaiting {
		x.accept(t)
	}
	if err := x.store.AcceptRequest(ctx, &asynchronous.Request{
		Txn: asynchronous.NewTxn(), InstanceID: r.InstanceID, Accepted: time.Now(),
	}, "first"); !errors.Is(err, asynchronous.ErrFull) {
		t.Errorf("one too many: %v", err)
	}
}

// testClaims: once a request is taken over, who did it before writes nothing more on its
// behalf, whatever was under way; and what was written before is seen by who goes on.
func testClaims(t *testing.T, x *suite) {
	r := x.accept(t)
	sc := x.scope
	sc.Txn = r.Txn
	as := func(owner string) context.Context {
		return asynchronous.WithClaim(t.Context(), asynchronous.Claim{Txn: r.Txn, Owner: owner})
	}
	g := x.group(t, "Claimed")
	member := x.user(t, "member", "")
	writes := []func(ctx context.Context, i int) error{
		func(ctx context.Context, i int) error {
			_, err := x.users.CreateUser(ctx, sc, x.resource(t, x.users.UserType(sc.Instance),
				fmt.Sprintf(`{"userName":%q}`, x.name(fmt.Sprint("claimed", i)))))
			return err
		},
		func(ctx context.Context, i int) error {
			_, err := x.users.CreateGroup(ctx, sc, x.resource(t, x.users.GroupType(),
				fmt.Sprintf(`{"displayName":"claimed%d"}`, i)))
			return err
		},
		func(ctx context.Context, i int) error {
			op := addMember(member.ID)
			if i%2 == 0 {
				op = removeMember(member.ID)
			}
			patched, ops := x.operations(t, x.users.GroupType(), op)
			patched.Txn = sc.Txn
			_, _, err := x.users.PatchGroup(ctx, patched, g.ID, ops, nil)
			return err
		},
		func(ctx context.Context, _ int) error {
			_, err := x.users.CreateUser(ctx, sc, x.resource(t, x.users.UserType(sc.Instance),
				fmt.Sprintf(`{"userName":%q}`, x.name("member"))))
			return err // refused, and the row of that is written
		},
	}
	var group sync.WaitGroup
	begun := make(chan struct{}, len(writes))
	for _, write := range writes {
		group.Go(func() {
			for i := range 200 {
				_ = write(as("first"), i)
				if i == 3 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range writes {
		<-begun
	}
	claimed, err := x.store.ClaimRequest(t.Context(), *x.due(t, r.Txn), "second")
	if err != nil || !claimed {
		t.Fatalf("not taken over: %v", err)
	}
	then := x.rows(t)
	group.Wait()
	if now := x.rows(t); now != then {
		t.Errorf("%d rows were written after the request was taken over", now-then)
	}
	made := 0
	fatal(t, x.store.HistoryAfter(t.Context(), r.InstanceID, r.Place,
		func(row history.Sealed) error {
			if row.Event != nil && row.Event.Txn == r.Txn {
				made++
			}
			return nil
		}))
	if made < 4*len(writes)-4 || made > 800 {
		t.Errorf("%d rows of the request are found", made)
	}
	for i, write := range writes {
		if err := write(as("first"), 1000+i); !errors.Is(err, asynchronous.ErrTaken) && i != 3 {
			t.Errorf("write %d on behalf of who was the owner: %v", i, err)
		}
	}
	if err := writes[0](as("second"), 2000); err != nil {
		t.Errorf("write on behalf of the owner: %v", err)
	}
	if now := x.rows(t); now != then+1 {
		t.Errorf("%d rows, and not one more than %d", now, then)
	}
}
