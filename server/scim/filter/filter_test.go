package filter_test

import (
	"strings"
	"testing"

	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		`userName eq "bjensen"`:                             "",
		`USERNAME EQ "b" AND active Eq TRUE`:                `USERNAME eq "b" and active eq true`,
		`a pr and b pr or c pr and d pr`:                    "",
		`(a pr or b pr) and c pr`:                           "",
		`((a pr))`:                                          `a pr`,
		`a pr or (b pr or c pr)`:                            `a pr or b pr or c pr`,
		`not (a pr)`:                                        "",
		`NOT(a pr and b pr)`:                                `not (a pr and b pr)`,
		`  a   eq    "x"  `:                                 `a eq "x"`,
		`a eq "caf\u00e9 \"q\" \\ \ud83d\ude00"`:            `a eq "café \"q\" \\ 😀"`,
		`a eq "and or ) ] not"`:                             "",
		`a gt -1.5e+3`:                                      "",
		`a eq 99999999999999999999999`:                      "",
		`a eq null`:                                         "",
		`members.$ref pr`:                                   "",
		`emails[type eq "work" and value co "@x"]`:          "",
		`emails[(type eq "a" or type eq "b") and value pr]`: "",
		`emails[not (type eq "a")] and b pr`:                "",
		`emails[type eq "work"].value eq "x"`:               "",
		`not eq 1`:                                          "",
		`and eq 1 or or eq 2`:                               "",
		scim.UserURN + `:name.givenName sw "A"`:             "",
		scim.EnterpriseUserURN + `:manager[value pr]`:       "",
	} {
		e, err := filter.Parse(text, tolerance.New(false))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if want == "" {
			want = text
		}
		if got := filter.String(e); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                     "character 1: expected the name",
		`a`:                    "character 2: expected an operator",
		`a is "x"`:             "character 3: expected an operator",
		`a eq`:                 "character 5: expected a space and a value",
		`a eq x`:               "character 6: expected a value",
		`a eq 'x'`:             "character 6: expected a value",
		`a eq "x`:              "character 6: the string has no closing quote",
		`a eq "\q"`:            "character 6: the string is not one",
		`a eq "\u0000"`:        "U+0000",
		`a eq "x"b`:            "character 9: expected a space",
		`a eq 01`:              "character 7: expected a space behind the number",
		`a eq "x" b pr`:        "character 10: expected and, or",
		`a pr and`:             "character 9: expected the name",
		`(a pr`:                "character 6: expected )",
		`a pr)`:                "character 5: expected and, or",
		`emails[type pr`:       "character 15: expected ]",
		`emails[a[b pr]]`:      "must not hold brackets",
		`emails[type eq "w"].`: "character 21: expected the name",
		`a.b.c pr`:             "character 4: expected an operator",
		`"a" eq "x"`:           "character 1: expected the name",
		`é eq "x"`:             "character 1: expected the name",
	} {
		_, err := filter.Parse(text, tolerance.New(false))
		e := scim.AsError(err)
		if e == nil || e.Status != 400 || e.Type != scim.InvalidFilter ||
			!strings.Contains(e.Detail, want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestParseLimits(t *testing.T) {
	for name, text := range map[string]string{
		"length":      `a eq "` + strings.Repeat("x", filter.MaxLength) + `"`,
		"parentheses": strings.Repeat("(", 10000)[:5000] + "a pr" + strings.Repeat(")", 3000),
		"not":         strings.Repeat("not (", 30) + "a pr" + strings.Repeat(")", 30),
		"comparisons": strings.Repeat("a pr or ", 200) + "a pr",
	} {
		_, err := filter.Parse(text, nil)
		if e := scim.AsError(err); e == nil || e.Type != scim.TooMany {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestStrictModeRefusesFilterBehindBrackets(t *testing.T) {
	_, err := filter.Parse(`emails[type eq "work"].value eq "x"`, tolerance.New(true))
	if e := scim.AsError(err); e == nil || !strings.Contains(e.Detail, "filter-behind-brackets") {
		t.Errorf("got %v", err)
	}
}

func TestParsePath(t *testing.T) {
	for _, text := range []string{
		`members`, `name.givenName`, `members[value eq "x"]`, `emails[type eq "work"].value`,
		scim.EnterpriseUserURN, scim.EnterpriseUserURN + `:manager.value`,
		scim.UserURN + `:emails[type eq "work" and primary eq true].value`,
	} {
		p, err := filter.ParsePath(text, nil)
		if err != nil || p.String() != text {
			t.Errorf("%s: got %s, %v", text, p, err)
		}
	}
	for _, text := range []string{
		``, `a b`, `members[`, `members[value]`, `emails[type eq "work"]value`,
		`emails[type eq "work"].`, `.a`, `a.`, `a[b pr][c pr]`,
	} {
		_, err := filter.ParsePath(text, nil)
		if e := scim.AsError(err); e == nil || e.Type != scim.InvalidPath {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

// match parses, binds and evaluates a filter.
func match(t *testing.T, text string, r schema.Resource) (bool, error) {
	t.Helper()
	rt := schema.User()
	policy := tolerance.New(false)
	e, err := filter.Parse(text, policy)
	if err != nil {
		return false, err
	}
	n, err := filter.Bind(rt, e, policy)
	if err != nil {
		return false, err
	}
	return filter.Match(rt, n, r), nil
}

func TestMatch(t *testing.T) {
	r := schema.Resource{
		"id":         "0190",
		"externalId": "E1",
		"userName":   "Anna@Acme.example",
		"active":     true,
		"title":      "Straße",
		"name":       map[string]any{"givenName": "Anna"},
		"meta":       map[string]any{"lastModified": "2026-05-01T10:00:00.5+02:00"},
		"emails": []any{
			map[string]any{"type": "work", "value": "anna@acme.example", "primary": true},
			map[string]any{"type": "home", "value": "a@home.example"},
		},
		scim.EnterpriseUserURN: map[string]any{
			"department": "R&D", "manager": map[string]any{"value": "0180"},
		},
	}
	for text, want := range map[string]bool{
		`userName eq "anna@acme.EXAMPLE"`:                    true,
		`userName eq "anna"`:                                 false,
		`externalId eq "E1"`:                                 true,
		`externalId eq "e1"`:                                 false, // caseExact
		`title eq "STRASSE"`:                                 true,
		`title co "rass"`:                                    true,
		`title sw "st" and title ew "SE"`:                    true,
		`active eq true`:                                     true,
		`active eq "True"`:                                   true,
		`active ne true`:                                     false,
		`nickName pr`:                                        false,
		`not (nickName pr)`:                                  true,
		`nickName eq null`:                                   true,
		`title ne null`:                                      true,
		`nickName ne "x"`:                                    true, // no value differs from any
		`nickName eq "x" or title pr`:                        true,
		`nickName gt "a"`:                                    false,
		`emails.value eq "A@HOME.example"`:                   true,
		`emails eq "a@home.example"`:                         true, // by its value
		`emails.value ne "a@home.example"`:                   true, // one differs
		`emails pr`:                                          true,
		`phoneNumbers pr`:                                    false,
		`emails[type eq "work" and value co "acme"]`:         true,
		`emails[type eq "home" and value co "acme"]`:         false,
		`emails.type eq "home" and emails.value co "acme"`:   true,
		`emails[type eq "home"].value eq "a@home.example"`:   true,
		`emails[primary eq true].value eq "a@home.example"`:  false,
		`emails[not (primary eq true) and type eq "home"]`:   true,
		`meta.lastModified gt "2026-05-01T08:00:00Z"`:        true,
		`meta.lastModified lt "2026-05-01T08:00:00.5001Z"`:   true,
		`meta.lastModified eq "2026-05-01T08:00:00.500Z"`:    true,
		`name.givenName ge "anna" and name.givenName le "b"`: true,
		scim.EnterpriseUserURN + `:department eq "r&d"`:      true,
		scim.EnterpriseUserURN + `:manager eq "0180"`:        true,
		`title pr and (active eq false or nickName pr)`:      false,
		`title pr or active eq false and nickName pr`:        true, // and before or
	} {
		got, err := match(t, text, r)
		if err != nil || got != want {
			t.Errorf("%s: got %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestBindRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`shoeSize eq 43`:                  `cannot filter by "shoeSize"`,
		`department eq "x"`:               `cannot filter by "department"`,
		`password eq "x"`:                 `cannot filter by "password"`,
		`urn:x:y:z eq "x"`:                `cannot filter by "urn:x:y:z"`,
		`name eq "x"`:                     "name is complex",
		`active gt true`:                  "eq, ne and pr only",
		`active eq "yes"`:                 "must be true or false",
		`userName eq true`:                "must be a string",
		`userName gt null`:                "null can be compared",
		`meta.created eq "yesterday"`:     "must be a dateTime",
		`meta.created co "2026"`:          "no text to search in",
		`x509Certificates.value sw "MII"`: "binary",
		`emails[shoe pr]`:                 `emails has no sub-attribute "shoe"`,
		`userName[value pr]`:              "no sub-attributes",
	} {
		_, err := match(t, text, nil)
		e := scim.AsError(err)
		if e == nil || e.Status != 400 || e.Type != scim.InvalidFilter ||
			!strings.Contains(e.Detail, want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`userName eq "a\u00e9"`,
		`emails[type eq "work" and not (value pr)].value sw "x" or (a.b ge -1e3)`,
		scim.UserURN + `:a pr`,
	} {
		f.Add(s)
	}
	rt := schema.User()
	f.Fuzz(func(t *testing.T, text string) {
		policy := tolerance.New(false)
		e, err := filter.Parse(text, policy)
		if err != nil {
			if scim.AsError(err) == nil {
				t.Fatalf("%v is no SCIM error", err)
			}
			return
		}
		again, err := filter.Parse(filter.String(e), policy)
		if err != nil || filter.String(again) != filter.String(e) {
			t.Fatalf("%q is written as %q, which reads as %v, %v", text, filter.String(e), again,
				err)
		}
		if n, err := filter.Bind(rt, e, policy); err == nil {
			filter.Match(rt, n,
				schema.Resource{"userName": "a", "emails": []any{map[string]any{"value": "b"}}})
		}
	})
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{
		`members[value eq "x"]`, `emails[type eq "work"].value`,
		scim.EnterpriseUserURN + `:manager`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := filter.ParsePath(text, tolerance.New(false))
		if err != nil {
			if scim.AsError(err) == nil {
				t.Fatalf("%v is no SCIM error", err)
			}
			return
		}
		if again, err := filter.ParsePath(p.String(), tolerance.New(false)); err != nil ||
			again.String() != p.String() {
			t.Fatalf("%q is written as %q, which reads as %v, %v", text, p, again, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	rt := schema.User()
	b.ReportAllocs()
	for b.Loop() {
		e, err := filter.Parse(`userName eq "bjensen@example.com"`, nil)
		if err == nil {
			_, err = filter.Bind(rt, e, nil)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
