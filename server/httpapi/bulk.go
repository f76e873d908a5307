package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"muster/server/instance"
	"muster/server/scim"
)

// The limits of a bulk request, which /ServiceProviderConfig announces.
const (
	MaxBulkOperations = 1000
	MaxBulkPayload    = 1 << 20
)

// bulkOperation is one operation of a bulk request, Section 3.7 of RFC 7644,
// with what came of it.
type bulkOperation struct {
	method, bulkID, version, path string
	data                          map[string]any

	// references are the bulkIds that the operation needs to be resolved.
	references []string
	// txn is the transaction that was promised; see [operationTxn].
	txn string
	// made is what earlier attempts have left in the history.
	made footprint
	// incomplete is set when the operation was done without what refers to
	// an operation that waits for this one in turn.
	incomplete bool
	done       bool
	status     int
	location   string
	etag       string
	answer     json.RawMessage
}

// failed reports whether the operation was tried in vain.
func (o *bulkOperation) failed() bool { return o.done && o.status >= http.StatusBadRequest }

// bulk answers a bulk request. Each operation is a request of its own, with
// its own transaction and history row; they are done in their order, except
// that one which refers to another's bulkId waits for it.
func (s *server) bulk(x *requestContext) error {
	raw, err := s.bulkBody(x)
	if err != nil {
		return err
	}
	b, err := newBulk(raw)
	if err != nil {
		return err
	}
	// What has been done by some operations cannot begin anew with others.
	x.Request = x.WithContext(instance.WithTenant(x.Context(), x.scope.Instance.ID))
	if x.resumed != nil {
		x.resumed.bulk = b
		b.resume(x.resumed)
	}
	b.run(s, x)
	if b.halted || x.resumed != nil && x.Context().Err() != nil {
		return &scim.Error{
			Status: http.StatusServiceUnavailable, Detail: "the operations could not all be tried",
		}
	}
	body, err := b.message(x.base)
	if err != nil {
		return err
	}
	return x.sendJSON(http.StatusOK, x.mediaType(), body)
}

// bulkTooLarge is the 413 of Section 3.7.4 of RFC 7644.
func bulkTooLarge(format string, limit int) error {
	return &scim.Error{
		Status: http.StatusRequestEntityTooLarge,
		Detail: fmt.Sprintf(format+", the limit of a bulk request; send it in parts", limit),
	}
}

// bulkRun is a bulk request under way.
type bulkRun struct {
	operations []*bulkOperation
	byID       map[string]*bulkOperation
	ids        map[string]string // bulkId → id
	// allowed is how many failures the client allows; 0 means any number.
	allowed  int
	failures int
	// patient has the run halt where an operation fails that might succeed later.
	patient, halted bool
}

func newBulk(raw map[string]any) (*bulkRun, error) {
	b := &bulkRun{byID: make(map[string]*bulkOperation), ids: make(map[string]string)}
	if n, ok := raw["failOnErrors"].(json.Number); ok {
		b.allowed, _ = strconv.Atoi(n.String())
	}
	list, _ := raw["Operations"].([]any)
	if len(list) > MaxBulkOperations {
		return nil, bulkTooLarge("there are more than %d operations", MaxBulkOperations)
	}
	for i, v := range list {
		m, _ := v.(map[string]any)
		o := &bulkOperation{}
		o.method, _ = m["method"].(string)
		o.bulkID, _ = m["bulkId"].(string)
		o.version, _ = m["version"].(string)
		o.path, _ = m["path"].(string)
		switch data := m["data"].(type) {
		case map[string]any:
			o.data = data
		case []any: // the operations of a PATCH alone, as in Section 3.7.3's examples
			o.data = map[string]any{"schemas": []any{scim.PatchOpURN}, "Operations": data}
		}
		if o.bulkID != "" {
			if b.byID[o.bulkID] != nil {
				return nil, scim.BadRequest(scim.InvalidValue,
					"Operations[%d]: the bulkId %q is there twice", i, o.bulkID)
			}
			b.byID[o.bulkID] = o
		}
		o.references = references(nil, o.data)
		if id, ok := bulkReference(o.path[strings.LastIndexByte(o.path, '/')+1:]); ok {
			o.references = append(o.references, id)
		}
		b.operations = append(b.operations, o)
	}
	return b, nil
}

// bulkReference returns the bulkId that a value refers to, if it does.
func bulkReference(s string) (string, bool) { return strings.CutPrefix(s, "bulkId:") }

// references adds to ids the bulkIds to which a value refers.
func references(ids []string, v any) []string {
	switch v := v.(type) {
	case string:
		if id, ok := bulkReference(v); ok && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	case []any:
		for _, x := range v {
			ids = references(ids, x)
		}
	case map[string]any:
		for _, x := range v {
			ids = references(ids, x)
		}
	}
	return ids
}

// run does the operations until there are none, or too many have failed, or the client
// has gone: then none could be done any more, and each would leave a row in the history.
func (b *bulkRun) run(s *server, x *requestContext) {
	for !b.enough() && !b.halted && x.Context().Err() == nil {
		o := b.next()
		if o == nil {
			break
		}
		b.do(s, x, o)
	}
	for _, o := range b.operations {
		if o.incomplete && !o.failed() && !b.enough() && !b.halted {
			b.complete(s, x, o)
		}
	}
}

// enough reports whether the client wants no more operations to be done.
func (b *bulkRun) enough() bool { return b.allowed > 0 && b.failures >= b.allowed }

// next returns the first operation that is not done and waits for no other.
// If all wait for each other, it is a creation that can do without for now.
func (b *bulkRun) next() *bulkOperation {
	var waiting *bulkOperation
	for _, o := range b.operations {
		switch {
		case o.done:
		case !b.waits(o):
			return o
		case waiting == nil && o.method == http.MethodPost:
			waiting = o
		}
	}
	if waiting != nil {
		waiting.incomplete = true
		return waiting
	}
	for _, o := range b.operations {
		if !o.done {
			return o // it refers to itself, and will say so
		}
	}
	return nil
}

// waits reports whether an operation refers to one that is not done yet.
func (b *bulkRun) waits(o *bulkOperation) bool {
	return slices.ContainsFunc(o.references, func(id string) bool {
		other := b.byID[id]
		return other != nil && !other.done
	})
}

// do does one operation.
func (b *bulkRun) do(s *server, x *requestContext, o *bulkOperation) {
	o.done = true
	if err := b.check(o); err != nil {
		o.fail(err)
	} else {
		data, _ := b.resolve(o.data).(map[string]any)
		b.send(s, x, o, o.method, b.resolvePath(o.path), data)
	}
	if b.halted {
		return
	}
	if o.failed() {
		b.failures++
	}
	b.note(o)
}

// note takes down what the bulkId of an operation stands for.
func (b *bulkRun) note(o *bulkOperation) {
	if !o.failed() && o.bulkID != "" && o.location != "" {
		b.ids[o.bulkID] = o.location[strings.LastIndexByte(o.location, '/')+1:]
	}
}

// send makes a request that an operation takes, unless an earlier attempt has made it. A
// patient run halts if it might succeed later.
func (b *bulkRun) send(
	s *server, x *requestContext, o *bulkOperation, method, path string, data map[string]any,
) {
	if o.recall(x.base, method, path) {
		return
	}
	s.subrequest(x, o, method, path, data)
	if b.patient && passing(o.status) {
		b.halted, o.done = true, false
	}
}

// check refuses an operation that refers to nothing, or to what failed, and a
// creation that could not be told from another in the answer.
func (b *bulkRun) check(o *bulkOperation) error {
	if o.method == http.MethodPost && o.bulkID == "" {
		return scim.BadRequest(scim.InvalidValue,
			`a POST needs a "bulkId", a name of your own by which its answer can be told`)
	}
	for _, id := range o.references {
		switch other := b.byID[id]; {
		case other == nil:
			return scim.BadRequest(scim.InvalidValue,
				"no operation of the request has the bulkId %q", id)
		case other.failed():
			return &scim.Error{
				Status: http.StatusConflict,
				Detail: fmt.Sprintf("the operation with the bulkId %q failed", id),
			}
		case b.ids[id] == "" && !o.incomplete:
			return &scim.Error{
				Status: http.StatusConflict,
				Detail: fmt.Sprintf(
					"the bulkId %q stands for no resource that could be referred to", id),
			}
		}
	}
	return nil
}

// complete replaces a resource that was created without what refers to
// others, now that they are there.
func (b *bulkRun) complete(s *server, x *requestContext, o *bulkOperation) {
	o.incomplete = false
	err := b.check(o)
	if err == nil {
		data, _ := b.resolve(o.data).(map[string]any)
		created := o.status
		b.send(s, x, o, http.MethodPut, o.path+"/"+b.ids[o.bulkID], data)
		if b.halted {
			return
		}
		if !o.failed() {
			o.status = created
			return
		}
	}
	b.undo(s, x, o)
}

// undo deletes a resource that could not be completed, and those that were
// created with a reference to it: what is answered with an error must not be
// there. Section 3.7.1 of RFC 7644 has 409 for it.
func (b *bulkRun) undo(s *server, x *requestContext, o *bulkOperation) {
	b.failures++
	b.send(s, x, o, http.MethodDelete, o.path+"/"+b.ids[o.bulkID], nil)
	if b.halted {
		return
	}
	delete(b.ids, o.bulkID)
	o.location, o.etag = "", ""
	o.fail(&scim.Error{
		Status: http.StatusConflict,
		Detail: "the operation refers in a circle to others, and that cannot be " +
			"resolved; nothing was created",
	})
	for _, other := range b.operations {
		if !b.halted && other.method == http.MethodPost && other.done && !other.failed() &&
			slices.Contains(other.references, o.bulkID) {
			b.undo(s, x, other)
		}
	}
}

// resolve returns a value with ids in place of references. What refers to an
// operation that is not done is left out.
func (b *bulkRun) resolve(v any) any {
	switch v := v.(type) {
	case string:
		id, ok := bulkReference(v)
		if !ok {
			return v
		}
		if resolved := b.ids[id]; resolved != "" {
			return resolved
		}
		return nil
	case []any:
		list := make([]any, 0, len(v))
		for _, x := range v {
			if x = b.resolve(x); x != nil {
				list = append(list, x)
			}
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, x := range v {
			r := b.resolve(x)
			if r == nil && x != nil && name == "value" {
				return nil // a member or manager who is not there yet
			}
			object[name] = r
		}
		return object
	}
	return v
}

// resolvePath returns a path with the id in place of a reference.
func (b *bulkRun) resolvePath(path string) string {
	at := strings.LastIndexByte(path, '/') + 1
	id, ok := bulkReference(path[at:])
	if !ok {
		return path
	}
	return path[:at] + b.ids[id]
}

func (o *bulkOperation) fail(err error) {
	e := scim.AsError(err)
	o.done, o.status = true, e.Status
	o.answer, _ = e.MarshalJSON()
}

// message renders the BulkResponse. It has the operations that were done, in
// the order of the request.
func (b *bulkRun) message(base string) ([]byte, error) {
	type operation struct {
		Location string          `json:"location,omitempty"`
		Method   string          `json:"method"`
		BulkID   string          `json:"bulkId,omitempty"`
		Version  string          `json:"version,omitempty"`
		Status   string          `json:"status"`
		Response json.RawMessage `json:"response,omitempty"`
	}
	list := []operation{}
	for _, o := range b.operations {
		if !o.done {
			continue
		}
		location := o.location
		if location == "" && o.method != http.MethodPost {
			location = base + b.resolvePath(o.path) // all but a POST that failed has one
		}
		list = append(list,
			operation{location, o.method, o.bulkID, o.etag, strconv.Itoa(o.status), o.answer})
	}
	return json.Marshal(struct {
		Schemas    []string    `json:"schemas"`
		Operations []operation `json:"Operations"`
	}{[]string{scim.BulkResponseURN}, list})
}
