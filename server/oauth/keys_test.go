package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"muster/server/oauth"
)

// TestKeySets: keys that are no public keys, and addresses from which none
// can be taken safely, are refused when a client is registered.
func TestKeySets(t *testing.T) {
	const public = `{"kty":"EC","crv":"P-256","kid":"1",` +
		`"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",` +
		`"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"`
	if _, err := oauth.ParseKeySet([]byte(`{"keys":[` + public + `}]}`)); err != nil {
		t.Error(err)
	}
	for what, text := range map[string]string{
		"no JSON": "keys",
		"no keys": `{"keys":[]}`,
		"a private key": `{"keys":[` + public +
			`,"d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}`,
		"a shared secret": `{"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"}]}`,
		"a broken key":    `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`,
	} {
		if _, err := oauth.ParseKeySet([]byte(text)); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
	for address, ok := range map[string]bool{
		"https://idp.example.com/jwks": true, "http://127.0.0.1:8080/jwks": true,
		"http://localhost/jwks":       true,
		"http://idp.example.com/jwks": false, "https://user:secret@idp.example.com/": false,
		"file:///etc/passwd": false, "": false, "jwks": false,
	} {
		if err := oauth.CheckKeySetURL(address); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestFetchIsBounded: a redirect is not followed, and a key set without end is
// not read to its end.
func TestFetchIsBounded(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a redirect was followed")
	}))
	defer elsewhere.Close()
	for what, answer := range map[string]http.HandlerFunc{
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		},
		"an endless answer": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Repeat(" ", 1<<20)))
		},
		"an error": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
		},
	} {
		s := httptest.NewServer(answer)
		if _, err := oauth.FetchKeySet(t.Context(), s.URL); err == nil {
			t.Errorf("%s was taken for keys", what)
		}
		s.Close()
	}
}
