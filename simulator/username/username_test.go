package username_test

import (
	"strings"
	"testing"

	"muster/simulator/username"
)

func TestEqual(t *testing.T) {
	for _, test := range []struct {
		a, b  string
		equal bool
	}{
		{"anna@acme.example", "ANNA@Acme.Example", true},
		{"straße", "STRASSE", false}, // PRECIS maps letters, and folds none
		{"straße 1", "STRASSE 1", true},
		{"o\u0308zil", "özil", true},
		{"Anna Novak", "anna novak", true},
		{"ﬁnn", "FINN", true},
		{"anna", "аnna", false}, // the second begins with a Cyrillic letter
		{"anna", "anna ", false},
		{"a\u200bnna", "anna", false},
		{"", "", true},
		{"ſam", "sam", true},
	} {
		if got := username.Equal(test.a, test.b); got != test.equal ||
			username.Equal(test.b, test.a) != got {
			t.Errorf("%q and %q: %v", test.a, test.b, got)
		}
	}
}

func TestDiffer(t *testing.T) {
	a, b := username.Differ("anna", "аnna")
	if !strings.Contains(b, "U+0430") || a != `"anna"` {
		t.Errorf("got %s, %s", a, b)
	}
	if a, b := username.Differ("anna", "ben"); a != `"anna"` || b != `"ben"` {
		t.Errorf("got %s, %s", a, b)
	}
	if _, b := username.Differ("anna", "anna\u00a0"); !strings.Contains(b, "U+00A0") {
		t.Errorf("got %s", b)
	}
}
