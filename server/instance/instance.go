// Package instance holds what a customer of the application is to this
// server: an instance with its edition, the integration users who may hold
// API keys, and the keys.
package instance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"muster/server/history"
	"muster/server/mapping"
	"muster/server/workflow"
)

// Edition is what a customer has bought.
type Edition string

// The editions.
const (
	Professional Edition = "professional"
	Enterprise   Edition = "enterprise"
	Unlimited    Edition = "unlimited"
)

// SCIM reports whether the edition has SCIM-based user provisioning, which
// "is available to all Enterprise and Unlimited Edition" customers.
func (e Edition) SCIM() bool { return e == Enterprise || e == Unlimited }

// Environment is what an instance is used for.
type Environment string

// The environments.
const (
	Production Environment = "production"
	Sandbox    Environment = "sandbox"
)

// Role is what a user may do in the application.
type Role string

// The roles, from the least to the most.
const (
	PlainUser Role = "user"
	LiteAdmin Role = "lite-admin"
	Admin     Role = "admin"
)

// HoldsKeys reports whether an integration user with the role may hold API
// keys: it "requires at minimum Lite Admin privileges".
func (r Role) HoldsKeys() bool { return r == LiteAdmin || r == Admin }

// ParseRole returns the role that s names.
func ParseRole(s string) (Role, error) {
	switch r := Role(strings.ToLower(s)); r {
	case PlainUser, LiteAdmin, Admin:
		return r, nil
	}
	return "", Refuse("unknown role %q: use user, lite-admin or admin", s)
}

// Instance is one customer's copy of the application.
type Instance struct {
	ID string
	// Slug names the instance in commands and keys: "acme".
	Slug        string
	Name        string
	Edition     Edition
	Environment Environment
	// Fields are the custom fields of the User entity, in the order in which
	// they were added.
	Fields []Field
	// Mapping holds the rows of the attribute mapping; empty for the default.
	Mapping []mapping.Row
	// Workflow holds the rules and object types.
	Workflow workflow.Setup
	// Publishing is what the feeds of events need of each change.
	Publishing Publishing
	Created    time.Time
	// Revision counts the changes of all this, of the keys, and of the users
	// who hold them.
	Revision int64
}

// Publishing is what is kept with each change of an instance for its feeds of
// events.
type Publishing struct {
	// Full is set if a feed wants the values of what changed.
	Full bool `json:"full,omitempty"`
	// Filters are those of feeds, by the ids of these.
	Filters map[string]string `json:"filters,omitempty"`
}

// ErrNotFound is returned for what does not exist.
var ErrNotFound = errors.New("not found")

// ErrExists is returned for what exists already.
var ErrExists = errors.New("exists already")

// Store keeps instances and keys. Each write is one transaction with its
// history entry.
type Store interface {
	// CreateInstance returns ErrExists if the slug is taken.
	CreateInstance(ctx context.Context, i *Instance, e *history.Entry) error
	Instances(ctx context.Context) ([]*Instance, error)
	// Instance returns ErrNotFound if there is none with the id.
	Instance(ctx context.Context, id string) (*Instance, error)
	// InstanceBySlug returns ErrNotFound if there is none.
	InstanceBySlug(ctx context.Context, slug string) (*Instance, error)
	// AddField returns ErrExists if the instance has a field of that name, and, if
	// it is to be exact, ErrStale if the fields are no longer as the instance has
	// them.
	AddField(ctx context.Context, was *Instance, exact bool, f Field, e *history.Entry) error
	CreateKey(ctx context.Context, k *Key, e *history.Entry) error
	// Keys returns the keys of an instance, the oldest first.
	Keys(ctx context.Context, instanceID string) ([]*Key, error)
	// RevokeKey returns ErrNotFound if the instance has no such key. A key
	// that is revoked already stays as it is, and changed is false.
	RevokeKey(
		ctx context.Context, instanceID, keyID string, at time.Time, e *history.Entry,
	) (changed bool, err error)
	// RotateKey writes a new key, and lets the old one expire at the given time.
	RotateKey(ctx context.Context, k *Key, oldID string, end time.Time, e *history.Entry) error
	// UseKey keeps when and from where a key was used.
	UseKey(ctx context.Context, keyID string, at time.Time, address string) error
	CreateClient(ctx context.Context, c *Client, e *history.Entry) error
	// Client returns ErrNotFound if there is none with the id.
	Client(ctx context.Context, id string) (*Client, error)
	// Clients returns the clients of an instance, the oldest first.
	Clients(ctx context.Context, instanceID string) ([]*Client, error)
	// RevokeClient returns ErrNotFound if the instance has no such client.
	// The client's tokens end with it.
	RevokeClient(
		ctx context.Context, instanceID, id string, at time.Time, e *history.Entry,
	) (changed bool, err error)
	// IssueToken writes a key that is the access token of a client. It returns
	// [ErrReplayed] if the assertion was used before, and ErrNotFound if the
	// client was revoked.
	IssueToken(ctx context.Context, k *Key, g Grant, e *history.Entry) error
	CreateAdminToken(ctx context.Context, t *AdminToken) error
	// AdminToken returns ErrNotFound if there is none with the id.
	AdminToken(ctx context.Context, id string) (*AdminToken, error)
	// UseAdminToken keeps when and from where a token was used.
	UseAdminToken(ctx context.Context, id string, at time.Time, address string) error
	// AdminTokens returns all, the oldest first.
	AdminTokens(ctx context.Context) ([]*AdminToken, error)
	// RevokeAdminToken returns ErrNotFound if no valid token has the id.
	RevokeAdminToken(ctx context.Context, id string, at time.Time) error
	SignInStore
	// Current returns [ErrStale] if the instance is not at the revision that
	// the context is for.
	Current(ctx context.Context) error
	// Credential returns a key with its holder and its instance, or
	// ErrNotFound.
	Credential(ctx context.Context, keyID string) (*Credential, error)
	// Holder returns the integration user of that name, or ErrNotFound.
	Holder(ctx context.Context, instanceID, userName string) (*Holder, error)
}

// Service creates instances and keys, and tells whose a key is.
type Service struct {
	store   Store
	history history.Store
	now     func() time.Time
	memory  credentialCache
}

// NewService returns a service on a store. now is the clock, time.Now if nil.
func NewService(store Store, log history.Store, now func() time.Time) *Service {
	if now == nil {
		now = time.Now
	}
	return &Service{store: store, history: log, now: now}
}

// slugs are short enough for a host name and have no underscore, which
// separates the parts of a key.
var slugs = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)

// Create creates an instance. Empty fields get defaults: the name is the
// slug, the edition enterprise, the environment production.
func (s *Service) Create(ctx context.Context, i Instance, actor history.Actor) (*Instance, error) {
	if !slugs.MatchString(i.Slug) {
		return nil, Refuse("the instance name %q is not valid: use up to 40 lower-case letters, "+
			"digits and hyphens, and begin with a letter", i.Slug)
	}
	if i.Name == "" {
		i.Name = i.Slug
	}
	if i.Edition == "" {
		i.Edition = Enterprise
	}
	if i.Environment == "" {
		i.Environment = Production
	}
	switch i.Edition {
	case Professional, Enterprise, Unlimited:
	default:
		return nil, Refuse("unknown edition %q: use professional, enterprise or unlimited",
			i.Edition)
	}
	if i.Environment != Production && i.Environment != Sandbox {
		return nil, Refuse("unknown environment %q: use production or sandbox", i.Environment)
	}
	i.ID = uuid.Must(uuid.NewV7()).String()
	i.Created = s.now().UTC().Truncate(time.Millisecond)
	e := history.New(i.ID, i.Created, actor, history.InstanceCreate,
		history.Target{Type: "Instance", ID: i.ID, Name: i.Slug})
	err := s.store.CreateInstance(ctx, &i, e)
	if errors.Is(err, ErrExists) {
		return nil, Existing("instance %q exists already; `muster-server instance show %s` "+
			"tells of it", i.Slug, i.Slug)
	}
	if err != nil {
		return nil, fmt.Errorf("create instance %q: %w", i.Slug, err)
	}
	return &i, nil
}

// List returns all instances in the order of their slugs.
func (s *Service) List(ctx context.Context) ([]*Instance, error) {
	return s.store.Instances(ctx)
}

// BySlug returns the instance of that name.
func (s *Service) BySlug(ctx context.Context, slug string) (*Instance, error) {
	i, err := s.store.InstanceBySlug(ctx, slug)
	if errors.Is(err, ErrNotFound) {
		return nil, Missing("there is no instance %q; `muster-server instance list` shows all",
			slug)
	}
	return i, err
}
