package oauth_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/oauth"
)

// nobody knows no clients.
type nobody struct{}

func (nobody) Client(context.Context, string) (*instance.Client, error) {
	return nil, instance.ErrNotFound
}

func (nobody) IssueToken(context.Context, instance.Grant, history.Actor) (string, error) {
	return "", errors.New("a token for nobody")
}

func (nobody) RefuseClient(context.Context, *instance.Client, string, history.Actor) error {
	return nil
}

// TestTokenRefuses: what is no request for a token by a signed JWT over TLS is
// refused before anybody is asked.
func TestTokenRefuses(t *testing.T) {
	form := func(pairs ...string) url.Values {
		v := url.Values{
			"grant_type": {"client_credentials"}, "client_assertion_type": {oauth.AssertionType},
			"client_assertion": {"x"},
		}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	twice := form()
	twice.Add("scope", "scim")
	twice.Add("scope", "scim")
	for what, c := range map[string]struct {
		issuer string
		form   url.Values
		code   string
	}{
		"no TLS": {"http://scim.example.com", form(), "invalid_request"},
		"another grant": {
			"https://scim.example.com", form("grant_type", "password"), "unsupported_grant_type",
		},
		"another scope": {
			"https://scim.example.com", form("scope", "admin"), "invalid_scope",
		},
		"a secret": {
			"https://scim.example.com", form("client_secret", "x"), "invalid_client",
		},
		"another assertion type": {
			"https://scim.example.com", form("client_assertion_type", "saml"), "invalid_client",
		},
		"no JWT":            {"https://scim.example.com", form(), "invalid_client"},
		"a parameter twice": {"https://scim.example.com", twice, "invalid_request"},
	} {
		_, err := oauth.NewServer(nobody{}, c.issuer).Token(t.Context(), c.form, history.Actor{})
		var refused *oauth.Error
		if !errors.As(err, &refused) || refused.Code != c.code || refused.Description == "" {
			t.Errorf("%s: got %v, want %s", what, err, c.code)
		}
	}
	m := oauth.NewServer(nobody{}, "https://scim.example.com").Metadata()
	if m.TokenEndpoint != "https://scim.example.com/oauth2/token" ||
		strings.Contains(strings.Join(m.Algorithms, " "), "HS") ||
		strings.Contains(strings.Join(m.Algorithms, " "), "none") {
		t.Errorf("got %+v", m)
	}
}
