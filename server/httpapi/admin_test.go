package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"muster/server/httpapi"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/spec"
)

// TestAdminDoor: neither credential opens the other's door, however the path
// is written.
func TestAdminDoor(t *testing.T) {
	f := newFixture(t, false)
	key, token := "Bearer "+f.keys["acme"], "Bearer "+f.adminToken
	for _, test := range []struct {
		path, authorization, detail string
	}{
		{"/admin/v1/instances", key, "API keys are for SCIM only"},
		{"/admin/v1/instances/acme", key, "API keys are for SCIM only"},
		{"/admin/v1", key, "API keys are for SCIM only"},
		{"/admin/v1/instances", "", "Authorization: Bearer"},
		{"/admin/v1/instances", token + "x", "no token"},
		{"/admin/v1/instances", token[:len(token)-1] + "!", "mistyped"},
		{"/scim/v2/Users", token, "not an API key"},
		{"/instances/acme/scim/v2/Users", token, "not an API key"},
		{"/%61dmin/v1/instances", key, "other credentials"},
		{"/%73cim/v2/Users", token, "not an API key"},
	} {
		a := f.send("GET", test.path, "", "Authorization", test.authorization)
		wantError(t, a, http.StatusUnauthorized, "", test.detail)
	}
	f.Client().CheckRedirect = func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}
	for _, path := range []string{
		"/admin/v1/../../scim/v2/Users", "/scim/v2/../../admin/v1/instances",
		"//admin/v1/instances",
	} {
		for _, authorization := range []string{key, token} {
			if a := f.send("GET", path, "", "Authorization", authorization); a.status < 300 {
				t.Errorf("%s: %d %s", path, a.status, a.text)
			}
		}
	}
}

// observed is a store that tells which instance the reads of users are
// for.
type observed struct {
	provisioning.Store
	tenants []string
}

func (o *observed) User(
	ctx context.Context, instanceID, id string, plain bool,
) (*provisioning.User, error) {
	o.tenants = append(o.tenants, instance.TenantOf(ctx).ID)
	return o.Store.User(ctx, instanceID, id, plain)
}

// TestTenant: what a request does is for the instance of its key.
func TestTenant(t *testing.T) {
	o := &observed{}
	f := newFixtureOn(t, false, func(s provisioning.Store) provisioning.Store {
		o.Store = s
		return o
	})
	f.send("GET", "/scim/v2/Users/"+f.createAnna(), "")
	if len(o.tenants) == 0 || o.tenants[0] != f.scopes["acme"].Instance.ID {
		t.Errorf("done for %q, want acme's id", o.tenants)
	}
}

// TestEveryRouteIsApart walks every route of the document with the key of
// another instance: what acme holds is neither told nor changed.
func TestEveryRouteIsApart(t *testing.T) {
	f := newFixture(t, false)
	const secret = "Kestrel"
	user := f.send("POST", "/scim/v2/Users",
		`{"userName":"anna","displayName":"`+secret+`","externalId":"`+secret+
			`"}`).body["id"].(string)
	group := f.send("POST", "/scim/v2/Groups",
		`{"displayName":"`+secret+`","members":[{"value":"`+user+`"}]}`).body["id"].(string)
	before := f.send("GET", "/scim/v2", "").text
	if !strings.Contains(before, secret) {
		t.Fatalf("acme's own key does not show it: %s", before)
	}
	bodies := map[string]string{
		"UserWrite":  `{"userName":"mallory","externalId":"` + user + `"}`,
		"GroupWrite": `{"displayName":"G","members":[{"value":"` + user + `"}]}`,
		"PatchOp":    `{"Operations":[{"op":"add","path":"displayName","value":"x"}]}`,
		"SearchRequest": `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],` +
			`"filter":"id eq \"` +
			user +
			`\" or displayName co \"` +
			secret +
			`\""}`,
		"BulkRequest": `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[
			{"method":"DELETE","path":"/Users/` + user + `"},{"method":"DELETE","path":"/Groups/` +
			group + `"}]}`,
	}
	doc, err := openapi3.NewLoader().LoadFromData(spec.OpenAPI())
	fatal(t, err)
	walked := 0
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			body := ""
			if b := operation.RequestBody; b != nil && strings.HasPrefix(path, httpapi.Base) {
				ref := b.Value.Content.Get("application/scim+json").Schema.Ref
				if body = bodies[ref[strings.LastIndexByte(ref, '/')+1:]]; body == "" {
					t.Fatalf("%s %s: the test has no body for %s", method, path, ref)
				}
			}
			for _, id := range []string{user, group, "acme"} {
				walked++
				a := f.send(method, pathParameter.ReplaceAllString(path, id), body, "Authorization",
					"Bearer "+f.keys["globex"])
				switch {
				case strings.Contains(a.text, secret):
					t.Errorf("%s %s tells: %s", method, path, a.text)
				case strings.HasPrefix(path, httpapi.AdminBase) &&
					a.status != http.StatusUnauthorized:
					t.Errorf("%s %s: %d %s", method, path, a.status, a.text)
				case (path == "/scim/v2/Users/{id}" || path == "/scim/v2/Groups/{id}") &&
					a.status != http.StatusNotFound:
					t.Errorf("%s %s: %d %s", method, path, a.status, a.text)
				}
			}
		}
	}
	if after := f.send("GET", "/scim/v2", "").text; after != before {
		t.Errorf("acme was changed:\n%s\n%s", before, after)
	}
	t.Logf("%d requests", walked)
}
