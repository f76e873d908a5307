package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"muster/server/instance"
)

// CreateSignInLink writes a link that signs somebody in.
func (s *Store) CreateSignInLink(ctx context.Context, l *instance.SignInLink) error {
	return s.update(ctx, func(t *tx) error {
		// What nobody can use any more goes when another one comes.
		if _, err := t.Exec(ctx, "DELETE FROM sign_in_links WHERE expires < ?",
			millis(l.Created)); err != nil {
			return err
		}
		_, err := t.Exec(ctx, `INSERT INTO sign_in_links
			(digest, name, role, instance, created, expires) VALUES (?, ?, ?, ?, ?, ?)`,
			hex.EncodeToString(l.Digest), l.Name, string(l.Role), l.Instance, millis(l.Created),
			millis(l.Expires))
		return err
	})
}

type signInLinkRow struct {
	Name     string        `db:"name"`
	Role     string        `db:"role"`
	Instance string        `db:"instance"`
	Created  int64         `db:"created"`
	Expires  int64         `db:"expires"`
	Used     sql.NullInt64 `db:"used"`
}

const selectSignInLink = `SELECT name, role, instance, created, expires, used
	FROM sign_in_links WHERE digest = ?`

// SignInLink returns a link by the digest of its secret, or instance.ErrNotFound.
func (s *Store) SignInLink(ctx context.Context, digest []byte) (*instance.SignInLink, error) {
	var r signInLinkRow
	if err := s.db.Get(ctx, &r, selectSignInLink, hex.EncodeToString(digest)); err != nil {
		return nil, missing(err)
	}
	l := &instance.SignInLink{
		Digest: digest, Created: fromMillis(r.Created), Expires: fromMillis(r.Expires),
		Used: r.Used.Valid,
	}
	l.Name, l.Role, l.Instance = r.Name, instance.AdminRole(r.Role), r.Instance
	return l, nil
}

// UseSignInLink uses a link up. It returns instance.ErrNotFound if somebody else
// was faster, or if it has expired.
func (s *Store) UseSignInLink(ctx context.Context, digest []byte, at time.Time) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.Exec(ctx, `UPDATE sign_in_links SET used = ?
			WHERE digest = ? AND used IS NULL AND expires > ?`,
			millis(at), hex.EncodeToString(digest), millis(at))
		if err == nil && n == 0 {
			return instance.ErrNotFound
		}
		return err
	})
}

// ConsoleSession returns the data of a session of the console that has not expired;
// found is false if there is none of that id.
func (s *Store) ConsoleSession(
	ctx context.Context, id string, now time.Time,
) (data []byte, found bool, err error) {
	var text string
	err = s.db.Get(ctx, &text,
		"SELECT data FROM console_sessions WHERE id = ? AND expires > ?", id, millis(now))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return []byte(text), err == nil, err
}

// BeginConsoleSession writes a session of a person, who is known by that name, and
// deletes those that have expired.
func (s *Store) BeginConsoleSession(
	ctx context.Context, id, person string, data []byte, now, expires time.Time,
) error {
	return s.update(ctx, func(t *tx) error {
		if _, err := t.Exec(ctx, "DELETE FROM console_sessions WHERE expires <= ?",
			millis(now)); err != nil {
			return err
		}
		_, err := t.Exec(ctx,
			"INSERT INTO console_sessions (id, person, data, expires) VALUES (?, ?, ?, ?)",
			id, person, string(data), millis(expires))
		return err
	})
}

// KeepConsoleSession writes the data of a session that is there. One that was ended
// meanwhile is not begun again: found is false.
func (s *Store) KeepConsoleSession(
	ctx context.Context, id string, data []byte, expires time.Time,
) (found bool, err error) {
	err = s.update(ctx, func(t *tx) error {
		n, err := t.Exec(ctx, "UPDATE console_sessions SET data = ?, expires = ? WHERE id = ?",
			string(data), millis(expires), id)
		found = n > 0
		return err
	})
	return found, err
}

// EndConsoleSession ends a session, at whatever server it is used.
func (s *Store) EndConsoleSession(ctx context.Context, id string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.Exec(ctx, "DELETE FROM console_sessions WHERE id = ?", id)
		return err
	})
}

// EndConsoleSessions ends all sessions of a person, and returns how many there were.
func (s *Store) EndConsoleSessions(ctx context.Context, person string) (n int, err error) {
	err = s.update(ctx, func(t *tx) error {
		gone, err := t.Exec(ctx, "DELETE FROM console_sessions WHERE person = ?", person)
		n = int(gone)
		return err
	})
	return n, err
}
