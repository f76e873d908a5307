package provisioning

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/invitation"
	"muster/server/mapping"
	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/patch"
	"muster/server/scim/schema"
)

// User returns a user as a provider sees it.
func (s *Service) User(ctx context.Context, sc Scope, id string) (*User, error) {
	return s.user(ctx, sc, id, false)
}

// PlainUser returns a user as a provider sees it, for what is rendered over
// SCIM: without the fields.
func (s *Service) PlainUser(ctx context.Context, sc Scope, id string) (*User, error) {
	return s.user(ctx, sc, id, true)
}

func (s *Service) user(ctx context.Context, sc Scope, id string, plain bool) (*User, error) {
	if !ValidID(id) {
		return nil, scim.NotFound("User", id)
	}
	u, err := s.store.User(ctx, sc.Instance.ID, id, plain)
	if errors.Is(err, ErrNotFound) || err == nil && u.Integration && sc.provider() {
		return nil, scim.NotFound("User", id)
	}
	return u, err
}

// UserByName returns a user by name, in any letter case. Integration users
// are found too: this is for administrators.
func (s *Service) UserByName(ctx context.Context, sc Scope, userName string) (*User, error) {
	u, err := s.store.UserByName(ctx, sc.Instance.ID, schema.UserNameKey(userName))
	if errors.Is(err, ErrNotFound) {
		return nil, instance.Missing("instance %s has no user %q; `muster-server user list "+
			"--instance %s` shows its users",
			sc.Instance.Slug, userName, sc.Instance.Slug)
	}
	return u, err
}

// Users returns a page of the instance's users.
func (s *Service) Users(ctx context.Context, sc Scope, q Query) ([]*User, Page, error) {
	q.InstanceID = sc.Instance.ID
	return s.store.Users(ctx, q)
}

// CreateUser creates the user that a provider sent. No invitation goes out:
// the guide's practice for provisioned users.
func (s *Service) CreateUser(ctx context.Context, sc Scope, r schema.Resource) (*User, error) {
	u := &User{Source: Provisioned, Role: instance.PlainUser}
	return s.create(ctx, sc, u, r)
}

// Account describes a user account that is made by hand.
type Account struct {
	Fields      mapping.Fields
	Integration bool
	Role        instance.Role
	// Uninvited keeps an invitation from being written.
	Uninvited bool
}

// AddUser makes a user account by hand, as an administrator does in the
// application. Over SCIM it appears by the inverse of the mapping, so that a
// provider can pick it up. An account with an e-mail address is invited.
func (s *Service) AddUser(ctx context.Context, sc Scope, a Account) (*User, error) {
	r, err := s.setups.of(sc.Instance).resource(sc.Instance, a.Fields)
	if err != nil {
		return nil, err
	}
	u := &User{Source: Manual, Role: a.Role, Integration: a.Integration}
	if to := a.Fields[mapping.Email]; to != "" && !a.Integration && !a.Uninvited {
		u.Invitation = invitation.New(sc.Instance.ID, sc.Instance.Name, a.Fields[mapping.UserName],
			to, s.clock())
	}
	return s.create(ctx, sc, u, r)
}

func (s *Service) create(ctx context.Context, sc Scope, u *User, r schema.Resource) (*User, error) {
	refused := checkPicks(sc.Instance, r)
	e := s.begin(sc, u, r)
	err := refused
	if err == nil {
		err = retry(ctx, func() error { return s.store.CreateUser(ctx, u, e) })
	}
	if err != nil {
		target := e.Target
		target.ID = ""
		return nil, s.Refuse(ctx, sc, history.UserCreate, target, s.nameTaken(err, u))
	}
	return u, nil
}

// begin makes a new user of u and r, and the entry of the creation.
func (s *Service) begin(sc Scope, u *User, r schema.Resource) *history.Entry {
	u.ID = uuid.Must(uuid.NewV7()).String()
	u.InstanceID = sc.Instance.ID
	u.Version, u.Created = 1, s.clock()
	u.Modified = u.Created
	s.users.SetDefaults(r)
	s.describe(sc.Instance, u, r)
	e := history.New(sc.Instance.ID, u.Created, sc.Actor, history.UserCreate, u.target())
	e.Changes = changes(s.UserType(sc.Instance), nil, r, s.setups.of(sc.Instance).label)
	e.Event = s.userEvent(sc, http.MethodPost, u, nil, r)
	u.tellFailures(e)
	sc.tell(e)
	if u.Integration {
		e.Detail = "integration user with the role " + string(u.Role)
	}
	return e
}

// describe sets all of u that follows from its resource.
func (s *Service) describe(i *instance.Instance, u *User, r schema.Resource) {
	s.reduceManager(r)
	set := s.setups.of(i)
	old := u.Fields
	u.Fields = set.fields(i, r)
	s.runRules(i, u, old, r)
	u.Active = r["active"] != false
	if ref := u.Fields[mapping.DirectManager]; ref != u.Manager.Ref {
		u.Manager = Manager{Ref: ref}
	}
	externalID, _ := r["externalId"].(string)
	u.Keys = Keys{
		UserName:   schema.UserNameKey(u.UserName()),
		ExternalID: externalID,
		Email:      schema.Fold(u.Fields[mapping.Email]),
		Search:     set.rt.AppendSearchable(nil, r),
	}
	u.Text = set.rt.Append(nil, r)
}

// reduceManager leaves of the manager in r the one thing that is stored: what
// the provider calls him or her. The rest is computed when it is read.
func (s *Service) reduceManager(r schema.Resource) {
	a := s.users.Attribute(scim.EnterpriseUserURN, "manager", "")
	m, _ := s.users.Get(r, a).(map[string]any)
	if m == nil {
		return
	}
	ref, _ := m["value"].(string)
	if uri, _ := m["$ref"].(string); ref == "" {
		ref = uri[strings.LastIndexByte(uri, '/')+1:]
	}
	if ref == "" {
		s.users.Set(r, a, nil)
		return
	}
	s.users.Set(r, a, map[string]any{"value": ref})
}

// nameTaken makes an error for the client of a name that is taken. It says
// whether this instance or another one holds the name, and not which other.
func (s *Service) nameTaken(err error, u *User) error {
	var taken *NameTakenError
	if !errors.As(err, &taken) {
		return err
	}
	if taken.InstanceID == u.InstanceID {
		return scim.Conflict("userName %q is taken: another user of this instance has it",
			u.UserName())
	}
	return scim.Conflict("userName %q is taken: a user of another instance has it, and a User "+
		"Name is unique across all instances; choose another, or have the other "+
		"instance give it up",
		u.UserName())
}

// ReplaceUser replaces a user by what a provider sent, Section 3.5.1 of RFC
// 7644. A user account without "active" keeps its state: a template that
// leaves it out must not bring a suspended person back. It reports whether
// anything changed.
func (s *Service) ReplaceUser(
	ctx context.Context, sc Scope, id string, r schema.Resource, c *Condition,
) (*User, bool, error) {
	f := func(_ *User, before schema.Resource) (schema.Resource, error) {
		after := r.Clone()
		if _, given := after["active"]; !given {
			after["active"] = before["active"]
		}
		// The application's own fields stay with a provider that does not
		// know of them: a workflow rule may have set them.
		if _, given := after[scim.ApplicationUserURN]; !given &&
			before[scim.ApplicationUserURN] != nil {
			after[scim.ApplicationUserURN] = before[scim.ApplicationUserURN]
		}
		return after, nil
	}
	return s.update(ctx, sc, http.MethodPut, id, c, f)
}

// PatchUser applies PATCH operations to a user, Section 3.5.2 of RFC 7644. It
// reports whether anything changed.
func (s *Service) PatchUser(
	ctx context.Context, sc Scope, id string, ops []patch.Operation, c *Condition,
) (*User, bool, error) {
	f := func(u *User, before schema.Resource) (schema.Resource, error) {
		return patch.Apply(s.UserType(sc.Instance), before, u.asSeen(ops), sc.Policy)
	}
	return s.update(ctx, sc, http.MethodPatch, id, c, f)
}

// asSeen returns the operations as they are about what is stored. A client that
// chooses the manager by brackets knows the id of the one who is linked; stored
// is what the provider called him or her.
func (u *User) asSeen(ops []patch.Operation) []patch.Operation {
	if u.Manager.ID == "" {
		return ops
	}
	ops = slices.Clone(ops)
	for i, o := range ops {
		linked := map[string]any{"value": u.Manager.ID}
		if o.Filter != nil && o.Attr.Name == "manager" && filter.MatchElement(o.Filter, linked) {
			ops[i].Filter, ops[i].Expr = nil, nil
		}
	}
	return ops
}

// SetActive suspends or reactivates a user by hand. It reports whether
// anything changed.
func (s *Service) SetActive(
	ctx context.Context, sc Scope, u *User, active bool,
) (*User, bool, error) {
	return s.update(ctx, sc, http.MethodPatch, u.ID, nil,
		func(_ *User, before schema.Resource) (schema.Resource, error) {
			after := before.Clone()
			after["active"] = active
			return after, nil
		})
}

// SetRole gives a user another role. It reports whether anything changed.
func (s *Service) SetRole(
	ctx context.Context, sc Scope, user *User, role instance.Role,
) (changed bool, err error) {
	err = retry(ctx, func() error {
		u, err := s.store.User(ctx, sc.Instance.ID, user.ID, false)
		if err != nil || u.Role == role {
			return err
		}
		r, err := s.UserType(sc.Instance).Decode(u.Text)
		if err != nil {
			return err
		}
		s.describe(sc.Instance, u, r)
		e := history.New(sc.Instance.ID, s.clock(), sc.Actor, history.UserUpdate, u.target())
		e.Changes = []history.Change{{Field: "Role", Old: string(u.Role), New: string(role)}}
		e.Event = &history.Event{Concealed: true}
		version := u.Version
		u.Role, u.Version, u.Modified = role, version+1, e.Time
		if err := s.store.UpdateUser(ctx,
			UserUpdate{User: u, Version: version, Entry: e}); err != nil {
			return err
		}
		*user, changed = *u, true
		return nil
	})
	return changed, err
}

func (u *User) target() history.Target {
	return history.Target{Type: "User", ID: u.ID, Name: u.UserName()}
}

// update reads a user, lets change decide what becomes of it, and writes
// that. What changes nothing writes nothing. method is that of the request.
func (s *Service) update(ctx context.Context, sc Scope, method, id string, c *Condition,
	change func(u *User, before schema.Resource) (schema.Resource, error),
) (u *User, changed bool, err error) {
	target := history.Target{Type: "User", ID: id}
	err = retry(ctx, func() error {
		if u, err = s.User(ctx, sc, id); err != nil {
			return err
		}
		target = u.target()
		if err = c.check(u.Version); err != nil {
			return err
		}
		changed, err = s.updateOnce(ctx, sc, method, u, change)
		return err
	})
	if err != nil {
		return nil, false, s.Refuse(ctx, sc, history.UserUpdate, target, err)
	}
	return u, changed, nil
}

func (s *Service) updateOnce(ctx context.Context, sc Scope, method string, u *User,
	change func(*User, schema.Resource) (schema.Resource, error),
) (bool, error) {
	rt := s.UserType(sc.Instance)
	before, err := rt.Decode(u.Text)
	if err != nil {
		return false, err
	}
	after, err := change(u, before)
	if err == nil {
		err = checkPicks(sc.Instance, after)
	}
	if err != nil {
		return false, err
	}
	was := *u
	s.describe(sc.Instance, u, after)
	pickup := u.Source == Manual && sc.provider()
	if bytes.Equal(u.Text, was.Text) && !pickup {
		return false, nil
	}
	action := history.UserUpdate
	switch {
	case pickup:
		u.Source, action = Provisioned, history.UserPickUp
	case was.Active && !u.Active:
		action = history.UserSuspend
	case !was.Active && u.Active:
		action = history.UserReactivate
	}
	u.Version, u.Modified = was.Version+1, s.clock()
	e := history.New(sc.Instance.ID, u.Modified, sc.Actor, action, was.target())
	e.Changes = changes(rt, before, after, s.setups.of(sc.Instance).label)
	e.Event = s.userEvent(sc, method, u, before, after)
	u.tellFailures(e)
	sc.tell(e)
	if err := s.store.UpdateUser(ctx, u.since(&was, e)); err != nil {
		return false, s.nameTaken(err, u)
	}
	return true, nil
}

// since returns the change of a user who was as was.
func (u *User) since(was *User, e *history.Entry) UserUpdate {
	renamed := u.Keys.UserName != was.Keys.UserName || u.Keys.ExternalID != was.Keys.ExternalID
	return UserUpdate{User: u, Version: was.Version, Renamed: renamed, Entry: e}
}

// tellFailures adds to an entry what workflow rules could not do.
func (u *User) tellFailures(e *history.Entry) {
	for _, f := range u.Failures {
		e.AddDetail(f)
	}
}

// DeleteUser deletes a user: "when a synced user is deleted from OneLogin,
// delete the user". The name is free again.
func (s *Service) DeleteUser(ctx context.Context, sc Scope, id string, c *Condition) error {
	target := history.Target{Type: "User", ID: id}
	err := retry(ctx, func() error {
		u, err := s.User(ctx, sc, id)
		if err != nil {
			return err
		}
		target = u.target()
		if err := c.check(u.Version); err != nil {
			return err
		}
		before, err := s.UserType(sc.Instance).Decode(u.Text)
		if err != nil {
			return err
		}
		e := history.New(sc.Instance.ID, s.clock(), sc.Actor, history.UserDelete, target)
		e.Changes = changes(s.UserType(sc.Instance), before, nil, s.setups.of(sc.Instance).label)
		e.Event = s.userEvent(sc, http.MethodDelete, u, before, nil)
		return s.store.DeleteUser(ctx, u, u.Version, e)
	})
	return s.Refuse(ctx, sc, history.UserDelete, target, err)
}
