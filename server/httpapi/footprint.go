package httpapi

import (
	"net/http"
	"strings"

	"muster/server/asynchronous"
	"muster/server/history"
	"muster/server/scim"
)

// footprint is what an operation has left in the history: in the end it says what was
// answered, or would have been.
type footprint struct {
	target  history.Target
	version int64
	// created and changed are the places of the rows; 0 for none.
	created, changed int64
	// deleted is set if the resource was, and gone also if it was not there any more.
	deleted, gone bool
	// refused is the last row, if that is of an attempt in vain.
	refused *history.Entry
}

// footprintOf returns the footprint of a transaction.
func footprintOf(txn string, made []history.Sealed) (t footprint) {
	for _, row := range made {
		if row.Event.Txn != txn {
			continue
		}
		deletes := row.Action == history.UserDelete || row.Action == history.GroupDelete
		t.gone = t.gone || deletes && row.Outcome != history.Failed
		switch row.Outcome {
		case history.Refused:
			t.refused = row.Entry
			continue
		case history.Failed:
			continue // it is tried again
		case history.Done:
		}
		t.refused, t.target = nil, row.Target
		switch {
		case deletes:
			t.deleted = true
		case row.Action == history.UserCreate || row.Action == history.GroupCreate:
			t.created, t.version = row.Seq, row.Event.Version
		default:
			t.changed, t.version = row.Seq, row.Event.Version
		}
	}
	return t
}

// outcome returns the status of an operation that was done, or refused; 0 if it was
// not.
func (t *footprint) outcome(method string) int {
	switch {
	case method == http.MethodPost && t.created > 0:
		return http.StatusCreated
	case method == http.MethodDelete && t.deleted:
		return http.StatusNoContent
	case method != http.MethodDelete && method != http.MethodPost && t.changed > 0:
		return http.StatusOK
	case t.refused != nil:
		return t.refused.Status
	}
	return 0
}

// err is why the operation was refused.
func (t *footprint) err() *scim.Error {
	return &scim.Error{
		Status: t.refused.Status, Type: scim.Type(t.refused.ScimType), Detail: t.refused.Detail,
	}
}

// single says what came of a request that is no Bulk.
func (t *footprint) single(r *asynchronous.Request) asynchronous.Outcome {
	result := history.Result{Method: r.Method, Status: t.outcome(r.Method)}
	result.URI, _, _ = strings.Cut(r.Path, "?")
	switch {
	case result.Status >= http.StatusBadRequest:
		result.Response, _ = t.err().MarshalJSON()
	case r.Method == http.MethodPost:
		result.URI += "/" + t.target.ID
	}
	if t.version > 0 && result.Response == nil {
		result.ETag = scim.ETag(t.version)
	}
	if result.Response == nil || r.Method != http.MethodPost {
		result.Location = r.Base + result.URI
	}
	return asynchronous.Outcome{
		Txn: r.Txn, Target: targetOf(result.URI, t.target.Name), Result: result,
	}
}

// resume makes of a Bulk one that was accepted before: what was done, or refused, by
// earlier attempts is not done again.
func (b *bulkRun) resume(s *server, x *requestContext) {
	b.patient = true
	left := make(map[*bulkOperation]footprint, len(b.operations))
	for i, o := range b.operations {
		o.txn = operationTxn(x.resumed.txn, i)
		t := footprintOf(o.txn, x.resumed.made)
		left[o] = t
		b.recall(x.base, o, t)
	}
	for _, o := range b.operations {
		if t := left[o]; o.done && !o.failed() && o.method == http.MethodPost {
			// It was created without what it refers to, unless that was there before, or
			// it has been completed since.
			for _, id := range o.references {
				other := b.byID[id]
				o.incomplete = o.incomplete || t.changed == 0 && other != nil &&
					(!other.done || other.failed() || left[other].created >= t.created)
			}
		}
	}
	for _, o := range b.operations {
		t := left[o]
		if t.created > 0 && (t.gone || t.refused != nil) && !o.failed() && !b.halted {
			b.undo(s, x, o)
		}
	}
}

// recall takes over what came of an operation.
func (b *bulkRun) recall(base string, o *bulkOperation, t footprint) {
	status := t.outcome(o.method)
	switch {
	case status == 0:
		return
	case status >= http.StatusBadRequest:
		o.fail(t.err())
		b.failures++
		return
	}
	o.done, o.status, o.gone = true, status, t.created > 0 && t.gone
	o.location = base + b.resolvePath(o.path)
	if o.method == http.MethodPost {
		o.location += "/" + t.target.ID
	} else if t.target.ID != "" {
		o.location = base + o.path[:strings.LastIndexByte(o.path, '/')+1] + t.target.ID
	}
	if t.version > 0 && o.method != http.MethodDelete {
		o.etag = scim.ETag(t.version)
	}
	if o.bulkID != "" {
		b.ids[o.bulkID] = t.target.ID
	}
}
