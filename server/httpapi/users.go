package httpapi

import (
	"net/http"

	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/schema"
)

// view returns the view of a resource type that the request asks for.
func (s *server) view(x *requestContext, rt *schema.ResourceType) (*view, error) {
	p, err := x.urlSearch().projection(rt, nil, x.scope.Policy)
	return &view{x.base, rt, p}, err
}

func (s *server) getUser(x *requestContext) error {
	v, err := s.view(x, s.userType(x))
	if err != nil {
		return err
	}
	u, err := s.Admin.Users.PlainUser(x.Context(), x.scope, x.PathValue("id"))
	if err != nil {
		return err
	}
	if x.unchanged(u.Version) {
		x.answer.Header().Set("ETag", scim.ETag(u.Version))
		return x.sendNothing(http.StatusNotModified)
	}
	return s.sendUser(x, v, http.StatusOK, u)
}

func (s *server) createUser(x *requestContext) error {
	v, r, err := s.resource(x, s.userType(x))
	if err != nil {
		return x.refused(err)
	}
	u, err := s.Admin.Users.CreateUser(x.Context(), x.scope, r)
	if err != nil {
		return err
	}
	x.answer.Header().Set("Location", v.location(u.ID))
	return s.sendUser(x, v, http.StatusCreated, u)
}

func (s *server) replaceUser(x *requestContext) error {
	v, r, err := s.resource(x, s.userType(x))
	if err != nil {
		return x.refused(err)
	}
	u, _, err := s.Admin.Users.ReplaceUser(x.Context(), x.scope, x.PathValue("id"), r,
		x.condition())
	if err != nil {
		return err
	}
	return s.sendUser(x, v, http.StatusOK, u)
}

func (s *server) patchUser(x *requestContext) error {
	v, ops, err := s.operations(x, s.userType(x))
	if err != nil {
		return x.refused(err)
	}
	u, _, err := s.Admin.Users.PatchUser(x.Context(), x.scope, x.PathValue("id"), ops,
		x.condition())
	if err != nil {
		return err
	}
	return s.sendUser(x, v, http.StatusOK, u)
}

func (s *server) deleteUser(x *requestContext) error {
	if err := s.Admin.Users.DeleteUser(x.Context(), x.scope, x.PathValue("id"),
		x.condition()); err != nil {
		return err
	}
	return x.sendNothing(http.StatusNoContent)
}

// sendUser answers with a user.
func (s *server) sendUser(x *requestContext, v *view, status int, u *provisioning.User) error {
	body, err := v.user(make([]byte, 0, len(u.Text)+1024), u)
	if err != nil {
		return err
	}
	x.answer.Header().Set("ETag", scim.ETag(u.Version))
	return x.sendJSON(status, x.mediaType(), body)
}
