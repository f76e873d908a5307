package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"time"

	"muster/server/instance"
)

type adminTokenRow struct {
	ID      string        `db:"id"`
	Name    string        `db:"name"`
	Digest  string        `db:"digest"`
	Created int64         `db:"created"`
	Expires int64         `db:"expires"`
	Revoked sql.NullInt64 `db:"revoked"`

	Role     string        `db:"role"`
	Instance string        `db:"instance"`
	LastUsed sql.NullInt64 `db:"last_used"`
	LastFrom string        `db:"last_address"`
}

const (
	selectAdminToken = `SELECT id, name, digest, created, expires, revoked, role, instance,
	last_used, last_address FROM admin_tokens WHERE id = ?`

	selectAdminTokens = `SELECT id, name, digest, created, expires, revoked, role, instance,
	last_used, last_address FROM admin_tokens ORDER BY created, id`
)

func (r *adminTokenRow) token() (*instance.AdminToken, error) {
	digest, err := hex.DecodeString(r.Digest)
	t := &instance.AdminToken{
		ID: r.ID, Name: r.Name, Role: instance.AdminRole(r.Role), Instance: r.Instance,
		Digest:  digest,
		Created: fromMillis(r.Created), Expires: fromMillis(r.Expires), LastAddress: r.LastFrom,
	}
	if r.LastUsed.Valid {
		t.LastUsed = fromMillis(r.LastUsed.Int64)
	}
	if r.Revoked.Valid {
		t.Revoked = fromMillis(r.Revoked.Int64)
	}
	return t, err
}

// CreateAdminToken writes a new token.
func (s *Store) CreateAdminToken(ctx context.Context, a *instance.AdminToken) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.Exec(ctx,
			`INSERT INTO admin_tokens (id, name, digest, created, expires, role, instance)
				VALUES (?, ?, ?, ?, ?, ?, ?)`,
			a.ID, a.Name, hex.EncodeToString(a.Digest), millis(a.Created), millis(a.Expires),
			string(a.Role), a.Instance)
		return err
	})
}

// AdminToken returns a token, or instance.ErrNotFound.
func (s *Store) AdminToken(ctx context.Context, id string) (*instance.AdminToken, error) {
	var r adminTokenRow
	if err := s.db.Get(ctx, &r, selectAdminToken, id); err != nil {
		return nil, missing(err)
	}
	return r.token()
}

// UseAdminToken keeps when and from where a token was used.
func (s *Store) UseAdminToken(ctx context.Context, id string, at time.Time, address string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.Exec(ctx,
			`UPDATE admin_tokens SET last_used = ?, last_address = ?
				WHERE id = ? AND (last_used IS NULL OR last_used < ?)`,
			millis(at), address, id, millis(at))
		return err
	})
}

// AdminTokens returns all tokens, the oldest first.
func (s *Store) AdminTokens(ctx context.Context) ([]*instance.AdminToken, error) {
	var rows []adminTokenRow
	if err := s.db.List(ctx, &rows, selectAdminTokens); err != nil {
		return nil, err
	}
	list := make([]*instance.AdminToken, len(rows))
	var err error
	for i := range rows {
		if list[i], err = rows[i].token(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// RevokeAdminToken ends the validity of a token. It returns
// instance.ErrNotFound if there is none that is not revoked.
func (s *Store) RevokeAdminToken(ctx context.Context, id string, at time.Time) error {
	return s.update(ctx, func(t *tx) error {
		n, err := t.Exec(ctx,
			"UPDATE admin_tokens SET revoked = ? WHERE id = ? AND revoked IS NULL", millis(at), id)
		if err == nil && n == 0 {
			return instance.ErrNotFound
		}
		return err
	})
}
