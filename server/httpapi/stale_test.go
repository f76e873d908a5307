package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"muster/server/instance"
)

// TestRevokedAtOnce: a server that has just accepted a key refuses it at the
// next request on every route, when it was revoked behind the server's back.
func TestRevokedAtOnce(t *testing.T) {
	f := newFixture(t, false)
	id := f.createAnna()
	list := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],` +
		`"Operations":[{"method":"DELETE","path":"/Users/` +
		id +
		`"}]}`
	for _, test := range []struct{ method, path, body string }{
		{"GET", "/Users", ""},
		{"GET", "/Users/" + id, ""},
		{"GET", "/Groups", ""},
		{"GET", "/Schemas", ""},
		{"GET", "/ServiceProviderConfig", ""},
		{"GET", "/ResourceTypes/User", ""},
		{"GET", "/Me", ""},
		{"GET", "/nowhere", ""},
		{"GET", "/Users?count=x", ""},
		{"DELETE", "/Users", ""},
		{"POST", "/Users", `{"userName":"ben"}`},
		{"POST", "/Users", `{"title":"x"}`},
		{"POST", "/Users", `{`},
		{"POST", "/Groups", `{"displayName":"G"}`},
		{"PUT", "/Users/" + id, `{"userName":"anna"}`},
		{
			"PATCH", "/Users/" + id,
			`{"Operations":[{"op":"replace","path":"active","value":false}]}`,
		},
		{"POST", "/.search", `{"filter":"id pr"}`},
		{"POST", "/Bulk", list},
		{"DELETE", "/Users/" + id, ""},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			sc := f.scopes["acme"]
			k, key, err := f.instances.CreateKey(t.Context(), sc.Instance,
				instance.KeyRequest{UserName: "scim-acme"}, sc.Actor)
			fatal(t, err)
			if a := f.send("GET", "/scim/v2/Users", "", "Authorization",
				"Bearer "+key); a.status != http.StatusOK {
				t.Fatalf("the new key: %d", a.status)
			}
			_, err = f.instances.RevokeKey(t.Context(), sc.Instance, k.ID, sc.Actor)
			fatal(t, err)
			a := f.send(test.method, "/scim/v2"+test.path, test.body, "Authorization",
				"Bearer "+key)
			wantError(t, a, http.StatusUnauthorized, "", "revoked")
		})
	}
	if a := f.send("GET", "/scim/v2/Users/"+id, ""); a.status != http.StatusOK ||
		!strings.Contains(a.text, `"active":true`) {
		t.Errorf("a revoked key changed something: %d %s", a.status, a.text)
	}
}

// TestFieldAtOnce: a request that comes after a custom field was added knows
// the field, whatever the server remembered; with its body, once.
func TestFieldAtOnce(t *testing.T) {
	f := newFixture(t, false)
	id := f.createAnna()
	const extension = "urn:muster:params:scim:schemas:extension:application:1.0:User"
	sc := f.scopes["acme"]
	_, err := f.instances.AddField(t.Context(), sc.Instance,
		instance.Field{Name: "country", Title: "Country", Type: instance.Text}, sc.Actor)
	fatal(t, err)
	a := f.send("POST", "/scim/v2/Users", `{"userName":"ben","`+extension+`":{"country":"NL"}}`)
	if a.status != http.StatusCreated || !strings.Contains(a.text, `"country":"NL"`) {
		t.Errorf("POST: %d %s", a.status, a.text)
	}
	_, err = f.instances.AddField(t.Context(), sc.Instance,
		instance.Field{Name: "city", Title: "City", Type: instance.Text}, sc.Actor)
	fatal(t, err)
	if a := f.send("GET", "/scim/v2/Schemas/"+extension, ""); !strings.Contains(a.text, `"city"`) {
		t.Errorf("Schemas: %d %s", a.status, a.text)
	}
	_, err = f.instances.AddField(t.Context(), sc.Instance,
		instance.Field{Name: "floor", Title: "Floor", Type: instance.Text}, sc.Actor)
	fatal(t, err)
	a = f.send("PATCH", "/scim/v2/Users/"+id,
		`{"Operations":[{"op":"add","path":"`+extension+`:floor","value":"3"}]}`)
	if a.status != http.StatusOK || !strings.Contains(a.text, `"floor":"3"`) {
		t.Errorf("PATCH: %d %s", a.status, a.text)
	}
}
