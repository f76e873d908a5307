package provisioning

import (
	"context"
	"errors"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/scim"
	"muster/server/scim/schema"
)

// Newcomer is a user who is to be created together with others.
type Newcomer struct {
	// Resource is the user as a provider would send him or her.
	Resource schema.Resource

	user  *User
	entry *history.Entry
	// Err says why the user was not created: [ErrExists] if the instance had
	// one of that name before. Nil if the user was created.
	Err error
}

// ErrExists says that the instance has a user of that name.
var ErrExists = errors.New("the instance has a user of that name")

// Name returns the user name.
func (n *Newcomer) Name() string {
	name, _ := n.Resource["userName"].(string)
	return name
}

// FieldsResource returns the SCIM form of fields that were entered by hand.
func (s *Service) FieldsResource(i *instance.Instance, f mapping.Fields) (schema.Resource, error) {
	return s.setups.of(i).resource(i, f)
}

// Describe does the part of an import that needs no database, so that it can
// be done while others are written. One whose Err is set is passed over.
func (s *Service) Describe(sc Scope, source Source, newcomers []*Newcomer) {
	for _, n := range newcomers {
		if n.Err == nil {
			n.Err = s.UserType(sc.Instance).CheckRequired(n.Resource)
		}
		if n.Err == nil {
			n.Err = checkPicks(sc.Instance, n.Resource)
		}
		if n.Err == nil {
			n.user = &User{Source: source, Role: instance.PlainUser}
			n.entry = s.begin(sc, n.user, n.Resource)
			n.entry.AddDetail("imported")
		}
	}
}

// ImportSize is how many users should be imported at once.
func (s *Service) ImportSize() int { return s.store.ImportSize() }

// Import creates the users who were described, all in one transaction, each
// with a row in the history. Who is there already, or cannot be created, is
// told by Err, and keeps nobody else out. An error means that nobody was
// created. No invitations go out.
func (s *Service) Import(ctx context.Context, sc Scope, newcomers []*Newcomer) error {
	var users []*User
	var entries []*history.Entry
	for _, n := range newcomers {
		if n.Err == nil {
			users, entries = append(users, n.user), append(entries, n.entry)
		}
	}
	if len(users) == 0 {
		return nil
	}
	history.Together(entries)
	taken, err := s.store.ImportUsers(ctx, sc.Instance.ID, users, entries)
	if err != nil {
		return err
	}
	for _, n := range newcomers {
		if n.Err != nil {
			continue
		}
		switch holder, is := taken[n.user.ID]; {
		case is && holder == sc.Instance.ID:
			n.Err = ErrExists
		case is:
			n.Err = s.nameTaken(&NameTakenError{InstanceID: holder}, n.user)
		}
	}
	return nil
}

// linkBatch is how many users are linked with their managers at once.
const linkBatch = 1000

// LinkPending links the users of an instance who wait for a manager who is
// there: those who were imported before their managers were.
func (s *Service) LinkPending(ctx context.Context, sc Scope) (linked int, err error) {
	for {
		n, err := s.store.LinkPending(ctx, sc.Instance.ID, sc.Actor.RequestID, s.clock(), linkBatch)
		if linked += n; err != nil || n < linkBatch {
			return linked, err
		}
	}
}

// Analyze ends an import: the database learns what has changed.
func (s *Service) Analyze(ctx context.Context) error { return s.store.Analyze(ctx) }

// Reason returns what is wrong with a newcomer, for people.
func (n *Newcomer) Reason() string {
	if e := scim.AsError(n.Err); e != nil {
		return e.Detail
	}
	return n.Err.Error()
}
