package client_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"muster/simulator/client"
)

func TestDifferences(t *testing.T) {
	const urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	for name, test := range map[string]struct{ there, sent, want string }{
		"the same":              {`{"a":"x","more":1}`, `{"a":"x"}`, ``},
		"a boolean as a string": {`{"active":true}`, `{"active":"true"}`, ``},
		"schemas do not count":  {`{"schemas":["a"]}`, `{"schemas":["b"]}`, ``},
		"changed, new":          {`{"a":"x"}`, `{"a":"y","b":"z"}`, `a: x → y, b:  → z`},
		"deep": {
			`{"name":{"givenName":"A"}}`, `{"name":{"givenName":"B"}}`, `name.givenName: A → B`,
		},
		"in another order, by type": {
			`{"e":[{"type":"home","value":"h"},{"type":"work","value":"w"}]}`,
			`{"e":[{"type":"work","value":"x"}]}`, `e[type eq "work"].value: w → x`,
		},
		"an extension": {
			`{"` + urn + `":{"manager":{"value":"1"}}}`,
			`{"` + urn + `":{"manager":{"value":"2"}}}`, urn + `:manager.value: 1 → 2`,
		},
		"nothing there": {`null`, `{"a":"x"}`, `a:  → x`},
		"accepted":      {`{"same":"1"}`, `{"same":"2"}`, ``},
	} {
		var there, sent map[string]any
		for text, v := range map[string]*map[string]any{test.there: &there, test.sent: &sent} {
			if err := json.Unmarshal([]byte(text), v); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, d := range client.Differences(there, sent,
			func(path, _, _ string) bool { return path == "same" }) {
			got = append(got, fmt.Sprintf("%s: %s → %s", d.Path, d.Old, d.New))
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// TestEmptied: what is not sent any more is told, and what the server sets is
// not.
func TestEmptied(t *testing.T) {
	there := map[string]any{
		"id": "7", "meta": map[string]any{"version": "1"}, "active": true, "schemas": []any{"x"},
		"groups": []any{map[string]any{"value": "1"}},
		"title":  "T1", "nickName": "N",
		"emails": []any{map[string]any{"type": "work", "value": "a", "display": "D"}},
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": map[string]any{
			"manager": map[string]any{"value": "m", "$ref": "r", "displayName": "M"},
		},
	}
	sent := map[string]any{
		"nickName": "O", "emails": []any{map[string]any{"type": "work", "value": "b"}},
	}
	var got []string
	for _, d := range client.Emptied(there, sent) {
		got = append(got, d.Path+"="+d.Old+d.New)
	}
	want := []string{
		`emails[type eq "work"].display=D`, "title=T1",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value=m",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
