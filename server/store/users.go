package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim/schema"
)

// userRow is a row of users as it is read, with the manager's name.
type userRow struct {
	ID          string         `db:"id"`
	InstanceID  string         `db:"instance_id"`
	UserNameKey string         `db:"user_name_key"`
	ExternalID  sql.NullString `db:"external_id"`
	EmailKey    sql.NullString `db:"email_key"`
	Active      bool           `db:"active"`
	Integration bool           `db:"integration"`
	Role        string         `db:"role"`
	Source      string         `db:"source"`
	ManagerRef  sql.NullString `db:"manager_ref"`
	ManagerID   sql.NullString `db:"manager_id"`
	ManagerName sql.NullString `db:"manager_name"`
	Resource    []byte         `db:"resource"`
	Fields      []byte         `db:"fields"`
	Version     int64          `db:"version"`
	Created     int64          `db:"created"`
	Modified    int64          `db:"modified"`
	SortValue   sql.NullString `db:"sort_value"`
}

func (r *userRow) position() (id string, value sql.NullString) { return r.ID, r.SortValue }

// selectUser reads users as a table called users, so that conditions on its
// columns need no prefix.
const selectUser = `SELECT id, instance_id, user_name_key, external_id, email_key, active, integration, role, source,
	manager_ref, manager_id, resource, fields, version, created, modified,
	(SELECT m.display FROM users AS m WHERE m.id = users.manager_id) AS manager_name
	FROM users `

func (r *userRow) user() (*provisioning.User, error) {
	u := &provisioning.User{
		ID: r.ID, InstanceID: r.InstanceID, Text: r.Resource,
		Source: provisioning.Source(r.Source), Active: r.Active, Integration: r.Integration, Role: instance.Role(r.Role),
		Manager: provisioning.Manager{Ref: r.ManagerRef.String, ID: r.ManagerID.String, DisplayName: r.ManagerName.String},
		Version: r.Version, Created: fromMillis(r.Created), Modified: fromMillis(r.Modified),
		Keys: provisioning.Keys{UserName: r.UserNameKey, ExternalID: r.ExternalID.String, Email: r.EmailKey.String},
	}
	if err := json.Unmarshal(r.Fields, &u.Fields); err != nil {
		return nil, fmt.Errorf("user %s: fields: %w", r.ID, err)
	}
	return u, nil
}

// User returns a user of the instance.
func (s *Store) User(ctx context.Context, instanceID, id string) (*provisioning.User, error) {
	return s.oneUser(ctx, "WHERE id = ? AND instance_id = ?", id, instanceID)
}

// UserByName returns the user of the instance whose name has that key.
func (s *Store) UserByName(ctx context.Context, instanceID, key string) (*provisioning.User, error) {
	return s.oneUser(ctx, "WHERE user_name_key = ? AND instance_id = ?", key, instanceID)
}

func (s *Store) oneUser(ctx context.Context, where string, args ...any) (*provisioning.User, error) {
	var r userRow
	if err := s.get(ctx, &r, selectUser+where, args...); err != nil {
		return nil, notFound(err)
	}
	return r.user()
}

// NameHolder returns who has the user name of that key.
func (s *Store) NameHolder(ctx context.Context, key string) (instanceID, userID string, err error) {
	var r struct {
		ID         string `db:"id"`
		InstanceID string `db:"instance_id"`
	}
	// User names are unique across instances, so this looks into all of them.
	err = s.get(instance.Confine(ctx, ""), &r, "SELECT id, instance_id FROM users WHERE user_name_key = ?", key)
	return r.InstanceID, r.ID, notFound(err)
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return provisioning.ErrNotFound
	}
	return err
}

// Users returns a page of users.
func (s *Store) Users(ctx context.Context, q provisioning.Query) ([]*provisioning.User, provisioning.Page, error) {
	where := "WHERE instance_id = ?"
	if !q.Integration {
		where += " AND NOT integration"
	}
	rows, page, err := readPage(ctx, s, s.userKind, q, where, []any{q.InstanceID}, selectUser, (*userRow).position)
	if err != nil {
		return nil, page, err
	}
	users := make([]*provisioning.User, len(rows))
	for i := range rows {
		if users[i], err = rows[i].user(); err != nil {
			return nil, page, err
		}
	}
	return users, page, nil
}

// columnsOf returns the values of the columns that are written with a user.
func columnsOf(u *provisioning.User) ([]any, error) {
	fields, err := json.Marshal(u.Fields)
	if err != nil {
		return nil, err
	}
	key := func(f mapping.Field) sql.NullString { return null(schema.Fold(u.Fields[f])) }
	return []any{
		u.UserName(), u.Display(), u.Keys.UserName, null(u.Keys.ExternalID), null(u.Keys.Email),
		key(mapping.DisplayName), key(mapping.LastName), key(mapping.FirstName),
		u.Active, u.Integration, string(u.Role), string(u.Source),
		null(u.Manager.Ref), null(schema.UserNameKey(u.Manager.Ref)),
		string(u.Text), string(u.Keys.Search), string(fields), u.Version, millis(u.Created), millis(u.Modified),
	}, nil
}

const insertUser = `INSERT INTO users (id, instance_id, manager_id,
	user_name, display, user_name_key, external_id, email_key, display_name_key, family_name_key, given_name_key,
	active, integration, role, source, manager_ref, manager_key, resource, search, fields, version, created, modified) VALUES `

// CreateUser writes a new user with what follows from it.
func (s *Store) CreateUser(ctx context.Context, u *provisioning.User, e *history.Entry) error {
	columns, err := columnsOf(u)
	if err != nil {
		return err
	}
	err = s.update(ctx, func(t tx) error {
		manager, err := t.manager(ctx, u)
		if err != nil {
			return err
		}
		row := append([]any{u.ID, u.InstanceID, null(manager)}, columns...)
		_, err = t.exec(ctx, insertUser+tuples([][]any{row}), row...)
		if err != nil {
			return err
		}
		u.Manager.ID = manager
		if err := t.invite(ctx, u.Invitation); err != nil {
			return err
		}
		return t.linkReports(ctx, u, e)
	})
	return s.nameTaken(ctx, err, u)
}

// nameTaken finds out which instance holds the name that a write asked for.
func (s *Store) nameTaken(ctx context.Context, err error, u *provisioning.User) error {
	if err == nil || s.d.taken(err) != "users_user_name" {
		return err
	}
	instanceID, _, err := s.NameHolder(ctx, u.Keys.UserName)
	if errors.Is(err, provisioning.ErrNotFound) {
		return provisioning.ErrChanged // given up meanwhile: try again
	}
	if err != nil {
		return err
	}
	return &provisioning.NameTakenError{InstanceID: instanceID}
}

// UpdateUser writes a user whose stored version is still the given one.
func (s *Store) UpdateUser(ctx context.Context, u *provisioning.User, version int64, e *history.Entry) error {
	columns, err := columnsOf(u)
	if err != nil {
		return err
	}
	err = s.update(ctx, func(t tx) error {
		manager := u.Manager.ID
		if manager == "" {
			if manager, err = t.manager(ctx, u); err != nil {
				return err
			}
		}
		n, err := t.exec(ctx, `UPDATE users SET manager_id = ?,
			user_name = ?, display = ?, user_name_key = ?, external_id = ?, email_key = ?, display_name_key = ?, family_name_key = ?, given_name_key = ?,
			active = ?, integration = ?, role = ?, source = ?, manager_ref = ?, manager_key = ?,
			resource = ?, search = ?, fields = ?, version = ?, created = ?, modified = ?
			WHERE id = ? AND instance_id = ? AND version = ?`,
			append(append([]any{null(manager)}, columns...), u.ID, u.InstanceID, version)...)
		if err != nil {
			return err
		}
		if n == 0 {
			return provisioning.ErrChanged
		}
		u.Manager.ID = manager
		return t.linkReports(ctx, u, e)
	})
	return s.nameTaken(ctx, err, u)
}

// manager returns the id of the user that u.Manager.Ref leads to, or "": by
// id, by user name or by external id, in this order.
func (t tx) manager(ctx context.Context, u *provisioning.User) (string, error) {
	ref, key := u.Manager.Ref, schema.UserNameKey(u.Manager.Ref)
	switch {
	case ref == "":
		return "", nil
	case ref == u.ID || key == u.Keys.UserName || ref == u.Keys.ExternalID:
		return u.ID, nil
	}
	var ids []string
	var id sql.NullString
	if uuid.Validate(ref) == nil {
		id = null(ref)
	}
	err := t.list(ctx, &ids, `SELECT id FROM users
		WHERE instance_id = ? AND NOT integration AND (id = ? OR user_name_key = ? OR external_id = ?)
		ORDER BY CASE WHEN id = ? THEN 0 WHEN user_name_key = ? THEN 1 ELSE 2 END LIMIT 1`,
		u.InstanceID, id, key, ref, id, key)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	return ids[0], nil
}

// linkReports writes the entry of a change of u and links the users who wait
// for u as their manager, each with an entry of its own.
func (t tx) linkReports(ctx context.Context, u *provisioning.User, e *history.Entry) error {
	entries, err := t.applyEffects(ctx, u, e)
	if err != nil {
		return err
	}
	if !u.Integration {
		linked, err := t.linkWaiting(ctx, u, e.Actor.RequestID)
		if err != nil {
			return err
		}
		entries = append(entries, linked...)
	}
	return t.append(ctx, entries...)
}

// waiting is the condition of users who wait for another one as their
// manager, with the parameters that waitingFor returns.
const waiting = `instance_id = ? AND manager_id IS NULL AND manager_key IS NOT NULL AND manager_key IN (?)
	AND (manager_key = ? OR manager_ref IN (?))`

func waitingFor(u *provisioning.User) []any {
	return []any{
		u.InstanceID, []string{u.Keys.UserName, u.ID, schema.UserNameKey(u.Keys.ExternalID)}, u.Keys.UserName, []string{u.ID, u.Keys.ExternalID},
	}
}

// linkWaiting links the users who wait for u, and returns an entry for each.
func (t tx) linkWaiting(ctx context.Context, u *provisioning.User, requestID string) ([]*history.Entry, error) {
	var reports []report
	err := t.list(ctx, &reports, "UPDATE users SET manager_id = ?, version = version + 1, modified = ? WHERE "+waiting+
		" RETURNING id, user_name, manager_ref", append([]any{u.ID, millis(u.Modified)}, waitingFor(u)...)...)
	entries := make([]*history.Entry, len(reports))
	for i, r := range reports {
		entries[i] = r.entry(u, u.Modified, requestID, fmt.Sprintf("the manager %q is in the instance now: linked", u.UserName()))
	}
	return entries, err
}

// report is a user in so far as a manager comes or goes.
type report struct {
	ID         string `db:"id"`
	UserName   string `db:"user_name"`
	ManagerRef string `db:"manager_ref"`
}

// entry is the row of the history for a link that comes or goes with the
// manager.
func (r report) entry(manager *provisioning.User, at time.Time, requestID, detail string) *history.Entry {
	e := history.New(manager.InstanceID, at, history.Actor{Kind: history.System, Name: "muster", RequestID: requestID},
		history.UserManager, history.Target{Type: "User", ID: r.ID, Name: r.UserName})
	e.Detail = detail
	return e
}

// LinkManagers links what two transactions at once could not: neither saw
// the user of the other. The one that ends last sees both, so it must do so
// in both directions: the manager of u, and those who wait for u.
func (s *Store) LinkManagers(ctx context.Context, u *provisioning.User, requestID string) error {
	if u.Integration {
		return nil
	}
	if u.Manager.Ref == "" || u.Manager.ID != "" {
		var reports []string
		if err := s.list(ctx, &reports, "SELECT id FROM users WHERE "+waiting+" LIMIT 1", waitingFor(u)...); err != nil || len(reports) == 0 {
			return err
		}
	}
	return s.update(ctx, func(t tx) error {
		if u.Manager.Ref != "" && u.Manager.ID == "" {
			if err := t.linkOwn(ctx, u); err != nil {
				return err
			}
		}
		entries, err := t.linkWaiting(ctx, u, requestID)
		if err != nil {
			return err
		}
		return t.append(ctx, entries...)
	})
}

// linkOwn links the manager of u if he or she is there by now.
func (t tx) linkOwn(ctx context.Context, u *provisioning.User) error {
	manager, err := t.manager(ctx, u)
	if err != nil || manager == "" {
		return err
	}
	n, err := t.exec(ctx, "UPDATE users SET manager_id = ? WHERE id = ? AND manager_id IS NULL AND version = ?", manager, u.ID, u.Version)
	if n > 0 {
		u.Manager.ID = manager
	}
	return err
}

// DeleteUser deletes a user with memberships, and ends the keys that were
// made on the user's behalf.
func (s *Store) DeleteUser(ctx context.Context, u *provisioning.User, version int64, e *history.Entry) error {
	at := millis(e.Time)
	return s.update(ctx, func(t tx) error {
		_, err := t.exec(ctx, `UPDATE groups SET version = version + 1, modified = ?
			WHERE id IN (SELECT group_id FROM group_users WHERE user_id = ?)`, at, u.ID)
		if err != nil {
			return err
		}
		entries := []*history.Entry{e}
		var reports []report
		err = t.list(ctx, &reports, `UPDATE users SET manager_id = NULL, version = version + 1, modified = ?
			WHERE manager_id = ? AND id <> ? RETURNING id, user_name, manager_ref`, at, u.ID, u.ID)
		if err != nil {
			return err
		}
		for _, r := range reports {
			entries = append(entries, r.entry(u, e.Time, e.Actor.RequestID,
				fmt.Sprintf("the manager %q was deleted: pending until a user %q arrives", u.UserName(), r.ManagerRef)))
		}
		if u.Integration {
			if _, err := t.exec(ctx, "UPDATE api_keys SET revoked = ? WHERE user_id = ? AND revoked IS NULL", at, u.ID); err != nil {
				return err
			}
		}
		n, err := t.exec(ctx, "DELETE FROM users WHERE id = ? AND instance_id = ? AND version = ?", u.ID, u.InstanceID, version)
		if err != nil {
			return err
		}
		if n == 0 {
			return provisioning.ErrChanged
		}
		return t.append(ctx, entries...)
	})
}

// membershipRow is a group of a user.
type membershipRow struct {
	UserID  string `db:"user_id"`
	GroupID string `db:"group_id"`
	Display string `db:"display"`
	Direct  int    `db:"direct"`
}

// Memberships returns the groups of users, direct and by other groups.
func (s *Store) Memberships(ctx context.Context, instanceID string, userIDs []string) (map[string][]provisioning.Membership, error) {
	groups := make(map[string][]provisioning.Membership)
	err := chunks(userIDs, func(ids []string) error {
		var rows []membershipRow
		err := s.list(ctx, &rows, `WITH RECURSIVE up (user_id, group_id, direct) AS (
				SELECT user_id, group_id, 1 FROM group_users WHERE user_id IN (?)
				UNION
				SELECT up.user_id, gg.group_id, 0 FROM up JOIN group_groups AS gg ON gg.child_id = up.group_id)
			SELECT up.user_id AS user_id, up.group_id AS group_id, g.display_name AS display, max(up.direct) AS direct
			FROM up JOIN groups AS g ON g.id = up.group_id WHERE g.instance_id = ?
			GROUP BY up.user_id, up.group_id, g.display_name ORDER BY up.user_id, g.display_name, up.group_id`, ids, instanceID)
		for _, r := range rows {
			groups[r.UserID] = append(groups[r.UserID], provisioning.Membership{GroupID: r.GroupID, Display: r.Display, Direct: r.Direct == 1})
		}
		return err
	})
	return groups, err
}
