package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"muster/server/administration"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/oauth"
	"muster/server/provisioning"
	"muster/server/workflow"
)

// adminRoutes lists the admin API: each is a use case of package
// administration, in the terms of HTTP.
func (s *server) adminRoutes() []*route {
	list := s.instanceRoutes()
	list = append(list, readers(s.accountRoutes()...)...)
	list = append(list, readers(s.sightRoutes()...)...)
	list = append(list, s.keyRoutes()...)
	list = append(list, s.clientRoutes()...)
	list = append(list, s.mappingRoutes()...)
	list = append(list, s.workflowRoutes()...)
	list = append(list, s.feedRoutes()...)
	return append(list, s.historyRoutes()...)
}

func (s *server) instanceRoutes() []*route {
	type newInstance struct {
		Instance    string               `json:"instance"`
		Title       string               `json:"title"`
		Edition     instance.Edition     `json:"edition"`
		Environment instance.Environment `json:"environment"`
	}
	return []*route{
		owners(s.adminRoute("POST", AdminBase+"/instances", http.StatusCreated,
			with(func(x *requestContext, sc provisioning.Scope, n newInstance) (any, error) {
				return s.Admin.CreateInstance(x.Context(),
					instance.Instance{
						Slug: n.Instance, Name: n.Title, Edition: n.Edition,
						Environment: n.Environment,
					}, sc.Actor)
			}))),
		s.adminRoute("POST", adminInstance+"/fields", http.StatusCreated, ofFields(
			with(func(x *requestContext, sc provisioning.Scope, f instance.Field) (any, error) {
				return s.Admin.AddField(x.Context(), sc, f)
			}))),
	}
}

// sightRoutes show how an instance is set up, and look after its objects.
func (s *server) sightRoutes() []*route {
	type object struct {
		Type string `json:"type"`
		Name string `json:"name"`
	}
	return []*route{
		s.adminRoute("GET", AdminBase+"/instances", http.StatusOK,
			func(x *requestContext, _ provisioning.Scope) (any, error) {
				list, err := s.Admin.ListInstances(x.Context())
				if own := x.administrator.Instance; own != "" {
					list = slices.DeleteFunc(list,
						func(i administration.Instance) bool { return i.Instance != own })
				}
				return itemsOf(list, err)
			}),
		s.adminRoute("GET", adminInstance, http.StatusOK,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return s.Admin.ShowInstance(x.Context(), sc)
			}),
		s.adminRoute("GET", adminInstance+"/fields", http.StatusOK, ofFields(
			func(_ *requestContext, sc provisioning.Scope) (any, error) {
				return itemsOf(sc.Instance.Fields, nil)
			})),
		s.adminRoute("GET", adminInstance+"/outbox", http.StatusOK,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return itemsOf(s.Admin.Messages(x.Context(), sc))
			}),
		s.adminRoute("GET", adminInstance+"/mapping", http.StatusOK, s.ofMapping(
			func(_ *requestContext, sc provisioning.Scope) (any, error) {
				return rows{s.Admin.Users.Mapping(sc.Instance)}, nil
			})),
		s.adminRoute("GET", adminInstance+"/rules", http.StatusOK, ofRules(
			func(_ *requestContext, sc provisioning.Scope) (any, error) {
				return itemsOf[workflow.Rule](sc.Instance.Workflow.Rules, nil)
			})),
		s.adminRoute("GET", adminInstance+"/objects", http.StatusOK,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return itemsOf(s.Admin.Users.Objects(x.Context(), sc))
			}),
		s.adminRoute("POST", adminInstance+"/objects", http.StatusCreated,
			with(func(x *requestContext, sc provisioning.Scope, o object) (any, error) {
				return s.Admin.Users.AddObject(x.Context(), sc, o.Type, o.Name)
			})),
		s.adminRoute("GET", adminInstance+"/mapping/attributes", http.StatusOK,
			func(_ *requestContext, sc provisioning.Scope) (any, error) {
				return itemsOf(s.Admin.Users.MappableAttributes(sc.Instance), nil)
			}),
	}
}

func (s *server) accountRoutes() []*route {
	type newTeam struct {
		DisplayName string   `json:"displayName"`
		Members     []string `json:"members"`
	}
	return []*route{
		s.adminRoute("GET", adminInstance+"/users", http.StatusOK,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return itemsOf(s.Admin.ListUsers(x.Context(), sc, x.query.Get("filter")))
			}),
		s.adminRoute("POST", adminInstance+"/users", http.StatusCreated,
			with(func(
				x *requestContext, sc provisioning.Scope, n administration.NewUser,
			) (any, error) {
				if n.Integration || n.Role != "" && n.Role != string(instance.PlainUser) {
					if err := s.mayAdminister(x, instance.Administrator); err != nil {
						return nil, err
					}
				}
				return s.Admin.CreateUser(x.Context(), sc, n)
			})),
		s.adminRoute("GET", adminInstance+"/users/{user}", http.StatusOK,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return s.Admin.ShowUser(x.Context(), sc, x.PathValue("user"))
			}),
		s.adminRoute("PATCH", adminInstance+"/users/{user}", http.StatusOK, with(s.changeAccount)),
		s.adminRoute("DELETE", adminInstance+"/users/{user}", http.StatusNoContent,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return nothing(s.Admin.DeleteUser(x.Context(), sc, x.PathValue("user")))
			}),
		s.long(s.adminRoute("POST", adminInstance+"/field-updates", http.StatusOK,
			with(func(
				x *requestContext, sc provisioning.Scope, u administration.FieldUpdate,
			) (any, error) {
				return itemsOf(s.Admin.UpdateField(x.Context(), sc, u))
			}))),
		s.adminRoute("GET", adminInstance+"/groups", http.StatusOK,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return itemsOf(s.Admin.ListGroups(x.Context(), sc))
			}),
		s.adminRoute("POST", adminInstance+"/groups", http.StatusCreated,
			with(func(x *requestContext, sc provisioning.Scope, n newTeam) (any, error) {
				return s.Admin.CreateGroup(x.Context(), sc, n.DisplayName, n.Members)
			})),
		s.adminRoute("GET", adminInstance+"/groups/{group}", http.StatusOK,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return s.Admin.ShowGroup(x.Context(), sc, x.PathValue("group"))
			}),
	}
}

// accountChange is what a PATCH of an account may change: one of them.
type accountChange struct {
	State *string `json:"state"`
	Role  *string `json:"role"`
}

func (s *server) changeAccount(
	x *requestContext, sc provisioning.Scope, c accountChange,
) (any, error) {
	name := x.PathValue("user")
	var err error
	if c.Role != nil {
		// A role decides on what keys may do: it is none of a lite administrator's.
		if err := s.mayAdminister(x, instance.Administrator); err != nil {
			return nil, err
		}
		_, _, err = s.Admin.SetRole(x.Context(), sc, name, *c.Role)
	} else if c.State != nil {
		_, _, err = s.Admin.SetActive(x.Context(), sc, name, *c.State == "active")
	}
	if err != nil {
		return nil, err
	}
	return s.Admin.ShowUser(x.Context(), sc, name)
}

func (s *server) keyRoutes() []*route {
	type newKey struct {
		User string `json:"user"`
		Days *int   `json:"days"`
		administration.Permit
	}
	type rotation struct {
		OverlapHours *int `json:"overlapHours"`
		Days         *int `json:"days"`
	}
	or := func(n *int, usual int) int {
		if n == nil {
			return usual
		}
		return *n
	}
	days := int(instance.DefaultKeyLife / (24 * time.Hour))
	return []*route{
		s.adminRoute("GET", adminInstance+"/keys", http.StatusOK,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return itemsOf(s.Admin.ListKeys(x.Context(), sc))
			}),
		owners(s.adminRoute("POST", adminInstance+"/keys", http.StatusCreated,
			with(func(x *requestContext, sc provisioning.Scope, n newKey) (any, error) {
				return s.Admin.CreateKey(x.Context(), sc, n.User, or(n.Days, days), n.Permit)
			}))),
		owners(s.adminRoute("DELETE", adminInstance+"/keys/{key}", http.StatusNoContent,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return nothing(s.Admin.Instances.RevokeKey(x.Context(), sc.Instance,
					x.PathValue("key"), sc.Actor))
			})),
		owners(s.adminRoute("POST", adminInstance+"/keys/{key}/rotations", http.StatusCreated,
			with(func(x *requestContext, sc provisioning.Scope, r rotation) (any, error) {
				overlap := time.Duration(or(r.OverlapHours, 24)) * time.Hour
				return s.Admin.RotateKey(x.Context(), sc, x.PathValue("key"), overlap,
					or(r.Days, days))
			}))),
	}
}

func (s *server) clientRoutes() []*route {
	type newClient struct {
		User    string          `json:"user"`
		JWKS    json.RawMessage `json:"jwks"`
		JWKSURL string          `json:"jwksUrl"`
		administration.Permit
	}
	return []*route{
		s.adminRoute("GET", adminInstance+"/clients", http.StatusOK,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return itemsOf(s.Admin.ListClients(x.Context(), sc))
			}),
		owners(s.adminRoute("POST", adminInstance+"/clients", http.StatusCreated,
			with(func(x *requestContext, sc provisioning.Scope, n newClient) (any, error) {
				if (n.JWKS == nil) == (n.JWKSURL == "") {
					return nil, instance.Refuse("give either jwks, the key set itself, or " +
						"jwksUrl, where it is")
				}
				if err := oauth.CheckKeySet(x.Context(), n.JWKS, n.JWKSURL); err != nil {
					return nil, instance.Refuse("the key set: %v", err)
				}
				return s.Admin.CreateClient(x.Context(), sc, administration.NewClient{
					User: n.User, KeySet: n.JWKS, KeySetURL: n.JWKSURL, Permit: n.Permit,
				})
			}))),
		owners(s.adminRoute("DELETE", adminInstance+"/clients/{client}", http.StatusNoContent,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return nothing(s.Admin.Instances.RevokeClient(x.Context(), sc.Instance,
					x.PathValue("client"), sc.Actor))
			})),
	}
}

// rows is a mapping in a body.
type rows struct {
	Rows []mapping.Row `json:"rows"`
}

// savedMapping answers with the mapping as it is now.
func (s *server) savedMapping(x *requestContext, sc provisioning.Scope, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	now, err := s.Admin.Scope(x.Context(), sc.Instance.Slug, sc.Actor)
	if err != nil {
		return nil, err
	}
	list := s.Admin.Users.Mapping(now.Instance)
	x.answer.Header().Set("ETag", tag(list))
	return rows{list}, nil
}

func (s *server) mappingRoutes() []*route {
	type attribute struct {
		Attribute string `json:"attribute"`
	}
	type preview struct {
		User *string         `json:"user"`
		Body json.RawMessage `json:"body"`
	}
	type applied struct {
		Users   int `json:"users"`
		Changed int `json:"changed"`
	}
	return []*route{
		s.adminRoute("PUT", adminInstance+"/mapping", http.StatusOK, s.ofMapping(
			with(func(x *requestContext, sc provisioning.Scope, r rows) (any, error) {
				return s.savedMapping(x, sc, s.Admin.SaveMapping(x.Context(), sc, r.Rows))
			}))),
		s.adminRoute("DELETE", adminInstance+"/mapping", http.StatusNoContent, s.ofMapping(
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return nil, s.Admin.RestoreMapping(x.Context(), sc)
			})),
		s.adminRoute("PUT", adminInstance+"/mapping/{field}", http.StatusOK, s.ofMapping(
			with(func(x *requestContext, sc provisioning.Scope, a attribute) (any, error) {
				return s.savedMapping(x, sc,
					s.Admin.MapField(x.Context(), sc, a.Attribute, x.PathValue("field")))
			}))),
		s.adminRoute("DELETE", adminInstance+"/mapping/{field}", http.StatusNoContent, s.ofMapping(
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return nil, s.Admin.UnmapField(x.Context(), sc, x.PathValue("field"))
			})),
		s.adminRoute("POST", adminInstance+"/mapping/preview", http.StatusOK,
			with(func(x *requestContext, sc provisioning.Scope, p preview) (any, error) {
				if p.User != nil {
					return s.Admin.PreviewUser(x.Context(), sc, *p.User)
				}
				return s.Admin.Preview(sc, p.Body)
			})),
		s.long(s.adminRoute("POST", adminInstance+"/mapping/apply", http.StatusOK,
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				done, err := s.Admin.Users.Reapply(x.Context(), sc,
					func(provisioning.Reapplied, int) {})
				return applied{done.Users, done.Changed}, err
			})),
	}
}

func (s *server) workflowRoutes() []*route {
	type objectType struct {
		Name string `json:"name"`
	}
	return []*route{
		s.adminRoute("POST", adminInstance+"/rules", http.StatusCreated, ofRules(
			with(func(
				x *requestContext, sc provisioning.Scope, n administration.NewRule,
			) (any, error) {
				return s.Admin.CreateRule(x.Context(), sc, n)
			}))),
		s.adminRoute("DELETE", adminInstance+"/rules/{rule}", http.StatusNoContent, ofRules(
			func(x *requestContext, sc provisioning.Scope) (any, error) {
				return nothing(s.Admin.DeleteRule(x.Context(), sc, x.PathValue("rule")))
			})),
		s.adminRoute("POST", adminInstance+"/object-types", http.StatusNoContent,
			with(func(x *requestContext, sc provisioning.Scope, t objectType) (any, error) {
				return nil, s.Admin.DefineType(x.Context(), sc, t.Name)
			})),
	}
}
