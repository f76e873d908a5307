package httpapi

import (
	"cmp"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/tolerance"
)

// authenticate lets through what carries a valid API key. It stands around
// the router and knows no paths but those that need no key and give nothing
// away (see isOpen), and those of the admin API, which take tokens of its own:
// so there is no spelling of a path that passes by it.
func (s *server) authenticate(next http.Handler) http.Handler {
	return s.serve(func(x *requestContext) error {
		if isOpen(x.URL.EscapedPath()) {
			next.ServeHTTP(x.answer, x.Request)
			return nil
		}
		slug := x.instancePath()
		token, err := bearer(x.Header)
		switch {
		case err != nil:
		case isAdmin(x.URL.EscapedPath()):
			err = s.identifyAdministrator(x, token)
		default:
			err = s.identify(x, token, slug)
		}
		if err != nil {
			return challenge(x, err)
		}
		if err := take(x, "key", s.limits.key,
			cmp.Or(x.scope.Actor.KeyID, x.scope.Actor.Name)); err != nil {
			return err
		}
		leave, err := s.share(x)
		if err != nil {
			return err
		}
		defer leave()
		next.ServeHTTP(x.answer, x.Request)
		if x.stale {
			return s.again(x, token, slug, next)
		}
		return nil
	})
}

// again answers a request that began with what was remembered of its key,
// and found that it is not true any more.
func (s *server) again(x *requestContext, token, slug string, next http.Handler) error {
	s.Admin.Instances.Forget(x.scope.Actor.KeyID)
	x.Request = x.WithContext(instance.WithTenant(x.Context(), ""))
	actor := history.Actor{
		RequestID: x.scope.Actor.RequestID, Client: x.scope.Actor.Client,
		Address: x.scope.Actor.Address,
	}
	x.stale, x.name, x.route, x.scope = false, "", nil, provisioning.Scope{
		Actor: actor, Policy: tolerance.New(s.Strict),
	}
	if err := s.identify(x, token, slug); err != nil {
		return challenge(x, err)
	}
	// What was read just now is true enough: there is no third time.
	x.Request = x.WithContext(instance.WithTenant(x.Context(), x.scope.Instance.ID))
	next.ServeHTTP(x.answer, x.Request)
	return nil
}

// outdated reports whether a request failed because of what was remembered
// of its key, or may have.
func (s *server) outdated(x *requestContext, err error) bool {
	if x.answer.status != 0 || x.scope.Instance == nil {
		return false
	}
	return errors.Is(err, instance.ErrStale) ||
		errors.Is(s.Admin.Instances.Current(x.Context()), instance.ErrStale)
}

// instancePaths are those that name the instance for which the key must be.
var instancePaths = regexp.MustCompile(`^/instances/([a-z0-9-]+)(/scim/v2(?:/.*)?)$`)

// instancePath takes the name of an instance out of the path, if there is
// one: /instances/acme/scim/v2 is the base URL for the keys of acme only, so
// that a provider with the key of another instance is told.
func (x *requestContext) instancePath() (slug string) {
	m := instancePaths.FindStringSubmatch(x.URL.EscapedPath())
	if m == nil {
		return ""
	}
	prefix := "/instances/" + m[1]
	x.base = strings.TrimSuffix(x.base, Base) + prefix + Base
	u := *x.URL
	u.Path = strings.TrimPrefix(u.Path, prefix)
	u.RawPath = strings.TrimPrefix(u.RawPath, prefix)
	x.Request = x.WithContext(x.Context())
	x.URL = &u
	return m[1]
}

// bearer returns the token of an Authorization header, Section 2.1 of RFC
// 6750.
func bearer(h http.Header) (string, error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", &instance.KeyError{
			Reason: `no API key: send the header "Authorization: Bearer " followed by a key`,
		}
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", &instance.KeyError{
			Reason: `the Authorization header is not "Bearer " followed by an API key`,
		}
	}
	return token, nil
}

// identify finds out whose token it is.
func (s *server) identify(x *requestContext, token, slug string) error {
	c, err := s.Admin.Instances.Authenticate(x.Context(), token, x.scope.Actor)
	if err != nil {
		return err
	}
	if slug != "" && slug != c.Instance.Slug {
		return s.Admin.Instances.Mismatch(x.Context(), c, slug, x.scope.Actor)
	}
	x.scope.Instance = &c.Instance
	x.Request = x.WithContext(instance.WithRevision(x.Context(), &c.Instance))
	x.scope.Actor.Kind = history.KeyActor
	x.scope.Actor.Name = c.Holder.UserName
	x.scope.Actor.KeyID = c.Key.ID
	x.digest, x.credential = c.Key.Digest, c
	// A provider with a valid key of the wrong instance would not notice.
	x.answer.Header().Set("X-Muster-Instance", c.Instance.Slug)
	if c.Key.ClientID == "" && time.Until(c.Key.Expires) < instance.ExpiryNotice {
		x.answer.Header().Set("X-Muster-Key-Expires", c.Key.Expires.Format(time.RFC3339))
	}
	return nil
}

// challenge makes an answer of a key that is not accepted: 401 with the
// challenge of Section 3 of RFC 6750, or 403.
func challenge(x *requestContext, err error) error {
	var refused *instance.KeyError
	if !errors.As(err, &refused) {
		return err
	}
	if refused.Forbidden {
		return &scim.Error{Status: http.StatusForbidden, Detail: refused.Reason}
	}
	value := `Bearer realm="muster"`
	if x.Header.Get("Authorization") != "" {
		value += `, error="invalid_token"`
	}
	x.answer.Header().Set("WWW-Authenticate", value)
	return &scim.Error{Status: http.StatusUnauthorized, Detail: refused.Reason}
}
