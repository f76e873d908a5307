// Package administration is what an administrator does with an instance, in
// the forms in which commands and the admin API take and show it: both are
// thin faces of it.
package administration

import (
	"context"
	"strings"
	"time"

	"muster/server/events"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/invitation"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim/filter"
	"muster/server/scim/tolerance"
)

// Outbox reads the invitations of an instance.
type Outbox interface {
	Outbox(ctx context.Context, instanceID string) ([]invitation.Message, error)
}

// Service is the use cases of administrators. A scope is an instance with
// the administrator as the actor; see [Service.Scope].
type Service struct {
	Instances *instance.Service
	Users     *provisioning.Service
	Outbox    Outbox
	Feeds     events.Store
}

// perPage is how many rows are read at once.
const perPage = 1000

// Scope returns the instance of that name with an actor.
func (s *Service) Scope(
	ctx context.Context, slug string, actor history.Actor,
) (provisioning.Scope, error) {
	i, err := s.Instances.BySlug(ctx, slug)
	return provisioning.Scope{Instance: i, Actor: actor}, err
}

// Instance is an instance as administrators see it.
type Instance struct {
	ID          string    `json:"id"`
	Instance    string    `json:"instance"`
	Title       string    `json:"title"`
	Edition     string    `json:"edition"`
	Environment string    `json:"environment"`
	SCIM        bool      `json:"scim"`
	Created     time.Time `json:"created"`
	// Users, Groups and Keys count; nil in lists.
	Users  *int `json:"users,omitempty"`
	Groups *int `json:"groups,omitempty"`
	Keys   *int `json:"validKeys,omitempty"`
}

func describeInstance(i *instance.Instance) Instance {
	return Instance{
		ID: i.ID, Instance: i.Slug, Title: i.Name, Edition: string(i.Edition),
		Environment: string(i.Environment),
		SCIM:        i.Edition.SCIM(), Created: i.Created,
	}
}

// CreateInstance creates an instance; see [instance.Service.Create].
func (s *Service) CreateInstance(
	ctx context.Context, i instance.Instance, actor history.Actor,
) (Instance, error) {
	made, err := s.Instances.Create(ctx, i, actor)
	if err != nil {
		return Instance{}, err
	}
	return describeInstance(made), nil
}

// ListInstances returns all instances.
func (s *Service) ListInstances(ctx context.Context) ([]Instance, error) {
	list, err := s.Instances.List(ctx)
	described := make([]Instance, len(list))
	for i, x := range list {
		described[i] = describeInstance(x)
	}
	return described, err
}

// ShowInstance returns an instance with its counts.
func (s *Service) ShowInstance(ctx context.Context, sc provisioning.Scope) (Instance, error) {
	d := describeInstance(sc.Instance)
	_, users, err := s.Users.Users(ctx, sc, provisioning.Query{})
	if err != nil {
		return d, err
	}
	_, groups, err := s.Users.Groups(ctx, sc, provisioning.Query{})
	if err != nil {
		return d, err
	}
	keys, err := s.ListKeys(ctx, sc)
	if err != nil {
		return d, err
	}
	valid := 0
	for _, k := range keys {
		if k.State == "valid" {
			valid++
		}
	}
	d.Users, d.Groups, d.Keys = &users.Total, &groups.Total, &valid
	return d, nil
}

// Key is an API key as administrators see it: without its secret.
type Key struct {
	ID      string    `json:"id"`
	User    string    `json:"user"`
	State   string    `json:"state"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	// LastUsed is when the key was accepted last, to the minute.
	LastUsed    *time.Time `json:"lastUsed,omitempty"`
	LastAddress string     `json:"lastAddress,omitempty"`
	Access      string     `json:"access"`
	Networks    []string   `json:"networks"`
}

// ListKeys returns the API keys of an instance, the oldest first.
func (s *Service) ListKeys(ctx context.Context, sc provisioning.Scope) ([]Key, error) {
	keys, err := s.Instances.Keys(ctx, sc.Instance)
	described := make([]Key, len(keys))
	for i, k := range keys {
		described[i] = Key{
			ID: k.ID, User: k.UserName, State: k.State(time.Now()), Created: k.Created,
			Expires:     k.Expires,
			LastAddress: k.LastAddress, Access: string(k.Access), Networks: k.Texts(),
		}
		if !k.LastUsed.IsZero() {
			described[i].LastUsed = &k.LastUsed
		}
	}
	return described, err
}

// NewKey is a key, or a token of the admin API, as it is shown once.
type NewKey struct {
	Key     string    `json:"key"`
	ID      string    `json:"id"`
	Expires time.Time `json:"expires"`
}

// Permit is how far a key, or a client, can be used: see [instance.NewPermit].
type Permit struct {
	Access   string   `json:"access"`
	Networks []string `json:"networks"`
}

// CreateKey makes a key that is valid for a number of days.
func (s *Service) CreateKey(
	ctx context.Context, sc provisioning.Scope, userName string, days int, p Permit,
) (NewKey, error) {
	life, err := life(days)
	if err != nil {
		return NewKey{}, err
	}
	permit, err := instance.NewPermit(p.Access, p.Networks)
	if err != nil {
		return NewKey{}, err
	}
	k, text, err := s.Instances.CreateKey(ctx, sc.Instance,
		instance.KeyRequest{UserName: userName, Life: life, Permit: permit}, sc.Actor)
	if err != nil {
		return NewKey{}, err
	}
	return NewKey{text, k.ID, k.Expires}, nil
}

// CreateAdminToken makes a token of the admin API that is valid for a number
// of days.
func (s *Service) CreateAdminToken(
	ctx context.Context, token instance.AdminToken, days int,
) (NewKey, error) {
	life, err := life(days)
	if err != nil {
		return NewKey{}, err
	}
	t, text, err := s.Instances.CreateAdminToken(ctx, token, life)
	if err != nil {
		return NewKey{}, err
	}
	return NewKey{text, t.ID, t.Expires}, nil
}

// RotateKey makes a key that takes the place of another, which stays valid
// for the overlap.
func (s *Service) RotateKey(
	ctx context.Context, sc provisioning.Scope, keyID string, overlap time.Duration, days int,
) (NewKey, error) {
	life, err := life(days)
	if err != nil {
		return NewKey{}, err
	}
	k, text, err := s.Instances.RotateKey(ctx, sc.Instance, keyID, overlap, life, sc.Actor)
	if err != nil {
		return NewKey{}, err
	}
	return NewKey{text, k.ID, k.Expires}, nil
}

// longestLife keeps a number of days from overflowing a duration.
const longestLife = 36500

func life(days int) (time.Duration, error) {
	if days < 1 || days > longestLife {
		return 0, instance.Refuse(
			"%d days: a key is valid for at least one day, and %d at the most", days, longestLife)
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

// Field returns the field that a person names: by its name or its title, in
// any letter case. One that is not there is refused when it is used.
func Field(sc provisioning.Scope, name string) mapping.Field {
	for _, t := range mapping.Standard() {
		if strings.EqualFold(string(t.Field), name) || strings.EqualFold(t.Label, name) {
			return t.Field
		}
	}
	for _, f := range sc.Instance.Fields {
		if strings.EqualFold(f.Name, name) || strings.EqualFold(f.Title, name) {
			return mapping.Field(f.Name)
		}
	}
	return mapping.Field(name)
}

// Title returns the name of a field as people see it.
func Title(sc provisioning.Scope, f mapping.Field) string {
	for _, custom := range sc.Instance.Fields {
		if custom.Name == string(f) {
			return custom.Title
		}
	}
	return f.Label()
}

// filter reads a SCIM filter on users; nil for an empty text.
func (s *Service) filter(sc provisioning.Scope, text string) (filter.Node, error) {
	if text == "" {
		return nil, nil
	}
	policy := tolerance.New(false)
	e, err := filter.Parse(text, policy)
	if err != nil {
		return nil, err
	}
	return filter.Bind(s.Users.UserType(sc.Instance), e, policy)
}
