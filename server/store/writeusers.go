package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"muster/server/history"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim/schema"
)

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

// userSet are the columns that are written with a user, but for the manager.
const userSet = `user_name, display, user_name_key, external_id, email_key, display_name_key, family_name_key, given_name_key,
	active, integration, role, source, manager_ref, manager_key, resource, search, fields, version, created, modified`

const insertUser = `INSERT INTO users (id, instance_id, manager_id, ` + userSet + `) VALUES `

// linked reads the manager to whom a write has led.
const linked = ` RETURNING COALESCE(CAST(manager_id AS text), '') AS manager_id,
	COALESCE((SELECT m.display FROM users AS m WHERE m.id = users.manager_id), '') AS manager_name`

// CreateUser writes a new user with what follows from it.
func (s *Store) CreateUser(ctx context.Context, u *provisioning.User, e *history.Entry) error {
	columns, err := columnsOf(u)
	if err != nil {
		return err
	}
	manager, args := managerOf(u)
	row := slices.Concat([]any{u.ID, u.InstanceID}, args, columns)
	insert := statement{query: insertUser + "(?, ?, " + manager + strings.Repeat(", ?", len(columns)) + ")" + linked, args: row}
	if s.lite != nil || len(u.Effects) > 0 {
		return s.write(ctx, u, e, insert, true)
	}
	err = s.createAlone(ctx, u, e, insert)
	if s.d.asserted(err) {
		return s.write(ctx, u, e, insert, true)
	}
	return err
}

// createAlone writes a new user for whom nobody waits, in one round trip: of
// others the database refuses to do any of it.
func (s *Store) createAlone(ctx context.Context, u *provisioning.User, e *history.Entry, insert statement) error {
	insert.read = readLinked(u)
	list := []statement{insert}
	if m := u.Invitation; m != nil {
		list = append(list, invite(m))
	}
	if !u.Integration {
		alone, err := in("SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM users WHERE "+waiting+") THEN '' ELSE '0' END AS integer)", waitingFor(u)...)
		if err != nil {
			return err
		}
		list = append(list, alone)
	}
	own, err := insertEntries([]*history.Entry{e})
	if err != nil {
		return err
	}
	var late, waitingIDs []string
	after, err := s.lateChecks(u, !u.Integration, &late, &waitingIDs)
	if err != nil {
		return err
	}
	err = s.update(ctx, func(t *tx) error { return t.finish(ctx, append(list, own...), after...) })
	if err != nil {
		return s.nameTaken(ctx, err, u)
	}
	if len(late)+len(waitingIDs) > 0 {
		return s.linkLate(ctx, u, e.Actor.RequestID)
	}
	return nil
}

// UpdateUser writes a user whose stored version is still the one before.
func (s *Store) UpdateUser(ctx context.Context, c provisioning.UserUpdate) error {
	u := c.User
	columns, err := columnsOf(u)
	if err != nil {
		return err
	}
	manager, args := managerOf(u)
	if u.Manager.ID != "" {
		manager, args = "?", []any{u.Manager.ID}
	}
	update := statement{
		query: "UPDATE users SET manager_id = " + manager + ", " + strings.ReplaceAll(userSet, ",", " = ?,") + " = ? WHERE id = ? AND instance_id = ? AND version = ?" + linked,
		args:  slices.Concat(args, columns, []any{u.ID, u.InstanceID, c.Version}),
	}
	if c.Renamed || u.Integration || len(u.Effects) > 0 || s.lite != nil {
		return s.write(ctx, u, c.Entry, update, c.Renamed)
	}
	history, err := historyColumns(c.Entry)
	if err != nil {
		return err
	}
	// Nothing else follows from this change: it is one statement.
	update.query = "WITH changed AS (" + update.query + ") " + insertHistoryFrom + " FROM changed RETURNING (SELECT manager_id FROM changed), (SELECT manager_name FROM changed)"
	update.args = append(update.args, history...)
	update.read = readLinked(u)
	err = s.update(ctx, func(t *tx) error { return t.only(ctx, update) })
	if err != nil || !u.Waits() {
		return s.nameTaken(ctx, err, u)
	}
	return s.linkLate(ctx, u, c.Entry.Actor.RequestID)
}

// readLinked reads what linked returns; no row means that another writer was
// faster.
func readLinked(u *provisioning.User) func(rows) error {
	return func(r rows) error {
		if !r.Next() {
			return noRow(r, provisioning.ErrChanged)
		}
		return r.Scan(&u.Manager.ID, &u.Manager.DisplayName)
	}
}

// write writes a user by a statement, with all that follows from it. renamed
// says that others may wait for the user.
func (s *Store) write(ctx context.Context, u *provisioning.User, e *history.Entry, own statement, renamed bool) error {
	var late, waiting []string
	own.read = readLinked(u)
	err := s.update(ctx, func(t *tx) error {
		first, linked, err := t.following(u, renamed)
		if err != nil {
			return err
		}
		if err := t.run(ctx, append([]statement{own}, first...)...); err != nil {
			return err
		}
		entries, err := t.applyEffects(ctx, u, e)
		if err != nil {
			return err
		}
		last, err := insertEntries(append(entries, linkedTo(u, *linked, e.Actor.RequestID)...))
		if err != nil {
			return err
		}
		// Neither of two transactions at once saw the user of the other. The
		// one that ends last sees both.
		after, err := s.lateChecks(u, renamed, &late, &waiting)
		if err != nil {
			return err
		}
		return t.finish(ctx, last, after...)
	})
	if err != nil {
		return s.nameTaken(ctx, err, u)
	}
	if len(late)+len(waiting) > 0 {
		return s.linkLate(ctx, u, e.Actor.RequestID)
	}
	return nil
}

// following returns the statements that go together with the writing of a
// user, and where they put those who waited for the user.
func (t *tx) following(u *provisioning.User, renamed bool) (list []statement, linked *[]report, err error) {
	linked = &[]report{}
	if m := u.Invitation; m != nil {
		list = append(list, invite(m))
	}
	if u.Integration {
		return append(list, revise(u.InstanceID)), linked, nil
	}
	if renamed {
		link, err := linkWaiting(u, linked)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, link)
	}
	return list, linked, nil
}

// lateChecks returns the statements that find out whether the user's manager,
// or those who wait for the user, were written at the same moment.
func (s *Store) lateChecks(u *provisioning.User, renamed bool, late, waitingIDs *[]string) (list []statement, err error) {
	if u.Integration || s.lite != nil { // SQLite has one writer at a time
		return nil, nil
	}
	if u.Manager.Ref != "" {
		manager, args := managerOf(u)
		list = append(list, statement{query: "SELECT m FROM (SELECT " + manager + " AS m) AS found WHERE m IS NOT NULL AND EXISTS (SELECT 1 FROM users WHERE id = ? AND manager_id IS NULL)", args: append(args, u.ID), read: all(late)})
	}
	if renamed {
		st, err := in("SELECT id FROM users WHERE "+waiting+" LIMIT 1", waitingFor(u)...)
		if err != nil {
			return nil, err
		}
		st.read = all(waitingIDs)
		list = append(list, st)
	}
	return list, nil
}

// nameTaken finds out which instance holds the name that a write asked for.
func (s *Store) nameTaken(ctx context.Context, err error, u *provisioning.User) error {
	if err != nil && s.d.dangling(err) {
		return provisioning.ErrChanged // the manager was deleted at this moment
	}
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

// managerOf returns the SQL for the id of the user that u.Manager.Ref leads
// to, or NULL: by id, by user name or by external id, in this order.
func managerOf(u *provisioning.User) (query string, args []any) {
	ref, key := u.Manager.Ref, schema.UserNameKey(u.Manager.Ref)
	switch {
	case ref == "":
		return "NULL", nil
	case ref == u.ID || key == u.Keys.UserName || ref == u.Keys.ExternalID:
		return "?", []any{u.ID}
	}
	var id sql.NullString
	if uuid.Validate(ref) == nil {
		id = null(ref)
	}
	return `(SELECT m.id FROM users AS m
		WHERE m.instance_id = ? AND NOT m.integration AND (m.id = ? OR m.user_name_key = ? OR m.external_id = ?)
		ORDER BY CASE WHEN m.id = ? THEN 0 WHEN m.user_name_key = ? THEN 1 ELSE 2 END LIMIT 1)`,
		[]any{u.InstanceID, id, key, ref, id, key}
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

// linkWaiting returns the statement that links the users who wait for u.
func linkWaiting(u *provisioning.User, to *[]report) (statement, error) {
	st, err := in("UPDATE users SET manager_id = ?, version = version + 1, modified = ? WHERE "+waiting+
		" RETURNING id, user_name, manager_ref", append([]any{u.ID, millis(u.Modified)}, waitingFor(u)...)...)
	st.read = all(to)
	return st, err
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

// linkedTo returns the entries of users who were linked with their manager.
func linkedTo(manager *provisioning.User, reports []report, requestID string) []*history.Entry {
	entries := make([]*history.Entry, len(reports))
	for i, r := range reports {
		entries[i] = r.entry(manager, manager.Modified, requestID, fmt.Sprintf("the manager %q is in the instance now: linked", manager.UserName()))
	}
	return entries
}

// linkLate links what two transactions at once could not, in both directions:
// the manager of u, and those who wait for u.
func (s *Store) linkLate(ctx context.Context, u *provisioning.User, requestID string) error {
	return s.update(ctx, func(t *tx) error {
		if u.Waits() {
			if err := t.linkOwn(ctx, u); err != nil {
				return err
			}
		}
		var reports []report
		link, err := linkWaiting(u, &reports)
		if err == nil {
			err = t.run(ctx, link)
		}
		if err != nil {
			return err
		}
		return t.append(ctx, linkedTo(u, reports, requestID)...)
	})
}

// linkOwn links the manager of u if he or she is there by now.
func (t *tx) linkOwn(ctx context.Context, u *provisioning.User) error {
	manager, args := managerOf(u)
	var found []struct {
		ID   string `db:"manager_id"`
		Name string `db:"manager_name"`
	}
	err := t.list(ctx, &found, "UPDATE users SET manager_id = "+manager+" WHERE id = ? AND manager_id IS NULL AND version = ?"+linked, append(args, u.ID, u.Version)...)
	if err == nil && len(found) > 0 {
		u.Manager.ID, u.Manager.DisplayName = found[0].ID, found[0].Name
	}
	return err
}

// DeleteUser deletes a user with memberships, and ends the keys that were
// made on the user's behalf.
func (s *Store) DeleteUser(ctx context.Context, u *provisioning.User, version int64, e *history.Entry) error {
	if s.lite == nil && !u.Integration {
		if deleted, err := s.deleteAlone(ctx, u, version, e); deleted || err != nil {
			return err
		}
	}
	at := millis(e.Time)
	return s.update(ctx, func(t *tx) error {
		var reports []report
		first := []statement{touchGroupsOf(u, at), {query: `UPDATE users SET manager_id = NULL, version = version + 1, modified = ?
			WHERE manager_id = ? AND id <> ? RETURNING id, user_name, manager_ref`, args: []any{at, u.ID, u.ID}, read: all(&reports)}}
		if u.Integration {
			first = append(first, statement{query: "UPDATE api_keys SET revoked = ? WHERE user_id = ? AND revoked IS NULL", args: []any{at, u.ID}}, revise(u.InstanceID))
		}
		var deleted int64
		first = append(first, statement{query: deleteUser, args: []any{u.ID, u.InstanceID, version}, changed: &deleted})
		if err := t.run(ctx, first...); err != nil {
			return err
		}
		if deleted == 0 {
			return provisioning.ErrChanged
		}
		entries := []*history.Entry{e}
		for _, r := range reports {
			entries = append(entries, r.entry(u, e.Time, e.Actor.RequestID,
				fmt.Sprintf("the manager %q was deleted: pending until a user %q arrives", u.UserName(), r.ManagerRef)))
		}
		return t.append(ctx, entries...)
	})
}

const deleteUser = "DELETE FROM users WHERE id = ? AND instance_id = ? AND version = ?"

// touchGroupsOf gives the groups of a user their next version.
func touchGroupsOf(u *provisioning.User, at int64) statement {
	return statement{query: `UPDATE groups SET version = version + 1, modified = ?
		WHERE id IN (SELECT group_id FROM group_users WHERE user_id = ?)`, args: []any{at, u.ID}}
}

// deleteAlone deletes a user who is nobody's manager, in one statement. It
// reports false, and does nothing, if the user is, or has been changed.
func (s *Store) deleteAlone(ctx context.Context, u *provisioning.User, version int64, e *history.Entry) (deleted bool, err error) {
	row, err := historyColumns(e)
	if err != nil {
		return false, err
	}
	touch := touchGroupsOf(u, millis(e.Time))
	st := statement{
		query: "WITH gone AS (" + deleteUser + ` AND NOT EXISTS (SELECT 1 FROM users AS r WHERE r.manager_id = users.id AND r.id <> users.id) RETURNING id),
			touched AS (` + touch.query + " AND EXISTS (SELECT 1 FROM gone)) " + insertHistoryFrom + " FROM gone RETURNING 1",
		args: slices.Concat([]any{u.ID, u.InstanceID, version}, touch.args, row),
		read: func(r rows) error {
			deleted = r.Next()
			return r.Err()
		},
	}
	err = s.update(ctx, func(t *tx) error { return t.only(ctx, st) })
	return deleted, err
}
