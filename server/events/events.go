// Package events tells listeners of changes: the SCIM events of RFC 9967, as Security
// Event Tokens (RFC 8417), pushed by RFC 8935 or polled by RFC 8936. An event is
// derived from the row of the change history that was committed with its change, and
// a feed is a position in that history.
package events

import (
	"slices"
	"strings"
	"time"

	"muster/server/instance"
)

// The URIs of events begin so (Section 7.3 of RFC 9967).
const urnPrefix = "urn:ietf:params:scim:event:"

// Type is a type of event, without the prefix that all have, and without the mode.
type Type string

// The types of Section 2 of RFC 9967.
const (
	FeedAdd    Type = "feed:add"
	FeedRemove Type = "feed:remove"
	Create     Type = "prov:create"
	Patch      Type = "prov:patch"
	Put        Type = "prov:put"
	Delete     Type = "prov:delete"
	Activate   Type = "prov:activate"
	Deactivate Type = "prov:deactivate"
	// AsyncResponse is the completion of a request that its client did not wait for.
	AsyncResponse Type = "misc:asyncresp"
)

// Types returns all types, in the order of Section 2 of RFC 9967.
func Types() []Type {
	return []Type{
		FeedAdd, FeedRemove, Create, Patch, Put, Delete, Activate, Deactivate,
		AsyncResponse,
	}
}

// Name returns what a type is called in commands: "create", or "feed-add".
func (t Type) Name() string {
	class, name, _ := strings.Cut(string(t), ":")
	if class == "feed" {
		return "feed-" + name
	}
	return name
}

// moded reports whether the URI of a type ends in the mode.
func (t Type) moded() bool { return t == Create || t == Patch || t == Put }

// URI returns the URI of a type of event in a mode.
func (t Type) URI(m Mode) string {
	uri := urnPrefix + string(t)
	if t.moded() {
		uri += ":" + string(m)
	}
	return uri
}

// URIs returns those of all events that there are, for the eventUris of Section 4 of
// RFC 9967.
func URIs() []string {
	var list []string
	for _, t := range Types() {
		if !t.moded() {
			list = append(list, t.URI(""))
			continue
		}
		list = append(list, t.URI(Notice), t.URI(Full))
	}
	return list
}

// ParseType returns the type of that name.
func ParseType(name string) (Type, error) {
	all := Types()
	i := slices.IndexFunc(all, func(t Type) bool { return strings.EqualFold(t.Name(), name) })
	if i < 0 {
		names := make([]string, len(all))
		for i, t := range all {
			names[i] = t.Name()
		}
		return "", instance.Refuse("unknown type of event %q: use %s", name,
			strings.Join(names, ", "))
	}
	return all[i], nil
}

// Mode says how much an event tells of a change.
type Mode string

// The modes of Section 2.4 of RFC 9967.
const (
	// Notice names the attributes that changed.
	Notice Mode = "notice"
	// Full has their values.
	Full Mode = "full"
)

// Delivery is how events come to a receiver.
type Delivery string

// The deliveries.
const (
	// Push has them sent to the receiver's URL (RFC 8935).
	Push Delivery = "push"
	// Poll has them fetched by the receiver (RFC 8936).
	Poll Delivery = "poll"
)

// Setup is how a feed is set up.
type Setup struct {
	Delivery Delivery `json:"delivery"`
	// URL is where events are pushed to, and Authorization the header that goes with
	// them. It is a secret.
	URL           string `json:"url,omitempty"`
	Authorization string `json:"authorization,omitempty"`
	Mode          Mode   `json:"mode"`
	// Types are those that are wanted; all if there are none. Filter chooses
	// resources; empty for all.
	Types  []Type `json:"types,omitempty"`
	Filter string `json:"filter,omitempty"`
	// Audience is the "aud" of the tokens; empty for the address of the feed.
	Audience string `json:"audience,omitempty"`
}

// wants reports whether a feed wants events of a type.
func (s Setup) wants(t Type) bool { return len(s.Types) == 0 || slices.Contains(s.Types, t) }

// Feed is a series of events of an instance for one receiver.
type Feed struct {
	ID         string
	InstanceID string
	// Name tells it from other feeds of the instance.
	Name string
	Setup
	// Token is the SHA-256, in hexadecimal digits, of what the receiver polls with.
	Token   string
	Created time.Time
	// Paused is when it was paused; zero while it is not.
	Paused time.Time
	// Epoch counts how often it was rewound: what is sent again has other ids.
	Epoch int64
	// Seq is the place in the history up to which everything is done, and Acked are
	// those behind it that are.
	Seq   int64
	Acked []int64
	// Delivered is how many events were, and DeliveredAt when the last one was.
	Delivered   int64
	DeliveredAt time.Time
	// Failures is how often in succession nothing could be delivered, Error why, and
	// ErrorAt when. An error stays until something is delivered, or refused for good.
	Failures int64
	Error    string
	ErrorAt  time.Time
	// Owner is the server that sends it, and Beat counts as long as it lives.
	Owner string
	Beat  int64
}

// done returns the places behind Seq that are done.
func (f *Feed) done() map[int64]bool {
	done := make(map[int64]bool, len(f.Acked))
	for _, seq := range f.Acked {
		done[seq] = true
	}
	return done
}

// Parked is an event that its receiver has refused for good.
type Parked struct {
	Epoch, Seq int64
	At         time.Time
	Error      string
}

// State is how far a feed has come, for those who watch over all instances.
type State struct {
	// Instance is the name of the instance, Name that of the feed.
	Instance, Name string
	Paused         bool
	// Behind is how many rows of the history the feed has not told of yet, and Lag the
	// age of the oldest of them.
	Behind int64
	Lag    time.Duration
	// Delivered, Failures and Parked are as in [Feed].
	Delivered, Failures, Parked int64
}

// Due is a feed that is behind the history of its instance.
type Due struct {
	ID, Owner string
	Beat      int64
}

// Progress is how far a feed has come.
type Progress struct {
	FeedID, InstanceID string
	Epoch, Seq         int64
	// Acked are those behind Seq that are done, and Delivered how many more were.
	Acked     []int64
	Delivered int64
	At        time.Time
	// Error is why no more could be delivered, and Parked what never will.
	Error  string
	Parked []Parked
}
