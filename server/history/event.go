package history

import (
	"encoding/json"
	"strings"
)

// Event is what the events of RFC 9967 say of a change, in so far as the entry does
// not: it is written with the entry, so that each change has its event, and what was
// rolled back has none.
type Event struct {
	// Txn is the transaction that the change was made in, if that is not the entry's
	// own: see [Entry.Txn].
	Txn string `json:"txn,omitempty"`
	// Method is that of the SCIM request which made the change, or would have.
	Method string `json:"method,omitempty"`
	// Version is the resource's after the change; 0 if it is not known, or gone.
	Version    int64  `json:"version,omitempty"`
	ExternalID string `json:"externalId,omitempty"`
	// Attributes are the paths of what changed, where the entry's changes do not
	// name them.
	Attributes []string `json:"attributes,omitempty"`
	// Data is kept if a feed wants it: the resource as it is stored, or the
	// operations of a PATCH.
	Data json.RawMessage `json:"data,omitempty"`
	// Feeds says for each feed with a filter how the change is to it, by its id.
	Feeds map[string]Standing `json:"feeds,omitempty"`
	// Concealed is set for what cannot be seen over SCIM.
	Concealed bool `json:"concealed,omitempty"`
	// Result is what came of a request whose client did not wait for it; nil for what
	// is no completion.
	Result *Result `json:"result,omitempty"`
}

// Result is what came of a request, or of one operation of a Bulk: Section 2.5.1.3 of
// RFC 9967, which takes the parts from Section 3.7.3 of RFC 7644.
type Result struct {
	// URI is that of the resource, below the base URL; of its resource type if a
	// creation failed.
	URI      string `json:"uri"`
	Method   string `json:"method"`
	BulkID   string `json:"bulkId,omitempty"`
	Location string `json:"location,omitempty"`
	// ETag is the version of the resource.
	ETag   string `json:"version,omitempty"`
	Status int    `json:"status"`
	// Response is the error, Section 3.12 of RFC 7644; nil if there was none.
	Response json.RawMessage `json:"response,omitempty"`
}

// Standing is how a change is to a feed with a filter.
type Standing string

// The standings. The resource matches the filter before and after the change, only
// after it, only before it, or neither.
const (
	Stays  Standing = "stays"
	Joins  Standing = "joins"
	Leaves Standing = "leaves"
	Absent Standing = "absent"
)

// Txn returns the transaction of RFC 9967 that the entry belongs to: it is the same
// for all entries of one transaction.
func (e *Entry) Txn() string {
	if e.Event != nil && e.Event.Txn != "" {
		return e.Event.Txn
	}
	return strings.ReplaceAll(e.ID, "-", "")
}

// Together puts entries that have events into the transaction of the first.
func Together(entries []*Entry) {
	for i, e := range entries {
		if i > 0 {
			e.Event.Txn = entries[0].Txn()
		}
	}
}
