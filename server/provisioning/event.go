package provisioning

import (
	"context"
	"errors"
	"net/http"

	"muster/server/events"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/scim/schema"
)

// change is what an event tells of.
type change struct {
	rt *schema.ResourceType
	// method is that of the request which made it, or would have.
	method     string
	version    int64
	externalID string
	// before and after are the resource without its members; nil where there is none.
	before, after schema.Resource
	// text is after as it is stored.
	text []byte
	// members are all of a group, if they are told as a whole; added and removed
	// those who come and go.
	members, added, removed []string
}

// event returns what listeners are to be told of a change.
func (s *Service) event(sc Scope, c change) *history.Event {
	e := &history.Event{
		Txn: sc.Txn, Method: c.method, Version: c.version, ExternalID: c.externalID,
	}
	p := sc.Instance.Publishing
	if len(p.Filters) > 0 {
		e.Feeds = s.setups.of(sc.Instance).filters.Standings(c.rt, c.before, c.after)
	}
	if !p.Full {
		return e
	}
	switch c.method {
	case http.MethodPost, http.MethodPut:
		e.Data = events.ResourceData(c.text, c.members)
	case http.MethodPatch:
		e.Data = events.PatchData(c.before, c.after, c.added, c.removed)
	}
	return e
}

// userEvent returns the event of a change of a user.
func (s *Service) userEvent(
	sc Scope, method string, u *User, before, after schema.Resource,
) *history.Event {
	if u.Integration {
		return &history.Event{Txn: sc.Txn, Concealed: true}
	}
	c := change{
		rt: s.UserType(sc.Instance), method: method, externalID: u.Keys.ExternalID,
		before: before, after: after,
	}
	if after != nil {
		c.version, c.text = u.Version, u.Text
	}
	return s.event(sc, c)
}

// groupEvent returns the event of a change of a group, at the version that it has now.
func (s *Service) groupEvent(sc Scope, g *Group, c change) *history.Event {
	c.rt, c.externalID = s.groups, g.ExternalID
	if c.after != nil {
		c.version, c.text = g.Version, g.Text
	}
	return s.event(sc, c)
}

// idsOf returns the ids of members.
func idsOf(members []Member) []string {
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.ID
	}
	return ids
}

// attributesOf returns the paths of the attributes that changed.
func attributesOf(list []history.Change) []string {
	var paths []string
	for _, c := range list {
		paths = append(paths, c.Attribute)
	}
	return paths
}

// Matches reports whether the resource that an entry is about matches the filter of a
// feed now. What is deleted matches: that it is gone is no secret of the feed's.
func (s *Service) Matches(
	ctx context.Context, i *instance.Instance, f *events.Feed, e *history.Entry,
) (bool, error) {
	rt, text, err := s.stored(ctx, i, e.Target)
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	if err != nil || text == nil {
		return false, err
	}
	r, err := rt.Decode(text)
	if err != nil {
		return false, err
	}
	filters := events.Compile(
		instance.Publishing{Filters: map[string]string{f.ID: f.Filter}}, s.UserType(i), s.groups)
	matches, _ := filters.Matches(f.ID, rt, r)
	return matches, nil
}

// stored returns the text of a user or group as it is now; nil for what cannot be seen
// over SCIM.
func (s *Service) stored(
	ctx context.Context, i *instance.Instance, t history.Target,
) (rt *schema.ResourceType, text []byte, err error) {
	if !ValidID(t.ID) {
		return nil, nil, ErrNotFound
	}
	if t.Type == "Group" {
		g, err := s.store.Group(ctx, i.ID, t.ID)
		if err != nil {
			return nil, nil, err
		}
		return s.groups, g.Text, nil
	}
	u, err := s.store.User(ctx, i.ID, t.ID, true)
	if err != nil || u.Integration {
		return nil, nil, err
	}
	return s.UserType(i), u.Text, nil
}
