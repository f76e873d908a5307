package schema_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"muster/server/scim"
	"muster/server/scim/schema"
)

// decode returns the canonical form of a body, or the error.
func decode(t *testing.T, rt *schema.ResourceType, body string) (schema.Resource, error) {
	t.Helper()
	raw, err := scim.DecodeObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return rt.Resource(raw)
}

const userHead = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"anna",`

func TestResource(t *testing.T) {
	rt := schema.User()
	for name, test := range map[string]struct{ body, want string }{
		"names in any letter case": {
			`"NICKNAME":"A","Name":{"GIVENname":"Anna"}}`,
			`"userName":"anna","name":{"givenName":"Anna"},"nickName":"A"}`,
		},
		"null, empty and read-only are no values": {
			`"title":null,"nickName":"","emails":[],"groups":[{"value":"1"}],"id":"7",` +
				`"meta":{"version":"1"},"name":{"givenName":""}}`,
			`"userName":"anna"}`,
		},
		"canonical values get their spelling": {
			`"emails":[{"value":"a@x","type":"WORK"},{"value":"b@x","type":"Private"}]}`,
			`"userName":"anna","emails":[{"value":"a@x","type":"work"},{"value":"b@x",` +
				`"type":"Private"}]}`,
		},
		"the same value twice is there once": {
			`"emails":[{"value":"a@x"},{"value":"a@x"}]}`,
			`"userName":"anna","emails":[{"value":"a@x"}]}`,
		},
		"common attributes": {
			`"externalId":"X"}`,
			`"externalId":"X","userName":"anna"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := decode(t, rt, userHead+test.body)
			if err != nil {
				t.Fatal(err)
			}
			got := string(rt.Append(nil, r))
			want := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],` + test.want
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestResourceRefuses(t *testing.T) {
	rt := schema.User()
	for name, test := range map[string]struct {
		body   string
		typ    scim.Type
		detail string
	}{
		"no schemas": {`{"userName":"a"}`, scim.InvalidSyntax, `"schemas" is missing`},
		"the schema not listed": {
			`{"schemas":["` + scim.EnterpriseUserURN + `"],"userName":"a"}`, scim.InvalidSyntax,
			"must list",
		},
		"an unknown schema": {
			`{"schemas":["` + scim.UserURN + `","urn:x:y"],"userName":"a"}`, scim.InvalidSyntax,
			`unknown schema "urn:x:y"`,
		},
		"no user name": {
			`{"schemas":["` + scim.UserURN + `"]}`, scim.InvalidValue, "userName is required",
		},
		"a blank user name": {
			`{"schemas":["` + scim.UserURN + `"],"userName":"  "}`, scim.InvalidValue,
			"userName is required",
		},
		"an unknown attribute": {
			userHead + `"shoeSize":43}`, scim.InvalidSyntax, `unknown attribute "shoeSize"`,
		},
		"an unknown part": {
			userHead + `"name":{"first":"A"}}`, scim.InvalidSyntax,
			`unknown sub-attribute "first" of name`,
		},
		"a number for a string": {
			userHead + `"title":7}`, scim.InvalidValue, "title must be a string, not a number",
		},
		"a string for a boolean": {
			userHead + `"active":"yes"}`, scim.InvalidValue,
			"active must be a boolean, not a string",
		},
		"no array": {
			userHead + `"emails":{"value":"a"}}`, scim.InvalidValue,
			"emails must be an array, not an object",
		},
		"deep inside": {
			userHead + `"emails":[{"value":"a"},{"value":true}]}`, scim.InvalidValue,
			"emails[1].value must be a string, not a boolean",
		},
		"two primaries": {
			userHead + `"emails":[{"value":"a","primary":true},{"value":"b","primary":true}]}`,
			scim.InvalidValue, "emails: 2 values are primary",
		},
		"no base64": {
			userHead + `"x509Certificates":[{"value":"%%%"}]}`, scim.InvalidValue,
			"x509Certificates[0].value: the value is not base64",
		},
		"no URI": {
			userHead + `"profileUrl":"http://[::1"}`, scim.InvalidValue, "profileUrl",
		},
		"an extension's unknown": {
			userHead + `"` + scim.EnterpriseUserURN + `":{"shoe":1}}`, scim.InvalidSyntax,
			scim.EnterpriseUserURN + ":shoe",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decode(t, rt, test.body)
			e := scim.AsError(err)
			if e == nil || e.Status != 400 || e.Type != test.typ ||
				!strings.Contains(e.Detail, test.detail) {
				t.Errorf("got %v, want 400 %s with %q", err, test.typ, test.detail)
			}
		})
	}
}

func TestCustomAttributes(t *testing.T) {
	exact := true
	rt := schema.User(&schema.Attribute{
		Name: "badge", Type: schema.String, CaseExact: &exact, Mutability: schema.ReadWrite,
	})
	r, err := decode(t, rt,
		userHead+`"`+strings.ToUpper(scim.ApplicationUserURN)+`":{"Badge":"B7"}}`)
	if err != nil {
		t.Fatal(err)
	}
	want := schema.Resource{
		"userName": "anna", scim.ApplicationUserURN: map[string]any{"badge": "B7"},
	}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got %v", r)
	}
	if _, err := decode(t, schema.User(),
		userHead+`"`+scim.ApplicationUserURN+`":{"badge":"B7"}}`); err == nil {
		t.Error("an instance without the field takes it")
	}
}

func TestAppendSearchable(t *testing.T) {
	rt := schema.User()
	r, err := decode(t, rt, userHead+`"externalId":"AbC","displayName":"STRASSE É","active":true,
		"emails":[{"value":"A@X.example","primary":true}],"profileUrl":"http://X"}`)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(rt.AppendSearchable(nil, r), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"externalId": "AbC", "userName": "anna", "displayName": "strasse é", "active": true,
		"emails":     []any{map[string]any{"value": "a@x.example", "primary": true}},
		"profileUrl": "http://X",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestKeys(t *testing.T) {
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"Anna@Acme.example", "anna@acme.EXAMPLE", true},
		{"ÉLODIE@acme.example", "élodie@acme.example", true},
		{"e\u0301lodie", "\u00e9lodie", true}, // composed and not
		{"ａｎｎａ", "anna", true},                // full-width letters
		{"Anna Novák", "ANNA NOVÁK", true},    // a space: not a PRECIS name
		{"anna", "anna ", false},
		{"анна", "anna", false}, // Cyrillic letters that look alike
		{"o'brien", "obrien", false},
		{"李明", "李明", true},
	} {
		if got := schema.UserNameKey(test.a) == schema.UserNameKey(test.b); got != test.same {
			t.Errorf("%q and %q: same is %v", test.a, test.b, got)
		}
	}
	if schema.Fold("STRASSE") != schema.Fold("Straße") {
		t.Error("Fold does not fold sharp s")
	}
}

func TestResolve(t *testing.T) {
	rt := schema.User()
	for path, want := range map[string]string{
		"userName":                       "userName",
		"USERNAME":                       "userName",
		"name.GivenName":                 "name.givenName",
		"externalid":                     "externalId",
		"meta.lastmodified":              "meta.lastModified",
		scim.UserURN + ":name.givenName": "name.givenName",
		scim.EnterpriseUserURN +
			":manager.value": scim.EnterpriseUserURN + ":manager.value",
		"URN:IETF:params:scim:schemas:extension:enterprise:2.0:" +
			"user:Department": scim.EnterpriseUserURN + ":department",
		"department":                   "",
		"name.":                        "",
		"name.first":                   "",
		"name.givenName.x":             "",
		"urn:unknown:thing":            "",
		scim.EnterpriseUserURN + ":":   "",
		scim.EnterpriseUserURN + ":no": "",
	} {
		a, _ := rt.Resolve(path)
		got := ""
		if a != nil {
			got = rt.FullPath(a)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
	if a, s := rt.Resolve(scim.EnterpriseUserURN); a != nil || s == nil ||
		s.ID != scim.EnterpriseUserURN {
		t.Errorf("the URN alone gives %v, %v", a, s)
	}
}

func TestProjection(t *testing.T) {
	rt := schema.User()
	r, err := decode(t, rt, userHead+`"title":"T","name":{"givenName":"A","familyName":"B"},
		"emails":[{"value":"a@x","type":"work"},{"type":"home","display":"H"}],
		"`+scim.EnterpriseUserURN+`":{"department":"D","division":"V"}}`)
	if err != nil {
		t.Fatal(err)
	}
	r["id"] = "1"
	for _, test := range []struct {
		attributes, excluded []string
		want                 string
	}{
		{[]string{"title"}, nil, `"id":"1","title":"T"`},
		{[]string{"name.givenname"}, nil, `"id":"1","name":{"givenName":"A"}`},
		{[]string{"emails.value"}, nil, `"id":"1","emails":[{"value":"a@x"}]`},
		{
			[]string{scim.EnterpriseUserURN},
			nil,
			`"id":"1","` + scim.EnterpriseUserURN + `":{"division":"V","department":"D"}`,
		},
		{
			[]string{scim.EnterpriseUserURN + ":division"},
			nil,
			`"id":"1","` + scim.EnterpriseUserURN + `":{"division":"V"}`,
		},
		{
			nil,
			[]string{"id", "emails", "name.familyName", scim.EnterpriseUserURN},
			`"id":"1","userName":"anna","name":{"givenName":"A"},"title":"T"`,
		},
	} {
		p, err := rt.Projection(test.attributes, test.excluded)
		if err != nil {
			t.Fatal(err)
		}
		out := string(rt.Append(nil, p.Apply(rt, r)))
		if _, got, _ := strings.Cut(out, "],"); got != test.want+"}" {
			t.Errorf("%v %v\ngot  %s\nwant %s}", test.attributes, test.excluded, got, test.want)
		}
	}
	for _, test := range [][2][]string{{{"shoe"}, nil}, {nil, {"shoe"}}, {{"title"}, {"name"}}} {
		if _, err := rt.Projection(test[0], test[1]); scim.AsError(err) == nil {
			t.Errorf("%v: got %v", test, err)
		}
	}
}

// TestReturned shows the values of "returned", Section 7 of RFC 7643.
func TestReturned(t *testing.T) {
	attribute := func(name string, r schema.Returned) *schema.Attribute {
		return &schema.Attribute{
			Name: name, Type: schema.String, Mutability: schema.ReadWrite, Returned: r,
		}
	}
	rt := schema.User(attribute("always", schema.Always), attribute("never", schema.Never),
		attribute("default", schema.Default), attribute("request", schema.OnRequest))
	const urn = scim.ApplicationUserURN
	r := schema.Resource{
		"id": "1", "userName": "anna",
		urn: map[string]any{"always": "a", "never": "n", "default": "d", "request": "r"},
	}
	for name, test := range map[string]struct {
		attributes, excluded []string
		want                 string
	}{
		"nothing asked for": {nil, nil, "always default"},
		"another asked for": {[]string{"userName"}, nil, "always"},
		"all asked for by name": {
			[]string{urn + ":always", urn + ":never", urn + ":default", urn + ":request"},
			nil,
			"always default request",
		},
		"all left out by name": {
			nil,
			[]string{urn + ":always", urn + ":never", urn + ":default", urn + ":request"},
			"always",
		},
		"another left out":        {nil, []string{"userName"}, "always default"},
		"the extension asked for": {[]string{urn}, nil, "always default request"},
	} {
		p, err := rt.Projection(test.attributes, test.excluded)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := p.Apply(rt, r)[urn].(map[string]any)
		if names := strings.Join(slices.Sorted(maps.Keys(got)), " "); names != test.want {
			t.Errorf("%s: got %s, want %s", name, names, test.want)
		}
	}
}

func TestProjectionTellsWhatIsNeeded(t *testing.T) {
	rt := schema.Group()
	without, _ := rt.Projection(nil, []string{"members"})
	only, _ := rt.Projection([]string{"members.value"}, nil)
	other, _ := rt.Projection([]string{"displayName"}, nil)
	var none *schema.Projection
	for name, test := range map[string]struct{ got, want bool }{
		"members excluded":        {without.Wants("members"), false},
		"a part of members named": {only.Wants("members"), true},
		"another named":           {other.Wants("members"), false},
		"nothing named":           {none.Wants("members"), true},
		"others when excluded":    {without.Wants("displayName"), true},
	} {
		if test.got != test.want {
			t.Errorf("%s: %v", name, test.got)
		}
	}
}
