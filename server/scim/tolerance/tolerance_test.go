package tolerance_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"muster/server/scim"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

const head = `{"schemas":["` + scim.UserURN + `"],"userName":"anna"`

// TestResource shows each deviation of a resource: what is sent, what is
// made of it, and that strict mode refuses it by name.
func TestResource(t *testing.T) {
	for _, test := range []struct {
		deviation  tolerance.Deviation
		sent, want string
	}{
		{tolerance.BooleanString, head + `,"active":"False"}`, head + `,"active":false}`},
		{
			tolerance.BooleanString, head + `,"roles":[{"value":"x","primary":"True"}]}`,
			head + `,"roles":[{"value":"x","primary":true}]}`,
		},
		{tolerance.StatusForActive, head + `,"active":"1"}`, head + `,"active":true}`},
		{tolerance.StatusForActive, head + `,"active":2}`, head + `,"active":false}`},
		{
			tolerance.SingleForMany, head + `,"emails":{"value":"a@x"}}`,
			head + `,"emails":[{"value":"a@x"}]}`,
		},
		{tolerance.BareValue, head + `,"emails":["a@x"]}`, head + `,"emails":[{"value":"a@x"}]}`},
		{
			tolerance.OldSchemaURN, `{"schemas":["urn:scim:schemas:core:2.0"],"userName":"anna"}`,
			head + `}`,
		},
		{
			tolerance.OldSchemaURN,
			`{"schemas":["` + scim.UserURN + `","` + scim.EnterpriseUserURN +
				`"],"userName":"anna",` +
				`"urn:scim:schemas:extension:enterprise:2.0":{"department":"D"}}`,
			`{"schemas":["` + scim.UserURN + `","` + scim.EnterpriseUserURN +
				`"],"userName":"anna","` + scim.EnterpriseUserURN + `":{"department":"D"}}`,
		},
		{tolerance.MissingSchemas, `{"userName":"anna"}`, head + `}`},
		{
			tolerance.ForeignSchemaURN,
			`{"schemas":["` + scim.UserURN +
				`","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/User"],` +
				`"userName":"anna"}`,
			head + `}`,
		},
		{
			tolerance.UnlistedExtension,
			head + `,"` + scim.EnterpriseUserURN + `":{"department":"D"}}`,
			`{"schemas":["` + scim.UserURN + `","` + scim.EnterpriseUserURN +
				`"],"userName":"anna","` + scim.EnterpriseUserURN + `":{"department":"D"}}`,
		},
		{
			tolerance.ManagerShape, enterprise(`"manager":"m1"`),
			enterprise(`"manager":{"value":"m1"}`),
		},
		{
			tolerance.ManagerShape, enterprise(`"manager":{"managerId":"m1","displayName":"M"}`),
			enterprise(`"manager":{"value":"m1"}`),
		},
		{
			tolerance.ManagerShape, enterprise(`"manager":{"managerId":"","displayName":"M"}`),
			enterprise(``),
		},
		{tolerance.WrappedValue, head + `,"title":[{"value":"T"}]}`, head + `,"title":"T"}`},
		{
			tolerance.SeveralPrimaries,
			head + `,"emails":[{"value":"a","primary":true},{"value":"b","primary":true}]}`,
			head + `,"emails":[{"value":"a","primary":true},{"value":"b","primary":false}]}`,
		},
		{tolerance.Password, head + `,"password":"hunter2"}`, head + `}`},
	} {
		t.Run(string(test.deviation), func(t *testing.T) {
			p := tolerance.New(false)
			got, err := tolerance.Resource(schema.User(), decode(t, test.sent), p)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, got, test.want)
			if !slices.Contains(p.Taken(), test.deviation) {
				t.Errorf("taken: %v", p.Taken())
			}
			refusedByName(t, test.deviation, func(p *tolerance.Policy) error {
				_, err := tolerance.Resource(schema.User(), decode(t, test.sent), p)
				return err
			})
		})
	}
}

// enterprise returns a user with the given members in the enterprise extension.
func enterprise(members string) string {
	return `{"schemas":["` + scim.UserURN + `","` + scim.EnterpriseUserURN +
		`"],"userName":"anna","` + scim.EnterpriseUserURN + `":{` + members + `}}`
}

// TestStandard shows what the standard allows, so that strict mode takes it
// too: any letter case of names and URNs, null, read-only attributes.
func TestStandard(t *testing.T) {
	for name, test := range map[string]struct{ sent, want string }{
		"letter case": {
			`{"SCHEMAS":["` + strings.ToUpper(scim.UserURN) +
				`"],"USERNAME":"anna","Name":{"FAMILYNAME":"N"}}`,
			head + `,"name":{"familyName":"N"}}`,
		},
		"null": {
			head + `,"externalId":null,"emails":[{"value":"a","type":null}],"active":null}`,
			head + `,"emails":[{"value":"a"}]}`,
		},
		"read-only": {head + `,"id":null,"meta":{"x":1},"groups":[]}`, head + `}`},
	} {
		for _, strict := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				p := tolerance.New(strict)
				got, err := tolerance.Resource(schema.User(), decode(t, test.sent), p)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, got, test.want)
				if len(p.Taken()) > 0 {
					t.Errorf("taken: %v", p.Taken())
				}
			})
		}
	}
}

func TestResourceRefuses(t *testing.T) {
	for name, test := range map[string]struct{ sent, want string }{
		"unknown attribute":     {head + `,"shoeSize":43}`, "shoeSize"},
		"unknown sub-attribute": {head + `,"name":{"first":"A"}}`, `"first" of name`},
		"two spellings of one":  {head + `,"title":"a","TITLE":"b"}`, "twice, in two spellings"},
		"two spellings of a part": {
			head + `,"name":{"givenName":"a","givenname":"b"}}`, "twice, in two spellings",
		},
		"unknown in the extension": {enterprise(`"shoe":1`), scim.EnterpriseUserURN + ":shoe"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tolerance.Resource(schema.User(), decode(t, test.sent), tolerance.New(false))
			if e := scim.AsError(err); e == nil || e.Type != scim.InvalidSyntax ||
				!strings.Contains(e.Detail, test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

const patchHead = `{"schemas":["` + scim.PatchOpURN + `"],"Operations":`

func TestPatch(t *testing.T) {
	for _, test := range []struct {
		deviation  tolerance.Deviation
		sent, want string
	}{
		{
			tolerance.OpLetterCase, patchHead + `[{"op":"Replace","path":"title","value":null}]}`,
			patchHead + `[{"op":"replace","path":"title","value":null}]}`,
		},
		{
			tolerance.MissingSchemas, `{"operations":[{"OP":"add","Value":{"title":"T"}}]}`,
			patchHead + `[{"op":"add","value":{"title":"T"}}]}`,
		},
		{
			tolerance.GroupPatch11,
			`{"schemas":["urn:scim:schemas:core:1.0"],"members":[{"value":"1"},{"value":"2",` +
				`"operation":"delete"}]}`,
			patchHead +
				`[{"op":"remove","path":"members","value":[{"value":"2"}]},{"op":"add",` +
				`"path":"members","value":[{"value":"1"}]}]}`,
		},
	} {
		t.Run(string(test.deviation), func(t *testing.T) {
			p := tolerance.New(false)
			got, err := tolerance.Patch(schema.Group(), decode(t, test.sent), p)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, got, test.want)
			if !slices.Contains(p.Taken(), test.deviation) {
				t.Errorf("taken: %v", p.Taken())
			}
			refusedByName(t, test.deviation, func(p *tolerance.Policy) error {
				_, err := tolerance.Patch(schema.Group(), decode(t, test.sent), p)
				return err
			})
		})
	}
}

func TestPatchRefuses(t *testing.T) {
	for name, sent := range map[string]string{
		"another message":      `{"schemas":["` + scim.BulkRequestURN + `"],"Operations":[]}`,
		"an unknown member":    patchHead + `[],"extra":1}`,
		"an unknown part":      patchHead + `[{"op":"add","target":"x"}]}`,
		"one member spelt two": patchHead + `[{"op":"add","OP":"add"}]}`,
		"1.1 on users":         `{"members":[{"value":"1"}]}`,
	} {
		rt := schema.Group()
		if name == "1.1 on users" {
			rt = schema.User()
		}
		_, err := tolerance.Patch(rt, decode(t, sent), tolerance.New(false))
		if e := scim.AsError(err); e == nil || e.Type != scim.InvalidSyntax {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestEveryDeviationIsDescribed(t *testing.T) {
	seen := make(map[tolerance.Deviation]bool)
	for _, d := range tolerance.Describe() {
		if seen[d.Name] || d.Senders == "" || d.What == "" || d.Instead == "" {
			t.Errorf("%+v is described twice, or not wholly", d)
		}
		seen[d.Name] = true
	}
	var none *tolerance.Policy
	if none.Tolerant() || none.Allow(tolerance.Password) == nil || none.Taken() != nil {
		t.Error("the nil policy is not strict")
	}
}

func refusedByName(t *testing.T, d tolerance.Deviation, f func(*tolerance.Policy) error) {
	t.Helper()
	err := f(tolerance.New(true))
	if e := scim.AsError(err); e == nil || e.Status != 400 ||
		!strings.Contains(e.Detail, `"`+string(d)+`"`) {
		t.Errorf("strict mode: got %v, want a 400 that names %s", err, d)
	}
}

func decode(t *testing.T, body string) map[string]any {
	t.Helper()
	v, err := scim.DecodeObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func equal(t *testing.T, got map[string]any, want string) {
	t.Helper()
	g, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	w, err := json.Marshal(decode(t, want))
	if err != nil {
		t.Fatal(err)
	}
	if string(g) != string(w) {
		t.Errorf("got  %s\nwant %s", g, w)
	}
}
