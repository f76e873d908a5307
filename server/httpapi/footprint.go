package httpapi

import (
	"net/http"

	"muster/server/asynchronous"
	"muster/server/history"
	"muster/server/scim"
)

// footprint is what an operation has left in the history, row by row: in the order in
// which they were written, each says what was answered to one request, or would have
// been. Who goes through the same requests again takes these for answers, and comes to
// where the earlier attempt ended.
type footprint []history.Sealed

// footprintOf returns the footprint of a transaction. What failed is tried again.
func footprintOf(txn string, made []history.Sealed) (list footprint) {
	for _, row := range made {
		if row.Event.Txn == txn && row.Outcome != history.Failed {
			list = append(list, row)
		}
	}
	return list
}

// methodOf returns the method of the request that a row is of; PUT for PATCH, too.
func methodOf(row history.Sealed) string {
	switch row.Action {
	case history.UserCreate, history.GroupCreate:
		return http.MethodPost
	case history.UserDelete, history.GroupDelete:
		return http.MethodDelete
	}
	return http.MethodPut
}

// resume makes of a Bulk one that was accepted before.
func (b *bulkRun) resume(of *resumption) {
	b.patient = true
	for i, o := range b.operations {
		o.txn = operationTxn(of.txn, i)
		o.made = footprintOf(o.txn, of.made)
	}
}

// recall answers a request of an operation by what an earlier attempt has left. It
// returns false if the request was not made, or was and changed nothing: then it can be
// made again.
func (o *bulkOperation) recall(base, method, path string) bool {
	same := method
	if method == http.MethodPatch {
		same = http.MethodPut
	}
	if len(o.made) == 0 || methodOf(o.made[0]) != same {
		return false
	}
	row := o.made[0]
	o.made, o.etag, o.answer = o.made[1:], "", nil
	if row.Outcome == history.Refused {
		o.fail(&scim.Error{
			Status: row.Status, Type: scim.Type(row.ScimType), Detail: row.Detail,
		})
		return true
	}
	switch method {
	case http.MethodPost:
		o.status, o.location = http.StatusCreated, base+path+"/"+row.Target.ID
	case http.MethodDelete:
		o.status = http.StatusNoContent
	default:
		o.status = http.StatusOK
	}
	if o.location == "" {
		o.location = base + path
	}
	if row.Event.Version > 0 {
		o.etag = scim.ETag(row.Event.Version)
	}
	return true
}

// recalled returns what came of a request that is no Bulk, if an earlier attempt has
// done it.
func recalled(
	r *asynchronous.Request, made []history.Sealed,
) (o asynchronous.Outcome, done bool) {
	as := &bulkOperation{method: r.Method, done: true, made: footprintOf(r.Txn, made)}
	if isBulk(r) || !as.recall(r.Base, r.Method, pathOf(r)) {
		return o, false
	}
	return outcome(r, r.Txn, as, pathOf(r)), true
}

// abandoned says what came of a request that cannot be gone on with, as a whole: of a Bulk,
// what an earlier attempt has done is done, and the rest came to the same.
func abandoned(
	r *asynchronous.Request, made []history.Sealed, as *bulkOperation,
) []asynchronous.Outcome {
	b := bulkOf(r)
	if b == nil {
		return []asynchronous.Outcome{outcome(r, r.Txn, as, pathOf(r))}
	}
	b.resume(&resumption{txn: r.Txn, made: made})
	for _, creates := range []bool{true, false} { // others refer to what was created
		for _, o := range b.operations {
			if (o.method == http.MethodPost) == creates {
				b.abandon(r.Base, o, as)
			}
		}
	}
	return b.outcomes(r)
}

// bulkOf returns the Bulk that a request is; nil if it is none.
func bulkOf(r *asynchronous.Request) *bulkRun {
	if !isBulk(r) {
		return nil
	}
	raw, err := scim.DecodeObject(r.Body)
	if err != nil {
		return nil
	}
	b, err := newBulk(raw)
	if err != nil {
		return nil
	}
	return b
}

// abandon has an operation come to what others come to, unless it was done before, and
// not undone.
func (b *bulkRun) abandon(base string, o, as *bulkOperation) {
	o.done = true
	done := o.recall(base, o.method, b.resolvePath(o.path))
	if n := len(o.made); !done || n > 0 && methodOf(o.made[n-1]) == http.MethodDelete {
		o.status, o.answer, o.location, o.etag = as.status, as.answer, "", ""
	}
	b.note(o)
}
