package instance

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash/crc32"
	"math/big"
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

// KeyError says why a key is not accepted.
type KeyError struct {
	// Forbidden tells a key that is valid, but whose instance has no SCIM,
	// from one that is not valid.
	Forbidden bool
	Reason    string
}

func (e *KeyError) Error() string { return e.Reason }

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

// Authenticate returns the credential that the text of a key stands for. The
// error is a [KeyError] if the key is not accepted. An attempt with a key
// that was valid once is written to the history of its instance, because
// then somebody holds it.
//
// A credential that was read within the last second is not read again. Work
// that is done with it must be confined by [WithRevision], and begin anew after
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

// parseKey takes the text of a key apart. It tells a mistyped key from an
// unknown one without asking the store.
func parseKey(text string) (slug, id, secret string, err error) {
	parts := strings.Split(text, "_")
	if len(parts) != 4 || parts[0] != keyPrefix || len(parts[2]) != keyIDLength ||
		len(parts[3]) != secretLength+checksumLength {
		return "", "", "", &KeyError{
			Reason: "the bearer token is not an API key of this server, or is not " +
				"complete; a key begins with " + keyPrefix + "_ and is copied whole",
		}
	}
	at := len(text) - checksumLength
	if checksum(text[:at]) != text[at:] {
		return "", "", "", &KeyError{Reason: "the API key is mistyped: its checksum does not match"}
	}
	return parts[1], parts[2], parts[3][:secretLength], nil
}

func checksum(text string) string {
	return digits(big.NewInt(int64(crc32.ChecksumIEEE([]byte(text)))), checksumLength, 62)
}

// randomDigits returns n random digits of a base.
func randomDigits(n, base int) string {
	limit := new(big.Int).Exp(big.NewInt(int64(base)), big.NewInt(int64(n)), nil)
	v, err := rand.Int(rand.Reader, limit)
	if err != nil {
		panic(err) // crypto/rand never fails on the systems that we build for
	}
	return digits(v, n, base)
}

// digits writes v in a base of up to 62, with leading zeros to n digits.
func digits(v *big.Int, n, base int) string {
	s := v.Text(base)
	return strings.Repeat("0", n-len(s)) + s
}
