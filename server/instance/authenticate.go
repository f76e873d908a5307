package instance

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"muster/server/history"
)

// KeyError says why a key is not accepted.
type KeyError struct {
	// Forbidden tells a key that is valid, but whose instance has no SCIM,
	// from one that is not valid.
	Forbidden bool
	Reason    string
}

func (e *KeyError) Error() string { return e.Reason }

// Authenticate returns the credential that the text of a key stands for. The
// error is a [KeyError] if the key is not accepted. An attempt with a key
// that was valid once is written to the history of its instance, because
// then somebody holds it.
//
// A credential that was read within the last second is not read again. Work
// that is done with it must have the context of [WithRevision], and begin anew after
// [Service.Forget] if the store returns [ErrStale]: then a key that was
// revoked, or an instance that was set up in another way, by whatever server,
// is noticed at once.
func (s *Service) Authenticate(
	ctx context.Context, text string, actor history.Actor,
) (*Credential, error) {
	slug, id, secret, err := parseKey(text)
	if err != nil {
		return nil, err
	}
	now := s.now()
	c := s.memory.get(id, now)
	known := c != nil
	if !known {
		c, err = s.store.Credential(ctx, id)
		if errors.Is(err, ErrNotFound) {
			return nil, &KeyError{
				Reason: "the API key is not known here; is the base URL the one of the server " +
					"that made it?",
			}
		}
		if err != nil {
			return nil, fmt.Errorf("authenticate: %w", err)
		}
	}
	digest := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(digest[:], c.Key.Digest) != 1 || slug != c.Instance.Slug {
		return nil, &KeyError{
			Reason: "the API key is not known here; is the base URL the one of the server " +
				"that made it?",
		}
	}
	if refused := c.refusal(now, actor.Address); refused != nil {
		return nil, s.refuse(ctx, c, refused, actor)
	}
	if known {
		return c, nil
	}
	if now.Sub(c.Key.LastUsed) >= useInterval {
		if err := s.store.UseKey(ctx, c.Key.ID, now, actor.Address); err != nil {
			return nil, fmt.Errorf("authenticate: %w", err)
		}
	}
	s.memory.put(c, now)
	return c, nil
}

// Reauthenticate returns the credential of a key by its public id, as it is now: for
// what is done later on behalf of somebody who has shown the key. It refuses what
// [Service.Authenticate] refuses.
func (s *Service) Reauthenticate(
	ctx context.Context, keyID string, actor history.Actor,
) (*Credential, error) {
	c, err := s.store.Credential(ctx, keyID)
	if errors.Is(err, ErrNotFound) {
		return nil, &KeyError{Reason: "the API key is not known here any more"}
	}
	if err != nil {
		return nil, fmt.Errorf("authenticate: %w", err)
	}
	if refused := c.refusal(s.now(), actor.Address); refused != nil {
		return nil, s.refuse(ctx, c, refused, actor)
	}
	return c, nil
}

// Forget has the credential of a key be read again when it is used next.
func (s *Service) Forget(keyID string) { s.memory.forget(keyID) }

// Current returns [ErrStale] if the instance is not as it was when a request
// began, by the context that [WithRevision] returned. It is for what reads and
// writes nothing else.
func (s *Service) Current(ctx context.Context) error { return s.store.Current(ctx) }

// Mismatch refuses a key at the address of another instance, and writes that
// to the history of the key's.
func (s *Service) Mismatch(
	ctx context.Context, c *Credential, slug string, actor history.Actor,
) error {
	return s.refuse(ctx, c, &KeyError{Forbidden: true, Reason: fmt.Sprintf(
		"the API key is for the instance %q, and the base URL is that of %q: use the key of the "+
			"instance that the URL names", c.Instance.Slug, slug)}, actor)
}

// Deny refuses to use a key for what it is not for, and writes that to the
// history.
func (s *Service) Deny(
	ctx context.Context, c *Credential, reason string, actor history.Actor,
) error {
	return s.refuse(ctx, c, &KeyError{Forbidden: true, Reason: reason}, actor)
}

// refuse writes the refusal to the history and returns it.
func (s *Service) refuse(
	ctx context.Context, c *Credential, refused *KeyError, actor history.Actor,
) error {
	actor.Kind, actor.Name, actor.KeyID = history.KeyActor, c.Key.UserName, c.Key.ID
	e := history.New(c.Instance.ID, s.now(), actor, history.Authenticate,
		history.Target{Type: "Key", ID: c.Key.ID, Name: c.Key.UserName})
	e.Outcome, e.Status, e.Detail = history.Refused, 401, refused.Reason
	if refused.Forbidden {
		e.Status = 403
	}
	if err := s.history.AppendHistory(ctx, e); err != nil {
		return fmt.Errorf("authenticate: %w", err)
	}
	return refused
}

// refusal says why the credential may not be used now, from an address, or
// returns nil.
func (c *Credential) refusal(now time.Time, address string) *KeyError {
	switch c.Key.State(now) {
	case "revoked":
		return &KeyError{
			Reason: "the API key was revoked on " + c.Key.Revoked.Format(time.DateOnly),
		}
	case "expired":
		return &KeyError{Reason: "the API key expired on " + c.Key.Expires.Format(time.DateOnly)}
	}
	if !c.Key.From(address) {
		return &KeyError{
			Forbidden: true,
			Reason: "the API key is not taken from " + address +
				": the networks that it was made for are others",
		}
	}
	if c.Holder == nil {
		return &KeyError{Reason: "the integration user of the API key was deleted"}
	}
	if reason := c.Holder.unfit(); reason != "" {
		return &KeyError{Reason: "the API key does not work: " + reason}
	}
	if !c.Instance.Edition.SCIM() {
		return &KeyError{Forbidden: true, Reason: fmt.Sprintf(
			"SCIM-based user provisioning is part of the enterprise and unlimited editions; "+
				"instance %s has the %s edition", c.Instance.Slug, c.Instance.Edition)}
	}
	return nil
}

// unfit says why the user may not hold a key, or returns "".
func (h *Holder) unfit() string {
	switch {
	case !h.Integration:
		return "the user is no integration user"
	case !h.Active:
		return "the integration user is suspended"
	case !h.Role.HoldsKeys():
		return fmt.Sprintf("the integration user has the role %s and needs at least %s", h.Role,
			LiteAdmin)
	}
	return ""
}
