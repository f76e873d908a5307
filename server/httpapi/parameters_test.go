package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"muster/server/history"
	"muster/spec"
)

// ordinary are values of parameters that clients send.
func ordinary(name string) string {
	switch name {
	case "filter":
		return `displayName eq "none"`
	case "startIndex":
		return "1"
	case "count":
		return "100"
	case "sortBy", "attributes", "excludedAttributes":
		return "id"
	case "sortOrder":
		return "ascending"
	}
	return ""
}

// TestEveryParameter sends each parameter of the document once, with an
// ordinary value, wherever the document has it: none is refused but the filter
// of what is configured, by 403 (Section 4 of RFC 7644).
func TestEveryParameter(t *testing.T) {
	for _, strict := range []bool{false, true} {
		f := newFixture(t, strict)
		id := f.createAnna()
		doc, err := openapi3.NewLoader().LoadFromData(spec.OpenAPI())
		fatal(t, err)
		n := 0
		for path, item := range doc.Paths.Map() {
			operation := item.Get
			if operation == nil || !strings.HasPrefix(path, "/scim/v2") ||
				strings.HasPrefix(path, "/scim/v2/Groups/") {
				continue
			}
			at := strings.NewReplacer("/Users/{id}", "/Users/"+id, "/ResourceTypes/{id}",
				"/ResourceTypes/User", "/Schemas/{id}",
				"/Schemas/urn:ietf:params:scim:schemas:core:2.0:User").Replace(path)
			for _, p := range append(item.Parameters, operation.Parameters...) {
				if p.Value.In != openapi3.ParameterInQuery {
					continue
				}
				n++
				want := http.StatusOK
				if p.Value.Name == "filter" && strings.Contains(p.Value.Description, "403") {
					want = http.StatusForbidden
				}
				if p.Value.Name == "sortBy" && path == "/scim/v2" {
					want = http.StatusBadRequest // across types there is no order
				}
				a := f.send("GET",
					at+"?"+url.Values{p.Value.Name: {ordinary(p.Value.Name)}}.Encode(), "")
				if a.status != want {
					t.Errorf("strict %v: GET %s with %s: %d %s", strict, path, p.Value.Name,
						a.status, a.text)
				}
			}
		}
		if n < 60 {
			t.Errorf("only %d parameters were tried", n)
		}
	}
}

// TestUnknownParameters: what nobody knows is ignored, but what looks like a
// restriction of the answer is not; nor is anything by the admin API.
func TestUnknownParameters(t *testing.T) {
	f := newFixture(t, false)
	id := f.createAnna()
	user, admin := "/scim/v2/Users/"+id, "/admin/v1/instances"
	for _, test := range []struct {
		path   string
		status int
		detail string
	}{
		{"/scim/v2/Users?api-version=1&page=2&sort=x&account=acme", 200, ""},
		{"/scim/v2/Users?COUNT=0", 200, `"itemsPerPage":0`},
		{"/scim/v2/Users?FILTER=userName+eq+%22nobody%22", 200, `"totalResults":0`},
		{"/scim/v2/Users?count=1&Count=2", 400, "given 2 times"},
		{"/scim/v2/Users?count=x", 400, "not valid"},
		{"/scim/v2/Users?Count=x", 400, "not valid"},
		{"/scim/v2/Users?filters=x", 400, "did you mean filter?"},
		{"/scim/v2/Users?Filterr=x", 400, "did you mean filter?"},
		{"/scim/v2/Users?excluded_attributes=x", 400, "did you mean excludedAttributes?"},
		{"/scim/v2/Users?curser=x", 400, "did you mean cursor?"},
		{"/scim/v2/Schemas?Filter=x", 403, "cannot be filtered"},
		{"/scim/v2/Schemas?fliter=x", 400, "did you mean filter?"},
		{user + "?x=1", 200, "anna"},
		{user + "?count=1", 200, "anna"},
		{user + "?filter=x", 400, "did you mean filter?"},
		{user + "?ATTRIBUTES=userName", 200, "anna"},
		{user + "?attribute=userName", 400, "did you mean attributes?"},
		{admin + "?x=1", 400, "this request takes none"},
	} {
		token := f.keys["acme"]
		if strings.HasPrefix(test.path, admin) {
			token = f.adminToken
		}
		a := f.send("GET", test.path, "", "Authorization", "Bearer "+token)
		if a.status != test.status || !strings.Contains(a.text, test.detail) {
			t.Errorf("%s: %d %s, want %d with %q", test.path, a.status, a.text, test.status,
				test.detail)
		}
	}
}

// TestSlashes: a request is served however many slashes join its parts, with
// its body, and by no redirect.
func TestSlashes(t *testing.T) {
	f := newFixture(t, false)
	f.Client().CheckRedirect = func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}
	id := f.createAnna()
	for _, path := range []string{
		"/scim/v2/Users/" + id + "/", "/scim/v2//Users/" + id, "//scim/v2/Users//" + id + "//",
		"/instances/acme//scim/v2//Users/" + id, "/scim/v2/Users/" + id,
	} {
		a := f.send("PATCH", path, `{"Operations":[{"op":"replace","path":"title","value":"T"}]}`)
		if a.status != 200 || a.body["title"] != "T" {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	if a := f.send("GET", "/scim/v2//", ""); a.status != 200 {
		t.Errorf("the base: %d %s", a.status, a.text)
	}
	for _, path := range []string{"/scim/v2/Users%2f" + id, "/scim/v2/Users/%2f" + id} {
		if a := f.send("GET", path, ""); a.status != 404 {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
}

// TestDroppedIsTold: what a value held too much is named in the history, and
// its content is not.
func TestDroppedIsTold(t *testing.T) {
	f := newFixture(t, false)
	id := f.createAnna()
	role := `[{"value":"r","displayName":"Reader","id":"18d14569","secret":"hunter2"}]`
	for name, send := range map[string]func() answer{
		"POST": func() answer {
			return f.send("POST", "/scim/v2/Users", `{"userName":"ben","roles":`+role+`}`)
		},
		"PUT": func() answer {
			return f.send("PUT", "/scim/v2/Users/"+id, `{"userName":"anna","roles":`+role+`}`)
		},
		"PATCH": func() answer {
			return f.send("PATCH", "/scim/v2/Users/"+id,
				`{"Operations":[{"op":"add","path":"entitlements","value":`+role+`}]}`)
		},
		"Bulk": func() answer {
			return f.send("POST", "/scim/v2/Bulk",
				`{"Operations":[{"method":"POST","bulkId":"a","path":"/Users",`+
					`"data":{"userName":"eve","roles":`+
					role+
					`}}]}`)
		},
	} {
		if a := send(); a.status >= 300 || strings.Contains(a.text, "hunter2") {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	told := 0
	fatal(t, f.users.History(t.Context(), history.Query{InstanceID: f.scopes["acme"].Instance.ID},
		func(e *history.Entry) error {
			text, err := json.Marshal(e)
			if strings.Contains(e.Detail, ".id is unknown and was dropped") &&
				strings.Contains(e.Detail, ".secret is unknown and was dropped") {
				told++
			}
			if strings.Contains(string(text), "hunter2") ||
				strings.Contains(string(text), "18d14569") {
				t.Errorf("the history holds what was dropped: %s", text)
			}
			return err
		}))
	if told != 4 {
		t.Errorf("%d rows tell of it, want 4", told)
	}
}
