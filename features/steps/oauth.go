package steps

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// oauthClient is an OAuth 2.0 client that signs JWTs, and publishes its keys.
type oauthClient struct {
	id     string
	key    *ecdsa.PrivateKey
	keyID  string
	jti    string // of the last assertion
	server *httptest.Server
	mu     sync.Mutex
	keys   jose.JSONWebKeySet
}

// registerOAuth adds the steps about clients that authenticate by signed JWTs.
func (w *world) registerOAuth(sc *registry) {
	// Registers a client, with the address at which it publishes its keys.
	sc.Step(`^"([^"]*)" has an OAuth client that publishes its keys$`, w.anOAuthClient)
	// The client signs with a new key from now on, which it publishes too.
	sc.Step(`^the client exchanges its signing key$`, func() error { return w.oauth.exchange() })
	// Nothing happens for a while.
	sc.Step(`^(\d+) seconds pass$`,
		func(seconds int) { time.Sleep(time.Duration(seconds) * time.Second) })
	// Asks at the endpoint that the metadata names; the client uses the token
	// from then on.
	sc.Step(`^the client asks for an access token$`,
		func(ctx context.Context) error { return w.askToken(ctx, "") })
	// One that is wrong in some way, or was sent before.
	sc.Step(`^the client asks for an access token with an assertion that (.*)$`, w.askToken)
	// There is a token, and it ends within so many minutes.
	sc.Step(`^it gets a token for at most (\d+) minutes$`, func(minutes int) error {
		var token struct {
			AccessToken string `json:"access_token"`
			TokenType   string `json:"token_type"`
			ExpiresIn   int    `json:"expires_in"`
			Scope       string `json:"scope"`
		}
		if err := json.Unmarshal([]byte(w.scim.answer.text), &token); err != nil {
			return err
		}
		if token.AccessToken == "" || token.TokenType != "Bearer" || token.ExpiresIn <= 0 ||
			token.ExpiresIn > minutes*60 || token.Scope != "scim" {
			return fmt.Errorf("the answer is %s", w.scim.answer)
		}
		return nil
	})
	// There is no token, but 401 with an error of OAuth 2.0 that says why.
	sc.Step(`^it gets no token, because of (\w+)$`, func(code string) error {
		got, err := pointer(w.scim.answer.body, "/error")
		if err == nil &&
			(got != code || w.scim.answer.status != http.StatusUnauthorized ||
				strings.Contains(w.scim.answer.text, "access_token")) {
			err = fmt.Errorf("the answer is %s", w.scim.answer)
		}
		return err
	})
	// By the command of the application.
	sc.Step(`^an administrator revokes the OAuth client of "([^"]*)"$`,
		func(ctx context.Context, instance string) error {
			return w.server(ctx, nil, "client", "revoke", w.oauth.id, "--instance",
				w.slug(instance))
		})
}

func (w *world) anOAuthClient(ctx context.Context, instance string) error {
	if _, err := w.client(ctx); err != nil {
		return err
	}
	c := &oauthClient{}
	c.server = httptest.NewServer(http.HandlerFunc(func(
		answer http.ResponseWriter, _ *http.Request,
	) {
		c.mu.Lock()
		defer c.mu.Unlock()
		answer.Header().Set("Content-Type", "application/jwk-set+json")
		_ = json.NewEncoder(answer).Encode(c.keys)
	}))
	w.oauth = c
	if err := c.exchange(); err != nil {
		return err
	}
	var made struct{ ID string }
	err := w.server(ctx, &made, "client", "create", "--instance", w.slug(instance), "--user",
		w.integrationUserOf(instance), "--jwks-url", c.server.URL)
	c.id = made.ID
	return err
}

// exchange makes a new key, and publishes it beside the others.
func (c *oauthClient) exchange() (err error) {
	if c.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keyID = fmt.Sprint("key", len(c.keys.Keys)+1)
	c.keys.Keys = append(c.keys.Keys, jose.JSONWebKey{
		Key: c.key.Public(), KeyID: c.keyID, Algorithm: string(jose.ES256), Use: "sig",
	})
	return nil
}

// metadata is what the client needs of RFC 8414.
type metadata struct {
	Issuer        string `json:"issuer"`
	TokenEndpoint string `json:"token_endpoint"`
}

func (w *world) askToken(ctx context.Context, how string) error {
	var m metadata
	if err := w.exchangeForm(ctx, http.MethodGet, "/.well-known/oauth-authorization-server",
		nil); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(w.scim.answer.text), &m); err != nil {
		return err
	}
	assertion, err := w.oauth.sign(m.Issuer, how)
	if err != nil {
		return err
	}
	endpoint, err := url.Parse(m.TokenEndpoint)
	if err != nil {
		return err
	}
	err = w.exchangeForm(ctx, http.MethodPost, endpoint.Path, url.Values{
		"grant_type": {"client_credentials"}, "scope": {"scim"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
	})
	if token, pointed := pointer(w.scim.answer.body, "/access_token"); err == nil &&
		pointed == nil {
		w.scim.token = fmt.Sprint(token)
	}
	return err
}

// exchangeForm sends a form to the root of the server, without a key.
func (w *world) exchangeForm(ctx context.Context, method, path string, form url.Values) error {
	r, err := http.NewRequestWithContext(ctx, method, w.recorder.URL+path,
		strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	w.scim.answer = &scimAnswer{status: res.StatusCode, header: res.Header, text: string(text)}
	return json.Unmarshal(text, &w.scim.answer.body)
}

// sign makes an assertion, perhaps one that is wrong in some way.
func (c *oauthClient) sign(issuer, how string) (string, error) {
	if how != "was used before" {
		c.jti = rand.Text()
	}
	now := time.Now()
	claims := jwt.Claims{
		Issuer: c.id, Subject: c.id, Audience: jwt.Audience{issuer}, ID: c.jti,
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
	}
	signing := jose.SigningKey{
		Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: c.key, KeyID: c.keyID},
	}
	switch how {
	case "", "was used before":
	case "is for another audience":
		claims.Audience = jwt.Audience{"https://other.example.com"}
	case "has expired":
		claims.Expiry = jwt.NewNumericDate(now.Add(-time.Hour))
	case "is valid for an hour":
		claims.Expiry = jwt.NewNumericDate(now.Add(time.Hour))
	case "never expires":
		claims.Expiry = nil
	case "has no jti":
		claims.ID = ""
	case "names another issuer":
		claims.Issuer = "somebody"
	case "names an unknown client":
		claims.Issuer, claims.Subject = "client_0000000000", "client_0000000000"
	case "was signed by another key":
		other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return "", err
		}
		signing.Key = jose.JSONWebKey{Key: other, KeyID: c.keyID}
	case "is signed with a shared secret":
		signing = jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("secret ", 5))}
	case "is not signed":
		return "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.", nil
	default:
		return "", fmt.Errorf("an assertion that %s is not known here", how)
	}
	signer, err := jose.NewSigner(signing, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}
