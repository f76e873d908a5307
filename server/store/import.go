package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim/schema"
	"muster/server/store/engine"
)

// ImportSize is how many users should be imported at once. While SQLite writes
// them, nobody else can write to the file.
func (s *Store) ImportSize() int {
	if !s.db.Postgres {
		return 100
	}
	return 200
}

// importPause is for how long an import leaves the file of SQLite to others
// before it goes on: so long that one of them notices.
const importPause = 2 * time.Millisecond

// ImportUsers writes new users of an instance, with their entries, in one
// transaction.
func (s *Store) ImportUsers(
	ctx context.Context, instanceID string, users []*provisioning.User, entries []*history.Entry,
) (taken map[string]string, err error) {
	rows := make([][]any, len(users))
	for i, u := range users {
		columns, err := columnsOf(u)
		if err != nil {
			return nil, err
		}
		rows[i] = append([]any{u.ID, u.InstanceID, sql.NullString{}}, columns...)
	}
	var created map[string]bool
	err = s.change(ctx, instanceID, func(t *tx) error {
		managers, err := t.managers(ctx, instanceID, users)
		if err != nil {
			return err
		}
		for i, u := range users {
			rows[i][2] = null(managers.of(u))
		}
		if created, err = t.insertUsers(ctx, rows); err != nil {
			return err
		}
		if err := t.linkAmong(ctx, users, created); err != nil {
			return err
		}
		var written []*history.Entry
		for i, u := range users {
			if !created[u.ID] {
				continue
			}
			own, err := t.applyEffects(ctx, u, entries[i])
			if err != nil {
				return err
			}
			written = append(written, own...)
		}
		return t.append(written...)
	})
	if !s.db.Postgres {
		time.Sleep(importPause)
	}
	if err != nil || len(created) == len(users) {
		return nil, err
	}
	return s.holders(ctx,
		slices.DeleteFunc(slices.Clone(users),
			func(u *provisioning.User) bool { return created[u.ID] }))
}

// insertUsers returns the ids of those whose name was not taken.
func (t *tx) insertUsers(ctx context.Context, list [][]any) (map[string]bool, error) {
	created := make(map[string]bool, len(list))
	for part := range slices.Chunk(list, chunk) {
		err := t.Run(ctx, t.Dialect.Insert(&importUsers, part, func(r engine.Rows) error {
			for r.Next() {
				var id string
				if err := r.Scan(&id); err != nil {
					return err
				}
				created[id] = true
			}
			return r.Err()
		})...)
		if err != nil {
			return nil, err
		}
	}
	return created, nil
}

// holders returns the instances that hold the names of users, by the users'
// ids.
func (s *Store) holders(
	ctx context.Context, users []*provisioning.User,
) (map[string]string, error) {
	names := make([]string, len(users))
	for i, u := range users {
		names[i] = u.Keys.UserName
	}
	byName := make(map[string]string, len(users))
	err := chunks(names, func(part []string) error {
		var rows []struct {
			Name       string `db:"user_name_key"`
			InstanceID string `db:"instance_id"`
		}
		// User names are unique across instances, so this looks into all.
		err := s.db.List(instance.WithTenant(ctx, ""), &rows,
			"SELECT user_name_key, instance_id FROM users WHERE user_name_key IN (?)", part)
		for _, r := range rows {
			byName[r.Name] = r.InstanceID
		}
		return err
	})
	taken := make(map[string]string, len(users))
	for _, u := range users {
		taken[u.ID] = byName[u.Keys.UserName]
	}
	return taken, err
}

// references finds users by what a provider calls a manager.
type references struct{ byID, byName, byExternalID map[string]string }

func newReferences() references {
	return references{make(map[string]string), make(map[string]string), make(map[string]string)}
}

func (r references) add(id, name, externalID string) {
	r.byID[id], r.byName[name] = id, id
	if externalID != "" {
		r.byExternalID[externalID] = id
	}
}

// of returns the id of the manager of u, or "": by id, by user name or by
// external id, in this order.
func (r references) of(u *provisioning.User) string {
	ref := u.Manager.Ref
	if ref == "" {
		return ""
	}
	for _, id := range []string{
		r.byID[ref], r.byName[schema.UserNameKey(ref)], r.byExternalID[ref],
	} {
		if id != "" {
			return id
		}
	}
	return ""
}

// These find managers by what a provider may call them. The condition on the instance stands
// in a form that no index serves: without statistics PostgreSQL would go through all users
// of the instance by it.
const (
	selectByExternalID = `SELECT id, user_name_key, external_id FROM users
	WHERE (instance_id = ?) IS TRUE AND NOT integration AND external_id IN (?)`

	selectByUserName = `SELECT id, user_name_key, external_id FROM users
	WHERE (instance_id = ?) IS TRUE AND NOT integration AND user_name_key IN (?)`

	selectByID = `SELECT id, user_name_key, external_id FROM users
	WHERE (instance_id = ?) IS TRUE AND NOT integration AND id IN (?)`
)

// managers finds the managers of users among those who are in the instance.
func (t *tx) managers(
	ctx context.Context, instanceID string, users []*provisioning.User,
) (references, error) {
	found := newReferences()
	ids, names, externalIDs := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	for _, u := range users {
		ref := u.Manager.Ref
		if ref == "" {
			continue
		}
		if provisioning.ValidID(ref) {
			ids[ref] = true
		}
		names[schema.UserNameKey(ref)], externalIDs[ref] = true, true
	}
	for _, by := range []struct {
		query  string
		values map[string]bool
	}{
		{selectByExternalID, externalIDs}, {selectByUserName, names}, {selectByID, ids},
	} {
		err := chunks(slices.Sorted(maps.Keys(by.values)), func(part []string) error {
			var rows []struct {
				ID         string         `db:"id"`
				Name       string         `db:"user_name_key"`
				ExternalID sql.NullString `db:"external_id"`
			}
			err := t.List(ctx, &rows, by.query, instanceID, part)
			for _, r := range rows {
				found.add(r.ID, r.Name, r.ExternalID.String)
			}
			return err
		})
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

// linkAmong links users who were created together with managers among them.
func (t *tx) linkAmong(
	ctx context.Context, users []*provisioning.User, created map[string]bool,
) error {
	among := newReferences()
	for _, u := range users {
		if created[u.ID] {
			among.add(u.ID, u.Keys.UserName, u.Keys.ExternalID)
		}
	}
	reports := make(map[string][]string)
	for _, u := range users {
		if manager := among.of(u); manager != "" && created[u.ID] {
			reports[manager] = append(reports[manager], u.ID)
		}
	}
	for _, manager := range slices.Sorted(maps.Keys(reports)) {
		err := chunks(reports[manager], func(ids []string) error {
			var linked []string
			return t.List(ctx, &linked,
				`UPDATE users SET manager_id = ?
					WHERE manager_id IS NULL AND id IN (?) RETURNING id`, manager, ids)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// selectPending finds managers by user name alone: it is what a provider that
// sends people in bulk has.
const selectPending = `SELECT w.id AS id, w.user_name AS user_name, w.manager_ref AS manager_ref,
		m.id AS manager, m.user_name AS manager_name
	FROM users AS w JOIN users AS m ON m.user_name_key = w.manager_key
	WHERE w.instance_id = ? AND m.instance_id = w.instance_id AND NOT m.integration
		AND w.manager_id IS NULL AND w.manager_key IS NOT NULL LIMIT ?`

// LinkPending links users who wait for a manager who is there by now, at most
// limit.
func (s *Store) LinkPending(
	ctx context.Context, instanceID, requestID string, now time.Time, limit int,
) (linked int, err error) {
	err = s.change(ctx, instanceID, func(t *tx) error {
		linked = 0
		var pending []struct {
			report
			Manager     string `db:"manager"`
			ManagerName string `db:"manager_name"`
		}
		err := t.List(ctx, &pending,
			selectPending,
			instanceID, limit)
		if err != nil {
			return err
		}
		var entries []*history.Entry
		for _, p := range pending {
			var versions []int64
			if err := t.List(ctx, &versions,
				`UPDATE users SET manager_id = ?, version = version + 1, modified = ?
					WHERE id = ? AND manager_id IS NULL AND manager_ref = ? RETURNING version`,
				p.Manager, millis(now), p.ID, p.ManagerRef); err != nil {
				return err
			}
			for _, version := range versions {
				entries = append(entries,
					p.entry(&provisioning.User{InstanceID: instanceID}, now, requestID,
						linkedDetail(p.ManagerName), "", version))
			}
		}
		history.Together(entries)
		linked = len(pending)
		return t.append(entries...)
	})
	return linked, err
}
