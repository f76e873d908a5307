package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"muster/server/instance"
	"muster/server/scim"
)

// TestPrefer: who prefers to wait for a while gets the normal answer, if it is there in
// time, and else the address of the completion.
func TestPrefer(t *testing.T) {
	p := newPostponing(t)
	post := func(name string, headers ...string) answer {
		return p.as("acme", "POST", "/Users", userBody(name), headers...)
	}
	for i, test := range []struct {
		prefer []string
		want   int
	}{
		{nil, http.StatusCreated},
		{[]string{"Prefer", "wait=10"}, http.StatusCreated},
		{[]string{"Prefer", "return=minimal"}, http.StatusCreated},
		{[]string{"Prefer", "respond-async, wait=10"}, http.StatusCreated},
		{[]string{"Prefer", `WAIT="10"; x=y , Respond-Async`}, http.StatusCreated},
		{[]string{"Prefer", "respond-async"}, http.StatusAccepted},
		{[]string{"Prefer", "respond-async; x=1", "Accept", "text/html"}, http.StatusAccepted},
		{[]string{"Prefer", "respond-async, wait=-1"}, http.StatusAccepted},
		{[]string{"Prefer", "respond-async, wait=soon"}, http.StatusAccepted},
		{[]string{"Prefer", "respond-async, wait=0, wait=10"}, http.StatusAccepted},
	} {
		name := fmt.Sprintf("user-%d", i)
		a := post(name, test.prefer...)
		if a.status != test.want {
			t.Errorf("%q: %d %s", test.prefer, a.status, a.text)
			continue
		}
		if a.status == http.StatusCreated {
			if a.body["userName"] != name || a.header.Get("Location") == "" ||
				a.header.Get("ETag") == "" || a.header.Get("Set-Txn") != "" {
				t.Errorf("%q: not the normal answer: %v %s", test.prefer, a.header, a.text)
			}
			continue
		}
		txn := a.header.Get("Set-Txn")
		if location := a.header.Get("Location"); location !=
			"https://scim.example.com/scim/v2/Requests/"+txn || a.text != "" {
			t.Errorf("%q: Location %s, body %q", test.prefer, location, a.text)
		}
		list := p.completion("acme", txn)
		if got := payload(t, list[0]); len(list) != 1 || got["status"] != "201" ||
			got["method"] != "POST" || got["version"] != `W/"1"` || list[0].Txn != txn {
			t.Errorf("%q: completed with %v", test.prefer, got)
		}
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE"} {
		a := p.as("acme", method, "/Users/nobody", `{"userName":"x","Operations":[`+
			`{"op":"replace","path":"title","value":"y"}]}`, "Prefer", "respond-async, wait=10")
		if a.status != http.StatusNotFound && a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", method, a.status, a.text)
		}
	}
	a := p.as("acme", "GET", "/Users", "", "Prefer", "respond-async")
	if a.status != http.StatusOK {
		t.Errorf("GET: %d", a.status)
	}
}

// TestPostponedRefusals: what cannot be read at all is refused at once, and what
// cannot be done is refused in its completion.
func TestPostponedRefusals(t *testing.T) {
	p := newPostponing(t)
	async := []string{"Prefer", "respond-async"}
	for _, body := range []string{"", "{", "[]", `"x"`, "null"} {
		a := p.as("acme", "POST", "/Users", body, append(async, "Content-Type",
			"application/scim+json")...)
		wantError(t, a, http.StatusBadRequest, scim.InvalidSyntax, "")
	}
	a := p.as("acme", "POST", "/Users", "x", append(async, "Content-Type", "text/plain")...)
	wantError(t, a, http.StatusUnsupportedMediaType, "", "")
	a = p.as("acme", "POST", "/Bulk", `{"Operations":[{"method":"POST","path":"/Users",`+
		`"bulkId":"a","data":{}},{"method":"POST","path":"/Users","bulkId":"a","data":{}}]}`,
		async...)
	wantError(t, a, http.StatusBadRequest, scim.InvalidValue, "twice")
	a = p.as("acme", "POST", "/Bulk", `{"Operations":[],"x":"`+strings.Repeat("y", 2<<20)+`"}`,
		async...)
	wantError(t, a, http.StatusRequestEntityTooLarge, "", "")
	a = p.as("acme", "POST", "/Users", `{"title":"x"}`, async...)
	c := p.completion("acme", a.header.Get("Set-Txn"))[0]
	got := payload(t, c)
	response, _ := got["response"].(map[string]any)
	if got["status"] != "400" || response["scimType"] != "invalidValue" ||
		response["status"] != "400" || c.Subject.URI != "/Users" {
		t.Errorf("completed with %v about %v", got, c.Subject)
	}
	for _, id := range []string{
		"x", strings.Repeat("0", 32), a.header.Get("Set-Txn") + ":0", "%2e%2e", "a:b",
	} {
		wantError(t, p.as("acme", "GET", "/Requests/"+id, ""), http.StatusNotFound, "", "request")
	}
	wantError(t, p.as("globex", "GET", "/Requests/"+a.header.Get("Set-Txn"), ""),
		http.StatusNotFound, "", "request")
}

// TestPostponedIsTheKeys: only who may see a request sees what came of it, and a key
// that was revoked meanwhile changes nothing.
func TestPostponedIsTheKeys(t *testing.T) {
	p := newPostponing(t)
	sc := p.scopes["acme"]
	key := func(access instance.Access) (*instance.Key, []string) {
		k, text, err := p.instances.CreateKey(t.Context(), sc.Instance,
			instance.KeyRequest{
				UserName: "scim-acme", Permit: instance.Permit{Access: access},
			}, sc.Actor)
		fatal(t, err)
		return k, []string{"Authorization", "Bearer " + text}
	}
	_, users := key(instance.UserAccess)
	_, reader := key(instance.ReadAccess)
	a := p.as("acme", "POST", "/Groups", `{"displayName":"G"}`, "Prefer", "respond-async")
	txn := a.header.Get("Set-Txn")
	p.completion("acme", txn)
	wantError(t, p.send("GET", "/scim/v2/Requests/"+txn, "", users...), http.StatusNotFound, "",
		"request")
	if a := p.send("GET", "/scim/v2/Requests/"+txn, "", reader...); a.status != http.StatusOK {
		t.Errorf("for a reader: %d %s", a.status, a.text)
	}
	a = p.send("POST", "/scim/v2/Users", userBody("own"), append(users, "Prefer",
		"respond-async")...)
	p.completion("acme", a.header.Get("Set-Txn"))
	if a := p.send("GET", "/scim/v2/Requests/"+a.header.Get("Set-Txn"), "",
		users...); a.status != http.StatusOK {
		t.Errorf("its own: %d %s", a.status, a.text)
	}
	for _, denied := range [][]string{users, reader} {
		a := p.send("POST", "/scim/v2/Groups", `{"displayName":"H"}`, append(denied, "Prefer",
			"respond-async")...)
		wantError(t, a, http.StatusForbidden, "", "key")
	}
	// The request waits behind one that fails for now; meanwhile its key is revoked.
	p.store.strike([]int{1, 1, 1, 1, 1, 1, 1, 1})
	p.as("acme", "POST", "/Users", userBody("first"), "Prefer", "respond-async")
	k, late := key(instance.FullAccess)
	a = p.send("POST", "/scim/v2/Users", userBody("late"), append(late, "Prefer",
		"respond-async")...)
	_, err := p.instances.RevokeKey(t.Context(), sc.Instance, k.ID, sc.Actor)
	fatal(t, err)
	got := payload(t, p.completion("acme", a.header.Get("Set-Txn"))[0])
	found := p.as("acme", "GET", `/Users?filter=userName+eq+"late"`, "").body["totalResults"]
	if (got["status"] == "401") != (found == 0.0) || got["status"] != "401" &&
		got["status"] != "201" {
		t.Errorf("completed with %v, and %v users", got, found)
	}
}

// TestAbandoned: of a Bulk whose key is revoked while it is done, what was done is told as
// done, and the rest as refused.
func TestAbandoned(t *testing.T) {
	p := newPostponing(t)
	sc := p.scopes["acme"]
	k, key, err := p.instances.CreateKey(t.Context(), sc.Instance,
		instance.KeyRequest{UserName: "scim-acme"}, sc.Actor)
	fatal(t, err)
	p.store.strike([]int{0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1})
	a := p.send("POST", "/scim/v2/Bulk", `{"schemas":["`+
		`urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[`+
		`{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"first"}},`+
		`{"method":"POST","path":"/Users","bulkId":"b","data":{"userName":"second"}},`+
		`{"method":"DELETE","path":"/Users/bulkId:a"}]}`,
		"Authorization", "Bearer "+key, "Prefer", "respond-async")
	_, err = p.instances.RevokeKey(t.Context(), sc.Instance, k.ID, sc.Actor)
	fatal(t, err)
	list := p.completion("acme", a.header.Get("Set-Txn"))
	var got []string
	for _, c := range list {
		m := payload(t, c)
		got = append(got, fmt.Sprint(m["status"], m["response"] != nil))
	}
	users := p.as("acme", "GET", "/Users?count=0", "").body["totalResults"]
	want := "[201false 401true 401true]"
	if users == 0.0 { // it was revoked before anything was done
		want = "[401true 401true 401true]"
	}
	if fmt.Sprint(got) != want || strings.HasPrefix(list[0].Subject.URI, "/Users/") !=
		(users == 1.0) || users != 0.0 && users != 1.0 {
		t.Errorf("%v users, completed with %v about %v", users, got, list[0].Subject)
	}
}
