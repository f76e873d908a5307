package template_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"muster/simulator/template"
)

func known(kind, name string) error {
	if kind == "user" && name == "unknown" {
		return fmt.Errorf("no field %q", name)
	}
	return nil
}

// value gives a text for some macros and nothing for others.
func value(kind, name string) string {
	return map[string]string{
		"user.email": `a"b\c@x`, "user.active": "true", "user.firstname": "Анна",
		"parameters.scimusername": "anna", "user.macro": "{$user.email}",
	}[kind+"."+name]
}

func TestRender(t *testing.T) {
	for name, test := range map[string]struct{ text, all, skipped string }{
		"a macro in a string": {
			`{"u":"<{$user.firstname}> {$parameters.scimusername}"}`, `{"u":"<Анна> anna"}`,
			`{"u":"<Анна> anna"}`,
		},
		"quotes are kept whole": {
			`{"u":"{$user.email}"}`, `{"u":"a\"b\\c@x"}`, `{"u":"a\"b\\c@x"}`,
		},
		"a boolean is a string": {
			`{"active":"{$user.active}"}`, `{"active":"true"}`, `{"active":"true"}`,
		},
		"values are not expanded": {
			`{"u":"{$user.macro}"}`, `{"u":"{$user.email}"}`, `{"u":"{$user.email}"}`,
		},
		"blank": {
			`{"t":"{$user.title}","n":{"x":"{$user.title}"},"k":1}`, `{"k":1,"n":{"x":""},"t":""}`,
			`{"k":1}`,
		},
		"a phone without number": {
			`{"p":[{"type":"work","value":"{$user.phone}"},{"type":"home",` +
				`"value":"{$user.email}"}]}`,
			`{"p":[{"type":"work","value":""},{"type":"home","value":"a\"b\\c@x"}]}`,
			`{"p":[{"type":"home","value":"a\"b\\c@x"}]}`,
		},
		"null, numbers and lists": {
			`{"id":null,"n":1.50,"g":[]}`, `{"g":[],"id":null,"n":1.50}`, `{"n":1.50}`,
		},
	} {
		tmpl, err := template.Parse([]byte(test.text), known)
		if err != nil {
			t.Fatal(name, err)
		}
		for skip, want := range map[bool]string{false: test.all, true: test.skipped} {
			var b strings.Builder
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			if err := e.Encode(tmpl.Render(value, skip)); err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(b.String()); got != want {
				t.Errorf("%s, skip %v: got %s, want %s", name, skip, got, want)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"not JSON":                   {"{\n\"a\": {$user.email}}", "line 2"},
		"an array":                   {`[]`, "no JSON object"},
		"two objects":                {`{}{}`, "goes on"},
		"an unknown macro":           {`{"a":[{"b":"{$user.unknown}"}]}`, `no field "unknown"`},
		"a misspelled kind":          {`{"a":"{$usr.email}"}`, "is no macro"},
		"a macro that is not closed": {`{"a":"{$user.email"}`, "is no macro"},
	} {
		if _, err := template.Parse([]byte(test.text), known); err == nil ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func TestDefault(t *testing.T) {
	tmpl, err := template.Parse(template.Default(), known)
	if err != nil || !tmpl.Has("ACTIVE") || tmpl.Has("password") {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"a":"{$user.email}","b":[{"c":null}]}`)
	f.Add(string(template.Default()))
	f.Fuzz(func(t *testing.T, text string) {
		tmpl, err := template.Parse([]byte(text), known)
		if err != nil {
			return
		}
		for _, skip := range []bool{true, false} {
			if _, err := json.Marshal(tmpl.Render(value, skip)); err != nil {
				t.Error(err)
			}
		}
	})
}
