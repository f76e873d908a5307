package console

import (
	"context"
	"time"

	"muster/screen"
)

// The names of what a session holds of a person, beside the name.
const (
	roleValue     = "role"
	instanceValue = "instance"
)

// SessionStore keeps who is signed in where all servers see it: a session that is ended
// at one of them is ended at each.
type SessionStore interface {
	// ConsoleSession returns what a session holds; found is false if there is none of
	// that id that has not expired.
	ConsoleSession(ctx context.Context, id string, now time.Time) (data []byte, found bool,
		err error)
	BeginConsoleSession(
		ctx context.Context, id, person string, data []byte, now, expires time.Time,
	) error
	// KeepConsoleSession writes a session that is there, and begins none.
	KeepConsoleSession(ctx context.Context, id string, data []byte, expires time.Time) (
		found bool, err error)
	EndConsoleSession(ctx context.Context, id string) error
}

// sessionStore makes of a SessionStore what the sessions are kept in.
type sessionStore struct{ inner SessionStore }

// begins is where the context of a sign-in says that its session is a new one.
type begins struct{}

// FindCtx returns a session by the digest of its token.
func (s sessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	return s.inner.ConsoleSession(ctx, token, time.Now())
}

// CommitCtx writes a session. Only a sign-in begins one: a request that was under way
// when its session was ended must not bring it back.
func (s sessionStore) CommitCtx(
	ctx context.Context, token string, data []byte, expires time.Time,
) error {
	found, err := s.inner.KeepConsoleSession(ctx, token, data, expires)
	if err != nil || found || ctx.Value(begins{}) == nil {
		return err
	}
	return s.inner.BeginConsoleSession(ctx, token, screen.PersonOf(data), data, time.Now(), expires)
}

// DeleteCtx ends a session.
func (s sessionStore) DeleteCtx(ctx context.Context, token string) error {
	return s.inner.EndConsoleSession(ctx, token)
}

// Find is for the interface: sessions are read with a context.
func (s sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is for the interface, too.
func (s sessionStore) Commit(token string, data []byte, expires time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expires)
}

// Delete is for the interface, too.
func (s sessionStore) Delete(token string) error {
	return s.DeleteCtx(context.Background(), token)
}
