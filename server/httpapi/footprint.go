package httpapi

import (
	"net/http"
	"strings"

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
	if !as.recall(r.Base, r.Method, pathOf(r)) {
		return o, false
	}
	return outcome(r, r.Txn, as, pathOf(r)), true
}

// abandoned says what came of the operations of a Bulk that cannot be gone on with: what
// an earlier attempt has done is done, and the rest fails. It returns nil for what is no
// Bulk.
func abandoned(
	r *asynchronous.Request, made []history.Sealed, e *scim.Error,
) []asynchronous.Outcome {
	raw, err := scim.DecodeObject(r.Body)
	if !isBulk(r) || err != nil {
		return nil
	}
	b, err := newBulk(raw)
	if err != nil {
		return nil
	}
	b.resume(&resumption{txn: r.Txn, made: made})
	for _, o := range b.operations {
		// Others may refer to it by its bulkId, and stand before it.
		if o.done = true; !o.recall(r.Base, o.method, o.path) {
			o.fail(e)
		} else if o.method == http.MethodPost && !o.failed() {
			b.ids[o.bulkID] = o.location[strings.LastIndexByte(o.location, '/')+1:]
		}
		if len(o.made) > 0 && methodOf(o.made[len(o.made)-1]) == http.MethodDelete {
			o.fail(e) // it was undone
		}
	}
	for _, o := range b.operations {
		if o.method != http.MethodPost {
			o.location = ""
		}
	}
	return b.outcomes(r)
}
