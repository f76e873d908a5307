package instance

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"
)

// SignInLife is for how long a link signs somebody in.
const SignInLife = 10 * time.Minute

// Person is who is signed in to the console, and as what.
type Person struct {
	// Name is the actor in the change history.
	Name string
	Role AdminRole
	// Instance is the name of the one that he or she looks after; empty for all.
	Instance string
}

// SignInLink signs somebody in to the console, once. The server keeps it without
// its secret.
type SignInLink struct {
	Person
	// Digest is the SHA-256 of the secret.
	Digest           []byte
	Created, Expires time.Time
	Used             bool
}

// SignInStore keeps what it takes to sign in.
type SignInStore interface {
	CreateSignInLink(ctx context.Context, l *SignInLink) error
	// SignInLink returns a link by the digest of its secret, or ErrNotFound.
	SignInLink(ctx context.Context, digest []byte) (*SignInLink, error)
	// UseSignInLink uses a link up, or returns ErrNotFound if that was done, or if
	// it has expired.
	UseSignInLink(ctx context.Context, digest []byte, at time.Time) error
	// EndConsoleSessions ends all sessions of a person, and returns how many there
	// were.
	EndConsoleSessions(ctx context.Context, person string) (int, error)
}

// CreateSignInLink makes a link for a person, an owner if no role is given, and
// returns its secret, which nobody can see again.
func (s *Service) CreateSignInLink(ctx context.Context, p Person) (secret string, err error) {
	if p.Name = strings.TrimSpace(p.Name); p.Name == "" {
		return "", Refuse("the name is empty; give that of the person who signs in")
	}
	if p.Role = cmp.Or(p.Role, Owner); !p.Role.May(Auditor) {
		return "", Refuse("the role %q: use %s", p.Role, RoleNames())
	}
	if p.Instance != "" {
		if _, err := s.BySlug(ctx, p.Instance); err != nil {
			return "", err
		}
	}
	secret = rand.Text() + rand.Text()
	now := s.now().UTC().Truncate(time.Millisecond)
	l := &SignInLink{
		Person: p, Digest: signInDigest(secret), Created: now, Expires: now.Add(SignInLife),
	}
	if err := s.store.CreateSignInLink(ctx, l); err != nil {
		return "", fmt.Errorf("create link: %w", err)
	}
	return secret, nil
}

// errNoLink is one refusal for every link that signs nobody in: which of them it is
// helps only who guesses.
func errNoLink() error {
	return Missing("this link does not sign in any more: it is good once, for ten minutes; " +
		"`muster-server console link --user NAME` makes another one")
}

// SignInLink returns the person whom a link would sign in, and uses nothing up: a
// program that looks at links must not.
func (s *Service) SignInLink(ctx context.Context, secret string) (Person, error) {
	l, err := s.store.SignInLink(ctx, signInDigest(secret))
	switch {
	case errors.Is(err, ErrNotFound):
		return Person{}, errNoLink()
	case err != nil:
		return Person{}, fmt.Errorf("sign in: %w", err)
	case l.Used || !s.now().Before(l.Expires):
		return Person{}, errNoLink()
	}
	return l.Person, nil
}

// SignIn uses a link up, and returns the person whom it signs in.
func (s *Service) SignIn(ctx context.Context, secret string) (Person, error) {
	p, err := s.SignInLink(ctx, secret)
	if err != nil {
		return Person{}, err
	}
	err = s.store.UseSignInLink(ctx, signInDigest(secret), s.now())
	if errors.Is(err, ErrNotFound) {
		return Person{}, errNoLink()
	}
	if err != nil {
		return Person{}, fmt.Errorf("sign in: %w", err)
	}
	return p, nil
}

// SignOut ends all sessions of a person at all servers, and returns how many there
// were.
func (s *Service) SignOut(ctx context.Context, name string) (int, error) {
	return s.store.EndConsoleSessions(ctx, name)
}

func signInDigest(secret string) []byte {
	digest := sha256.Sum256([]byte(secret))
	return digest[:]
}
