package instance

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster/server/history"
)

// adminPrefix begins the tokens of the admin API, which read
// muster-admin_<id>_<secret><checksum>. No API key begins so.
const adminPrefix = "muster-admin"

// AdminRole is what an administrator may do at the admin API.
type AdminRole string

// The roles, each of which may do what those behind it may.
const (
	// Owner may do everything: make keys, clients and instances, and prune the
	// history.
	Owner AdminRole = "owner"
	// Administrator looks after users, groups, fields, mapping and rules.
	Administrator AdminRole = "administrator"
	// LiteAdministrator looks after users, groups and objects; it sees how the
	// instance is set up, and changes nothing of that.
	LiteAdministrator AdminRole = "lite-administrator"
	// Reader sees users, groups and how the instance is set up, and changes nothing.
	Reader AdminRole = "reader"
	// Auditor reads the history, and nothing else.
	Auditor AdminRole = "auditor"
)

// AdminRoles returns the roles, each of which may do what those behind it may.
func AdminRoles() []AdminRole {
	return []AdminRole{Owner, Administrator, LiteAdministrator, Reader, Auditor}
}

// RoleNames returns the names of the roles, for people.
func RoleNames() string {
	var names []string
	for _, r := range AdminRoles() {
		names = append(names, string(r))
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// May reports whether the role may do what takes another one.
func (r AdminRole) May(takes AdminRole) bool {
	own := slices.Index(AdminRoles(), r)
	return own >= 0 && own <= slices.Index(AdminRoles(), takes)
}

// AdminToken authenticates an administrator at the admin API. The server keeps
// it without its secret.
type AdminToken struct {
	ID string
	// Name is who holds it: the actor in the change history.
	Name string
	Role AdminRole
	// Instance is the name of the one that it is for; empty for all.
	Instance string
	// Digest is the SHA-256 of the secret.
	Digest  []byte
	Created time.Time
	Expires time.Time
	// Revoked is zero while the token is not revoked.
	Revoked time.Time
	// LastUsed is when the token was accepted last, to the minute, and
	// LastAddress from where; zero and empty if it never was.
	LastUsed    time.Time
	LastAddress string
}

// State says whether the token can be used at a time: "valid", "expired" or
// "revoked".
func (t *AdminToken) State(now time.Time) string {
	return (&Key{Expires: t.Expires, Revoked: t.Revoked}).State(now)
}

// CreateAdminToken makes a token of a name, a role, owner if it is empty, and
// an instance, and returns it with its text, which nobody can see again.
func (s *Service) CreateAdminToken(
	ctx context.Context, t AdminToken, life time.Duration,
) (*AdminToken, string, error) {
	if strings.TrimSpace(t.Name) == "" {
		return nil, "", Refuse("the name of the token is empty; give the name of its holder")
	}
	if t.Role = cmp.Or(t.Role, Owner); !t.Role.May(Auditor) {
		return nil, "", Refuse("the role %q: use %s", t.Role, RoleNames())
	}
	if t.Instance != "" {
		if _, err := s.BySlug(ctx, t.Instance); err != nil {
			return nil, "", err
		}
	}
	if life <= 0 {
		return nil, "", Refuse("a token cannot expire in the past")
	}
	id, secret := randomDigits(keyIDLength, 36), randomDigits(secretLength, 62)
	digest := sha256.Sum256([]byte(secret))
	now := s.now().UTC().Truncate(time.Millisecond)
	t.ID, t.Digest, t.Created, t.Expires = id, digest[:], now, now.Add(life)
	if err := s.store.CreateAdminToken(ctx, &t); err != nil {
		return nil, "", fmt.Errorf("create token: %w", err)
	}
	text := strings.Join([]string{adminPrefix, id, secret}, "_")
	return &t, text + checksum(text), nil
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
func (s *Service) AuthenticateAdministrator(
	ctx context.Context, text, address string,
) (*AdminToken, error) {
	parts := strings.Split(text, "_")
	if len(parts) != 3 || parts[0] != adminPrefix || len(parts[2]) != secretLength+checksumLength {
		return nil, &KeyError{
			Reason: "the bearer token is no token of the admin API; `muster-server admin-token " +
				"create` makes one. API keys are for SCIM only",
		}
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
	now := s.now()
	if state := t.State(now); state != "valid" {
		return nil, &KeyError{Reason: "the token is " + state}
	}
	if now.Sub(t.LastUsed) >= useInterval {
		if err := s.store.UseAdminToken(ctx, t.ID, now, address); err != nil {
			return nil, fmt.Errorf("authenticate: %w", err)
		}
	}
	return t, nil
}

// DenyAdministrator refuses what a token is not for, and writes that to the
// history of the instance that it was about.
func (s *Service) DenyAdministrator(
	ctx context.Context, i *Instance, t *AdminToken, reason string, actor history.Actor,
) error {
	e := history.New(i.ID, s.now(), actor, history.Authenticate,
		history.Target{Type: "AdminToken", ID: t.ID, Name: t.Name})
	e.Outcome, e.Status, e.Detail = history.Refused, 403, reason
	if err := s.history.AppendHistory(ctx, e); err != nil {
		return fmt.Errorf("authenticate: %w", err)
	}
	return &KeyError{Forbidden: true, Reason: reason}
}
