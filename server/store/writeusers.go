package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"muster/server/history"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/schema"
	"muster/server/store/engine"
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
		string(u.Text), string(u.Keys.Search), string(fields), u.Version, millis(u.Created),
		millis(u.Modified),
	}, nil
}

// CreateUser writes a new user with what follows from it.
func (s *Store) CreateUser(ctx context.Context, u *provisioning.User, e *history.Entry) error {
	columns, err := columnsOf(u)
	if err != nil {
		return err
	}
	own, err := historyColumns(e)
	if err != nil {
		return err
	}
	j := s.userJob(ctx, u, e)
	j.needs = func(n *needs) {
		n.names = append(n.names, u.Keys.UserName)
		n.manager(u)
		n.arrival(u)
	}
	j.plan = func(b *batch) error {
		if b.byName[u.Keys.UserName] != nil {
			return &provisioning.NameTakenError{InstanceID: u.InstanceID}
		}
		u.Manager.ID, u.Manager.DisplayName = "", ""
		p := &person{id: u.ID, version: u.Version, created: true}
		b.people[p.id] = p
		return b.save(p, u, columns, own, e, true)
	}
	return s.write(ctx, u.InstanceID, j)
}

// userJob returns a job for a user, without its plan.
func (s *Store) userJob(ctx context.Context, u *provisioning.User, e *history.Entry) *job {
	j := &job{means: func(err error) error { return s.nameTaken(ctx, err, u) }}
	if len(u.Effects) > 0 {
		j.alone, j.rest = true, func(t *tx) error {
			entries, err := t.applyEffects(ctx, u, e)
			if err != nil {
				return err
			}
			return t.append(entries...)
		}
	}
	return j
}

// UpdateUser writes a user whose stored version is still the one before.
func (s *Store) UpdateUser(ctx context.Context, c provisioning.UserUpdate) error {
	u := c.User
	columns, err := columnsOf(u)
	if err != nil {
		return err
	}
	own, err := historyColumns(c.Entry)
	if err != nil {
		return err
	}
	j := s.userJob(ctx, u, c.Entry)
	manager := u.Manager
	j.needs = func(n *needs) {
		n.targets = append(n.targets, u.ID)
		if c.Renamed {
			n.names = append(n.names, u.Keys.UserName)
			n.arrival(u)
		}
		n.manager(u)
	}
	j.plan = func(b *batch) error {
		u.Manager = manager
		p := b.people[u.ID]
		if p == nil || p.deleted || p.version != c.Version {
			return provisioning.ErrChanged
		}
		if m := b.people[manager.ID]; manager.ID != "" && (m == nil || m.deleted) {
			return provisioning.ErrChanged
		}
		if holder := b.byName[u.Keys.UserName]; holder != nil && holder != p {
			return &provisioning.NameTakenError{InstanceID: u.InstanceID}
		}
		b.forget(p)
		return b.save(p, u, columns, own, c.Entry, c.Renamed)
	}
	return s.write(ctx, u.InstanceID, j)
}

// save takes down that p becomes u, links the manager, and those who wait for
// u if u goes by another name than before, and adds the rows of the history.
func (b *batch) save(
	p *person, u *provisioning.User, columns, own []any, e *history.Entry, renamed bool,
) error {
	p.userName, p.nameKey, p.display, p.externalID = u.UserName(), u.Keys.UserName, u.Display(),
		u.Keys.ExternalID
	p.integration, p.version, p.columns = u.Integration, u.Version, columns
	p.managerID, p.managerRef, p.managerKey = u.Manager.ID, u.Manager.Ref, schema.UserNameKey(
		u.Manager.Ref)
	if u.Manager.Ref != "" {
		m := b.people[u.Manager.ID]
		if m == nil {
			m = b.manager(p)
		}
		if m != nil {
			p.managerID, u.Manager.ID, u.Manager.DisplayName = m.id, m.id, m.display
		}
	}
	own, err := withManager(own, u, e)
	if err != nil {
		return err
	}
	b.enter(p)
	b.note(p)
	if m := u.Invitation; m != nil {
		b.more = append(b.more, invite(m))
	}
	if len(u.Effects) == 0 { // else they add to the row
		b.history = append(b.history, own)
	}
	if u.Integration {
		b.revise()
		return nil
	}
	if !renamed {
		return nil
	}
	return b.arrive(p, u, e)
}

// withManager returns the row of an entry, with the manager who is linked in what it
// tells listeners: as an answer has it, and not as the provider has sent it.
func withManager(own []any, u *provisioning.User, e *history.Entry) ([]any, error) {
	if u.Manager.ID == "" || e.Event == nil || e.Event.Data == nil {
		return own, nil
	}
	value := func(id string) []byte { return fmt.Appendf(nil, `"manager":{"value":%q}`, id) }
	linked := *e
	event := *e.Event
	event.Data = bytes.Replace(event.Data, value(u.Manager.Ref), value(u.Manager.ID), 1)
	linked.Event = &event
	return historyColumns(&linked)
}

// revise tells servers that what they remember of the instance has changed.
func (b *batch) revise() {
	b.more = append(b.more, revise(b.instanceID))
	b.revision++
}

// nameTaken finds out which instance holds the name that a write asked for.
func (s *Store) nameTaken(ctx context.Context, err error, u *provisioning.User) error {
	if err != nil && s.db.Dangling(err) {
		return provisioning.ErrChanged // the manager was deleted at this moment
	}
	if err == nil || s.taken(err) != "users_user_name" {
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

// report is a user in so far as a manager comes or goes.
type report struct {
	ID         string `db:"id"`
	UserName   string `db:"user_name"`
	ManagerRef string `db:"manager_ref"`
}

// entry is the row of the history for a link that comes or goes with the
// manager, in a transaction; version is that of the report behind it.
func (r report) entry(
	manager *provisioning.User, at time.Time, requestID, detail, txn string, version int64,
) *history.Entry {
	e := consequence(manager.InstanceID, at, requestID, history.UserManager,
		history.Target{Type: "User", ID: r.ID, Name: r.UserName})
	e.Detail = detail
	e.Event = &history.Event{
		Txn: txn, Method: http.MethodPatch, Version: version,
		Attributes: []string{scim.EnterpriseUserURN + ":manager"},
	}
	return e
}

// linkedDetail is the detail of the entry of a user who was linked with the
// manager of that name.
func linkedDetail(manager string) string {
	return fmt.Sprintf("the manager %q is in the instance now: linked", manager)
}

// DeleteUser deletes a user with memberships, and ends the keys that were
// made on the user's behalf.
func (s *Store) DeleteUser(
	ctx context.Context, u *provisioning.User, version int64, e *history.Entry,
) error {
	own, err := historyColumns(e)
	if err != nil {
		return err
	}
	return s.write(ctx, u.InstanceID, &job{
		needs: func(n *needs) {
			n.targets, n.leavers = append(n.targets, u.ID), append(n.leavers, u.ID)
		},
		plan: func(b *batch) error {
			p := b.people[u.ID]
			if p == nil || p.deleted || p.version != version {
				return provisioning.ErrChanged
			}
			b.history = append(b.history, own)
			return b.leave(p, u, e)
		},
	})
}

// leave takes down that a user is deleted.
func (b *batch) leave(p *person, u *provisioning.User, e *history.Entry) error {
	b.forget(p)
	p.deleted = true
	b.note(p)
	for _, l := range b.sortedMembers(p.id) {
		b.members[l].is = false
		b.touch(l.group, e.Time)
		g := b.groups[l.group]
		err := b.history.append(memberGone(&provisioning.Group{
			ID: g.id, InstanceID: b.instanceID, DisplayName: g.name, ExternalID: g.externalID,
			Version: g.version,
		}, e))
		if err != nil {
			return err
		}
	}
	for _, id := range sortedKeys(b.people) {
		r := b.people[id]
		if r.managerID != p.id || r == p || r.deleted {
			continue
		}
		b.relink(r, "", millis(e.Time))
		err := b.history.append(r.report().entry(u, e.Time, e.Actor.RequestID,
			fmt.Sprintf("the manager %q was deleted: pending until a user %q arrives", u.UserName(),
				r.managerRef), e.Txn(), r.version))
		if err != nil {
			return err
		}
	}
	if p.integration {
		// Before the user goes: then nobody knows whose keys they were.
		b.first = append(b.first, engine.Statement{
			Query: "UPDATE api_keys SET revoked = ? WHERE user_id = ? AND revoked IS NULL",
			Args:  []any{millis(e.Time), p.id},
		})
		b.revise()
	}
	return nil
}
