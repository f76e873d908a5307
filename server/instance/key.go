package instance

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"muster/server/history"
)

// An API key reads muster_<instance>_<id>_<secret><checksum>: a fixed prefix
// that secret scanners can find, the instance and the key's public id in
// clear, 256 random bits and a CRC-32 of all that precedes it, both in
// base 62.
const (
	keyPrefix      = "muster"
	keyIDLength    = 10
	secretLength   = 43 // 256 bits need 42.99 digits of base 62
	checksumLength = 6
)

// DefaultKeyLife is how long a key is valid when nothing else is asked for.
const DefaultKeyLife = 365 * 24 * time.Hour

// ExpiryNotice is how long before its end a key tells of it with each answer.
const ExpiryNotice = 14 * 24 * time.Hour

// useInterval is how exactly the last use of a key is kept: to write it with
// each request would cost more than it tells.
const useInterval = time.Minute

// Key is an API key as the server keeps it: without its secret.
type Key struct {
	// ID is public; it stands in the key, in lists and in the history.
	ID         string
	InstanceID string
	// UserID is the integration user on whose behalf the key was made; empty
	// once that user is deleted.
	UserID   string
	UserName string
	// Digest is the SHA-256 of the secret.
	Digest  []byte
	Created time.Time
	Expires time.Time
	// Revoked is zero while the key is not revoked.
	Revoked time.Time
	// LastUsed is when the key was accepted last, to the minute, and
	// LastAddress from where; zero and empty if it never was.
	LastUsed    time.Time
	LastAddress string
	// ClientID is the OAuth 2.0 client whose access token the key is, or empty.
	ClientID string
	Permit
}

// KeyRequest asks for a key.
type KeyRequest struct {
	// UserName is the integration user on whose behalf it is made.
	UserName string
	// Life is how long it is valid; 0 means [DefaultKeyLife].
	Life time.Duration
	Permit
}

// State says whether the key can be used at a time, as a word: "valid",
// "expired" or "revoked". Its holder may still be the reason why not.
func (k *Key) State(now time.Time) string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked"
	case !now.Before(k.Expires):
		return "expired"
	}
	return "valid"
}

// Holder is an integration user in so far as keys depend on it.
type Holder struct {
	UserID, UserName string
	Role             Role
	Active           bool
	Integration      bool
}

// Credential is a key with all that decides whether it may be used.
type Credential struct {
	Key      Key
	Holder   *Holder // nil when the user was deleted
	Instance Instance
}

// CreateKey makes a key on behalf of an integration user, and returns it with
// its text, which nobody can see again.
func (s *Service) CreateKey(
	ctx context.Context, i *Instance, r KeyRequest, actor history.Actor,
) (*Key, string, error) {
	life := cmp.Or(r.Life, DefaultKeyLife)
	if life < 0 {
		return nil, "", Refuse("a key cannot expire in the past")
	}
	h, err := s.fitHolder(ctx, i, r.UserName)
	if err != nil {
		return nil, "", err
	}
	k, text := s.newKey(i, h, life, r.Permit)
	e := history.New(i.ID, k.Created, actor, history.KeyCreate,
		history.Target{Type: "Key", ID: k.ID, Name: h.UserName})
	e.Detail = "expires " + k.Expires.Format(time.RFC3339)
	e.AddDetail(k.Summary())
	if err := s.store.CreateKey(ctx, k, e); err != nil {
		return nil, "", fmt.Errorf("create key: %w", err)
	}
	return k, text, nil
}

// fitHolder returns the user of that name, if he or she may hold keys.
func (s *Service) fitHolder(ctx context.Context, i *Instance, userName string) (*Holder, error) {
	h, err := s.store.Holder(ctx, i.ID, userName)
	if errors.Is(err, ErrNotFound) {
		return nil, Missing("instance %s has no user %q; make one with `muster-server user create "+
			"%s --instance %s --integration --role lite-admin`",
			i.Slug, userName, userName, i.Slug)
	}
	if err != nil {
		return nil, err
	}
	if reason := h.unfit(); reason != "" {
		return nil, Refuse("no key for %q: %s", userName, reason)
	}
	return h, nil
}

// newKey makes a key for a user, and its text.
func (s *Service) newKey(i *Instance, h *Holder, life time.Duration, p Permit) (*Key, string) {
	id, secret := randomDigits(keyIDLength, 36), randomDigits(secretLength, 62)
	digest := sha256.Sum256([]byte(secret))
	now := s.now().UTC().Truncate(time.Millisecond)
	text := strings.Join([]string{keyPrefix, i.Slug, id, secret}, "_")
	return &Key{
		ID: id, InstanceID: i.ID, UserID: h.UserID, UserName: h.UserName, Digest: digest[:],
		Created: now, Expires: now.Add(life),
		Permit: Permit{cmp.Or(p.Access, FullAccess), p.Networks},
	}, text + checksum(text)
}

// RotateKey makes a key that takes the place of another one of the same
// user. The old one stays valid for the overlap, so that the provider can be
// given the new one without a gap; never longer than it was.
func (s *Service) RotateKey(
	ctx context.Context, i *Instance, keyID string, overlap, life time.Duration,
	actor history.Actor,
) (*Key, string, error) {
	if life <= 0 || overlap < 0 {
		return nil, "", Refuse("a key cannot expire in the past")
	}
	old, err := s.key(ctx, i, keyID)
	if err != nil {
		return nil, "", err
	}
	if state := old.State(s.now()); state != "valid" {
		return nil, "", Refuse("key %s is %s; make a new one with `muster-server key create "+
			"--instance %s --user %s`", keyID, state, i.Slug, old.UserName)
	}
	h, err := s.store.Holder(ctx, i.ID, old.UserName)
	if err != nil {
		return nil, "", fmt.Errorf("rotate key: %w", err)
	}
	if reason := h.unfit(); reason != "" {
		return nil, "", Refuse("no key for %q: %s", h.UserName, reason)
	}
	k, text := s.newKey(i, h, life, old.Permit)
	end := k.Created.Add(overlap)
	if old.Expires.Before(end) {
		end = old.Expires
	}
	e := history.New(i.ID, k.Created, actor, history.KeyRotate,
		history.Target{Type: "Key", ID: k.ID, Name: h.UserName})
	e.Detail = fmt.Sprintf("takes the place of %s, which is valid until %s; expires %s", keyID,
		end.Format(time.RFC3339), k.Expires.Format(time.RFC3339))
	if err := s.store.RotateKey(ctx, k, keyID, end, e); err != nil {
		return nil, "", fmt.Errorf("rotate key: %w", err)
	}
	return k, text, nil
}

// key returns a key of an instance.
func (s *Service) key(ctx context.Context, i *Instance, keyID string) (*Key, error) {
	keys, err := s.store.Keys(ctx, i.ID)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if k.ID == keyID {
			return k, nil
		}
	}
	return nil, Missing("instance %s has no key %q; `muster-server key list --instance %s` "+
		"shows its keys", i.Slug, keyID, i.Slug)
}

// Keys returns the keys of an instance, the oldest first.
func (s *Service) Keys(ctx context.Context, i *Instance) ([]*Key, error) {
	return s.store.Keys(ctx, i.ID)
}

// RevokeKey ends the validity of a key at once. It reports false if the key
// was revoked before.
func (s *Service) RevokeKey(
	ctx context.Context, i *Instance, keyID string, actor history.Actor,
) (bool, error) {
	now := s.now().UTC().Truncate(time.Millisecond)
	e := history.New(i.ID, now, actor, history.KeyRevoke, history.Target{Type: "Key", ID: keyID})
	changed, err := s.store.RevokeKey(ctx, i.ID, keyID, now, e)
	if errors.Is(err, ErrNotFound) {
		return false, Missing("instance %s has no key %q; `muster-server key list --instance %s` "+
			"shows its keys", i.Slug, keyID, i.Slug)
	}
	return changed, err
}
