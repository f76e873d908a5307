package filter_test

import (
	"testing"

	library "github.com/scim2/filter-parser/v2"

	"muster/server/scim/filter"
	"muster/server/scim/tolerance"
)

// TestWhyNotTheLibrary shows the defects of the published parser for which
// this package exists, at the pinned version: once they are gone, the
// library is to be looked at again.
func TestWhyNotTheLibrary(t *testing.T) {
	for defect, text := range map[string]string{
		"lower-case hexadecimal digits in an escape": `title sw "\u00e4u"`,
		"parentheses within brackets":                `emails[type eq "work" and (value co "a" or value co "b")]`,
		"a third comparison within brackets":         `emails[type eq "work" and value co "a" and primary eq true]`,
	} {
		if _, err := library.ParseFilter([]byte(text)); err == nil {
			t.Errorf("the library takes %s now", defect)
		}
		if _, err := filter.Parse(text, tolerance.New(true)); err != nil {
			t.Errorf("%s: we do not: %v", defect, err)
		}
	}
	e, err := library.ParseFilter([]byte(`title eq "a \"b\" \\ c"`))
	if err != nil {
		t.Fatal(err)
	}
	if a, ok := e.(*library.AttributeExpression); ok && a.CompareValue == `a "b" \ c` {
		t.Error("the library decodes escapes now")
	}
}
