package administration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
)

// Look is what an administrator looks for among users or groups: see
// [provisioning.Choice].
type Look struct {
	Search, State, Source string
	Pending               bool
	// After is the id behind which the page begins, and Limit how many it has.
	After string
	Limit int
	// Window is among how many users a page of a search looks: see [provisioning.Choice].
	Window int
}

// query reads the texts.
func (l Look) query() (provisioning.Query, error) {
	q := provisioning.Query{
		Integration: true, Limit: l.Limit, Keyset: true,
		Choice: provisioning.Choice{
			Search: l.Search, State: l.State, Source: provisioning.Source(l.Source),
			Pending: l.Pending, Window: l.Window,
		},
	}
	switch l.State {
	case "", "active", "suspended":
	default:
		return q, instance.Refuse("the state %q: use active or suspended", l.State)
	}
	switch q.Choice.Source {
	case "", provisioning.Manual, provisioning.Provisioned:
	default:
		return q, instance.Refuse("the source %q: use manual or provisioned", l.Source)
	}
	if l.After != "" {
		if !provisioning.ValidID(l.After) {
			return q, instance.Refuse("there is no page behind %q: begin with the first",
				l.After)
		}
		q.After = &provisioning.Position{ID: l.After}
	}
	return q, nil
}

// FindUsers returns a page of users in the order in which they came, and the id behind
// which the next page begins; empty if there is none.
func (s *Service) FindUsers(
	ctx context.Context, sc provisioning.Scope, l Look,
) (list []User, next string, err error) {
	q, err := l.query()
	if err != nil {
		return nil, "", err
	}
	users, page, err := s.Users.Users(ctx, sc, q)
	if err != nil {
		return nil, "", err
	}
	for _, u := range users {
		list = append(list, describeUser(u))
	}
	return list, after(page), nil
}

func after(p provisioning.Page) string {
	if p.Next == nil {
		return ""
	}
	return p.Next.ID
}

// CountUsers returns how many users are chosen, but for integration users.
func (s *Service) CountUsers(ctx context.Context, sc provisioning.Scope, l Look) (int, error) {
	q, err := l.query()
	if err != nil {
		return 0, err
	}
	q.Integration, q.Keyset, q.Limit = false, false, 0
	_, page, err := s.Users.Users(ctx, sc, q)
	return page.Total, err
}

// FindGroups returns a page of groups, without their members, and the id behind which
// the next page begins; empty if there is none.
func (s *Service) FindGroups(
	ctx context.Context, sc provisioning.Scope, l Look,
) (list []Group, next string, err error) {
	q, err := l.query()
	if err != nil {
		return nil, "", err
	}
	groups, page, err := s.Users.Groups(ctx, sc, q)
	for _, g := range groups {
		list = append(list, describeGroup(g))
	}
	return list, after(page), err
}

func describeGroup(g *provisioning.Group) Group {
	return Group{
		ID: g.ID, DisplayName: g.DisplayName, Source: string(g.Source), Version: g.Version,
		Members: []Member{},
	}
}

// errEnough ends the reading of members.
var errEnough = errors.New("enough")

// GroupByID returns a group with at most so many of its members, and whether there are
// more.
func (s *Service) GroupByID(
	ctx context.Context, sc provisioning.Scope, id string, members int,
) (g Group, more bool, err error) {
	found, err := s.Users.Group(ctx, sc, id)
	if err != nil {
		return Group{}, false, err
	}
	g = describeGroup(found)
	err = s.Users.Members(ctx, []string{id}, func(_ string, m provisioning.Member) error {
		if len(g.Members) == members {
			more = true
			return errEnough
		}
		g.Members = append(g.Members, Member{m.ID, m.Type, m.Name, m.Display})
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return g, more, err
}

// Sight is a user with all that is known of him or her.
type Sight struct {
	User
	// Resource is the SCIM resource as the provider sees it, but for its id, meta and
	// groups, indented.
	Resource string
	// Memberships are the groups, and PendingManager what the provider sent of a
	// manager who is not there.
	Memberships    []provisioning.Membership
	PendingManager string
}

// UserByID returns a user with all that is known of him or her. An integration user
// is found, too.
func (s *Service) UserByID(
	ctx context.Context, sc provisioning.Scope, id string,
) (Sight, error) {
	u, err := s.Users.User(ctx, sc, id)
	if err != nil {
		return Sight{}, err
	}
	sight := Sight{User: describeUser(u), Memberships: u.Groups}
	if u.Manager.ID == "" {
		sight.PendingManager = u.Manager.Ref
	}
	var text bytes.Buffer
	if err := json.Indent(&text, u.Text, "", "  "); err != nil {
		return Sight{}, err
	}
	sight.Resource = text.String()
	sight.Objects, err = s.Users.Links(ctx, u)
	return sight, err
}

// VerifyAndNote checks the history, as [Service.Verify] does, and writes to it what
// came of that.
func (s *Service) VerifyAndNote(
	ctx context.Context, sc provisioning.Scope, progress func(done, total int),
) (Verification, error) {
	v, err := s.Users.VerifyHistory(ctx, sc, progress)
	if err == nil {
		err = s.Users.NoteVerification(ctx, sc, v)
	}
	if err != nil {
		return Verification{}, err
	}
	return describeVerification(sc, v), nil
}

// Verified returns the last row that tells of a check of the history; nil if there is
// none.
func (s *Service) Verified(
	ctx context.Context, sc provisioning.Scope,
) (last *history.Entry, err error) {
	err = s.History(ctx, sc, HistoryQuery{
		Target: sc.Instance.ID, Action: string(history.HistoryVerify), Limit: 1,
	}, func(e *history.Entry) error {
		last = e
		return nil
	})
	return last, err
}

// Holders returns the integration users, who can hold API keys and clients.
func (s *Service) Holders(ctx context.Context, sc provisioning.Scope) (list []User, err error) {
	q := provisioning.Query{
		Integration: true, Keyset: true, Limit: perPage,
		Choice: provisioning.Choice{Integration: true},
	}
	users, _, err := s.Users.Users(ctx, sc, q)
	for _, u := range users {
		list = append(list, describeUser(u))
	}
	return list, err
}
