// Package oauth gives access tokens to clients that authenticate by signed
// JWTs: the client credentials grant of RFC 6749 with private_key_jwt of RFC
// 7523, as OpenID's IPSIE profile for SCIM asks, and the metadata of RFC 8414.
package oauth

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"muster/server/history"
	"muster/server/instance"
)

// The paths below the issuer.
const (
	TokenPath    = "/oauth2/token"
	MetadataPath = "/.well-known/oauth-authorization-server"
)

const (
	// Scope is the only one there is.
	Scope = "scim"
	// AssertionType is that of Section 2.2 of RFC 7523.
	AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	grantType     = "client_credentials"
)

// maxAssertionLife is how long an assertion may be valid: until it ends, the
// server remembers that it was used. leeway is how far clocks may be apart.
const (
	maxAssertionLife = 10 * time.Minute
	leeway           = 30 * time.Second
)

// minRSABits is how long an RSA key must be.
const minRSABits = 2048

// algorithms are those that are accepted. Neither "none" nor those with a
// shared secret are among them.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.ES384, jose.EdDSA}
}

// Error is one of Section 5.2 of RFC 6749.
type Error struct {
	Status      int    `json:"-"`
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (e *Error) Error() string { return e.Code + ": " + e.Description }

func invalidRequest(format string, args ...any) *Error {
	return &Error{http.StatusBadRequest, "invalid_request", fmt.Sprintf(format, args...)}
}

func invalidClient(format string, args ...any) *Error {
	return &Error{http.StatusUnauthorized, "invalid_client", fmt.Sprintf(format, args...)}
}

// Token is the answer of Section 5.1 of RFC 6749.
type Token struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"` // seconds
	Scope       string `json:"scope"`
}

// Metadata is that of Section 2 of RFC 8414.
type Metadata struct {
	Issuer        string   `json:"issuer"`
	TokenEndpoint string   `json:"token_endpoint"`
	Scopes        []string `json:"scopes_supported"`
	ResponseTypes []string `json:"response_types_supported"`
	GrantTypes    []string `json:"grant_types_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	Algorithms    []string `json:"token_endpoint_auth_signing_alg_values_supported"`
}

// Clients are the clients that are known, and what gives them tokens: see
// [instance.Service].
type Clients interface {
	Client(ctx context.Context, id string) (*instance.Client, error)
	IssueToken(ctx context.Context, g instance.Grant, actor history.Actor) (string, error)
	RefuseClient(ctx context.Context, c *instance.Client, reason string, actor history.Actor) error
}

// Server is an authorization server.
type Server struct {
	clients Clients
	issuer  string
	keys    *keySets
	now     func() time.Time
}

// NewServer returns a server for an issuer: the public URL.
func NewServer(clients Clients, issuer string) *Server {
	return &Server{clients: clients, issuer: issuer, keys: newKeySets(), now: time.Now}
}

// Metadata tells clients what there is.
func (s *Server) Metadata() Metadata {
	m := Metadata{
		Issuer: s.issuer, TokenEndpoint: s.issuer + TokenPath, Scopes: []string{Scope},
		ResponseTypes: []string{},
		GrantTypes:    []string{grantType}, AuthMethods: []string{"private_key_jwt"},
	}
	for _, a := range algorithms() {
		m.Algorithms = append(m.Algorithms, string(a))
	}
	return m
}

// Token answers a request of the token endpoint. The error is an [Error] if
// the client is to blame.
func (s *Server) Token(ctx context.Context, form url.Values, actor history.Actor) (*Token, error) {
	if err := s.checkForm(form); err != nil {
		return nil, err
	}
	signed, err := jwt.ParseSigned(form.Get("client_assertion"), algorithms())
	if err != nil {
		return nil, invalidClient("client_assertion is no JWT that is signed with one of %v: %v",
			algorithms(), err)
	}
	var claims jwt.Claims
	// To find out whose key must have signed it: nothing else is believed yet.
	if err := signed.UnsafeClaimsWithoutVerification(&claims); err != nil {
		return nil, invalidClient("client_assertion: %v", err)
	}
	if id := form.Get("client_id"); id != "" && id != claims.Subject {
		return nil, invalidClient("client_id is %q, and the subject of the assertion %q", id,
			claims.Subject)
	}
	c, err := s.clients.Client(ctx, claims.Subject)
	if errors.Is(err, instance.ErrNotFound) || err == nil && !c.Revoked.IsZero() {
		return nil, invalidClient("there is no client %q", claims.Subject)
	}
	if err != nil {
		return nil, err
	}
	claims, err = s.verify(ctx, c, signed)
	if err != nil {
		return nil, s.refuse(ctx, c, err, actor)
	}
	used := sha256.Sum256([]byte(c.ID + "\x00" + claims.ID))
	text, err := s.clients.IssueToken(ctx,
		instance.Grant{
			Client: c, Assertion: hex.EncodeToString(used[:]),
			Until: claims.Expiry.Time().Add(leeway),
		}, actor)
	var unfit *instance.KeyError
	switch {
	case errors.Is(err, instance.ErrReplayed):
		return nil, s.refuse(ctx, c,
			invalidClient("the assertion with the jti %q was used before: sign a new one "+
				"for each token", claims.ID), actor)
	case errors.Is(err, instance.ErrNotFound):
		return nil, invalidClient("there is no client %q", c.ID)
	case errors.As(err, &unfit):
		return nil, s.refuse(ctx, c,
			&Error{http.StatusBadRequest, "unauthorized_client", unfit.Reason}, actor)
	case err != nil:
		return nil, err
	}
	return &Token{text, "Bearer", int(instance.TokenLife.Seconds()), Scope}, nil
}

// checkForm refuses what is no request for a token by a signed JWT over TLS.
func (s *Server) checkForm(form url.Values) error {
	for name, values := range form {
		if len(values) > 1 {
			return invalidRequest("%s is there more than once", name)
		}
	}
	if u, err := url.Parse(s.issuer); err != nil || u.Scheme != "https" && !loopback(u.Hostname()) {
		return invalidRequest("tokens are given over TLS only; this server is at %s", s.issuer)
	}
	if got := form.Get("grant_type"); got != grantType {
		return &Error{
			http.StatusBadRequest, "unsupported_grant_type",
			fmt.Sprintf("grant_type is %q: use %s", got, grantType),
		}
	}
	if got := form.Get("scope"); got != "" && got != Scope {
		return &Error{
			http.StatusBadRequest, "invalid_scope", fmt.Sprintf("scope is %q: use %s", got, Scope),
		}
	}
	if form.Has("client_secret") {
		return invalidClient("clients authenticate by a signed JWT, and not by a secret")
	}
	if got := form.Get("client_assertion_type"); got != AssertionType {
		return invalidClient("client_assertion_type is %q: use %s", got, AssertionType)
	}
	return nil
}

// verify checks the signature of an assertion, and then all that Section 3 of
// RFC 7523 asks of it.
func (s *Server) verify(
	ctx context.Context, c *instance.Client, signed *jwt.JSONWebToken,
) (claims jwt.Claims, err error) {
	keys, err := s.keys.of(ctx, c, signed.Headers[0].KeyID)
	if err != nil {
		return claims, err
	}
	verified := slices.ContainsFunc(keys, func(k jose.JSONWebKey) bool {
		if r, ok := k.Key.(*rsa.PublicKey); ok && r.N.BitLen() < minRSABits {
			return false
		}
		claims = jwt.Claims{}
		return signed.Claims(k.Key, &claims) == nil
	})
	if !verified {
		return claims, invalidClient("no key of the client has signed the assertion")
	}
	now := s.now()
	expected := jwt.Expected{
		Issuer: c.ID, Subject: c.ID, AnyAudience: jwt.Audience{s.issuer, s.issuer + TokenPath},
		Time: now,
	}
	if err := claims.ValidateWithLeeway(expected, leeway); err != nil {
		return claims, invalidClient("the assertion does not hold: %s; iss and sub are the "+
			"client_id, aud is %s or its token endpoint",
			strings.TrimPrefix(err.Error(), "go-jose/go-jose/jwt: "), s.issuer)
	}
	switch {
	case claims.Expiry == nil:
		return claims, invalidClient("the assertion has no exp")
	case claims.Expiry.Time().After(now.Add(maxAssertionLife + leeway)):
		return claims, invalidClient("the assertion is valid for longer than %v", maxAssertionLife)
	case claims.ID == "":
		return claims, invalidClient("the assertion has no jti")
	}
	return claims, nil
}

// refuse writes a refusal to the history, and returns it.
func (s *Server) refuse(
	ctx context.Context, c *instance.Client, refused error, actor history.Actor,
) error {
	var e *Error
	if !errors.As(refused, &e) {
		return refused
	}
	if err := s.clients.RefuseClient(ctx, c, e.Description, actor); err != nil {
		return err
	}
	return e
}
