package patch_test

import (
	"strings"
	"testing"

	"muster/server/scim"
	"muster/server/scim/patch"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

// TestStrict shows what strict mode refuses that is taken otherwise.
func TestStrict(t *testing.T) {
	emails := `{"emails":[` + home + `]}`
	for name, test := range map[string]struct {
		operations string
		typ        scim.Type
		detail     string
	}{
		"replace-missing": {
			`[{"op":"replace","path":"emails[type eq \"work\"].value","value":"x"}]`, scim.NoTarget,
			"no such value",
		},
		"remove-absent": {
			`[{"op":"remove","path":"emails[type eq \"work\"]"}]`, scim.NoTarget, "no such value",
		},
		"remove-with-value": {
			`[{"op":"remove","path":"emails","value":[{"value":"a@home"}]}]`, scim.InvalidSyntax,
			"remove-with-value",
		},
		"op-letter-case": {
			`[{"op":"Add","path":"title","value":"T"}]`, scim.InvalidSyntax, "op-letter-case",
		},
		"path-as-key": {
			`[{"op":"add","value":{"name.givenName":"A"}}]`, scim.InvalidSyntax, "path-as-key",
		},
		"id-in-value": {`[{"op":"add","value":{"id":"A"}}]`, scim.InvalidSyntax, "id-in-value"},
		"wrapped-value": {
			`[{"op":"add","path":"title","value":[{"value":"A"}]}]`, scim.InvalidSyntax,
			"wrapped-value",
		},
		"boolean-string": {
			`[{"op":"add","path":"active","value":"True"}]`, scim.InvalidSyntax, "boolean-string",
		},
		"password": {
			`[{"op":"add","path":"password","value":"x"}]`, scim.InvalidSyntax, "password",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := apply(t, emails, test.operations, true)
			if e := scim.AsError(err); e == nil || e.Status != 400 || e.Type != test.typ ||
				!strings.Contains(e.Detail, test.detail) {
				t.Errorf("got %v, want %s with %q", err, test.typ, test.detail)
			}
			if _, err := apply(t, emails, test.operations, false); err != nil {
				t.Errorf("not taken in tolerant mode: %v", err)
			}
		})
	}
}

func TestMembersAreImmutable(t *testing.T) {
	rt := schema.Group()
	group := schema.Resource{
		"displayName": "G", "members": []any{map[string]any{"value": "1", "type": "User"}},
	}
	for operations, want := range map[string]scim.Type{
		`[{"op":"replace","path":"members[value eq \"1\"].value","value":"2"}]`: scim.Mutability,
		`[{"op":"replace","path":"members[value eq \"1\"].value","value":"1"}]`: "",
		`[{"op":"add","path":"members","value":[{"value":"1"}]}]`:               "",
	} {
		message, err := scim.DecodeObject([]byte(`{"Operations":` + operations + `}`))
		if err != nil {
			t.Fatal(err)
		}
		ops, err := patch.Parse(rt, message, nil)
		if err != nil {
			t.Fatal(err)
		}
		out, err := patch.Apply(rt, group, ops, nil)
		e := scim.AsError(err)
		if (want == "") != (err == nil) || e != nil && e.Type != want {
			t.Errorf("%s: got %v, %v", operations, out, err)
		}
		if err == nil && len(out["members"].([]any)) != 1 {
			t.Errorf("%s: got %v", operations, out)
		}
	}
}

func FuzzPatch(f *testing.F) {
	f.Add(`{"op":"replace","path":"emails[type eq \"work\"].value","value":"x"}`)
	f.Add(`{"op":"Add","value":{"name.givenName":"A","emails":[{"value":"b","primary":"True"}]}}`)
	f.Add(`{"op":"remove","path":"name.givenName"}`)
	rt := schema.User()
	f.Fuzz(func(t *testing.T, operation string) {
		message, err := scim.DecodeObject([]byte(`{"Operations":[` + operation + `]}`))
		if err != nil {
			return
		}
		policy := tolerance.New(false)
		message, err = tolerance.Patch(rt, message, policy)
		var ops []patch.Operation
		if err == nil {
			ops, err = patch.Parse(rt, message, policy)
		}
		var out schema.Resource
		if err == nil {
			out, err = patch.Apply(rt,
				schema.Resource{
					"userName": "a", "emails": []any{map[string]any{"value": "a", "type": "work"}},
				}, ops, policy)
		}
		if err != nil {
			if scim.AsError(err) == nil {
				t.Fatalf("%v is no SCIM error", err)
			}
			return
		}
		// What comes out is in canonical form: it passes the check unchanged.
		text := rt.Append(nil, out)
		raw, err := scim.DecodeObject(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		again, err := rt.Resource(raw)
		if err != nil || string(rt.Append(nil, again)) != string(text) {
			t.Fatalf("%s\nbecomes %s, %v", text, rt.Append(nil, again), err)
		}
	})
}
