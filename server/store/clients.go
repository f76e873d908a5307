package store

import (
	"context"
	"database/sql"
	"time"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/store/engine"
)

type clientRow struct {
	ID         string        `db:"id"`
	InstanceID string        `db:"instance_id"`
	UserName   string        `db:"user_name"`
	KeySet     string        `db:"key_set"`
	KeySetURL  string        `db:"key_set_url"`
	Created    int64         `db:"created"`
	Revoked    sql.NullInt64 `db:"revoked"`
	Access     string        `db:"access"`
	Networks   string        `db:"networks"`
}

const (
	selectClient = `SELECT
		id, instance_id, user_name, key_set, key_set_url, created, revoked, access,
	networks FROM clients WHERE id = ?`

	selectClients = `SELECT
		id, instance_id, user_name, key_set, key_set_url, created, revoked, access,
	networks FROM clients
	WHERE instance_id = ? ORDER BY created, id`
)

func (r *clientRow) client() (c *instance.Client, err error) {
	c = &instance.Client{
		ID: r.ID, InstanceID: r.InstanceID, UserName: r.UserName, KeySet: []byte(r.KeySet),
		KeySetURL: r.KeySetURL, Created: fromMillis(r.Created),
	}
	if r.Revoked.Valid {
		c.Revoked = fromMillis(r.Revoked.Int64)
	}
	c.Permit, err = permit(r.Access, r.Networks)
	return c, err
}

// CreateClient writes a new client.
func (s *Store) CreateClient(ctx context.Context, c *instance.Client, e *history.Entry) error {
	return s.change(ctx, c.InstanceID, func(t *tx) error {
		_, err := t.Exec(ctx,
			`INSERT INTO clients
				(id, instance_id, user_name, key_set, key_set_url, created, access, networks)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			c.ID, c.InstanceID, c.UserName, string(c.KeySet), c.KeySetURL, millis(c.Created),
			string(c.Access), networksOf(c.Permit))
		if err != nil {
			return err
		}
		return t.append(e)
	})
}

// Clients returns the clients of an instance, the oldest first.
func (s *Store) Clients(ctx context.Context, instanceID string) ([]*instance.Client, error) {
	var rows []clientRow
	if err := s.db.List(ctx, &rows, selectClients,
		instanceID); err != nil {
		return nil, err
	}
	list := make([]*instance.Client, len(rows))
	var err error
	for i := range rows {
		if list[i], err = rows[i].client(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Client returns the client with an id.
func (s *Store) Client(ctx context.Context, id string) (*instance.Client, error) {
	var r clientRow
	if err := s.db.Get(ctx, &r, selectClient, id); err != nil {
		return nil, missing(err)
	}
	return r.client()
}

// RevokeClient ends a client, and all tokens that it has.
func (s *Store) RevokeClient(
	ctx context.Context, instanceID, id string, at time.Time, e *history.Entry,
) (changed bool, err error) {
	err = s.change(ctx, instanceID, func(t *tx) error {
		var name string
		if err := t.Get(ctx, &name,
			"SELECT user_name FROM clients WHERE id = ? AND instance_id = ?", id,
			instanceID); err != nil {
			return missing(err)
		}
		n, err := t.Exec(ctx,
			"UPDATE clients SET revoked = ? WHERE id = ? AND instance_id = ? AND revoked IS NULL",
			millis(at), id, instanceID)
		if changed = n > 0; err != nil || !changed {
			return err
		}
		if _, err := t.Exec(ctx,
			`UPDATE api_keys SET revoked = ?
				WHERE client_id = ? AND instance_id = ? AND revoked IS NULL`,
			millis(at), id, instanceID); err != nil {
			return err
		}
		if err := t.revise(ctx, instanceID); err != nil {
			return err
		}
		e.Target.Name = name
		return t.append(e)
	})
	return changed, err
}

// IssueToken writes a token for an assertion that was not used before. What
// ended is tidied away with it: the history has it all.
func (s *Store) IssueToken(
	ctx context.Context, k *instance.Key, g instance.Grant, e *history.Entry,
) error {
	return s.change(ctx, k.InstanceID, func(t *tx) error {
		now := millis(k.Created)
		var valid []string
		if err := t.List(ctx, &valid,
			"SELECT id FROM clients WHERE id = ? AND revoked IS NULL FOR UPDATE",
			g.Client.ID); err != nil {
			return err
		}
		if len(valid) == 0 { // it was revoked at this moment
			return instance.ErrNotFound
		}
		n, err := t.Exec(ctx,
			"INSERT INTO client_assertions (digest, until) VALUES (?, ?) ON CONFLICT DO NOTHING",
			g.Assertion, millis(g.Until))
		if err == nil && n == 0 {
			err = instance.ErrReplayed
		}
		if err != nil {
			return err
		}
		for _, st := range []engine.Statement{
			{Query: "DELETE FROM client_assertions WHERE until < ?", Args: []any{now}},
			{
				Query: `DELETE FROM api_keys
					WHERE client_id = ? AND instance_id = ? AND expires < ?`,
				Args: []any{g.Client.ID, k.InstanceID, now},
			},
		} {
			if err := t.Run(ctx, st); err != nil {
				return err
			}
		}
		return t.createKey(ctx, k, e)
	})
}
