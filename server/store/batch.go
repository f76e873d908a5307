package store

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"muster/server/history"
	"muster/server/provisioning"
	"muster/server/scim/schema"
	"muster/server/store/engine"
)

// needs is what a batch reads before its changes are decided on.
type needs struct {
	// targets are the ids of users who are changed, others of those who are
	// referred to by their id, names the keys of user names, and externalIDs
	// what may be the external id of a manager.
	targets, others, names, externalIDs []string
	// arrivals are the keys by which others may wait for a user.
	arrivals []string
	// leavers are the ids of users who are deleted.
	leavers []string
	// groups are the ids of groups whose members change, and links those
	// members.
	groups []string
	links  [][]any
	// claims are the transactions of the requests on whose behalf changes are made.
	claims []string
}

// manager adds what finds the manager of a user.
func (n *needs) manager(u *provisioning.User) {
	if u.Manager.Ref == "" {
		return
	}
	if u.Manager.ID != "" {
		n.others = append(n.others, u.Manager.ID)
		return
	}
	if provisioning.ValidID(u.Manager.Ref) {
		n.others = append(n.others, u.Manager.Ref)
	}
	n.names = append(n.names, schema.UserNameKey(u.Manager.Ref))
	n.externalIDs = append(n.externalIDs, u.Manager.Ref)
}

// arrival adds what finds those who wait for a user.
func (n *needs) arrival(u *provisioning.User) { n.arrivals = append(n.arrivals, arrivalKeys(u)...) }

func arrivalKeys(u *provisioning.User) []string {
	keys := []string{u.Keys.UserName, u.ID}
	if u.Keys.ExternalID != "" {
		keys = append(keys, schema.UserNameKey(u.Keys.ExternalID))
	}
	return keys
}

// batch is the part of an instance that its changes touch, as it is after
// those that were decided on.
type batch struct {
	needs
	instanceID string
	revision   int64

	people     map[string]*person // by id
	byName     map[string]*person // by the key of the user name
	byExternal map[string][]*person
	waiting    map[string][]*person // by the key of the manager
	groups     map[string]*group
	members    map[link]*presence
	owners     map[string]string // by transaction
	// These are the people and groups that were changed, as it happened.
	changed []*person
	touched []*group
	// first and more are statements that go before and after the changes,
	// history is its rows.
	first, more []engine.Statement
	history     entryRows
}

// person is a user in so far as changes of others depend on him or her.
type person struct {
	id, userName, nameKey, display, externalID string

	integration                       bool
	version                           int64
	managerID, managerRef, managerKey string

	// columns are written, if they are not nil; else the link to the manager
	// alone is, with as many steps of the version.
	columns          []any
	steps, modified  int64
	created, deleted bool
	noted            bool // in batch.changed
}

// group is a group in so far as its members change.
type group struct {
	id, name, externalID string
	found                bool
	version              int64
	steps, modified      int64
}

// link is a user as a member of a group.
type link struct{ group, user string }

// presence tells whether a member was there, and whether he or she is now.
type presence struct{ was, is bool }

func newBatch(instanceID string) *batch {
	return &batch{
		instanceID: instanceID,
		people:     make(map[string]*person), byName: make(map[string]*person),
		byExternal: make(map[string][]*person), waiting: make(map[string][]*person),
		groups: make(map[string]*group), members: make(map[link]*presence),
		owners: make(map[string]string),
	}
}

// know adds a person to what is known, unless he or she is.
func (b *batch) know(p *person) {
	if b.people[p.id] != nil {
		return
	}
	b.people[p.id] = p
	b.enter(p)
}

// enter files a person under the present names.
func (b *batch) enter(p *person) {
	b.byName[p.nameKey] = p
	if p.externalID != "" {
		b.byExternal[p.externalID] = append(b.byExternal[p.externalID], p)
	}
	if p.managerKey != "" && p.managerID == "" {
		b.waiting[p.managerKey] = append(b.waiting[p.managerKey], p)
	}
}

// forget takes a person out of what is found by name.
func (b *batch) forget(p *person) {
	if b.byName[p.nameKey] == p {
		delete(b.byName, p.nameKey)
	}
	is := func(x *person) bool { return x == p }
	b.byExternal[p.externalID] = slices.DeleteFunc(b.byExternal[p.externalID], is)
	b.waiting[p.managerKey] = slices.DeleteFunc(b.waiting[p.managerKey], is)
}

func (b *batch) note(p *person) {
	if !p.noted {
		p.noted, b.changed = true, append(b.changed, p)
	}
}

// manager returns the user whom the reference of p leads to: by id, by user
// name or by external id, in this order; nil if there is none. Of several with
// the same external id it is the one who came first.
func (b *batch) manager(p *person) *person {
	if p.managerRef == p.id || p.managerKey == p.nameKey || p.managerRef == p.externalID {
		return p
	}
	by := slices.Clone(b.byExternal[p.managerRef])
	slices.SortFunc(by, byID)
	for _, m := range append([]*person{b.people[p.managerRef], b.byName[p.managerKey]}, by...) {
		if m != nil && !m.deleted && !m.integration {
			return m
		}
	}
	return nil
}

// arrive links the users who wait for p, in the transaction of an entry.
func (b *batch) arrive(p *person, u *provisioning.User, by *history.Entry) error {
	var reports []*person
	for _, key := range arrivalKeys(u) {
		for _, r := range b.waiting[key] {
			if key == p.nameKey || r.managerRef == p.id || r.managerRef == p.externalID {
				reports = append(reports, r)
			}
		}
	}
	slices.SortFunc(reports, byID)
	for _, r := range reports {
		if r.managerID == "" {
			b.relink(r, p.id, millis(u.Modified))
			e := r.report().entry(u, u.Modified, by.Actor.RequestID, linkedDetail(u.UserName()),
				by.Txn(), r.version)
			if err := b.history.append(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func byID(a, b *person) int { return cmp.Compare(a.id, b.id) }

func (p *person) report() report { return report{p.id, p.userName, p.managerRef} }

// relink gives p another manager, or none.
func (b *batch) relink(p *person, managerID string, modified int64) {
	p.managerID, p.modified = managerID, modified
	p.version++
	p.steps++
	if p.columns != nil {
		p.columns = slices.Clone(p.columns)
		p.columns[columnVersion], p.columns[columnModified] = p.version, modified
	}
	key := p.managerKey
	b.waiting[key] = slices.DeleteFunc(b.waiting[key], func(x *person) bool { return x == p })
	if managerID == "" && key != "" {
		b.waiting[key] = append(b.waiting[key], p)
	}
	b.note(p)
}

// touch gives a group its next version.
func (b *batch) touch(id string, at time.Time) {
	g := b.groups[id]
	if g == nil {
		g = &group{id: id}
		b.groups[id] = g
	}
	if g.steps == 0 {
		b.touched = append(b.touched, g)
	}
	g.version++
	g.steps++
	g.modified = millis(at)
}

// sortedLinks returns the members that come or go, in an order.
func (b *batch) sortedLinks(is bool) []link {
	var list []link
	for l, p := range b.members {
		if p.is == is && p.was != is {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b link) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.user, b.user))
	})
	return list
}

// sortedMembers returns the groups that a user is in.
func (b *batch) sortedMembers(user string) []link {
	var list []link
	for l, p := range b.members {
		if p.is && l.user == user {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b link) int { return cmp.Compare(a.group, b.group) })
	return list
}

// sortedKeys returns the keys of m in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
