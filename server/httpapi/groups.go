package httpapi

import (
	"net/http"

	"muster/server/provisioning"
)

// members returns the members of groups, if the answer may hold them.
func (s *server) members(x *exchange, v *view, groups ...*provisioning.Group) (map[string][]provisioning.Member, error) {
	members := make(map[string][]provisioning.Member)
	if !v.projection.Wants("members") {
		return members, nil
	}
	ids := make([]string, len(groups))
	for i, g := range groups {
		ids[i] = g.ID
	}
	err := s.Admin.Users.Members(x.Context(), ids, func(groupID string, m provisioning.Member) error {
		members[groupID] = append(members[groupID], m)
		return nil
	})
	return members, err
}

func (s *server) getGroup(x *exchange) error {
	v, err := s.view(x, s.Admin.Users.GroupType())
	if err != nil {
		return err
	}
	g, err := s.Admin.Users.Group(x.Context(), x.scope, x.PathValue("id"))
	if err != nil {
		return err
	}
	if x.unchanged(g.Version) {
		x.answer.Header().Set("ETag", provisioning.ETag(g.Version))
		return x.sendNothing(http.StatusNotModified)
	}
	return s.sendGroup(x, v, http.StatusOK, g)
}

func (s *server) createGroup(x *exchange) error {
	v, r, err := s.resource(x, s.Admin.Users.GroupType())
	if err != nil {
		return x.refused(err)
	}
	g, err := s.Admin.Users.CreateGroup(x.Context(), x.scope, r)
	if err != nil {
		return err
	}
	x.answer.Header().Set("Location", v.location(g.ID))
	return s.sendGroup(x, v, http.StatusCreated, g)
}

func (s *server) replaceGroup(x *exchange) error {
	v, r, err := s.resource(x, s.Admin.Users.GroupType())
	if err != nil {
		return x.refused(err)
	}
	g, _, err := s.Admin.Users.ReplaceGroup(x.Context(), x.scope, x.PathValue("id"), r, x.condition())
	if err != nil {
		return err
	}
	return s.sendGroup(x, v, http.StatusOK, g)
}

// patchGroup answers 204 unless the client names the attributes that it
// wants: a group can have very many members, and rendering them all for each
// one that is added would make large groups unusable.
func (s *server) patchGroup(x *exchange) error {
	v, ops, err := s.operations(x, s.Admin.Users.GroupType())
	if err != nil {
		return x.refused(err)
	}
	g, _, err := s.Admin.Users.PatchGroup(x.Context(), x.scope, x.PathValue("id"), ops, x.policy, x.condition())
	if err != nil {
		return err
	}
	if !x.URL.Query().Has("attributes") {
		x.answer.Header().Set("ETag", provisioning.ETag(g.Version))
		return x.sendNothing(http.StatusNoContent)
	}
	return s.sendGroup(x, v, http.StatusOK, g)
}

func (s *server) deleteGroup(x *exchange) error {
	if err := s.Admin.Users.DeleteGroup(x.Context(), x.scope, x.PathValue("id"), x.condition()); err != nil {
		return err
	}
	return x.sendNothing(http.StatusNoContent)
}

func (s *server) sendGroup(x *exchange, v *view, status int, g *provisioning.Group) error {
	members, err := s.members(x, v, g)
	if err != nil {
		return err
	}
	body, err := v.group(nil, g, members[g.ID])
	if err != nil {
		return err
	}
	x.answer.Header().Set("ETag", provisioning.ETag(g.Version))
	return x.sendJSON(status, x.mediaType(), body)
}
