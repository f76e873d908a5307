package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"muster/server/provisioning"
	"muster/server/scim/schema"
)

// selectWindow finds the last of so many users behind one, by the index alone.
const selectWindow = `SELECT id FROM users
	WHERE (instance_id, id) > (?, ?) AND (instance_id, id) <= (?, ?)
	ORDER BY instance_id, id LIMIT 1 OFFSET ?`

// window bounds a page of a search to as many users as it may look at, and returns the
// id of the last of them; empty if there are no more.
func (s *Store) window(
	ctx context.Context, p *pageOf[userRow], q provisioning.Query,
) (end string, err error) {
	c := q.Choice
	if c.Search == "" || c.Window == 0 || !q.Keyset {
		return "", nil
	}
	from := uuid.Nil.String()
	if q.After != nil {
		from = q.After.ID
	}
	err = s.db.Get(ctx, &end, selectWindow, q.InstanceID, from, q.InstanceID, uuid.Max.String(),
		c.Window-1)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err == nil {
		p.where, p.args = p.where+" AND id <= ?", append(p.args, end)
	}
	return end, err
}

// chosenUsers returns the condition that people make of a choice.
func (s *Store) chosenUsers(c provisioning.Choice) (condition string, args []any) {
	switch c.State {
	case "active":
		condition += " AND active"
	case "suspended":
		condition += " AND NOT active"
	}
	switch c.Source { // spelled out, as the index on the few has it
	case provisioning.Manual:
		condition += " AND source = 'manual'"
	case provisioning.Provisioned:
		condition += " AND source = 'provisioned'"
	}
	if c.Integration {
		condition += " AND integration"
	}
	if c.Pending {
		condition += " AND manager_id IS NULL AND manager_key IS NOT NULL"
	}
	if c.Search != "" {
		condition += " AND (" + s.db.Contains("user_name_key") + " OR " +
			s.db.Contains("display_name_key") + " OR " + s.db.HasPrefix("email_key") + ")"
		args = append(args, schema.UserNameKey(c.Search), schema.Fold(c.Search),
			schema.Fold(c.Search))
	}
	return condition, args
}

// selectHistoryWindow finds the first of the newest rows before one, by the index alone.
const selectHistoryWindow = `SELECT id FROM history WHERE instance_id = ? AND id < ?
	ORDER BY id DESC LIMIT 1 OFFSET ?`

// HistoryWindow returns the id of the first of the n newest rows before one.
func (s *Store) HistoryWindow(
	ctx context.Context, instanceID, before string, n int,
) (first string, err error) {
	if before == "" {
		before = uuid.Max.String()
	}
	err = s.db.Get(ctx, &first, selectHistoryWindow, instanceID, before, n-1)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return first, err
}
