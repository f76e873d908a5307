package httpapi_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"muster/server/history"
	"muster/server/httpapi"
	"muster/server/instance"
	"muster/server/scim"
)

// TestBadRequests: each is refused with a SCIM error that says what is
// wrong, changes nothing, and is in the change history if it would have
// changed something.
func TestBadRequests(t *testing.T) {
	f := newFixture(t, false)
	id := f.createAnna()
	user := "/scim/v2/Users/" + id
	for name, test := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		typ                scim.Type
		detail             string
	}{
		"not JSON": {
			"POST", "/scim/v2/Users", `userName=ben`, nil, 400, scim.InvalidSyntax,
			"not valid JSON",
		},
		"cut off": {
			"POST", "/scim/v2/Users", `{"userName":"be`, nil, 400, scim.InvalidSyntax,
			"middle of its JSON",
		},
		"no body": {
			"POST", "/scim/v2/Users", ``,
			[]string{"Content-Type", "application/scim+json"},
			400,
			scim.InvalidSyntax, "empty",
		},
		"an array": {
			"POST", "/scim/v2/Users", `[]`, nil, 400, scim.InvalidSyntax, "not a JSON object",
		},
		"two objects": {
			"POST", "/scim/v2/Users", userBody("ben") + `{}`, nil, 400, scim.InvalidSyntax,
			"goes on",
		},
		"a key twice": {
			"POST", "/scim/v2/Users", `{"userName":"a","userName":"b"}`, nil, 400,
			scim.InvalidSyntax, "twice",
		},
		"too deep": {
			"POST", "/scim/v2/Users", strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50),
			nil, 400, scim.InvalidSyntax, "levels",
		},
		"too large": {
			"POST", "/scim/v2/Users", `{"userName":"` + strings.Repeat("x", httpapi.MaxBody) + `"}`,
			nil, 413, "", "larger than",
		},
		"another content type": {
			"POST", "/scim/v2/Users", userBody("ben"),
			[]string{"Content-Type", "text/plain"},
			415,
			"", "application/scim+json",
		},
		"another charset": {
			"POST", "/scim/v2/Users", userBody("ben"),
			[]string{"Content-Type", "application/json; charset=utf-16"},
			415, "", "",
		},
		"an unknown schema": {
			"POST", "/scim/v2/Users", `{"schemas":["urn:x:y"],"userName":"ben"}`, nil, 400,
			scim.InvalidSyntax, `unknown schema "urn:x:y"`,
		},
		"an unknown attribute": {
			"POST", "/scim/v2/Users", `{"userName":"ben","shoeSize":43}`, nil, 400,
			scim.InvalidSyntax, `"shoeSize"`,
		},
		"a wrong type": {
			"POST", "/scim/v2/Users", `{"userName":7}`, nil, 400, scim.InvalidValue, "userName",
		},
		"a wrong type deep": {
			"POST", "/scim/v2/Users", `{"userName":"ben","emails":[{"value":true}]}`, nil, 400,
			scim.InvalidValue, "emails[0].value",
		},
		"no user name": {
			"POST", "/scim/v2/Users", `{"displayName":"Ben"}`, nil, 400, scim.InvalidValue,
			"userName",
		},
		"U+0000": {
			"POST", "/scim/v2/Users", `{"userName":"a\u0000b"}`, nil, 400, scim.InvalidValue,
			"U+0000",
		},
		"a taken name": {
			"POST", "/scim/v2/Users", userBody("ANNA"), nil, 409, scim.Uniqueness,
			"another user of this instance",
		},
		"a group without name": {
			"POST", "/scim/v2/Groups", `{"members":[]}`, nil, 400, scim.InvalidValue, "displayName",
		},
		"a member from nowhere": {
			"POST", "/scim/v2/Groups", `{"displayName":"G","members":[{"value":"nobody"}]}`, nil,
			400, scim.InvalidValue, "nobody",
		},
		"an unknown id": {
			"GET", "/scim/v2/Users/1", ``, nil, 404, "", `User "1" not found`,
		},
		"PUT to an unknown id": {
			"PUT", "/scim/v2/Users/1", userBody("ben"), nil, 404, "", "not found",
		},
		"a bad filter": {
			"GET", "/scim/v2/Users?filter=userName", ``, nil, 400, scim.InvalidFilter, "operator",
		},
		"an unknown in filter": {
			"GET", "/scim/v2/Users?filter=shoeSize+eq+1", ``, nil, 400, scim.InvalidFilter,
			"shoeSize",
		},
		"a filter too deep": {
			"GET",
			"/scim/v2/Users?filter=" + strings.Repeat("(", 40) + "userName+pr" + strings.Repeat(")",
				40), ``, nil, 400, scim.TooMany, "levels",
		},
		"a filter too long": {
			"GET",
			"/scim/v2/Users?filter=" + strings.Repeat("userName+pr+and+", 200) + "userName+pr", ``,
			nil, 400, scim.TooMany, "comparisons",
		},
		"an empty filter": {
			"GET", "/scim/v2/Users?filter=", ``, nil, 400, scim.InvalidFilter, "",
		},
		"a misspelled parameter": {
			"GET", "/scim/v2/Users?fliter=userName+eq+1", ``, nil, 400, scim.InvalidSyntax,
			`"fliter"`,
		},
		"a parameter twice": {
			"GET", "/scim/v2/Users?count=1&count=2", ``, nil, 400, scim.InvalidSyntax, "2 times",
		},
		"count is no number": {
			"GET", "/scim/v2/Users?count=many", ``, nil, 400, scim.InvalidValue, `"count"`,
		},
		"sort by nothing": {
			"GET", "/scim/v2/Users?sortBy=shoeSize", ``, nil, 400, scim.InvalidValue, "shoeSize",
		},
		"both projections": {
			"GET", "/scim/v2/Users?attributes=title&excludedAttributes=name", ``, nil, 400,
			scim.InvalidValue, "",
		},
		"PATCH without ops": {
			"PATCH", user, `{"schemas":["` + scim.PatchOpURN + `"]}`, nil, 400, scim.InvalidValue,
			"Operations",
		},
		"an unknown op": {
			"PATCH", user, `{"Operations":[{"op":"move","path":"title"}]}`, nil, 400,
			scim.InvalidValue, "",
		},
		"an unknown path": {
			"PATCH", user, `{"Operations":[{"op":"replace","path":"shoeSize","value":1}]}`, nil,
			400, scim.InvalidPath, "shoeSize",
		},
		"read-only": {
			"PATCH", user, `{"Operations":[{"op":"replace","path":"id","value":"x"}]}`, nil, 400,
			scim.Mutability, "id",
		},
		"an old version": {
			"PUT", user, userBody("anna"), []string{"If-Match", `W/"7"`}, 412, "", "version",
		},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, f.send(test.method, test.path, test.body, test.headers...), test.status,
				test.typ, test.detail)
		})
	}
	if a := f.send("GET", "/scim/v2/Users", ""); a.body["totalResults"] != 1.0 {
		t.Errorf("something was written: %s", a.text)
	}
	refused := 0
	fatal(t,
		f.users.History(t.Context(),
			history.Query{InstanceID: f.scopes["acme"].Instance.ID, Outcome: history.Refused},
			func(e *history.Entry) error {
				if e.Actor.KeyID == "" || e.Actor.RequestID == "" || e.Detail == "" ||
					e.Status < 400 {
					t.Errorf("the row tells too little: %+v", e)
				}
				refused++
				return nil
			}))
	if refused < 20 {
		t.Errorf("the history has %d refusals", refused)
	}
}

// TestBulkLimits: what is larger than announced is refused with 413.
func TestBulkLimits(t *testing.T) {
	f := newFixture(t, false)
	head := `{"schemas":["` + scim.BulkRequestURN + `"],"Operations":[`
	operation := `{"method":"DELETE","path":"/Users/1"}`
	many := head + strings.Repeat(operation+",", httpapi.MaxBulkOperations) + operation + "]}"
	wantError(t, f.send("POST", "/scim/v2/Bulk", many), 413, "", "1000 operations")
	long := head + operation + "]" + strings.Repeat(" ", httpapi.MaxBulkPayload) + "}"
	wantError(t, f.send("POST", "/scim/v2/Bulk", long), 413, "", "1048576 bytes")
	alone := f.send("POST", "/scim/v2/Bulk",
		head+`{"method":"POST","path":"/Users","data":{"userName":"a"}},`+
			`{"method":"POST","path":"/Users","bulkId":"","data":{"userName":"b"}},`+
			`{"method":"POST","path":"/Users","bulkId":"c","data":{"userName":"c"}}]}`)
	var statuses []any
	for _, o := range alone.body["Operations"].([]any) {
		statuses = append(statuses, o.(map[string]any)["status"])
	}
	if !slices.Equal(statuses, []any{"400", "400", "201"}) {
		t.Errorf("POSTs without bulkId fail alone: %v, %s", statuses, alone.text)
	}
	for name, body := range map[string]string{
		"a bulkId twice": `{"method":"POST","path":"/Users","bulkId":"a",` +
			`"data":{"userName":"a"}},{"method":"POST","path":"/Users","bulkId":"a",` +
			`"data":{"userName":"b"}}`,
		"another method": `{"method":"GET","path":"/Users"}`,
		"no path":        `{"method":"DELETE"}`,
	} {
		if a := f.send("POST", "/scim/v2/Bulk", head+body+"]}"); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	for _, path := range []string{
		"/Bulk", "/Schemas", "/Me", "/Users/../Groups", "/Users?filter=x", "/../../healthz",
	} {
		a := f.send("POST", "/scim/v2/Bulk", head+`{"method":"DELETE","path":"`+path+`"}]}`)
		if list, _ := a.body["Operations"].([]any); len(list) != 1 ||
			list[0].(map[string]any)["status"].(string) < "400" {
			t.Errorf("%s: %s", path, a.text)
		}
	}
}

// TestBulkStaysInItsInstance: the operations have the rights of the request.
func TestBulkStaysInItsInstance(t *testing.T) {
	f := newFixture(t, false)
	id := f.createAnna()
	body := `{"schemas":["` + scim.BulkRequestURN +
		`"],"Operations":[{"method":"DELETE","path":"/Users/` + id + `"}]}`
	a := f.send("POST", "/scim/v2/Bulk", body, "Authorization", "Bearer "+f.keys["globex"])
	if !strings.Contains(a.text, `"status":"404"`) {
		t.Errorf("got %s", a.text)
	}
	if a := f.send("GET", "/scim/v2/Users/"+id, ""); a.status != 200 {
		t.Errorf("the user is gone: %d", a.status)
	}
}

// TestInstancePath: a base URL that names the instance takes its keys only,
// and stands in what is answered.
func TestInstancePath(t *testing.T) {
	f := newFixture(t, false)
	const base = "https://scim.example.com/instances/acme/scim/v2"
	a := f.send("POST", "/instances/acme/scim/v2/Users", userBody("anna"))
	if a.status != 201 || a.header.Get("Location") != base+"/Users/"+a.body["id"].(string) {
		t.Fatalf("got %d %s %s", a.status, a.header.Get("Location"), a.text)
	}
	if a := f.send("GET", "/instances/acme/scim/v2/ServiceProviderConfig/",
		""); !strings.Contains(a.text, base+"/ServiceProviderConfig") {
		t.Errorf("got %s", a.text)
	}
	wrong := f.send("GET", "/instances/globex/scim/v2/Users", "")
	wantError(t, wrong, 403, "", `for the instance "acme", and the base URL is that of "globex"`)
	if wrong.header.Get("X-Muster-Instance") != "" {
		t.Error("the wrong instance was let in")
	}
	found := 0
	fatal(t,
		f.users.History(t.Context(),
			history.Query{InstanceID: f.scopes["acme"].Instance.ID, Outcome: history.Refused},
			func(e *history.Entry) error {
				if e.Action == history.Authenticate && e.Status == 403 {
					found++
				}
				return nil
			}))
	if found != 1 {
		t.Errorf("%d rows in the history of the key's instance", found)
	}
	for _, path := range []string{
		"/instances/acme/scim/v2/Users", "/instances/nobody/scim/v2/Users",
		"/instances/acme/healthz", "/instances//scim/v2/Users", "/instances/acme/scim/v2/%55sers",
	} {
		if a := f.send("GET", path, "", "Authorization", ""); a.status != 401 {
			t.Errorf("%s without a key: %d", path, a.status)
		}
	}
	for _, path := range []string{
		"/instances/acme/healthz", "/instances/acme", "/instances/acme/scim/v2x",
		"/instances/ACME/scim/v2/Users",
	} {
		if a := f.send("GET", path, ""); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

// TestKeyExpires: a key tells of its end in its last days.
func TestKeyExpires(t *testing.T) {
	f := newFixture(t, false)
	if a := f.send("GET", "/scim/v2/Users", ""); a.header.Get("X-Muster-Key-Expires") != "" {
		t.Errorf("a year before: %s", a.header.Get("X-Muster-Key-Expires"))
	}
	i := f.scopes["acme"].Instance
	_, key, err := f.instances.CreateKey(t.Context(), i,
		instance.KeyRequest{UserName: "scim-acme", Life: instance.ExpiryNotice - time.Hour},
		f.scopes["acme"].Actor)
	fatal(t, err)
	a := f.send("GET", "/scim/v2/Users", "", "Authorization", "Bearer "+key)
	if at, err := time.Parse(time.RFC3339, a.header.Get("X-Muster-Key-Expires")); err != nil ||
		time.Until(at) > instance.ExpiryNotice {
		t.Errorf("got %v, %v", at, err)
	}
}
