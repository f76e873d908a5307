package provisioning

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"muster/server/history"
	"muster/server/scim"
	"muster/server/scim/patch"
	"muster/server/scim/schema"
)

// Group returns a group, without its members.
func (s *Service) Group(ctx context.Context, sc Scope, id string) (*Group, error) {
	if !ValidID(id) {
		return nil, scim.NotFound("Group", id)
	}
	g, err := s.store.Group(ctx, sc.Instance.ID, id)
	if errors.Is(err, ErrNotFound) {
		return nil, scim.NotFound("Group", id)
	}
	return g, err
}

// Groups returns a page of the instance's groups, without their members.
func (s *Service) Groups(ctx context.Context, sc Scope, q Query) ([]*Group, Page, error) {
	q.InstanceID = sc.Instance.ID
	return s.store.Groups(ctx, q)
}

// Members calls yield with each member of each of the groups, group by group
// in the order that is given. They are not all in memory at once. A group of
// which members are added meanwhile may show some of these and not others; its
// version then is no longer the one that was read before.
func (s *Service) Members(
	ctx context.Context, groupIDs []string, yield func(groupID string, m Member) error,
) error {
	if len(groupIDs) == 0 {
		return nil
	}
	return s.store.Members(ctx, groupIDs, yield)
}

// CreateGroup creates a group with the members that r has.
func (s *Service) CreateGroup(ctx context.Context, sc Scope, r schema.Resource) (*Group, error) {
	r, ids := splitMembers(r)
	now := s.clock()
	g := &Group{
		ID: uuid.Must(uuid.NewV7()).String(), InstanceID: sc.Instance.ID,
		Source: Manual, Version: 1, Created: now, Modified: now,
	}
	if sc.provider() {
		g.Source = Provisioned
	}
	s.describeGroup(g, r)
	entry := func(added, _ []Member) *history.Entry {
		e := history.New(sc.Instance.ID, now, sc.Actor, history.GroupCreate, g.target())
		e.Changes = append(changes(s.groups, nil, r, noField), memberChanges(added, nil)...)
		e.Event = s.groupEvent(sc, g, change{method: http.MethodPost, after: r, members: ids})
		sc.tell(e)
		return e
	}
	err := checkIDs(ids)
	if err == nil {
		err = s.groupError(s.store.CreateGroup(ctx, g, MemberChange{Add: ids}, entry), g)
	}
	if err != nil {
		target := g.target()
		target.ID = ""
		return nil, s.Refuse(ctx, sc, history.GroupCreate, target, err)
	}
	return g, nil
}

func (g *Group) target() history.Target {
	return history.Target{Type: "Group", ID: g.ID, Name: g.DisplayName}
}

// describeGroup sets all of g that follows from its resource.
func (s *Service) describeGroup(g *Group, r schema.Resource) {
	g.DisplayName, _ = r["displayName"].(string)
	g.DisplayNameKey = schema.Fold(g.DisplayName)
	g.ExternalID, _ = r["externalId"].(string)
	g.Text = s.groups.Append(nil, r)
	g.Search = s.groups.AppendSearchable(nil, r)
}

func noField(string) string { return "" }

func memberChanges(added, removed []Member) []history.Change {
	var list []history.Change
	for _, m := range added {
		list = append(list, history.Change{Attribute: "members", New: m.label()})
	}
	for _, m := range removed {
		list = append(list, history.Change{Attribute: "members", Old: m.label()})
	}
	return list
}

func (m Member) label() string {
	return m.Name + " (" + m.ID + ")"
}

// splitMembers returns r without its members, and their ids.
func splitMembers(r schema.Resource) (schema.Resource, []string) {
	r = r.Clone()
	list, _ := r["members"].([]any)
	delete(r, "members")
	return r, memberIDs(list)
}

// memberIDs returns the ids in a list of members, each once.
func memberIDs(list []any) []string {
	ids := make([]string, 0, len(list))
	for _, v := range list {
		ids = append(ids, memberID(v))
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// checkIDs refuses what cannot be the id of a member.
func checkIDs(ids []string) error {
	for _, id := range ids {
		if !ValidID(id) {
			return scim.BadRequest(scim.InvalidValue,
				"members: there is no user or group with the id %q in this instance", id)
		}
	}
	return nil
}

// groupError makes an error for the client of one of the store's.
func (s *Service) groupError(err error, g *Group) error {
	switch {
	case errors.Is(err, ErrDisplayNameTaken):
		return scim.Conflict(
			"displayName %q is taken: this instance has another group of that name", g.DisplayName)
	case errors.Is(err, ErrNoMember):
		return scim.BadRequest(scim.InvalidValue, "members: %v", err)
	case errors.Is(err, ErrCycle):
		return scim.BadRequest(scim.InvalidValue,
			"members: %v; a group cannot be a member of itself, directly or by other groups", err)
	}
	return err
}

// ReplaceGroup replaces a group and its members, Section 3.5.1 of RFC 7644.
// It reports whether anything changed.
func (s *Service) ReplaceGroup(
	ctx context.Context, sc Scope, id string, r schema.Resource, c *Condition,
) (*Group, bool, error) {
	r, ids := splitMembers(r)
	return s.updateGroup(ctx, sc, http.MethodPut, id, c,
		func(*Group, schema.Resource) (schema.Resource, MemberChange, error) {
			return r, MemberChange{Clear: true, Add: ids}, checkIDs(ids)
		})
}

// PatchGroup applies PATCH operations to a group, Section 3.5.2 of RFC 7644.
// Members are added and removed without reading the others, however many
// there are. It reports whether anything changed.
func (s *Service) PatchGroup(
	ctx context.Context, sc Scope, id string, ops []patch.Operation, c *Condition,
) (*Group, bool, error) {
	return s.updateGroup(ctx, sc, http.MethodPatch, id, c,
		func(g *Group, before schema.Resource) (schema.Resource, MemberChange, error) {
			own, members := splitOperations(ops)
			after, err := patch.Apply(s.groups, before, own, sc.Policy)
			if err != nil {
				return nil, MemberChange{}, err
			}
			change, err := s.memberChange(ctx, sc, g, members)
			return after, change, err
		})
}

// AddGroup makes a group by hand.
func (s *Service) AddGroup(
	ctx context.Context, sc Scope, displayName string, memberIDs []string,
) (*Group, error) {
	members := make([]any, len(memberIDs))
	for i, id := range memberIDs {
		members[i] = map[string]any{"value": id}
	}
	r := schema.Resource{"displayName": displayName, "members": members}
	if err := s.groups.CheckRequired(r); err != nil {
		return nil, err
	}
	return s.CreateGroup(ctx, sc, r)
}

// updateGroup reads a group, lets change decide what becomes of it and of its
// members, and writes that. What changes nothing writes nothing. method is that of the
// request.
func (s *Service) updateGroup(ctx context.Context, sc Scope, method, id string, c *Condition,
	alter func(g *Group, before schema.Resource) (schema.Resource, MemberChange, error),
) (g *Group, changed bool, err error) {
	target := history.Target{Type: "Group", ID: id}
	err = retry(ctx, func() error {
		if g, err = s.Group(ctx, sc, id); err != nil {
			return err
		}
		target = g.target()
		if err = c.check(g.Version); err != nil {
			return err
		}
		changed, err = s.updateGroupOnce(ctx, sc, method, g, c != nil, alter)
		return err
	})
	if err != nil {
		return nil, false, s.Refuse(ctx, sc, history.GroupUpdate, target, err)
	}
	return g, changed, nil
}

func (s *Service) updateGroupOnce(
	ctx context.Context, sc Scope, method string, g *Group, exact bool,
	alter func(g *Group, before schema.Resource) (schema.Resource, MemberChange, error),
) (bool, error) {
	before, err := s.groups.Decode(g.Text)
	if err != nil {
		return false, err
	}
	after, members, err := alter(g, before)
	if err != nil {
		return false, err
	}
	was := *g
	s.describeGroup(g, after)
	pickup := g.Source == Manual && sc.provider()
	rewrite := pickup || !bytes.Equal(g.Text, was.Text)
	if !rewrite && members.empty() {
		return false, nil
	}
	action := history.GroupUpdate
	if pickup {
		g.Source, action = Provisioned, history.GroupPickUp
	}
	g.Modified = s.clock()
	changed, err := s.store.UpdateGroup(ctx, GroupUpdate{
		Group: g, Rewrite: rewrite, Exact: exact, Members: members,
		Entry: func(added, removed []Member) *history.Entry {
			e := history.New(sc.Instance.ID, g.Modified, sc.Actor, action, was.target())
			e.Changes = append(changes(s.groups, before, after, noField),
				memberChanges(added, removed)...)
			e.Event = s.groupEvent(sc, g, change{
				method: method, before: before, after: after, members: members.Add,
				added: idsOf(added), removed: idsOf(removed),
			})
			sc.tell(e)
			return e
		},
	})
	return changed, s.groupError(err, g)
}

// DeleteGroup deletes a group. Its members stay.
func (s *Service) DeleteGroup(ctx context.Context, sc Scope, id string, c *Condition) error {
	target := history.Target{Type: "Group", ID: id}
	err := retry(ctx, func() error {
		g, err := s.Group(ctx, sc, id)
		if err != nil {
			return err
		}
		target = g.target()
		if err := c.check(g.Version); err != nil {
			return err
		}
		before, err := s.groups.Decode(g.Text)
		if err != nil {
			return err
		}
		e := history.New(sc.Instance.ID, s.clock(), sc.Actor, history.GroupDelete, target)
		e.Changes = changes(s.groups, before, nil, noField)
		e.Event = s.groupEvent(sc, g, change{method: http.MethodDelete, before: before})
		return s.store.DeleteGroup(ctx, g, g.Version, e)
	})
	return s.Refuse(ctx, sc, history.GroupDelete, target, err)
}
