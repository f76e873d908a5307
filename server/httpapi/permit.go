package httpapi

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"muster/server/instance"
	"muster/server/scim"
)

// denied says why the API key is not for the route; empty if it is.
func (x *requestContext) denied() string {
	if x.credential == nil {
		return ""
	}
	switch x.credential.Key.Access {
	case instance.ReadAccess:
		if x.Method != http.MethodGet && x.Method != http.MethodHead && x.route.searched == "" {
			return "the API key is for reading only: " + x.Method + " takes a key with full access"
		}
	case instance.UserAccess:
		if x.route.targetType == "Group" || x.route.searched == "all" {
			return "the API key is for users only: groups take a key with full access; users " +
				"are at /Users"
		}
	}
	return ""
}

// deny refuses what an API key is not for. The history has it: as the attempt
// that it was, if that would have changed something.
func (s *server) deny(x *requestContext, reason string) error {
	if x.route.action != "" {
		return x.refused(&scim.Error{Status: http.StatusForbidden, Detail: reason})
	}
	return challenge(x, s.Admin.Instances.Deny(x.Context(), x.credential, reason, x.scope.Actor))
}

// mayAdminister refuses what an administrator's token is not for: another
// instance than its own, or what takes a higher role. The history of the
// instance that it was about has it; what is about none stands in the log.
func (s *server) mayAdminister(x *requestContext, takes instance.AdminRole) error {
	t := x.administrator
	slug := x.PathValue("instance")
	var reason string
	switch {
	case t.Instance != "" && slug == "" && x.Method != http.MethodGet, t.Instance != "" &&
		slug != "" && slug != t.Instance:
		reason = fmt.Sprintf("the token is for the instance %s only", t.Instance)
	case !t.Role.May(takes):
		reason = fmt.Sprintf("the token is %s, and this takes %s", article(t.Role), article(takes))
	default:
		return nil
	}
	err := error(&instance.KeyError{Forbidden: true, Reason: reason})
	if about := cmp.Or(slug, t.Instance); about != "" {
		i, missing := s.Admin.Instances.BySlug(x.Context(), about)
		switch {
		case missing == nil:
			what := x.Method + " " + strings.TrimPrefix(x.URL.EscapedPath(), AdminBase)
			err = s.Admin.Instances.DenyAdministrator(x.Context(), i, t, what+": "+reason,
				x.scope.Actor)
		case !errors.Is(missing, instance.ErrNotFound):
			return missing
		}
	} else {
		s.Log.WarnContext(x.Context(), "refused to an administrator", "token", t.ID, "name", t.Name,
			"reason", reason, "requestId", x.scope.Actor.RequestID)
	}
	return challenge(x, err)
}

func article(r instance.AdminRole) string {
	switch r {
	case instance.Owner, instance.Administrator, instance.Auditor:
		return "an " + string(r) + "'s"
	case instance.Reader:
		return "a reader's"
	case instance.LiteAdministrator:
		return "a lite administrator's"
	}
	return "of no known role"
}

// owners makes a route one for owners.
func owners(r *route) *route {
	r.takes = instance.Owner
	return r
}

// lites makes routes those of lite administrators, too.
func lites(routes ...*route) []*route {
	for _, r := range routes {
		r.takes = instance.LiteAdministrator
	}
	return routes
}

// readers makes those of some routes that change nothing ones for readers, too, and
// leaves the others to lite administrators.
func readers(routes ...*route) []*route {
	for _, r := range lites(routes...) {
		if r.method == http.MethodGet {
			r.takes = instance.Reader
		}
	}
	return routes
}

// auditors makes a route one for auditors, too.
func auditors(r *route) *route {
	r.takes = instance.Auditor
	return r
}
