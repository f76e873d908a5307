package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/pressly/goose/v3"

	"muster/server/history"
	"muster/server/instance"
)

// clientsVersion is the migration that makes room for OAuth 2.0 clients.
const clientsVersion = 14

// clients returns the migration.
func (d dialect) clients() *goose.Migration {
	statements := []string{
		`CREATE TABLE clients (
			id text PRIMARY KEY, instance_id ` + d.castType("uuid") + ` NOT NULL REFERENCES instances (id), user_name text NOT NULL,
			key_set text NOT NULL, key_set_url text NOT NULL, created bigint NOT NULL, revoked bigint)`,
		"CREATE INDEX clients_instance ON clients (instance_id, id)",
		// An assertion is good for one token, at whatever server.
		"CREATE TABLE client_assertions (digest text PRIMARY KEY, until bigint NOT NULL)",
		"CREATE INDEX client_assertions_until ON client_assertions (until)",
		// The client for which a key was made, as its access token.
		"ALTER TABLE api_keys ADD COLUMN client_id text",
		"CREATE INDEX api_keys_client ON api_keys (client_id) WHERE client_id IS NOT NULL",
	}
	if d.postgres {
		statements = append(statements, "ALTER TABLE clients ENABLE ROW LEVEL SECURITY", "ALTER TABLE clients FORCE ROW LEVEL SECURITY", ownRows("clients", "instance_id"))
	}
	return goose.NewGoMigration(clientsVersion, &goose.GoFunc{RunTx: func(ctx context.Context, t *sql.Tx) error {
		for _, statement := range statements {
			if _, err := t.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	}}, nil)
}

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

const selectClient = "SELECT id, instance_id, user_name, key_set, key_set_url, created, revoked, access, networks FROM clients"

func (r *clientRow) client() (c *instance.Client, err error) {
	c = &instance.Client{ID: r.ID, InstanceID: r.InstanceID, UserName: r.UserName, KeySet: []byte(r.KeySet), KeySetURL: r.KeySetURL, Created: fromMillis(r.Created)}
	if r.Revoked.Valid {
		c.Revoked = fromMillis(r.Revoked.Int64)
	}
	c.Permit, err = permit(r.Access, r.Networks)
	return c, err
}

// CreateClient writes a new client.
func (s *Store) CreateClient(ctx context.Context, c *instance.Client, e *history.Entry) error {
	return s.change(ctx, c.InstanceID, func(t *tx) error {
		_, err := t.exec(ctx, `INSERT INTO clients (id, instance_id, user_name, key_set, key_set_url, created, access, networks)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			c.ID, c.InstanceID, c.UserName, string(c.KeySet), c.KeySetURL, millis(c.Created), string(c.Access), networksOf(c.Permit))
		if err != nil {
			return err
		}
		return t.append(e)
	})
}

// Clients returns the clients of an instance, the oldest first.
func (s *Store) Clients(ctx context.Context, instanceID string) ([]*instance.Client, error) {
	var rows []clientRow
	if err := s.list(ctx, &rows, selectClient+" WHERE instance_id = ? ORDER BY created, id", instanceID); err != nil {
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
	if err := s.get(ctx, &r, selectClient+" WHERE id = ?", id); err != nil {
		return nil, missing(err)
	}
	return r.client()
}

// RevokeClient ends a client, and all tokens that it has.
func (s *Store) RevokeClient(ctx context.Context, instanceID, id string, at time.Time, e *history.Entry) (changed bool, err error) {
	err = s.change(ctx, instanceID, func(t *tx) error {
		var name string
		if err := t.get(ctx, &name, "SELECT user_name FROM clients WHERE id = ? AND instance_id = ?", id, instanceID); err != nil {
			return missing(err)
		}
		n, err := t.exec(ctx, "UPDATE clients SET revoked = ? WHERE id = ? AND instance_id = ? AND revoked IS NULL", millis(at), id, instanceID)
		if changed = n > 0; err != nil || !changed {
			return err
		}
		if _, err := t.exec(ctx, "UPDATE api_keys SET revoked = ? WHERE client_id = ? AND instance_id = ? AND revoked IS NULL", millis(at), id, instanceID); err != nil {
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
func (s *Store) IssueToken(ctx context.Context, k *instance.Key, g instance.Grant, e *history.Entry) error {
	return s.change(ctx, k.InstanceID, func(t *tx) error {
		now := millis(k.Created)
		var valid []string
		if err := t.list(ctx, &valid, "SELECT id FROM clients WHERE id = ? AND revoked IS NULL"+s.d.forUpdate, g.Client.ID); err != nil {
			return err
		}
		if len(valid) == 0 { // it was revoked at this moment
			return instance.ErrNotFound
		}
		n, err := t.exec(ctx, "INSERT INTO client_assertions (digest, until) VALUES (?, ?) ON CONFLICT DO NOTHING", g.Assertion, millis(g.Until))
		if err == nil && n == 0 {
			err = instance.ErrReplayed
		}
		if err != nil {
			return err
		}
		for _, st := range []statement{
			{query: "DELETE FROM client_assertions WHERE until < ?", args: []any{now}},
			{query: "DELETE FROM api_keys WHERE client_id = ? AND instance_id = ? AND expires < ?", args: []any{g.Client.ID, k.InstanceID, now}},
		} {
			if err := t.run(ctx, st); err != nil {
				return err
			}
		}
		return t.createKey(ctx, k, e)
	})
}
