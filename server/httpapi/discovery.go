package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"

	"muster/server/events"
	"muster/server/scim"
	"muster/server/scim/schema"
)

// metaOf is the meta of what is configured and never changes.
type metaOf struct {
	ResourceType string `json:"resourceType"`
	Location     string `json:"location"`
}

func (s *server) serviceProviderConfig(x *requestContext) error {
	type supported struct {
		Supported bool `json:"supported"`
	}
	type bulk struct {
		Supported      bool `json:"supported"`
		MaxOperations  int  `json:"maxOperations"`
		MaxPayloadSize int  `json:"maxPayloadSize"`
	}
	type security struct {
		AsyncRequest string   `json:"asyncRequest"`
		EventURIs    []string `json:"eventUris"`
	}
	type filter struct {
		Supported  bool `json:"supported"`
		MaxResults int  `json:"maxResults"`
	}
	type scheme struct {
		Type        string `json:"type"`
		Name        string `json:"name"`
		Description string `json:"description"`
		SpecURI     string `json:"specUri"`
		Primary     bool   `json:"primary"`
	}
	config := struct {
		Schemas        []string  `json:"schemas"`
		Patch          supported `json:"patch"`
		Bulk           bulk      `json:"bulk"`
		Filter         filter    `json:"filter"`
		ChangePassword supported `json:"changePassword"`
		Sort           supported `json:"sort"`
		ETag           supported `json:"etag"`
		Pagination     struct {
			Cursor        bool   `json:"cursor"`
			Index         bool   `json:"index"`
			Default       string `json:"defaultPaginationMethod"`
			DefaultSize   int    `json:"defaultPageSize"`
			MaxSize       int    `json:"maxPageSize"`
			CursorTimeout int    `json:"cursorTimeout"`
		} `json:"pagination"`
		Events  security `json:"securityEvents"`
		Schemes []scheme `json:"authenticationSchemes"`
		Meta    metaOf   `json:"meta"`
	}{
		Schemas: []string{scim.ServiceProviderConfigURN},
		Patch:   supported{true},
		Bulk:    bulk{true, MaxBulkOperations, MaxBulkPayload},
		Filter:  filter{true, MaxCount},
		Sort:    supported{true},
		ETag:    supported{true},
		Events:  security{s.asyncRequest(), events.URIs()},
		Schemes: []scheme{{
			Type: "oauthbearertoken", Name: "API key", Primary: true,
			SpecURI: "https://www.rfc-editor.org/info/rfc6750",
			Description: "An API key of an instance of the application, sent as a bearer token. " +
				"It is made on behalf of an integration user.",
		}, {
			Type: "oauthbearertoken", Name: "OAuth 2.0 access token",
			SpecURI: "https://www.rfc-editor.org/info/rfc7523",
			Description: "An access token that a client gets for a JWT that it signs, sent as a " +
				"bearer token. /.well-known/oauth-authorization-server tells where.",
		}},
		Meta: metaOf{"ServiceProviderConfig", x.base + "/ServiceProviderConfig"},
	}
	p := &config.Pagination
	p.Cursor, p.Index, p.Default = true, true, "index"
	p.DefaultSize, p.MaxSize, p.CursorTimeout = DefaultCount, MaxCount, int(CursorTimeout.Seconds())
	return s.sendValue(x, config)
}

// asyncRequest is that of Section 4 of RFC 9967.
func (s *server) asyncRequest() string {
	if s.Requests == nil {
		return "none"
	}
	return "request"
}

// resourceType is the message of Section 6 of RFC 7643.
type resourceType struct {
	Schemas     []string    `json:"schemas"`
	ID          string      `json:"id"`
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Endpoint    string      `json:"endpoint"`
	Schema      string      `json:"schema"`
	Extensions  []extension `json:"schemaExtensions,omitempty"`
	Meta        metaOf      `json:"meta"`
}

type extension struct {
	Schema   string `json:"schema"`
	Required bool   `json:"required"`
}

// types returns the resource types of the request's instance.
func (s *server) types(x *requestContext) []*schema.ResourceType {
	return []*schema.ResourceType{s.userType(x), s.Admin.Users.GroupType()}
}

// userType returns the resource type User with the custom fields of the
// request's instance.
func (s *server) userType(x *requestContext) *schema.ResourceType {
	return s.Admin.Users.UserType(x.scope.Instance)
}

func (x *requestContext) describeType(rt *schema.ResourceType) resourceType {
	t := resourceType{
		Schemas: []string{scim.ResourceTypeURN}, ID: rt.Name, Name: rt.Name,
		Description: rt.Description,
		Endpoint:    rt.Endpoint, Schema: rt.Schema.ID,
		Meta: metaOf{"ResourceType", x.base + "/ResourceTypes/" + rt.Name},
	}
	for _, e := range rt.Extensions {
		t.Extensions = append(t.Extensions, extension{Schema: e.ID})
	}
	return t
}

func (s *server) listResourceTypes(x *requestContext) error {
	var list []any
	for _, rt := range s.types(x) {
		list = append(list, x.describeType(rt))
	}
	return s.sendList(x, list)
}

func (s *server) getResourceType(x *requestContext) error {
	for _, rt := range s.types(x) {
		if rt.Name == x.PathValue("id") {
			return s.sendValue(x, x.describeType(rt))
		}
	}
	return scim.NotFound("ResourceType", x.PathValue("id"))
}

// published is a schema as it is served: with what every resource has.
type published struct {
	Schemas []string `json:"schemas"`
	*schema.Schema
	Meta metaOf `json:"meta"`
}

func (s *server) schemas(x *requestContext) []published {
	var list []published
	for _, rt := range s.types(x) {
		for _, d := range append([]*schema.Schema{rt.Schema}, rt.Extensions...) {
			list = append(list, published{
				[]string{scim.SchemaURN}, d, metaOf{"Schema", x.base + "/Schemas/" + d.ID},
			})
		}
	}
	return list
}

func (s *server) listSchemas(x *requestContext) error {
	var list []any
	for _, d := range s.schemas(x) {
		list = append(list, d)
	}
	return s.sendList(x, list)
}

func (s *server) getSchema(x *requestContext) error {
	for _, d := range s.schemas(x) {
		if strings.EqualFold(d.ID, x.PathValue("id")) {
			return s.sendValue(x, d)
		}
	}
	return scim.NotFound("Schema", x.PathValue("id"))
}

// sendList answers with all of a list that is never long.
func (s *server) sendList(x *requestContext, list []any) error {
	return x.sendResources(len(list), `,"startIndex":1`,
		rendered(list, func(dst []byte, v any) ([]byte, error) {
			b, err := json.Marshal(v)
			return append(dst, b...), err
		}))
}

func (s *server) sendValue(x *requestContext, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return x.sendJSON(http.StatusOK, x.mediaType(), body)
}
