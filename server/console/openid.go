package console

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"muster/screen"
	"muster/server/instance"
)

// OpenID is sign-in by OpenID Connect. A group of the identity provider makes somebody
// an administrator.
type OpenID struct {
	// Name is the provider's, for people.
	Name     string
	verifier *oidc.IDTokenVerifier
	config   oauth2.Config
	claim    string
	groups   []Group
	secure   bool
}

// Group is a group of the identity provider, and what its members are here.
type Group struct {
	Name string
	Role instance.AdminRole
	// Instance is the one that they look after; empty for all.
	Instance string
}

// OpenIDConfig is how the console is registered at an identity provider.
type OpenIDConfig struct {
	Issuer, ClientID, ClientSecret string
	// Claim is that of the groups.
	Claim     string
	Groups    []Group
	PublicURL string
}

// ParseGroups reads groups as a person writes them: ROLE=GROUP, or
// ROLE@INSTANCE=GROUP, separated by semicolons. Of several that somebody is in, the
// first counts.
func ParseGroups(text string) (list []Group, err error) {
	for item := range strings.SplitSeq(text, ";") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		what, name, ok := strings.Cut(item, "=")
		role, slug, _ := strings.Cut(strings.TrimSpace(what), "@")
		g := Group{
			Name: strings.TrimSpace(name), Role: instance.AdminRole(role), Instance: slug,
		}
		if !ok || g.Name == "" || !g.Role.May(instance.Auditor) {
			return nil, fmt.Errorf("%q: give ROLE=GROUP, or ROLE@INSTANCE=GROUP, separated by "+
				"semicolons; a role is %s", item, instance.RoleNames())
		}
		list = append(list, g)
	}
	return list, nil
}

// NewOpenID asks the identity provider how it is reached.
func NewOpenID(ctx context.Context, c OpenIDConfig) (*OpenID, error) {
	p, err := oidc.NewProvider(ctx, c.Issuer)
	if err != nil {
		return nil, err
	}
	name := strings.TrimPrefix(strings.TrimPrefix(c.Issuer, "https://"), "http://")
	return &OpenID{
		Name:     name,
		verifier: p.Verifier(&oidc.Config{ClientID: c.ClientID}),
		config: oauth2.Config{
			ClientID: c.ClientID, ClientSecret: c.ClientSecret, Endpoint: p.Endpoint(),
			RedirectURL: strings.TrimSuffix(c.PublicURL, "/") + Base + "/sign-in/openid/back",
			Scopes:      []string{oidc.ScopeOpenID, "profile", "email", "groups"},
		},
		claim: c.Claim, groups: c.Groups, secure: strings.HasPrefix(c.PublicURL, "https://"),
	}, nil
}

// The cookie of a sign-in that is under way holds what the answer must have. It is for
// the one path, and for ten minutes.
const (
	wayCookie = "muster_console_way"
	wayPath   = Base + "/sign-in/openid"
	wayTime   = 10 * time.Minute
)

// toProvider leads to the identity provider.
func (c *Console) toProvider(v *screen.Visit) error {
	if c.OpenID == nil {
		return screen.NotFound("Nobody signs in here by OpenID Connect.")
	}
	state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	to := base64.RawURLEncoding.EncodeToString([]byte(v.FormValue("to")))
	c.OpenID.setWay(v, strings.Join([]string{state, nonce, verifier, to}, "."),
		int(wayTime.Seconds()))
	http.Redirect(v.Answer, v.Request, c.OpenID.config.AuthCodeURL(state,
		oauth2.S256ChallengeOption(verifier), oidc.Nonce(nonce)), http.StatusFound)
	return nil
}

// fromProvider signs in whom the identity provider sends back.
func (c *Console) fromProvider(v *screen.Visit) error {
	if c.OpenID == nil {
		return screen.NotFound("Nobody signs in here by OpenID Connect.")
	}
	cookie, err := v.Cookie(wayCookie)
	if err != nil {
		return screen.Forbidden("This sign-in was not begun in this browser, or more than ten " +
			"minutes ago. Begin anew.")
	}
	c.OpenID.setWay(v, "", -1)
	parts := strings.Split(cookie.Value, ".")
	if len(parts) != 4 ||
		subtle.ConstantTimeCompare([]byte(parts[0]), []byte(v.FormValue("state"))) != 1 {
		return screen.Forbidden("This answer belongs to another sign-in. Begin anew.")
	}
	if problem := v.FormValue("error"); problem != "" {
		return screen.Forbidden("%s did not sign you in: %s %s", c.OpenID.Name, problem,
			v.FormValue("error_description"))
	}
	p, err := c.OpenID.identify(v.Context(), v.FormValue("code"), parts[1], parts[2])
	if err != nil {
		c.Log.WarnContext(v.Context(), "sign-in by OpenID Connect refused", "error", err)
		return err
	}
	to, err := base64.RawURLEncoding.DecodeString(parts[3])
	if err != nil {
		return screen.Forbidden("This sign-in was not begun here. Begin anew.")
	}
	return c.begin(v, p, "by OpenID Connect", own(string(to)))
}

// setWay sets the cookie of a sign-in that is under way, for so many seconds.
func (o *OpenID) setWay(v *screen.Visit, value string, seconds int) {
	//nolint:gosec // G124: on plain HTTP, which is for loopback, no cookie can be secure
	http.SetCookie(v.Answer, &http.Cookie{
		Name: wayCookie, Path: wayPath, Value: value, MaxAge: seconds, HttpOnly: true,
		Secure: o.secure, SameSite: http.SameSiteLaxMode,
	})
}

// identify exchanges a code for who somebody is.
func (o *OpenID) identify(
	ctx context.Context, code, nonce, verifier string,
) (p instance.Person, err error) {
	token, err := o.config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return p, screen.Forbidden("%s did not accept the sign-in: %v", o.Name, err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := o.verifier.Verify(ctx, raw)
	if err != nil || id.Nonce != nonce {
		return p, screen.Forbidden("What %s says cannot be believed (%v). Begin anew.", o.Name, err)
	}
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return p, err
	}
	p.Name = nameOf(claims, id.Subject)
	in := make(map[string]bool)
	if list, ok := claims[o.claim].([]any); ok {
		for _, name := range list {
			if text, ok := name.(string); ok {
				in[text] = true
			}
		}
	}
	for _, g := range o.groups {
		if in[g.Name] {
			p.Role, p.Instance = g.Role, g.Instance
			return p, nil
		}
	}
	return p, screen.Forbidden("%s is in no group that may use the console. The setting "+
		"console-groups says which may.", p.Name)
}

// nameOf returns the name under which the history has somebody: the e-mail address, if
// the provider has verified it, and else one that nobody else can have.
func nameOf(claims map[string]any, subject string) string {
	text := func(name string) string {
		t, _ := claims[name].(string)
		return t
	}
	if verified, _ := claims["email_verified"].(bool); verified && text("email") != "" {
		return text("email")
	}
	if name := cmp.Or(text("preferred_username"), text("email")); name != "" {
		return name + " (" + subject + ")"
	}
	return subject
}
