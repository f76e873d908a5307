// Package history defines the change history: who changed what, field by
// field, when, from where, and with which outcome. It is what the guide's
// section "Provisioning Logs" sends an administrator to.
package history

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Outcome says how an attempt to change something ended.
type Outcome string

// The outcomes.
const (
	// Done: the change is made.
	Done Outcome = "done"
	// Refused: the request was at fault; nothing changed.
	Refused Outcome = "refused"
	// Failed: the server was at fault; nothing changed.
	Failed Outcome = "failed"
)

// Action names what was attempted.
type Action string

// The actions.
const (
	InstanceCreate Action = "instance.create"
	UserCreate     Action = "user.create"
	UserUpdate     Action = "user.update"
	// UserPickUp is the first change that comes over SCIM to an account that
	// was made by hand: from then on the provider manages it.
	UserPickUp     Action = "user.pickup"
	UserSuspend    Action = "user.suspend"
	UserReactivate Action = "user.reactivate"
	UserDelete     Action = "user.delete"
	// UserManager is the link to a manager who arrived after the user.
	UserManager Action = "user.manager"
	GroupCreate Action = "group.create"
	GroupUpdate Action = "group.update"
	// GroupPickUp is for groups what UserPickUp is for users.
	GroupPickUp Action = "group.pickup"
	GroupDelete Action = "group.delete"
	KeyCreate   Action = "key.create"
	KeyRotate   Action = "key.rotate"
	KeyRevoke   Action = "key.revoke"
	// A client is one of OAuth 2.0, and a token what it gets.
	ClientCreate Action = "client.create"
	ClientRevoke Action = "client.revoke"
	TokenIssue   Action = "token.issue"
	FieldCreate  Action = "field.create"
	// HistoryPrune is the removal of rows by their age.
	HistoryPrune Action = "history.prune"
	// HistoryVerify is a look at whether the rows are as they were written.
	HistoryVerify Action = "history.verify"
	// MappingUpdate is a change of the attribute mapping, as a whole.
	MappingUpdate Action = "mapping.update"
	// The changes of workflow rules, and of what they link to.
	RuleCreate   Action = "rule.create"
	RuleDelete   Action = "rule.delete"
	TypeCreate   Action = "object-type.create"
	ObjectCreate Action = "object.create"
	// The changes of feeds of events, and of the keys that sign them.
	FeedCreate Action = "feed.create"
	FeedUpdate Action = "feed.update"
	FeedRewind Action = "feed.rewind"
	FeedDelete Action = "feed.delete"
	// RequestComplete is the end of a request whose client did not wait for it.
	RequestComplete Action = "request.complete"
	// Authenticate is an attempt with a key that is valid no more, or with
	// one whose instance has no SCIM.
	Authenticate Action = "authenticate"
)

// Actions returns all actions, in the order of what they are about.
func Actions() []Action {
	return []Action{
		InstanceCreate, UserCreate, UserUpdate, UserPickUp, UserSuspend, UserReactivate,
		UserDelete, UserManager, GroupCreate, GroupUpdate, GroupPickUp, GroupDelete, KeyCreate,
		KeyRotate, KeyRevoke, ClientCreate, ClientRevoke, TokenIssue, FieldCreate, HistoryPrune,
		HistoryVerify, MappingUpdate, RuleCreate, RuleDelete, TypeCreate, ObjectCreate,
		FeedCreate, FeedUpdate, FeedRewind, FeedDelete, RequestComplete, Authenticate,
	}
}

// Kind says what an actor is.
type Kind string

// The kinds of actors.
const (
	// KeyActor is an identity provider that holds an API key.
	KeyActor Kind = "key"
	// Administrator is a person at the command line.
	Administrator Kind = "administrator"
	// System is the server itself, in consequence of something else.
	System Kind = "system"
)

// Actor is who attempts a change, and from where.
type Actor struct {
	Kind Kind `json:"kind"`
	// Name is the integration user of the key, or the administrator's name.
	Name string `json:"name"`
	// KeyID is the public id of the API key; empty for other kinds.
	KeyID string `json:"keyId,omitempty"`
	// RequestID identifies the request, as in the server's log and in the
	// X-Request-Id of the answer.
	RequestID string `json:"requestId,omitempty"`
	// Client is the User-Agent.
	Client string `json:"client,omitempty"`
	// Address is the network address that the request came from.
	Address string `json:"address,omitempty"`
}

// Target is what a change is about.
type Target struct {
	// Type is "User", "Group", "Key", "Field", "Mapping" or "Instance".
	Type string `json:"type"`
	// ID is empty when a creation was refused.
	ID string `json:"id,omitempty"`
	// Name is the user name or display name at the time.
	Name string `json:"name,omitempty"`
}

// Change is one changed field.
type Change struct {
	// Field is the field of the application that the attribute is mapped to;
	// empty if there is none.
	Field string `json:"field,omitempty"`
	// Attribute is the path of the SCIM attribute.
	Attribute string `json:"attribute,omitempty"`
	// Old and New are empty where there was, or is, no value.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// AddChange adds a changed field unless it has not changed.
func (e *Entry) AddChange(field, before, after string) {
	if before != after {
		e.Changes = append(e.Changes, Change{Field: field, Old: before, New: after})
	}
}

// AddDetail adds a sentence to the detail.
func (e *Entry) AddDetail(text string) {
	if text == "" {
		return
	}
	if e.Detail != "" {
		e.Detail += "; "
	}
	e.Detail += text
}

// Label returns the name by which people know what changed.
func (c Change) Label() string {
	if c.Field != "" {
		return c.Field
	}
	return c.Attribute
}

// Entry is one row of the change history.
type Entry struct {
	// ID is a UUIDv7: entries sort by it as they were written.
	ID         string    `json:"id"`
	InstanceID string    `json:"-"`
	Time       time.Time `json:"time"`
	Actor      Actor     `json:"actor"`
	Action     Action    `json:"action"`
	Target     Target    `json:"target"`
	Outcome    Outcome   `json:"outcome"`
	// Status and ScimType are those of the SCIM error, 0 and empty if there
	// was none. Detail says what an administrator should know beyond the
	// changes; for an attempt that did not succeed it is the reason.
	Status   int      `json:"status,omitempty"`
	ScimType string   `json:"scimType,omitempty"`
	Detail   string   `json:"detail,omitempty"`
	Changes  []Change `json:"changes,omitempty"`
	// Event is what listeners are told of a change of a resource, beyond the rest of
	// the entry. It is nil for what is none, and in rows of older versions.
	Event *Event `json:"event,omitempty"`
}

// New returns an entry for a change that is done, with an id of its own.
func New(instanceID string, now time.Time, actor Actor, action Action, target Target) *Entry {
	return &Entry{
		ID:         uuid.Must(uuid.NewV7()).String(),
		InstanceID: instanceID,
		Time:       now.UTC().Truncate(time.Millisecond),
		Actor:      actor,
		Action:     action,
		Target:     target,
		Outcome:    Done,
	}
}

// Query chooses entries of one instance. Empty fields choose all.
type Query struct {
	InstanceID string
	// User matches the name or the id of a target of type User; Group
	// likewise.
	User, Group string
	// KeyID is the public id of the API key that was used.
	KeyID string
	// RequestID is that of the request which was answered.
	RequestID string
	Outcome   Outcome
	// Action is what was attempted. ID is that of one row, and TargetID that of what it
	// is about, whatever that is called.
	Action       Action
	ID, TargetID string
	// From and To are the time; From is in it, To is not.
	From, To time.Time
	// Text is part of the target's name, the detail, or the changes, in any
	// letter case.
	Text string
	// Since is the id of the first entry that is looked at; empty for the oldest.
	Since string
	// Limit is how many entries are returned at the most; 0 means all.
	Limit int
	// Before is the id of the entry before which the newest are returned: the
	// cursor of a page. Empty for the newest of all.
	Before string
}

// Matches reports whether an entry of the instance is chosen, but for Limit and
// Before.
func (q Query) Matches(e *Entry) bool {
	target := func(kind, name string) bool {
		return name == "" || e.Target.Type == kind && (e.Target.ID == name || e.Target.Name == name)
	}
	same := func(want, is string) bool { return want == "" || want == is }
	return target("User", q.User) && target("Group", q.Group) &&
		same(q.KeyID, e.Actor.KeyID) && same(q.RequestID, e.Actor.RequestID) &&
		same(string(q.Outcome), string(e.Outcome)) && same(string(q.Action), string(e.Action)) &&
		same(q.ID, e.ID) && same(q.TargetID, e.Target.ID) &&
		(q.From.IsZero() || !e.Time.Before(q.From)) && (q.To.IsZero() || e.Time.Before(q.To)) &&
		e.contains(q.Text)
}

// contains reports whether a text is in the name, the detail or the changes.
func (e *Entry) contains(text string) bool {
	parts := []string{e.Target.Name, e.Detail}
	for _, c := range e.Changes {
		parts = append(parts, c.Field, c.Attribute, c.Old, c.New)
	}
	return strings.Contains(strings.ToLower(strings.Join(parts, "\n")), strings.ToLower(text))
}

// Store keeps entries.
type Store interface {
	// AppendHistory writes an entry that stands alone: an attempt that was
	// refused. What was done writes its entry in its own transaction.
	AppendHistory(ctx context.Context, e *Entry) error
	// History calls yield with the entries that q chooses, the oldest first,
	// until there are no more or yield returns an error. With a limit, they
	// are the newest ones.
	History(ctx context.Context, q Query, yield func(*Entry) error) error
	// HistoryWindow returns the id of the first of the n newest entries of an instance
	// before one, or of all if before is empty; empty if there are fewer.
	HistoryWindow(ctx context.Context, instanceID, before string, n int) (string, error)
	// Chain returns the chain of an instance, and Sealed calls yield with its
	// rows: in the order of the chain, and then those not sealed yet.
	Chain(ctx context.Context, instanceID string) (Chain, error)
	Sealed(ctx context.Context, instanceID string, yield func(Sealed) error) error
	// HistoryAfter calls yield with the rows of the chain behind a place, in its
	// order: each once, and those of a change after its commit.
	HistoryAfter(
		ctx context.Context, instanceID string, after int64, yield func(Sealed) error,
	) error
	// Adopt links rows that servers of older versions left without a link, at
	// most limit of each instance, and returns how many by instance.
	Adopt(ctx context.Context, limit int) (map[string]int, error)
	// Prune deletes the sealed rows before a time, moves the anchor, and
	// returns how many rows are gone.
	Prune(ctx context.Context, instanceID string, before time.Time, e *Entry) (int, error)
}

// ParseOutcome returns the outcome that s names.
func ParseOutcome(s string) (Outcome, error) {
	switch o := Outcome(s); o {
	case Done, Refused, Failed, "":
		return o, nil
	}
	return "", fmt.Errorf("unknown outcome %q: use done, refused or failed", s)
}
