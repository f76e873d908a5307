package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/store/engine"
)

// userRow is a row of users as it is read.
type userRow struct {
	user    provisioning.User
	created int64
	updated int64
	fields  []byte
	// groups are the direct ones; see dialect.memberships.
	groups    []byte
	sortValue sql.NullString
}

func (r *userRow) position() (id string, value sql.NullString) { return r.user.ID, r.sortValue }

// userReading says what is read of users.
type userReading struct {
	// plain leaves out what is not rendered over SCIM.
	plain bool
	// groups asks for the groups that they are in.
	groups bool
	// apart has groups and the names of managers read by statements of their
	// own. For many users that is faster than a subquery for each.
	apart bool
}

// The columns are those of a table called users, so that conditions need no
// prefix.
const (
	plainColumns = "id, integration, COALESCE(manager_ref, ''), COALESCE(CAST(manager_id AS " +
		"text), ''), resource, version, created, modified"
	fieldColumns = ", instance_id, user_name_key, COALESCE(external_id, ''), COALESCE(email_key, " +
		"''), active, role, source, fields"
	managerName = ", COALESCE((SELECT m.display FROM users AS m WHERE m.id = users.manager_id), '')"
)

// columns returns what is selected, but for the value that is sorted by.
func (s *Store) columns(r userReading) string {
	list := plainColumns
	if !r.plain {
		list += fieldColumns
	}
	if !r.apart {
		list += managerName
		if r.groups {
			list += ", " + memberships(&s.db.Dialect)
		}
	}
	return list
}

// scan returns what reads a row of these columns.
func (r userReading) scan(row *userRow, from engine.Rows) error {
	u := &row.user
	to := []any{
		&u.ID, &u.Integration, &u.Manager.Ref, &u.Manager.ID, &u.Text, &u.Version, &row.created,
		&row.updated,
	}
	if !r.plain {
		to = append(to, &u.InstanceID, &u.Keys.UserName, &u.Keys.ExternalID, &u.Keys.Email,
			&u.Active, &u.Role, &u.Source, &row.fields)
	}
	if !r.apart {
		to = append(to, &u.Manager.DisplayName)
		if r.groups {
			to = append(to, &row.groups)
		}
	}
	return from.Scan(append(to, &row.sortValue)...)
}

// apartFrom returns the statements that read apart what belongs to the users
// whose id, or other column, a query selects.
func (s *Store) apartFrom(
	r userReading, names map[string]string, groups map[string][]provisioning.Membership,
	nested map[string]bool,
) func(func(column string) (string, []any)) []engine.Statement {
	return func(chosen func(string) (string, []any)) []engine.Statement {
		ids, args := chosen("manager_id")
		list := []engine.Statement{
			{
				Query: "SELECT m.id, m.display FROM users AS m WHERE m.id IN (" + ids + ")",
				Args:  args, Read: func(from engine.Rows) error {
					for from.Next() {
						var id, name string
						if err := from.Scan(&id, &name); err != nil {
							return err
						}
						names[id] = name
					}
					return from.Err()
				},
			},
		}
		if !r.groups {
			return list
		}
		ids, args = chosen("id")
		return append(list,
			engine.Statement{
				Query: membershipsOf(&s.db.Dialect, ids), Args: args,
				Read: func(from engine.Rows) error {
					for from.Next() {
						var id string
						m := provisioning.Membership{Direct: true}
						var inner bool
						if err := from.Scan(&id, &m.GroupID, &m.Display, &inner); err != nil {
							return err
						}
						groups[id] = append(groups[id], m)
						if inner {
							nested[id] = true
						}
					}
					return from.Err()
				},
			})
	}
}

// complete makes users of rows that were read.
func (s *Store) complete(ctx context.Context, list []userRow) ([]*provisioning.User, error) {
	users := make([]*provisioning.User, len(list))
	var nested []string
	for i := range list {
		r := &list[i]
		u := &r.user
		u.Created, u.Modified = fromMillis(r.created), fromMillis(r.updated)
		if len(r.fields) > 0 {
			if err := json.Unmarshal(r.fields, &u.Fields); err != nil {
				return nil, fmt.Errorf("user %s: fields: %w", u.ID, err)
			}
		}
		in, err := r.direct()
		if err != nil {
			return nil, err
		}
		if in {
			nested = append(nested, u.ID)
		}
		users[i] = u
	}
	return users, s.addIndirect(ctx, users, nested)
}

// addIndirect gives users all groups, if some are in a group that is in
// another one.
func (s *Store) addIndirect(
	ctx context.Context, users []*provisioning.User, nested []string,
) error {
	if len(nested) == 0 {
		return nil
	}
	groups, err := s.allMemberships(ctx, nested)
	for _, u := range users {
		if all := groups[u.ID]; all != nil {
			u.Groups = all
		}
	}
	return err
}

// direct reads the groups that the user is in, and reports whether one of
// them is in another group.
func (r *userRow) direct() (nested bool, err error) {
	if len(r.groups) <= len("[]") {
		return false, nil
	}
	var groups []struct {
		ID, Display string
		Nested      int
	}
	if err := json.Unmarshal(r.groups, &groups); err != nil {
		return false, fmt.Errorf("user %s: groups: %w", r.user.ID, err)
	}
	for _, g := range groups {
		nested = nested || g.Nested == 1
		r.user.Groups = append(r.user.Groups,
			provisioning.Membership{GroupID: g.ID, Display: g.Display, Direct: true})
	}
	slices.SortFunc(r.user.Groups, byDisplay)
	return nested, nil
}

func byDisplay(a, b provisioning.Membership) int {
	return cmp.Or(strings.Compare(a.Display, b.Display), strings.Compare(a.GroupID, b.GroupID))
}

// User returns a user of the instance, with groups.
func (s *Store) User(
	ctx context.Context, instanceID, id string, plain bool,
) (*provisioning.User, error) {
	return s.oneUser(ctx, plain, "WHERE id = ? AND (instance_id = ?) IS TRUE", id, instanceID)
}

// UserByName returns the user of the instance whose name has that key, with
// groups.
func (s *Store) UserByName(
	ctx context.Context, instanceID, key string,
) (*provisioning.User, error) {
	return s.oneUser(ctx, false, "WHERE user_name_key = ? AND (instance_id = ?) IS TRUE", key,
		instanceID)
}

func (s *Store) oneUser(
	ctx context.Context, plain bool, where string, args ...any,
) (*provisioning.User, error) {
	list := make([]userRow, 1)
	r := userReading{plain: plain, groups: true}
	err := s.db.Lookup(ctx,
		engine.Statement{
			Query: "SELECT " + s.columns(r) + ", NULL FROM users " + where, Args: args,
			Read: func(from engine.Rows) error {
				if !from.Next() {
					return engine.NoRow(from, provisioning.ErrNotFound)
				}
				return r.scan(&list[0], from)
			},
		})
	if err != nil {
		return nil, err
	}
	users, err := s.complete(ctx, list)
	if err != nil {
		return nil, err
	}
	return users[0], nil
}

// countUsers reads how many users an instance has. To count the users
// themselves takes longer the more there are, and every page by index shows
// the number (totalResults, Section 3.4.2 of RFC 7644).
const countUsers = `SELECT CAST(COALESCE(sum(n), 0) AS bigint)
	FROM user_counts WHERE instance_id = ?`

// NameHolder returns who has the user name of that key.
func (s *Store) NameHolder(ctx context.Context, key string) (instanceID, userID string, err error) {
	var r struct {
		ID         string `db:"id"`
		InstanceID string `db:"instance_id"`
	}
	// User names are unique across instances, so this looks into all of them.
	err = s.db.Get(instance.WithTenant(ctx, ""), &r,
		"SELECT id, instance_id FROM users WHERE user_name_key = ?", key)
	return r.InstanceID, r.ID, notFound(err)
}

func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return provisioning.ErrNotFound
	}
	return err
}

// Users returns a page of users.
func (s *Store) Users(
	ctx context.Context, q provisioning.Query,
) ([]*provisioning.User, provisioning.Page, error) {
	where, all := "WHERE instance_id = ?", ""
	if !q.Integration {
		where += " AND NOT integration"
		if s.counted {
			all = countUsers
		}
	}
	args := []any{q.InstanceID}
	if q.Choice != (provisioning.Choice{}) {
		chosen, more := s.chosenUsers(q.Choice)
		where, args, all = where+chosen, append(args, more...), ""
	}
	r := userReading{plain: q.Plain, groups: q.Groups, apart: s.userKind.branches(q.Filter) == nil}
	p := pageOf[userRow]{
		kind: s.userKind, where: where, args: args, all: all, columns: s.columns(r),
		scan: r.scan, position: (*userRow).position,
	}
	names, groups, nested := make(map[string]string), make(map[string][]provisioning.Membership),
		make(map[string]bool)
	if r.apart {
		p.apart = s.apartFrom(r, names, groups, nested)
	}
	end, err := s.window(ctx, &p, q)
	if err != nil {
		return nil, provisioning.Page{}, err
	}
	list, page, err := readPage(ctx, s, q, p)
	if err != nil {
		return nil, page, err
	}
	if page.Next == nil && end != "" {
		page.Next = &provisioning.Position{ID: end}
	}
	users, err := s.complete(ctx, list)
	if err != nil || !r.apart {
		return users, page, err
	}
	for _, u := range users {
		u.Manager.DisplayName, u.Groups = names[u.Manager.ID], groups[u.ID]
		slices.SortFunc(u.Groups, byDisplay)
	}
	return users, page, s.addIndirect(ctx, users, slices.Collect(maps.Keys(nested)))
}

// membershipRow is a group of a user.
type membershipRow struct {
	UserID  string `db:"user_id"`
	GroupID string `db:"group_id"`
	Display string `db:"display"`
	Direct  int    `db:"direct"`
}

const selectAllMemberships = `WITH RECURSIVE up (user_id, group_id, direct) AS (
		SELECT user_id, group_id, 1 FROM group_users WHERE user_id IN (?)
		UNION
		SELECT up.user_id, gg.group_id, 0
		FROM up JOIN group_groups AS gg ON gg.child_id = up.group_id)
	SELECT up.user_id AS user_id, up.group_id AS group_id, g.display_name AS display,
		max(up.direct) AS direct
	FROM up JOIN groups AS g ON g.id = up.group_id
	GROUP BY up.user_id, up.group_id, g.display_name`

// allMemberships returns the groups of users, direct and by other groups.
func (s *Store) allMemberships(
	ctx context.Context, userIDs []string,
) (map[string][]provisioning.Membership, error) {
	groups := make(map[string][]provisioning.Membership)
	err := chunks(userIDs, func(ids []string) error {
		var rows []membershipRow
		err := s.db.List(ctx, &rows, selectAllMemberships, ids)
		for _, r := range rows {
			groups[r.UserID] = append(groups[r.UserID], provisioning.Membership{
				GroupID: r.GroupID, Display: r.Display, Direct: r.Direct == 1,
			})
		}
		return err
	})
	for _, list := range groups {
		slices.SortFunc(list, byDisplay)
	}
	return groups, err
}
