// Package provisioning is the one way by which users and groups change: its
// methods are the use cases of the application's side, for the SCIM server
// and for the commands alike. Each reads, decides, and writes everything
// that follows from the decision in one transaction, the history with it.
package provisioning

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
	"muster/server/workflow"
)

// Errors that a [Store] returns.
var (
	// ErrNotFound: the instance has no such user or group.
	ErrNotFound = errors.New("not found")
	// ErrChanged: another writer was faster; read again.
	ErrChanged = errors.New("changed meanwhile")
	// ErrDisplayNameTaken: the instance has a group of that name.
	ErrDisplayNameTaken = errors.New("display name taken")
	// ErrNoMember: a member to be added is not in the instance.
	ErrNoMember = errors.New("no such member")
	// ErrCycle: a group would contain itself.
	ErrCycle = errors.New("group contains itself")
)

// NameTakenError is returned by a [Store] for a user name that is taken.
type NameTakenError struct {
	// InstanceID is the instance that holds the name.
	InstanceID string
}

func (e *NameTakenError) Error() string { return "user name taken" }

// Store keeps users and groups. Each write is one transaction: it happens
// with its history entry, or not at all.
type Store interface {
	// User returns a user of the instance, or ErrNotFound. plain leaves out
	// what is not rendered over SCIM: the fields.
	User(ctx context.Context, instanceID, id string, plain bool) (*User, error)
	// UserByName returns the user of the instance whose name has that key.
	UserByName(ctx context.Context, instanceID, key string) (*User, error)
	// NameHolder returns who has the user name of that key, in whatever
	// instance, or ErrNotFound.
	NameHolder(ctx context.Context, key string) (instanceID, userID string, err error)
	// Users returns a page of users.
	Users(ctx context.Context, q Query) ([]*User, Page, error)

	// CreateUser writes a new user. It links the manager if he or she is
	// there, sets u.Manager, and links the users who wait for this one; also
	// those who are written at the same moment.
	CreateUser(ctx context.Context, u *User, e *history.Entry) error
	// UpdateUser writes a user whose stored version is still the one before;
	// else it returns ErrChanged. Managers are linked as by CreateUser.
	UpdateUser(ctx context.Context, c UserUpdate) error
	// DeleteUser deletes a user at the given version, with memberships and
	// links.
	DeleteUser(ctx context.Context, u *User, version int64, e *history.Entry) error
	// ImportUsers writes new users, with their entries, in one transaction,
	// and links each with the manager who is there. A user whose name is taken
	// is left out: the answer has the instance that holds the name, by the
	// user's id.
	ImportUsers(
		ctx context.Context, instanceID string, users []*User, entries []*history.Entry,
	) (taken map[string]string, err error)
	// ImportSize is how many users should be imported at once: many, but not so
	// many that other writers wait for long.
	ImportSize() int
	// Analyze has the database learn what an import has changed.
	Analyze(ctx context.Context) error
	// LinkPending links users who wait for a manager who is there, at most
	// limit, and returns how many.
	LinkPending(
		ctx context.Context, instanceID, requestID string, now time.Time, limit int,
	) (int, error)

	// SaveMapping replaces the rows of an instance's mapping, and SaveWorkflow its
	// rules and object types. Both return instance.ErrStale if they are no longer
	// as the instance has them: somebody else has changed them.
	SaveMapping(
		ctx context.Context, was *instance.Instance, rows []mapping.Row, e *history.Entry,
	) error
	SaveWorkflow(
		ctx context.Context, was *instance.Instance, w workflow.Setup, e *history.Entry,
	) error
	// AddObject returns instance.ErrExists if there is one of that name.
	AddObject(ctx context.Context, o *Object, e *history.Entry) error
	Objects(ctx context.Context, instanceID string) ([]Object, error)
	// Links returns the names of the objects that users are linked to, by
	// user and type.
	Links(ctx context.Context, userIDs []string) (map[string]map[string]string, error)
	// Group returns a group of the instance, or ErrNotFound.
	Group(ctx context.Context, instanceID, id string) (*Group, error)
	// Groups returns a page of groups.
	Groups(ctx context.Context, q Query) ([]*Group, Page, error)
	// Members calls yield with each member of each of the groups, group by
	// group in the order that is given.
	Members(
		ctx context.Context, groupIDs []string, yield func(groupID string, m Member) error,
	) error

	CreateGroup(ctx context.Context, g *Group, c MemberChange, e EntryFunc) error
	// UpdateGroup writes a group and changes its members. If g is nil only
	// the members change, at whatever version the group is. It reports
	// whether anything changed, and returns the group's version after it.
	UpdateGroup(ctx context.Context, u GroupUpdate) (changed bool, err error)
	DeleteGroup(ctx context.Context, g *Group, version int64, e *history.Entry) error

	history.Store
}

// UserUpdate is a change of a user.
type UserUpdate struct {
	// User is the user as he or she will be.
	User *User
	// Version is the one before the change.
	Version int64
	// Renamed says that others may wait for the user as their manager: the
	// user goes by another name than before.
	Renamed bool
	Entry   *history.Entry
}

// EntryFunc returns the history entry of a change of members, given the
// members who were not there before and those who were.
type EntryFunc func(added, removed []Member) *history.Entry

// MemberChange is a change of a group's members. Clear removes all but those
// in Add.
type MemberChange struct {
	Clear       bool
	Add, Remove []string // ids
}

func (c MemberChange) empty() bool { return !c.Clear && len(c.Add) == 0 && len(c.Remove) == 0 }

// GroupUpdate is a change of a group.
type GroupUpdate struct {
	// Group is the group as it will be, with its present version.
	Group *Group
	// Rewrite says that the group's own attributes change; if not, only its
	// members do, and its version matters only if Exact is set.
	Rewrite bool
	Exact   bool
	Members MemberChange
	Entry   EntryFunc
}

// Choice chooses users and groups as people look for them. The zero Choice is all.
type Choice struct {
	// Search is a part of a name, or of users the beginning of an e-mail address, in
	// any letter case.
	Search string
	// State is "active" or "suspended", and Source one of the sources; empty for all.
	// Pending chooses those whose manager is not there. They are of users.
	State   string
	Source  Source
	Pending bool
	// Integration chooses integration users alone.
	Integration bool
	// Window is among how many users at the most a Search looks for a page, so that none
	// takes long, however many there are; 0 is no limit. A page may then be empty and
	// still have a next one.
	Window int
}

// Query chooses a page of users or groups of an instance.
type Query struct {
	InstanceID string
	Filter     filter.Node // nil for all
	// Choice is what a filter of SCIM cannot ask for.
	Choice Choice
	// SortBy is nil for the order of creation.
	SortBy     *schema.Attribute
	Descending bool
	// Offset is how many are passed over, Limit how many are returned at the
	// most.
	Offset, Limit int
	// Keyset asks for the position of the next page, for cursors; After is
	// the position that this page begins behind, nil for the first page.
	// Writes between two pages move nobody from one to the other.
	Keyset bool
	After  *Position
	// Integration includes integration users, who are not for SCIM.
	Integration bool
	// Groups asks for the groups of users.
	Groups bool
	// Plain leaves out what is not rendered over SCIM: the fields of users.
	Plain bool
}

// Position is a place in the results of a query: behind a resource, whether
// it is still there or not.
type Position struct {
	// Value is the value that is sorted by, as the store writes it; nil if
	// the resource has none, or if nothing is sorted by.
	Value *string
	ID    string
}

// Page tells of the page that a query returned.
type Page struct {
	// Total is how many there are on all pages; -1 with Keyset, where it
	// would be counted for each page.
	Total int
	// Next is where the next page begins, with Keyset; nil if this page is
	// the last one.
	Next *Position
}

// Scope is on whose behalf a use case runs, and where.
type Scope struct {
	Instance *instance.Instance
	Actor    history.Actor
	// Policy decides on deviations from the standard, and has kept what the
	// history is to tell of them. Nil is strict.
	Policy *tolerance.Policy
	// Exact has a change of the setup made on the setup as Instance has it, or not at
	// all: an administrator has looked at that one.
	Exact bool
	// Txn is the transaction of RFC 9967 that a request was promised; empty if it was
	// promised none.
	Txn string
}

// tell adds to an entry what was dropped of the request.
func (s Scope) tell(e *history.Entry) {
	for _, note := range s.Policy.Notes() {
		e.AddDetail(note)
	}
}

// provider reports whether an identity provider acts, and not a person.
func (s Scope) provider() bool { return s.Actor.Kind == history.KeyActor }

// Service runs the use cases.
type Service struct {
	store  Store
	log    *slog.Logger
	now    func() time.Time
	users  *schema.ResourceType
	groups *schema.ResourceType
	setups setups
}

// NewService returns a service on a store. now is the clock, time.Now if nil.
func NewService(store Store, log *slog.Logger, now func() time.Time) (*Service, error) {
	if now == nil {
		now = time.Now
	}
	s := &Service{store: store, log: log, now: now, groups: schema.Group()}
	plain, err := newSetup(&instance.Instance{}, s.groups)
	if err != nil {
		return nil, err
	}
	s.users = plain.rt
	s.setups = setups{groups: s.groups, plain: plain, byID: make(map[string]*setup)}
	return s, nil
}

// UserType returns the resource type of the users of an instance, with its
// custom fields.
func (s *Service) UserType(i *instance.Instance) *schema.ResourceType { return s.setups.of(i).rt }

// GroupType returns the resource type of groups.
func (s *Service) GroupType() *schema.ResourceType { return s.groups }

// clock returns the present time at the precision that is stored.
func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

// ValidID reports whether id can be that of a resource: a UUID as this server
// writes it. Ids are caseExact.
func ValidID(id string) bool {
	u, err := uuid.Parse(id)
	return err == nil && u.String() == id
}

// Condition is the precondition of an If-Match header: the change is made
// only if the resource is at one of the versions. The nil Condition always
// holds.
type Condition struct{ Versions []int64 }

func (c *Condition) check(version int64) error {
	if c == nil || slices.Contains(c.Versions, version) {
		return nil
	}
	return scim.PreconditionFailed(scim.ETag(version))
}

// attempts is how often a change is tried again when another writer was
// faster.
const attempts = 50

// retry runs f until it does not return ErrChanged.
func retry(ctx context.Context, f func() error) error {
	var err error
	for range attempts {
		if err = f(); !errors.Is(err, ErrChanged) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return fmt.Errorf("after %d attempts: %w", attempts, err)
}

// Refuse writes an attempt that did not succeed to the history, and returns
// err as a client should see it. An err that is not a SCIM error is the
// server's own fault.
func (s *Service) Refuse(
	ctx context.Context, sc Scope, action history.Action, target history.Target, err error,
) error {
	if err == nil || errors.Is(err, instance.ErrStale) {
		return err // it is tried again
	}
	e := history.New(sc.Instance.ID, s.now(), sc.Actor, action, target)
	e.Outcome, e.Status, e.Detail = history.Failed, 500, "internal error; the server's log has "+
		"the request id "+sc.Actor.RequestID
	if known := scim.AsError(err); known != nil {
		e.Outcome, e.Status, e.ScimType, e.Detail = history.Refused, known.Status, string(
			known.Type), known.Detail
	}
	if sc.Txn != "" {
		e.Event = &history.Event{Txn: sc.Txn, Concealed: true}
	}
	// The client may have gone; the row is written all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	switch err := s.store.AppendHistory(ctx, e); {
	case errors.Is(err, instance.ErrStale):
		return err
	case err != nil:
		s.log.ErrorContext(ctx, "history row of a refusal not written",
			"requestId", sc.Actor.RequestID, "error", err)
	}
	return err
}

// History calls yield with the entries of the history that q chooses.
func (s *Service) History(
	ctx context.Context, q history.Query, yield func(*history.Entry) error,
) error {
	return s.store.History(ctx, q, yield)
}
