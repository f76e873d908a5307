package instance

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"
)

// adminPrefix begins the tokens of the admin API, which read
// muster-admin_<id>_<secret><checksum>. No API key begins so.
const adminPrefix = "muster-admin"

// AdminToken authenticates an administrator at the admin API, for all
// instances. The server keeps it without its secret.
type AdminToken struct {
	ID string
	// Name is who holds it: the actor in the change history.
	Name string
	// Digest is the SHA-256 of the secret.
	Digest  []byte
	Created time.Time
	Expires time.Time
	// Revoked is zero while the token is not revoked.
	Revoked time.Time
}

// State says whether the token can be used at a time: "valid", "expired" or
// "revoked".
func (t *AdminToken) State(now time.Time) string {
	return (&Key{Expires: t.Expires, Revoked: t.Revoked}).State(now)
}

// CreateAdminToken makes a token, and returns it with its text, which nobody
// can see again.
func (s *Service) CreateAdminToken(ctx context.Context, name string, life time.Duration) (*AdminToken, string, error) {
	if strings.TrimSpace(name) == "" {
		return nil, "", Refuse("the name of the token is empty; give the name of its holder")
	}
	if life <= 0 {
		return nil, "", Refuse("a token cannot expire in the past")
	}
	id, secret := randomDigits(keyIDLength, 36), randomDigits(secretLength, 62)
	digest := sha256.Sum256([]byte(secret))
	now := s.now().UTC().Truncate(time.Millisecond)
	t := &AdminToken{ID: id, Name: name, Digest: digest[:], Created: now, Expires: now.Add(life)}
	if err := s.store.CreateAdminToken(ctx, t); err != nil {
		return nil, "", fmt.Errorf("create token: %w", err)
	}
	text := strings.Join([]string{adminPrefix, id, secret}, "_")
	return t, text + checksum(text), nil
}

// AdminTokens returns all tokens, the oldest first.
func (s *Service) AdminTokens(ctx context.Context) ([]*AdminToken, error) {
	return s.store.AdminTokens(ctx)
}

// RevokeAdminToken ends the validity of a token at once.
func (s *Service) RevokeAdminToken(ctx context.Context, id string) error {
	err := s.store.RevokeAdminToken(ctx, id, s.now())
	if errors.Is(err, ErrNotFound) {
		return Missing("there is no valid token %q; `muster-server admin-token list` shows all", id)
	}
	return err
}

// AuthenticateAdministrator returns the token that a text stands for. The
// error is a [KeyError] if it is not accepted.
func (s *Service) AuthenticateAdministrator(ctx context.Context, text string) (*AdminToken, error) {
	parts := strings.Split(text, "_")
	if len(parts) != 3 || parts[0] != adminPrefix || len(parts[2]) != secretLength+checksumLength {
		return nil, &KeyError{Reason: "the bearer token is no token of the admin API; `muster-server admin-token create` makes one. API keys are for SCIM only"}
	}
	at := len(text) - checksumLength
	if checksum(text[:at]) != text[at:] {
		return nil, &KeyError{Reason: "the token is mistyped: its checksum does not match"}
	}
	unknown := &KeyError{Reason: "the token is not known here"}
	t, err := s.store.AdminToken(ctx, parts[1])
	if errors.Is(err, ErrNotFound) {
		return nil, unknown
	}
	if err != nil {
		return nil, fmt.Errorf("authenticate: %w", err)
	}
	digest := sha256.Sum256([]byte(parts[2][:secretLength]))
	if subtle.ConstantTimeCompare(digest[:], t.Digest) != 1 {
		return nil, unknown
	}
	if state := t.State(s.now()); state != "valid" {
		return nil, &KeyError{Reason: "the token is " + state}
	}
	return t, nil
}
