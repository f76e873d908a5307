package patch_test

import (
	"strings"
	"testing"

	"muster/server/scim"
	"muster/server/scim/patch"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

const (
	work = `{"type":"work","value":"a@work"}`
	home = `{"type":"home","value":"a@home","primary":true}`
)

// apply applies operations, given as a JSON array, to a user given without
// its userName and schemas; it returns the user in the same notation.
func apply(t *testing.T, user, operations string, strict bool) (string, error) {
	t.Helper()
	rt := schema.User()
	raw, err := scim.DecodeObject([]byte(strings.Replace(user, "{",
		`{"schemas":["`+scim.UserURN+`"],"userName":"anna",`, 1)))
	if err != nil {
		// an empty user leaves a comma behind
		raw, err = scim.DecodeObject([]byte(`{"schemas":["` + scim.UserURN +
			`"],"userName":"anna"}`))
	}
	if err != nil {
		t.Fatal(err)
	}
	before, err := rt.Resource(raw)
	if err != nil {
		t.Fatal(err)
	}
	was := string(rt.Append(nil, before))
	message, err := scim.DecodeObject([]byte(`{"schemas":["` + scim.PatchOpURN +
		`"],"Operations":` + operations + `}`))
	if err != nil {
		t.Fatal(err)
	}
	policy := tolerance.New(strict)
	if message, err = tolerance.Patch(rt, message, policy); err != nil {
		return "", err
	}
	ops, err := patch.Parse(rt, message, policy)
	if err != nil {
		return "", err
	}
	after, err := patch.Apply(rt, before, ops, policy)
	if is := string(rt.Append(nil, before)); is != was {
		t.Errorf("Apply changed its argument: %s, was %s", is, was)
	}
	if err != nil {
		return "", err
	}
	again, err := patch.Apply(rt, before, ops, policy)
	if err != nil || string(rt.Append(nil, again)) != string(rt.Append(nil, after)) {
		t.Errorf("the operations cannot be applied twice: %v, %v", again, err)
	}
	delete(after, "userName")
	_, out, _ := strings.Cut(string(rt.Append(nil, after)), "]")
	return "{" + strings.TrimPrefix(out, ","), nil
}

func TestApply(t *testing.T) {
	for name, test := range map[string]struct{ user, operations, want string }{
		"add an attribute": {
			`{}`, `[{"op":"add","path":"title","value":"T"}]`, `{"title":"T"}`,
		},
		"add replaces a single value": {
			`{"title":"S"}`, `[{"op":"add","path":"title","value":"T"}]`, `{"title":"T"}`,
		},
		"add without path": {
			`{"title":"S"}`, `[{"op":"add","value":{"nickName":"N","name":{"givenName":"A"}}}]`,
			`{"name":{"givenName":"A"},"nickName":"N","title":"S"}`,
		},
		"add merges a complex value": {
			`{"name":{"givenName":"A"}}`, `[{"op":"add","path":"name","value":{"familyName":"B"}}]`,
			`{"name":{"familyName":"B","givenName":"A"}}`,
		},
		"add a sub-attribute": {
			`{}`, `[{"op":"add","path":"name.familyName","value":"B"}]`,
			`{"name":{"familyName":"B"}}`,
		},
		"add to several values": {
			`{"emails":[` + home + `]}`, `[{"op":"add","path":"emails","value":[` + work + `]}]`,
			`{"emails":[{"value":"a@home","type":"home","primary":true},{"value":"a@work",` +
				`"type":"work"}]}`,
		},
		"add what is there": {
			`{"emails":[` + home + `]}`, `[{"op":"add","path":"emails","value":[` + home + `]}]`,
			`{"emails":[{"value":"a@home","type":"home","primary":true}]}`,
		},
		"add what is there, differently": {
			`{"emails":[` + home + `]}`,
			`[{"op":"add","path":"emails","value":[{"type":"home","value":"A@HOME",` +
				`"display":"D"}]}]`,
			`{"emails":[{"value":"A@HOME","display":"D","type":"home","primary":true}]}`,
		},
		"primary moves": {
			`{"emails":[` + home + `]}`,
			`[{"op":"add","path":"emails","value":[{"value":"n@x","primary":true}]}]`,
			`{"emails":[{"value":"a@home","type":"home","primary":false},{"value":"n@x",` +
				`"primary":true}]}`,
		},
		"primary moves by filter": {
			`{"emails":[` + home + `,` + work + `]}`,
			`[{"op":"replace","path":"emails[type eq \"work\"].primary","value":true}]`,
			`{"emails":[{"value":"a@home","type":"home","primary":false},{"value":"a@work",` +
				`"type":"work","primary":true}]}`,
		},
		"replace several values": {
			`{"emails":[` + home + `]}`,
			`[{"op":"replace","path":"emails","value":[` + work + `]}]`,
			`{"emails":[{"value":"a@work","type":"work"}]}`,
		},
		"replace by nothing": {
			`{"emails":[` + home + `]}`, `[{"op":"replace","path":"emails","value":[]}]`, `{}`,
		},
		"replace by null": {
			`{"title":"S"}`, `[{"op":"replace","path":"title","value":null}]`, `{}`,
		},
		"replace merges a complex": {
			`{"name":{"givenName":"A","familyName":"B"}}`,
			`[{"op":"replace","path":"name","value":{"familyName":"C"}}]`,
			`{"name":{"familyName":"C","givenName":"A"}}`,
		},
		"replace without path": {
			`{"title":"S","active":true}`, `[{"op":"replace","value":{"active":false}}]`,
			`{"title":"S","active":false}`,
		},
		"replace a chosen value": {
			`{"emails":[` + home + `,` + work + `]}`,
			`[{"op":"replace","path":"emails[type eq \"work\"]","value":{"value":"n@x"}}]`,
			`{"emails":[{"value":"a@home","type":"home","primary":true},{"value":"n@x",` +
				`"type":"work"}]}`,
		},
		"replace a chosen part": {
			`{"emails":[` + home + `,` + work + `]}`,
			`[{"op":"replace","path":"emails[type eq \"work\"].value","value":"n@x"}]`,
			`{"emails":[{"value":"a@home","type":"home","primary":true},{"value":"n@x",` +
				`"type":"work"}]}`,
		},
		"replace a part of all": {
			`{"emails":[` + home + `,` + work + `]}`,
			`[{"op":"replace","path":"emails.display","value":"D"}]`,
			`{"emails":[{"value":"a@home","display":"D","type":"home","primary":true},` +
				`{"value":"a@work","display":"D","type":"work"}]}`,
		},
		"replace what is not there": {
			`{}`, `[{"op":"replace","path":"emails[type eq \"work\"].value","value":"n@x"}]`,
			`{"emails":[{"value":"n@x","type":"work"}]}`,
		},
		"a part of what is not there": {
			`{}`, `[{"op":"replace","path":"roles[primary eq \"True\"].value","value":"r"}]`,
			`{"roles":[{"value":"r","primary":true}]}`,
		},
		"remove an attribute":      {`{"title":"S"}`, `[{"op":"remove","path":"title"}]`, `{}`},
		"remove what is not there": {`{}`, `[{"op":"remove","path":"title"}]`, `{}`},
		"remove a part": {
			`{"name":{"givenName":"A","familyName":"B"}}`,
			`[{"op":"remove","path":"name.givenName"}]`, `{"name":{"familyName":"B"}}`,
		},
		"remove the last part": {
			`{"name":{"givenName":"A"}}`, `[{"op":"remove","path":"name.givenName"}]`, `{}`,
		},
		"remove a chosen value": {
			`{"emails":[` + home + `,` + work + `]}`,
			`[{"op":"remove","path":"emails[type eq \"home\" and value ew \"HOME\"]"}]`,
			`{"emails":[{"value":"a@work","type":"work"}]}`,
		},
		"remove the last value": {
			`{"emails":[` + home + `]}`, `[{"op":"remove","path":"emails[value pr]"}]`, `{}`,
		},
		"remove a chosen part": {
			`{"emails":[` + home + `]}`,
			`[{"op":"remove","path":"emails[type eq \"home\"].primary"}]`,
			`{"emails":[{"value":"a@home","type":"home"}]}`,
		},
		"remove a chosen absent value": {
			`{"emails":[` + home + `]}`, `[{"op":"remove","path":"emails[type eq \"work\"]"}]`,
			`{"emails":[{"value":"a@home","type":"home","primary":true}]}`,
		},
		"remove listed values": {
			`{"emails":[` + home + `,` + work + `]}`,
			`[{"op":"remove","path":"emails","value":[{"value":"A@home"},{"value":"x"}]}]`,
			`{"emails":[{"value":"a@work","type":"work"}]}`,
		},
		"an extension by URN": {
			`{}`, `[{"op":"add","path":"` + scim.EnterpriseUserURN + `:department","value":"D"}]`,
			`{"` + scim.EnterpriseUserURN + `":{"department":"D"}}`,
		},
		"an extension as a whole": {
			`{"` + scim.EnterpriseUserURN + `":{"department":"D","division":"V"}}`,
			`[{"op":"replace","path":"` + scim.EnterpriseUserURN + `","value":{"department":"E"}}]`,
			`{"` + scim.EnterpriseUserURN + `":{"division":"V","department":"E"}}`,
		},
		"an extension removed": {
			`{"` + scim.EnterpriseUserURN + `":{"department":"D"}}`,
			`[{"op":"remove","path":"` + scim.EnterpriseUserURN + `"}]`, `{}`,
		},
		"an extension without path": {
			`{}`, `[{"op":"add","value":{"` + scim.EnterpriseUserURN + `":{"department":"D"}}}]`,
			`{"` + scim.EnterpriseUserURN + `":{"department":"D"}}`,
		},
		"a core attribute by URN": {
			`{}`, `[{"op":"add","path":"` + scim.UserURN + `:title","value":"T"}]`, `{"title":"T"}`,
		},
		"the manager as a string": {
			`{}`, `[{"op":"Add","path":"` + scim.EnterpriseUserURN + `:manager","value":"m"}]`,
			`{"` + scim.EnterpriseUserURN + `":{"manager":{"value":"m"}}}`,
		},
		"paths for keys": {
			`{}`,
			`[{"op":"replace","value":{"name.givenName":"A",` +
				`"emails[type eq \"work\"].value":"w@x","` +
				scim.EnterpriseUserURN +
				`:department":"D"}}]`,
			`{"name":{"givenName":"A"},"emails":[{"value":"w@x","type":"work"}],"` +
				scim.EnterpriseUserURN + `":{"department":"D"}}`,
		},
		"operations in their order": {
			`{}`,
			`[{"op":"add","path":"emails","value":[` + work +
				`]},{"op":"replace","path":"emails[type eq \"work\"].value","value":"n@x"},` +
				`{"op":"add","path":"title","value":"T"}]`,
			`{"title":"T","emails":[{"value":"n@x","type":"work"}]}`,
		},
		"the id repeated": {
			`{}`, `[{"op":"replace","value":{"id":"7","title":"T"}}]`, `{"title":"T"}`,
		},
		"a boolean as a string": {
			`{}`, `[{"op":"Replace","path":"active","value":"False"}]`, `{"active":false}`,
		},
		"a wrapped value": {
			`{}`, `[{"op":"Replace","path":"displayName","value":[{"$ref":null,"value":"D"}]}]`,
			`{"displayName":"D"}`,
		},
		"a password dropped": {
			`{}`,
			`[{"op":"replace","path":"password","value":"x"},{"op":"replace",` +
				`"value":{"password":"x","title":"T"}}]`,
			`{"title":"T"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := apply(t, test.user, test.operations, false)
			if err != nil || got != test.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, test.want)
			}
		})
	}
}

func TestApplyRefuses(t *testing.T) {
	emails := `{"emails":[` + home + `,` + work + `]}`
	for name, test := range map[string]struct {
		user, operations string
		typ              scim.Type
		detail           string
	}{
		"no operations": {`{}`, `[]`, scim.InvalidSyntax, `no "Operations"`},
		"an unknown op": {
			`{}`, `[{"op":"move","path":"title","value":"x"}]`, scim.InvalidSyntax,
			`Operations[0]: "op" is "move"`,
		},
		"no value": {
			`{}`, `[{"op":"add","path":"title"}]`, scim.InvalidValue, "without a value",
		},
		"remove without path": {`{}`, `[{"op":"remove"}]`, scim.NoTarget, "without a path"},
		"a value without attributes": {
			`{}`, `[{"op":"add","value":"x"}]`, scim.InvalidValue, "needs an object",
		},
		"an unknown path": {
			`{}`, `[{"op":"add","path":"shoe","value":"x"}]`, scim.InvalidPath, `no "shoe"`,
		},
		"an unknown part": {
			emails, `[{"op":"add","path":"emails[type eq \"work\"].shoe","value":"x"}]`,
			scim.InvalidPath, "shoe",
		},
		"an unknown key": {
			`{}`, `[{"op":"add","value":{"shoe":"x"}}]`, scim.InvalidSyntax, "shoe",
		},
		"a malformed path": {
			`{}`, `[{"op":"add","path":"emails[","value":"x"}]`, scim.InvalidPath,
			"expected the name",
		},
		"brackets behind a string": {
			`{}`, `[{"op":"remove","path":"title[value eq \"x\"]"}]`, scim.InvalidPath,
			"brackets choose",
		},
		"a bad filter in brackets": {
			emails, `[{"op":"remove","path":"emails[primary gt true]"}]`, scim.InvalidFilter,
			"eq, ne and pr",
		},
		"a read-only attribute": {
			`{}`, `[{"op":"replace","path":"id","value":"x"}]`, scim.Mutability, "read-only",
		},
		"read-only groups": {
			`{}`, `[{"op":"add","value":{"groups":[{"value":"x"}]}}]`, scim.Mutability, "read-only",
		},
		"the required removed": {
			`{}`, `[{"op":"remove","path":"userName"}]`, scim.Mutability, "required",
		},
		"the required emptied": {
			`{}`, `[{"op":"replace","path":"userName","value":""}]`, scim.Mutability, "required",
		},
		"the required blank": {
			`{}`, `[{"op":"replace","path":"userName","value":" "}]`, scim.InvalidValue, "required",
		},
		"a wrong type": {
			`{}`, `[{"op":"add","path":"title","value":7}]`, scim.InvalidValue,
			"title must be a string, not a number",
		},
		"a wrong type deep inside": {
			`{}`, `[{"op":"add","path":"emails","value":[{"value":true}]}]`, scim.InvalidValue,
			"emails[0].value",
		},
		"two primaries at once": {
			emails, `[{"op":"replace","path":"emails.primary","value":true}]`, scim.InvalidValue,
			"at most one",
		},
		"no such value to fill": {
			emails, `[{"op":"replace","path":"emails[type sw \"x\"].value","value":"n"}]`,
			scim.NoTarget, "no such value",
		},
		"the second fails": {
			`{}`, `[{"op":"add","path":"title","value":"T"},{"op":"remove","path":"userName"}]`,
			scim.Mutability, "required",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := apply(t, test.user, test.operations, false)
			if e := scim.AsError(err); e == nil || e.Status != 400 || e.Type != test.typ ||
				!strings.Contains(e.Detail, test.detail) {
				t.Errorf("got %v, want %s with %q", err, test.typ, test.detail)
			}
		})
	}
}
