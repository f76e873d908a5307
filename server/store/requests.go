package store

import (
	"context"
	"encoding/json"
	"time"

	"muster/server/asynchronous"
	"muster/server/history"
	"muster/server/store/engine"
)

const (
	insertRequest = `INSERT INTO accepted_requests (txn, instance_id, accepted, completed, place,
		message, body, results, owner, beat, claims)
	VALUES (?, ?, ?, 0, ?, ?, ?, '[]', ?, 0, 0)`

	selectRequest = `SELECT txn, instance_id, accepted, completed, place, message, body, results,
	owner, claims FROM accepted_requests WHERE txn = ? AND instance_id = ?`

	// A request is taken over when nothing that is written for it is under way.
	selectRequestLocked = `SELECT owner FROM accepted_requests WHERE txn = ? AND owner = ?
	AND beat = ? AND completed = 0 FOR UPDATE`

	claimRequest = `UPDATE accepted_requests SET owner = ?, beat = beat + 1, claims = claims + 1
	WHERE txn = ?`

	// selectClaims holds off who wants to take these requests over.
	selectClaims = `SELECT txn, owner FROM accepted_requests
	WHERE txn = ANY (CAST(? AS text[])) FOR KEY SHARE`
)

// AcceptRequest keeps a request.
func (s *Store) AcceptRequest(
	ctx context.Context, r *asynchronous.Request, owner string,
) error {
	c, err := s.Chain(ctx, r.InstanceID)
	if err != nil {
		return err
	}
	message, err := json.Marshal(r.Message)
	if err != nil {
		return err
	}
	r.Place = c.Seq
	return s.update(ctx, func(t *tx) error {
		var n int
		err := t.Get(ctx, &n,
			"SELECT count(*) FROM accepted_requests WHERE instance_id = ? AND completed = 0",
			r.InstanceID)
		if err == nil && n >= asynchronous.MaxWaiting {
			err = asynchronous.ErrFull
		}
		if err != nil {
			return err
		}
		_, err = t.Exec(ctx, insertRequest, r.Txn, r.InstanceID, millis(r.Accepted), r.Place,
			string(message), string(r.Body), owner)
		return err
	})
}

// AcceptedRequest returns a request of an instance, or instance.ErrNotFound.
func (s *Store) AcceptedRequest(
	ctx context.Context, instanceID, txn string,
) (*asynchronous.Request, error) {
	var row struct {
		Txn        string `db:"txn"`
		InstanceID string `db:"instance_id"`
		Accepted   int64  `db:"accepted"`
		Completed  int64  `db:"completed"`
		Place      int64  `db:"place"`
		Message    string `db:"message"`
		Body       string `db:"body"`
		Results    string `db:"results"`
		Owner      string `db:"owner"`
		Claims     int64  `db:"claims"`
	}
	if err := s.db.Get(ctx, &row, selectRequest, txn, instanceID); err != nil {
		return nil, missing(err)
	}
	r := &asynchronous.Request{
		Txn: row.Txn, InstanceID: row.InstanceID, Accepted: fromMillis(row.Accepted),
		Place: row.Place, Body: []byte(row.Body), Owner: row.Owner,
		Claims: row.Claims,
	}
	if row.Completed != 0 {
		r.Completed = fromMillis(row.Completed)
	}
	if err := json.Unmarshal([]byte(row.Message), &r.Message); err != nil {
		return nil, err
	}
	return r, json.Unmarshal([]byte(row.Results), &r.Events)
}

// OpenRequests returns the requests that are not done, in the order in which they came.
func (s *Store) OpenRequests(ctx context.Context) ([]asynchronous.Due, error) {
	var rows []struct {
		Txn        string `db:"txn"`
		InstanceID string `db:"instance_id"`
		Owner      string `db:"owner"`
		Beat       int64  `db:"beat"`
	}
	err := s.db.List(ctx, &rows, `SELECT txn, instance_id, owner, beat FROM accepted_requests
		WHERE completed = 0 ORDER BY accepted, txn`)
	list := make([]asynchronous.Due, len(rows))
	for i, r := range rows {
		list[i] = asynchronous.Due(r)
	}
	return list, err
}

// ClaimRequest makes a server the owner of a request, in place of the one that was
// seen. It waits for what that one is writing.
func (s *Store) ClaimRequest(
	ctx context.Context, seen asynchronous.Due, owner string,
) (claimed bool, err error) {
	err = s.update(ctx, func(t *tx) error {
		var owners []string
		err := t.List(ctx, &owners, selectRequestLocked, seen.Txn, seen.Owner, seen.Beat)
		if err != nil || len(owners) == 0 {
			return err
		}
		claimed = true
		_, err = t.Exec(ctx, claimRequest, owner, seen.Txn)
		return err
	})
	return claimed && err == nil, err
}

// FenceRequest waits until nothing is under way any more that is written on behalf of a
// request.
func (s *Store) FenceRequest(ctx context.Context, txn, owner string) error {
	return s.update(ctx, func(t *tx) error {
		var owners []string
		err := t.List(ctx, &owners, `SELECT owner FROM accepted_requests WHERE txn = ? AND owner = ?
			AND completed = 0 FOR UPDATE`, txn, owner)
		if err == nil && len(owners) == 0 {
			err = asynchronous.ErrTaken
		}
		return err
	})
}

// BeatRequests tells that an owner lives.
func (s *Store) BeatRequests(ctx context.Context, owner string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.Exec(ctx,
			"UPDATE accepted_requests SET beat = beat + 1 WHERE completed = 0 AND owner = ?", owner)
		return err
	})
}

// ReleaseRequests gives the requests of an owner free.
func (s *Store) ReleaseRequests(ctx context.Context, owner string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.Exec(ctx, `UPDATE accepted_requests SET owner = '', beat = beat + 1
			WHERE completed = 0 AND owner = ?`, owner)
		return err
	})
}

// CompleteRequest writes what came of a request, and deletes its body.
func (s *Store) CompleteRequest(
	ctx context.Context, owner string, r *asynchronous.Request, rows []*history.Entry,
) error {
	results, err := json.Marshal(r.Events)
	if err != nil {
		return err
	}
	return s.change(ctx, r.InstanceID, func(t *tx) error {
		n, err := t.Exec(ctx, `UPDATE accepted_requests SET completed = ?, body = '', results = ?
			WHERE txn = ? AND owner = ? AND completed = 0`, millis(r.Completed), string(results),
			r.Txn, owner)
		if err == nil && n == 0 {
			err = asynchronous.ErrTaken
		}
		if err != nil {
			return err
		}
		return t.append(rows...)
	})
}

// ForgetRequests deletes the requests that were completed before a time.
func (s *Store) ForgetRequests(ctx context.Context, before time.Time) error {
	var old bool
	err := s.db.Get(ctx, &old, `SELECT EXISTS (SELECT 1 FROM accepted_requests
		WHERE completed <> 0 AND completed < ?) AS old`, millis(before))
	if err != nil || !old {
		return err
	}
	return s.update(ctx, func(t *tx) error {
		_, err := t.Exec(ctx,
			"DELETE FROM accepted_requests WHERE completed <> 0 AND completed < ?", millis(before))
		return err
	})
}

// readClaims reads who does the requests that the jobs are done on behalf of.
func (b *batch) readClaims(r engine.Rows) error {
	for r.Next() {
		var c asynchronous.Claim
		if err := r.Scan(&c.Txn, &c.Owner); err != nil {
			return err
		}
		b.owners[c.Txn] = c.Owner
	}
	return r.Err()
}

// entitled refuses a job on behalf of a request that is another server's now.
func (b *batch) entitled(j *job) error {
	if c := j.claim; c.Txn != "" && b.owners[c.Txn] != c.Owner {
		return asynchronous.ErrTaken
	}
	return nil
}
