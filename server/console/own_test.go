package console

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzOwn: whatever a page asks to be led back to, it is a page of the console.
func FuzzOwn(f *testing.F) {
	for _, to := range []string{
		"", "/", "//mallory.example/console/", "/console/../x", `/console/\mallory.example`,
		"https://mallory.example/console/", "/console/users?x=%2F%2F#y", "/console/\n//x",
		"/console//x",
		"javascript:alert(1)", "/console/%5c%5cmallory", "\t//mallory.example/console/",
	} {
		f.Add(to)
	}
	base, err := url.Parse("https://scim.example.com/console/sign-in")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, to string) {
		got := own(to)
		u, err := base.Parse(got)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme ||
			!strings.HasPrefix(got, Base+"/") || strings.ContainsAny(got, "\r\n\\") {
			t.Errorf("%q leads to %q (%v, %v)", to, got, u, err)
		}
	})
}
