package httpapi

import (
	"slices"
	"strings"

	"muster/server/events"
	"muster/server/history"
	"muster/server/oauth"
	"muster/server/scim/schema"
)

// routes lists what is served. A test compares it with the OpenAPI document.
func (s *server) routes() []*route {
	list := slices.Concat(
		s.serverRoutes(), s.userRoutes(), s.groupRoutes(), meRoutes(), s.adminRoutes())
	for _, r := range list {
		switch {
		case strings.HasPrefix(r.path, Base+"/S"), strings.HasPrefix(r.path, Base+"/ResourceTypes"):
			r.discovery, r.alone = true, true
		case strings.HasPrefix(r.path, Base+"/Me"), r.path == Base+"/Bulk":
			r.alone = true
		case strings.HasPrefix(r.path, Base+"/Users"):
			r.targetType = "User"
		case strings.HasPrefix(r.path, Base+"/Groups"):
			r.targetType = "Group"
		}
	}
	return list
}

// serverRoutes are those that are about no one resource type.
func (s *server) serverRoutes() []*route {
	all, allPost := s.searchers(s.types)
	return []*route{
		{method: "GET", path: "/healthz", handle: s.health},
		{method: "GET", path: "/readyz", handle: s.readiness},
		{method: "GET", path: oauth.MetadataPath, handle: s.oauthMetadata},
		{method: "POST", path: oauth.TokenPath, handle: s.oauthToken},
		{method: "GET", path: events.KeysPath, handle: s.eventKeys},
		{method: "POST", path: feedPath, handle: s.poll},
		{method: "GET", path: Base + "/ServiceProviderConfig", handle: s.serviceProviderConfig},
		{method: "GET", path: Base + "/ResourceTypes", handle: s.listResourceTypes},
		{method: "GET", path: Base + "/ResourceTypes/{id}", handle: s.getResourceType},
		{method: "GET", path: Base + "/Schemas", handle: s.listSchemas},
		{method: "GET", path: Base + "/Schemas/{id}", handle: s.getSchema},
		{method: "GET", path: Base, handle: all, searched: "all"},
		{method: "POST", path: Base + "/.search", handle: allPost, searched: "all"},
		{method: "POST", path: Base + "/Bulk", handle: s.bulk, turns: s.limits.bulk},
		{
			method: "GET", path: Base + requestsPath + "{id}", handle: s.completion, alone: true,
			anyType: true,
		},
	}
}

func (s *server) userRoutes() []*route {
	const one = Base + "/Users/{id}"
	users, usersPost := s.searchers(func(x *requestContext) []*schema.ResourceType {
		return s.types(x)[:1]
	})
	return []*route{
		{method: "GET", path: Base + "/Users", handle: users, searched: "users"},
		{method: "POST", path: Base + "/Users/.search", handle: usersPost, searched: "users"},
		{method: "POST", path: Base + "/Users", handle: s.createUser, action: history.UserCreate},
		{method: "GET", path: one, handle: s.getUser},
		{method: "PUT", path: one, handle: s.replaceUser, action: history.UserUpdate},
		{method: "PATCH", path: one, handle: s.patchUser, action: history.UserUpdate},
		{method: "DELETE", path: one, handle: s.deleteUser, action: history.UserDelete},
	}
}

func (s *server) groupRoutes() []*route {
	const one = Base + "/Groups/{id}"
	groups, groupsPost := s.searchers(func(x *requestContext) []*schema.ResourceType {
		return s.types(x)[1:]
	})
	return []*route{
		{method: "GET", path: Base + "/Groups", handle: groups, searched: "groups"},
		{method: "POST", path: Base + "/Groups/.search", handle: groupsPost, searched: "groups"},
		{
			method: "POST", path: Base + "/Groups", handle: s.createGroup,
			action: history.GroupCreate,
		},
		{method: "GET", path: one, handle: s.getGroup},
		{method: "PUT", path: one, handle: s.replaceGroup, action: history.GroupUpdate},
		{method: "PATCH", path: one, handle: s.patchGroup, action: history.GroupUpdate},
		{method: "DELETE", path: one, handle: s.deleteGroup, action: history.GroupDelete},
	}
}

// meRoutes answer that there is no user behind an API key: see [me].
func meRoutes() (list []*route) {
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		list = append(list, &route{method: method, path: Base + "/Me", handle: me})
	}
	return list
}
