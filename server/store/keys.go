package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/scim/schema"
	"muster/server/store/engine"
)

type keyRow struct {
	ID         string         `db:"id"`
	InstanceID string         `db:"instance_id"`
	UserID     sql.NullString `db:"user_id"`
	UserName   string         `db:"user_name"`
	Digest     string         `db:"digest"`
	Created    int64          `db:"created"`
	Expires    int64          `db:"expires"`
	Revoked    sql.NullInt64  `db:"revoked"`
	LastUsed   sql.NullInt64  `db:"last_used"`
	LastFrom   string         `db:"last_address"`
	ClientID   sql.NullString `db:"client_id"`
	Access     string         `db:"access"`
	Networks   string         `db:"networks"`
}

// permit reads a permit as it is kept.
func permit(access, networks string) (instance.Permit, error) {
	var list []string
	if networks != "" {
		list = strings.Split(networks, ",")
	}
	return instance.NewPermit(access, list)
}

// networksOf returns the networks of a permit as they are kept.
func networksOf(p instance.Permit) string { return strings.Join(p.Texts(), ",") }

func (r *keyRow) key() (*instance.Key, error) {
	digest, err := hex.DecodeString(r.Digest)
	if err != nil {
		return nil, err
	}
	k := &instance.Key{
		ID: r.ID, InstanceID: r.InstanceID, UserID: r.UserID.String, UserName: r.UserName,
		Digest:  digest,
		Created: fromMillis(r.Created), Expires: fromMillis(r.Expires), ClientID: r.ClientID.String,
	}
	if k.Permit, err = permit(r.Access, r.Networks); err != nil {
		return nil, fmt.Errorf("key %s: %w", r.ID, err)
	}
	if r.Revoked.Valid {
		k.Revoked = fromMillis(r.Revoked.Int64)
	}
	if k.LastAddress = r.LastFrom; r.LastUsed.Valid {
		k.LastUsed = fromMillis(r.LastUsed.Int64)
	}
	return k, nil
}

// revise tells servers that what they remember of an instance has changed.
func (t *tx) revise(ctx context.Context, instanceID string) error {
	return t.Run(ctx, revise(instanceID))
}

func revise(instanceID string) engine.Statement {
	return engine.Statement{
		Query: "UPDATE instances SET revision = revision + 1 WHERE id = ?", Args: []any{instanceID},
	}
}

// CreateKey writes a new key.
func (s *Store) CreateKey(ctx context.Context, k *instance.Key, e *history.Entry) error {
	return s.change(ctx, k.InstanceID, func(t *tx) error { return t.createKey(ctx, k, e) })
}

func (t *tx) createKey(ctx context.Context, k *instance.Key, e *history.Entry) error {
	_, err := t.Exec(ctx,
		`INSERT INTO api_keys (id, instance_id, user_id, user_name, digest, created, expires,
			client_id, access, networks)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		k.ID, k.InstanceID, k.UserID, k.UserName, hex.EncodeToString(k.Digest), millis(k.Created),
		millis(k.Expires), null(k.ClientID),
		string(k.Access), networksOf(k.Permit))
	if err != nil {
		return err
	}
	return t.append(e)
}

// RotateKey writes a new key and ends the old one at a time.
func (s *Store) RotateKey(
	ctx context.Context, k *instance.Key, oldID string, end time.Time, e *history.Entry,
) error {
	return s.change(ctx, k.InstanceID, func(t *tx) error {
		n, err := t.Exec(ctx,
			"UPDATE api_keys SET expires = ? WHERE id = ? AND instance_id = ? AND revoked IS NULL",
			millis(end), oldID, k.InstanceID)
		if err != nil {
			return err
		}
		if n == 0 {
			return instance.ErrNotFound
		}
		if err := t.revise(ctx, k.InstanceID); err != nil {
			return err
		}
		return t.createKey(ctx, k, e)
	})
}

// UseKey keeps when and from where a key was used. Of several servers the
// last one wins.
func (s *Store) UseKey(ctx context.Context, keyID string, at time.Time, address string) error {
	return s.update(ctx, func(t *tx) error {
		_, err := t.Exec(ctx,
			`UPDATE api_keys SET last_used = ?, last_address = ?
				WHERE id = ? AND (last_used IS NULL OR last_used < ?)`,
			millis(at), address, keyID, millis(at))
		return err
	})
}

// Keys returns the keys of an instance, the oldest first, without those that
// are tokens of clients.
func (s *Store) Keys(ctx context.Context, instanceID string) ([]*instance.Key, error) {
	var rows []keyRow
	if err := s.db.List(ctx, &rows,
		`SELECT id, instance_id, user_id, user_name, digest, created, expires, revoked, last_used,
			last_address, access, networks
			FROM api_keys WHERE instance_id = ? AND client_id IS NULL ORDER BY created, id`,
		instanceID); err != nil {
		return nil, err
	}
	list := make([]*instance.Key, len(rows))
	var err error
	for i := range rows {
		if list[i], err = rows[i].key(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// RevokeKey ends the validity of a key.
func (s *Store) RevokeKey(
	ctx context.Context, instanceID, keyID string, at time.Time, e *history.Entry,
) (changed bool, err error) {
	err = s.change(ctx, instanceID, func(t *tx) error {
		var name string
		if err := t.Get(ctx, &name,
			"SELECT user_name FROM api_keys WHERE id = ? AND instance_id = ?", keyID,
			instanceID); err != nil {
			return missing(err)
		}
		n, err := t.Exec(ctx,
			"UPDATE api_keys SET revoked = ? WHERE id = ? AND instance_id = ? AND revoked IS NULL",
			millis(at), keyID, instanceID)
		changed = n > 0
		if err != nil || !changed {
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

// Current returns instance.ErrStale if the instance is not at the revision
// that the context is for.
func (s *Store) Current(ctx context.Context) error {
	if instance.TenantOf(ctx).Revision == 0 {
		return nil
	}
	return s.db.Read(ctx)
}

const selectCredential = `SELECT k.id AS id, k.instance_id AS instance_id, k.user_id AS user_id,
	k.user_name AS user_name, k.digest AS digest, k.created AS created, k.expires AS expires,
	k.revoked AS revoked, k.last_used AS last_used, k.last_address AS last_address,
	k.client_id AS client_id, k.access AS access, k.networks AS networks,
	i.slug AS slug, i.name AS name, i.edition AS edition, i.environment AS environment,
	i.fields AS fields, i.mapping AS mapping, i.workflow AS workflow, i.created AS began,
	i.revision AS revision, i.publishing AS publishing,
	u.role AS role, u.active AS active, u.integration AS integration
	FROM api_keys AS k
	JOIN instances AS i ON i.id = k.instance_id
	LEFT JOIN users AS u ON u.id = k.user_id
	WHERE k.id = ?`

// Credential returns a key with its holder and its instance.
func (s *Store) Credential(ctx context.Context, keyID string) (*instance.Credential, error) {
	var r struct {
		keyRow
		Slug        string         `db:"slug"`
		Name        string         `db:"name"`
		Edition     string         `db:"edition"`
		Environment string         `db:"environment"`
		Fields      []byte         `db:"fields"`
		Mapping     []byte         `db:"mapping"`
		Workflow    []byte         `db:"workflow"`
		Publishing  []byte         `db:"publishing"`
		Began       int64          `db:"began"`
		Revision    int64          `db:"revision"`
		Role        sql.NullString `db:"role"`
		Active      sql.NullBool   `db:"active"`
		Integration sql.NullBool   `db:"integration"`
	}
	err := s.db.Get(ctx, &r, selectCredential, keyID)
	if err != nil {
		return nil, missing(err)
	}
	k, err := r.key()
	if err != nil {
		return nil, err
	}
	i, err := (&instanceRow{
		r.InstanceID, r.Slug, r.Name, r.Edition, r.Environment, r.Fields, r.Mapping, r.Workflow,
		r.Publishing, r.Began, r.Revision,
	}).instance()
	if err != nil {
		return nil, err
	}
	c := &instance.Credential{Key: *k, Instance: *i}
	if r.Role.Valid {
		c.Holder = &instance.Holder{
			UserID: k.UserID, UserName: k.UserName, Role: instance.Role(r.Role.String),
			Active: r.Active.Bool, Integration: r.Integration.Bool,
		}
	}
	return c, nil
}

// Holder returns the user of that name in so far as keys depend on it.
func (s *Store) Holder(ctx context.Context, instanceID, userName string) (*instance.Holder, error) {
	var r struct {
		ID          string `db:"id"`
		UserName    string `db:"user_name"`
		Role        string `db:"role"`
		Active      bool   `db:"active"`
		Integration bool   `db:"integration"`
	}
	err := s.db.Get(ctx, &r,
		`SELECT id, user_name, role, active, integration FROM users
			WHERE user_name_key = ? AND (instance_id = ?) IS TRUE`,
		schema.UserNameKey(userName), instanceID)
	if err != nil {
		return nil, missing(err)
	}
	return &instance.Holder{
		UserID: r.ID, UserName: r.UserName, Role: instance.Role(r.Role), Active: r.Active,
		Integration: r.Integration,
	}, nil
}
