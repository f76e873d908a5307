package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/store/engine"
)

// selectExpiring leaves out a key whose user has another one that ends later: it
// was rotated, or is one of several.
const selectExpiring = `SELECT k.id AS id, k.instance_id AS instance_id, i.slug AS slug,
	k.user_name AS user_name, COALESCE(u.fields, '{}') AS fields, k.expires AS expires
	FROM api_keys AS k
	JOIN instances AS i ON i.id = k.instance_id
	LEFT JOIN users AS u ON u.id = k.user_id
	WHERE k.client_id IS NULL AND k.revoked IS NULL AND k.user_id IS NOT NULL
		AND k.expires >= ? AND k.expires < ?
		AND NOT EXISTS (SELECT 1 FROM api_keys AS other
			WHERE other.instance_id = k.instance_id AND other.user_id = k.user_id
				AND other.client_id IS NULL AND other.revoked IS NULL
				AND other.access = k.access AND other.expires > k.expires)
	ORDER BY k.expires, k.id`

// ExpiringKeys returns the keys that end between two times; see
// [instance.ExpiryStore].
func (s *Store) ExpiringKeys(
	ctx context.Context, from, to time.Time,
) ([]instance.ExpiringKey, error) {
	return expiringKeys(ctx, s.db, from, to)
}

func expiringKeys(
	ctx context.Context, db *engine.DB, from, to time.Time,
) ([]instance.ExpiringKey, error) {
	var rows []struct {
		ID         string `db:"id"`
		InstanceID string `db:"instance_id"`
		Slug       string `db:"slug"`
		UserName   string `db:"user_name"`
		Fields     string `db:"fields"`
		Expires    int64  `db:"expires"`
	}
	if err := db.List(ctx, &rows, selectExpiring, millis(from), millis(to)); err != nil {
		return nil, err
	}
	list := make([]instance.ExpiringKey, len(rows))
	for i, r := range rows {
		var fields map[mapping.Field]string
		if err := json.Unmarshal([]byte(r.Fields), &fields); err != nil {
			return nil, fmt.Errorf("the fields of %s: %w", r.UserName, err)
		}
		list[i] = instance.ExpiringKey{
			InstanceID: r.InstanceID, Instance: r.Slug, KeyID: r.ID, UserName: r.UserName,
			Email: fields[mapping.Email], Expires: fromMillis(r.Expires),
		}
	}
	return list, nil
}
