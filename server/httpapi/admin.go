package httpapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim"
)

// AdminBase is the path below which the admin API is served.
const AdminBase = "/admin/v1"

// adminInstance is the path of an instance in the admin API.
const adminInstance = AdminBase + "/instances/{instance}"

// identifyAdministrator finds out whose token of the admin API it is.
func (s *server) identifyAdministrator(x *requestContext, token string) error {
	t, err := s.Admin.Instances.AuthenticateAdministrator(x.Context(), token, x.scope.Actor.Address)
	if err != nil {
		return err
	}
	x.administrator = t
	x.scope.Actor.Kind = history.Administrator
	x.scope.Actor.Name = t.Name
	return nil
}

// adminFunc answers a request of the admin API: with an answer to render as
// JSON, or nil for none.
type adminFunc func(x *requestContext, sc provisioning.Scope) (answer any, err error)

// adminRoute makes a route of f: of the admin API, about one instance if the
// path names one.
func (s *server) adminRoute(method, path string, status int, f adminFunc) *route {
	r := &route{method: method, path: path}
	r.handle = func(x *requestContext) error {
		var err error
		takes := cmp.Or(x.route.takes, instance.Administrator)
		if err := s.mayAdminister(x, takes); err != nil {
			return err
		}
		if slug := x.PathValue("instance"); slug != "" {
			if x.scope, err = s.Admin.Scope(x.Context(), slug, x.scope.Actor); err != nil {
				return administrators(err)
			}
			x.Request = x.WithContext(instance.WithTenant(x.Context(), x.scope.Instance.ID))
		}
		var answer any
		err = x.inTurn(r.turns, func() (err error) {
			answer, err = f(x, x.scope)
			return err
		})
		switch {
		case err != nil:
			return administrators(err)
		case x.answer.status != 0: // it has answered itself
			return nil
		case answer == nil:
			return x.sendNothing(http.StatusNoContent)
		}
		body, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		return x.sendJSON(status, scim.MediaTypeJSON, body)
	}
	return r
}

// long makes a route one of what takes long.
func (s *server) long(r *route) *route {
	r.turns = s.limits.long
	return r
}

// administrators makes a SCIM error of what was refused to an administrator.
func administrators(err error) error {
	var refused *instance.RefusedError
	switch {
	case scim.AsError(err) != nil || !errors.As(err, &refused):
		return err
	case errors.Is(err, instance.ErrNotFound):
		return &scim.Error{Status: http.StatusNotFound, Detail: refused.Reason}
	case errors.Is(err, instance.ErrExists):
		return scim.Conflict("%s", refused.Reason)
	case errors.Is(err, instance.ErrChanged):
		return &scim.Error{Status: http.StatusPreconditionFailed, Detail: refused.Reason}
	}
	return scim.BadRequest(scim.InvalidValue, "%s", refused.Reason)
}

// items is a list in an answer.
type items[T any] struct {
	Items []T `json:"items"`
}

// itemsOf makes a list of what a use case returns, never null.
func itemsOf[T any](list []T, err error) (any, error) {
	return items[T]{append([]T{}, list...)}, err
}

// nothing makes no answer of what a use case returns besides an error.
func nothing[T any](_ T, err error) (any, error) { return nil, err }

// read reads and checks the body of a request.
func read[T any](x *requestContext) (v T, err error) {
	raw, err := x.body()
	if err == nil {
		err = x.route.operation.checkBody(raw)
	}
	if err != nil {
		return v, err
	}
	text, err := json.Marshal(raw)
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	return v, err
}

// with makes an adminFunc of one that takes a body.
func with[T any](f func(x *requestContext, sc provisioning.Scope, body T) (any, error)) adminFunc {
	return func(x *requestContext, sc provisioning.Scope) (any, error) {
		body, err := read[T](x)
		if err != nil {
			return nil, err
		}
		return f(x, sc, body)
	}
}

// isAdmin reports whether a path belongs to the admin API.
func isAdmin(path string) bool {
	return path == AdminBase || strings.HasPrefix(path, AdminBase+"/")
}
