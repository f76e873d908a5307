package patch_test

import (
	"strings"
	"testing"

	"muster/server/scim"
)

// The users of the product: each has what the operation is about, and more.
const (
	named   = `{"name":{"familyName":"B","givenName":"A","middleName":"C"},"title":"T"}`
	managed = `{"` + scim.EnterpriseUserURN + `":{"department":"D","manager":{"value":"m"}}}`
	mailed  = `{"emails":[{"value":"a@home","type":"home","primary":true},{"value":"a@work",` +
		`"display":"W","type":"work"}]}`
	housed = `{"addresses":[{"streetAddress":"1 Old","region":"R","postalCode":"1",` +
		`"type":"work"},{"locality":"L","type":"home"}]}`
	ext      = scim.EnterpriseUserURN
	byWork   = `[type eq \"work\"]`
	same     = "same" // nothing changes
	bad      = "400 "
	badValue = bad + string(scim.InvalidValue)
)

// kind is a kind of value, for one target: what is sent, and what becomes of
// the user by "add" and by "replace".
type kind struct{ sent, add, replace string }

// TestProduct: every target by every kind of value that could be taken for
// another one. By default and in strict mode the outcome is the same, unless
// strict refuses.
func TestProduct(t *testing.T) {
	for target, test := range map[string]struct {
		path, user string
		kinds      []kind
	}{
		"name": {"name", named, []kind{
			{`null`, same, `{"title":"T"}`},
			{`""`, same, same},
			{`{}`, same, same},
			{`[]`, badValue, badValue},
			{
				`{"middleName":null}`, same,
				`{"name":{"familyName":"B","givenName":"A"},"title":"T"}`,
			},
			{`{"middleName":""}`, same, `{"name":{"familyName":"B","givenName":"A"},"title":"T"}`},
			{
				`{"MIDDLENAME":null}`, same,
				`{"name":{"familyName":"B","givenName":"A"},"title":"T"}`,
			},
			{`{"honorificPrefix":""}`, same, same},
			{
				`{"givenName":"Z","middleName":null}`,
				`{"name":{"familyName":"B","givenName":"Z","middleName":"C"},"title":"T"}`,
				`{"name":{"familyName":"B","givenName":"Z"},"title":"T"}`,
			},
			{`{"familyName":null,"givenName":"","middleName":null}`, same, `{"title":"T"}`},
		}},
		"a part of the name": {"name.middleName", named, []kind{
			{`null`, same, `{"name":{"familyName":"B","givenName":"A"},"title":"T"}`},
			{`""`, same, `{"name":{"familyName":"B","givenName":"A"},"title":"T"}`},
			{`{}`, badValue, badValue},
			{`[]`, badValue, badValue},
			{`[null]`, badValue, badValue},
		}},
		"manager": {ext + ":manager", managed, []kind{
			{`null`, same, `{"` + ext + `":{"department":"D"}}`},
			{`{}`, same, same},
			{`[]`, badValue, badValue},
			{`{"displayName":"X"}`, same, same},
			{`{"value":null}`, same, `{"` + ext + `":{"department":"D"}}`},
			{`{"value":null,"displayName":"X"}`, same, `{"` + ext + `":{"department":"D"}}`},
			{
				`{"value":"n","$ref":null}`,
				`{"` + ext + `":{"department":"D","manager":{"value":"n"}}}`,
				`{"` + ext + `":{"department":"D","manager":{"value":"n"}}}`,
			},
		}},
		"an address by filter": {"addresses" + byWork, housed, []kind{
			{`null`, same, `{"addresses":[{"locality":"L","type":"home"}]}`},
			{`""`, same, same},
			{`{}`, same, same},
			{`[]`, badValue, badValue},
			{
				`{"region":null}`, same,
				`{"addresses":[{"streetAddress":"1 Old","postalCode":"1","type":"work"},` +
					`{"locality":"L","type":"home"}]}`,
			},
			{
				`{"primary":true}`,
				`{"addresses":[{"streetAddress":"1 Old","region":"R","postalCode":"1",` +
					`"type":"work","primary":true},{"locality":"L","type":"home"}]}`,
				`{"addresses":[{"streetAddress":"1 Old","region":"R","postalCode":"1",` +
					`"type":"work","primary":true},{"locality":"L","type":"home"}]}`,
			},
			{
				`{"type":"work","streetAddress":"2 New","locality":"Oslo"}`,
				`{"addresses":[{"streetAddress":"2 New","locality":"Oslo","region":"R",` +
					`"postalCode":"1","type":"work"},{"locality":"L","type":"home"}]}`,
				`{"addresses":[{"streetAddress":"2 New","locality":"Oslo","type":"work"},` +
					`{"locality":"L","type":"home"}]}`,
			},
			{
				`{"locality":"Oslo","region":null}`,
				`{"addresses":[{"streetAddress":"1 Old","locality":"Oslo","region":"R",` +
					`"postalCode":"1","type":"work"},{"locality":"L","type":"home"}]}`,
				`{"addresses":[{"locality":"Oslo","type":"work"},{"locality":"L","type":"home"}]}`,
			},
		}},
		"an e-mail by filter": {"emails" + byWork, mailed, []kind{
			{`null`, same, `{"emails":[{"value":"a@home","type":"home","primary":true}]}`},
			{`""`, same, same},
			{`{}`, same, same},
			{`[]`, badValue, badValue},
			{
				`{"display":null}`, same,
				`{"emails":[{"value":"a@home","type":"home","primary":true},{"value":"a@work",` +
					`"type":"work"}]}`,
			},
			{
				`{"display":""}`, same,
				`{"emails":[{"value":"a@home","type":"home","primary":true},{"value":"a@work",` +
					`"type":"work"}]}`,
			},
			{
				`{"display":"D"}`,
				`{"emails":[{"value":"a@home","type":"home","primary":true},{"value":"a@work",` +
					`"display":"D","type":"work"}]}`,
				`{"emails":[{"value":"a@home","type":"home","primary":true},{"value":"a@work",` +
					`"display":"D","type":"work"}]}`,
			},
			{
				`{"value":null,"display":null}`, same,
				`{"emails":[{"value":"a@home","type":"home","primary":true}]}`,
			},
			{
				`{"value":"n@x","display":null}`,
				`{"emails":[{"value":"a@home","type":"home","primary":true},{"value":"n@x",` +
					`"display":"W","type":"work"}]}`,
				`{"emails":[{"value":"a@home","type":"home","primary":true},{"value":"n@x",` +
					`"type":"work"}]}`,
			},
			{
				`{"value":"n@x","type":"other"}`,
				`{"emails":[{"value":"a@home","type":"home","primary":true},{"value":"n@x",` +
					`"display":"W","type":"other"}]}`,
				`{"emails":[{"value":"a@home","type":"home","primary":true},{"value":"n@x",` +
					`"type":"other"}]}`,
			},
		}},
		"a part of an e-mail": {"emails" + byWork + ".value", mailed, []kind{
			{
				`null`, same,
				`{"emails":[{"value":"a@home","type":"home","primary":true},{"display":"W",` +
					`"type":"work"}]}`,
			},
			{
				`""`, same,
				`{"emails":[{"value":"a@home","type":"home","primary":true},{"display":"W",` +
					`"type":"work"}]}`,
			},
			{`{}`, badValue, badValue},
			{`[]`, badValue, badValue},
		}},
		"e-mails": {"emails", mailed, []kind{
			{`null`, same, `{}`},
			{`""`, same, same},
			{`[]`, same, `{}`},
			{`{}`, badValue, badValue},
			{`[null]`, badValue, badValue},
			{`[{}]`, badValue, badValue},
			{`[""]`, badValue, badValue},
			{`[{"value":""}]`, badValue, badValue},
			{`[{"value":null,"type":"work"}]`, badValue, badValue},
			{`[{"type":"work"}]`, badValue, badValue},
			{`[{"value":"a@home","type":"home"},{"shoe":"x"}]`, badValue, badValue},
		}},
		"an attribute of the extension": {ext + ":department", managed, []kind{
			{`null`, same, `{"` + ext + `":{"manager":{"value":"m"}}}`},
			{`""`, same, `{"` + ext + `":{"manager":{"value":"m"}}}`},
			{`{}`, badValue, badValue},
			{`[]`, badValue, badValue},
		}},
		"the extension": {ext, managed, []kind{
			{`null`, same, `{}`},
			{`""`, badValue, badValue},
			{`{}`, same, same},
			{`[]`, badValue, badValue},
			{`{"department":null}`, same, `{"` + ext + `":{"manager":{"value":"m"}}}`},
			{
				`{"department":null,"division":"V"}`,
				`{"` + ext + `":{"division":"V","department":"D","manager":{"value":"m"}}}`,
				`{"` + ext + `":{"division":"V","manager":{"value":"m"}}}`,
			},
		}},
		"no path": {"", named, []kind{
			{`null`, badValue, badValue},
			{`""`, badValue, badValue},
			{`[]`, badValue, badValue},
			{`{}`, same, same},
			{`{"groups":[]}`, bad + "mutability", bad + "mutability"},
			{
				`{"title":null}`, same,
				`{"name":{"familyName":"B","givenName":"A","middleName":"C"}}`,
			},
			{
				`{"title":null,"nickName":"N"}`,
				`{"name":{"familyName":"B","givenName":"A","middleName":"C"},"nickName":"N",` +
					`"title":"T"}`,
				`{"name":{"familyName":"B","givenName":"A","middleName":"C"},"nickName":"N"}`,
			},
			{`{"name":{}}`, same, same},
			{
				`{"name":{"middleName":null}}`, same,
				`{"name":{"familyName":"B","givenName":"A"},"title":"T"}`,
			},
			{`{"active":null}`, bad + "mutability", bad + "mutability"},
		}},
		"active": {"active", `{"active":false}`, []kind{
			{`null`, bad + "mutability", bad + "mutability"},
			{`""`, bad + "mutability", bad + "mutability"},
			{`[]`, badValue, badValue},
			{`{}`, badValue, badValue},
		}},
		"a value that is not there": {"phoneNumbers" + byWork + ".value", `{"title":"T"}`, []kind{
			{`null`, same, same},
			{`""`, same, same},
		}},
		"a record that is not there": {"phoneNumbers" + byWork, `{"title":"T"}`, []kind{
			{`null`, same, same},
			{`{}`, same, same},
			{`{"display":null}`, same, same},
			{`{"type":"work"}`, same, same},
		}},
		"one that is named by its value": {`emails[value eq \"other\"]`, mailed, []kind{
			{
				`{"value":"other","display":"D"}`,
				`{"emails":[{"value":"a@home","type":"home","primary":true},{"value":"a@work",` +
					`"display":"W","type":"work"},{"value":"other","display":"D"}]}`,
				bad + "noTarget",
			},
			{
				`{"display":"D"}`,
				`{"emails":[{"value":"a@home","type":"home","primary":true},{"value":"a@work",` +
					`"display":"W","type":"work"},{"value":"other","display":"D"}]}`,
				bad + "noTarget",
			},
		}},
	} {
		for _, k := range test.kinds {
			for op, want := range map[string]string{"add": k.add, "replace": k.replace} {
				operation := `{"op":"` + op + `","path":"` + test.path + `","value":` + k.sent + `}`
				if test.path == "" {
					operation = `{"op":"` + op + `","value":` + k.sent + `}`
				}
				t.Run(target+"/"+op+" "+k.sent,
					func(t *testing.T) { product(t, test.user, operation, want) })
			}
		}
	}
}

// product applies one operation, by default and in strict mode.
func product(t *testing.T, user, operation, want string) {
	t.Helper()
	if want == same {
		want = user
	}
	for _, strict := range []bool{false, true} {
		got, err := apply(t, user, "["+operation+"]", strict)
		if e := scim.AsError(err); e != nil {
			got = bad + string(e.Type)
			if strict &&
				(e.Type == scim.NoTarget || strings.Contains(e.Detail, "refused in strict mode") ||
					strings.HasPrefix(want, bad)) {
				continue // it may be refused for another reason
			}
		}
		if got != want {
			t.Errorf("strict %v: got  %s, %v\nwant %s", strict, got, err, want)
		}
	}
}

// TestRemoveProduct: what a remove lists, for members of a group and e-mails
// of a user alike.
func TestRemoveProduct(t *testing.T) {
	const before = `{"emails":[{"value":"a","type":"home","primary":true},{"value":"b",` +
		`"display":"B","type":"work"},{"value":"b","type":"other"}]}`
	const (
		withoutA = `{"emails":[{"value":"b","display":"B","type":"work"},` +
			`{"value":"b","type":"other"}]}`
		withoutWork = `{"emails":[{"value":"a","type":"home","primary":true},` +
			`{"value":"b","type":"other"}]}`
	)
	for sent, want := range map[string]string{
		``:                              `{}`,
		`null`:                          `{}`,
		`[]`:                            before,
		`""`:                            badValue,
		`{}`:                            badValue,
		`[null]`:                        badValue,
		`[""]`:                          badValue,
		`[{}]`:                          badValue,
		`[{"value":""}]`:                badValue,
		`[{"value":null}]`:              badValue,
		`[{"$ref":null,"value":""}]`:    badValue,
		`[{"type":"work"}]`:             badValue,
		`[{"type":"work","value":""}]`:  badValue,
		`[{"value":"a"},{"value":""}]`:  badValue,
		`[{"value":""},{"value":"a"}]`:  badValue,
		`[{"id":"a"}]`:                  badValue,
		`[{"value":"A"}]`:               withoutA,
		`"a"`:                           withoutA,
		`{"value":"a"}`:                 withoutA,
		`[{"value":"b"}]`:               `{"emails":[{"value":"a","type":"home","primary":true}]}`,
		`[{"value":"b","type":"work"}]`: withoutWork,
		`[{"value":"c"}]`:               before,
	} {
		operation := `{"op":"remove","path":"emails","value":` + sent + `}`
		if sent == "" {
			operation = `{"op":"remove","path":"emails"}`
		}
		t.Run(sent, func(t *testing.T) { product(t, before, operation, want) })
	}
	for path, want := range map[string]string{
		"emails.value":                 badValue,
		"emails[type eq \\\"home\\\"]": withoutA,
		"emails[type eq \\\"none\\\"]": before,
		"emails[value eq \\\"b\\\"]": `{"emails":[{"value":"a","type":"home",` +
			`"primary":true}]}`,
		"emails[type eq \\\"work\\\"].value": `{"emails":[{"value":"a","type":"home",` +
			`"primary":true},{"display":"B","type":"work"},{"value":"b","type":"other"}]}`,
		"emails[type eq \\\"home\\\"].value": withoutA,
	} {
		t.Run(path, func(t *testing.T) {
			product(t, before, `{"op":"remove","path":"`+path+`","value":"b"}`, want)
		})
	}
}
