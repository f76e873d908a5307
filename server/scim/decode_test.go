package scim_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"muster/server/scim"
)

func TestDecodeObject(t *testing.T) {
	got, err := scim.DecodeObject([]byte(` {"a":[1,"é",true,null],"b":{"c":1.50}} `))
	want := map[string]any{
		"a": []any{json.Number("1"), "é", true, nil},
		"b": map[string]any{"c": json.Number("1.50")},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestDecodeObjectRefuses(t *testing.T) {
	for name, test := range map[string]struct{ body, detail string }{
		"nothing":      {``, "empty"},
		"no object":    {`[1]`, "not a JSON object"},
		"text":         {`hello`, "not valid JSON"},
		"unfinished":   {`{"a":`, "ends in the middle"},
		"a name twice": {`{"a":1,"a":2}`, `gives "a" twice`},
		"two objects":  {`{} {}`, "goes on"},
		"data behind":  {`{}x`, "goes on"},
		"too deep": {
			strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50), "levels deep",
		},
		"not UTF-8":       {"{\"a\":\"\xff\"}", "not valid JSON"},
		"U+0000":          {`{"a":"\u0000"}`, "U+0000"},
		"U+0000 in name":  {`{"\u0000":1}`, "U+0000"},
		"trailing comma":  {`{"a":1,}`, "not valid JSON"},
		"single quotes":   {`{'a':1}`, "not valid JSON"},
		"lone surrogate":  {`{"a":"\ud800"}`, "not valid JSON"},
		"leading zero":    {`{"a":01}`, "not valid JSON"},
		"array too deep":  {`{"a":` + strings.Repeat("[", 10000), "levels deep"},
		"secret unquoted": {`{"password": hunter2}`, "byte 13"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := scim.DecodeObject([]byte(test.body))
			e := scim.AsError(err)
			if e == nil || e.Status != 400 || !strings.Contains(e.Detail, test.detail) {
				t.Fatalf("got %v, want a 400 with %q", err, test.detail)
			}
			if strings.Contains(e.Detail, "hunter2") {
				t.Error("the error quotes the input")
			}
		})
	}
}

func TestErrorMessage(t *testing.T) {
	b, err := json.Marshal(scim.BadRequest(scim.InvalidFilter, "no %s", "way"))
	want := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],` +
		`"scimType":"invalidFilter","detail":"no way","status":"400"}`
	if err != nil || string(b) != want {
		t.Errorf("got  %s %v\nwant %s", b, err, want)
	}
}

func FuzzDecodeObject(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":null}],"c":"\u00e9"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := scim.DecodeObject(body)
		if err != nil {
			if scim.AsError(err) == nil {
				t.Fatalf("%v is no SCIM error", err)
			}
			return
		}
		if !json.Valid(body) {
			t.Fatalf("accepted what is not JSON: %q gives %v", body, v)
		}
	})
}
