package directory

import (
	"fmt"
	"slices"

	"muster/simulator/username"
)

// The kinds of changes that a merge makes.
const (
	Added   = "added"
	Changed = "changed"
	Removed = "removed"
)

// Change is what a merge does to one person.
type Change struct {
	// Kind is Added, Changed or Removed.
	Kind string `json:"kind"`
	Key  string `json:"key"`
	User string `json:"user"`
	// Fields are those that change of a person who is there.
	Fields []FieldChange `json:"fields,omitempty"`
}

// FieldChange is the change of a field.
type FieldChange struct {
	Field string `json:"field"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

// Merge returns the people of a directory with those of another one, and what
// that changes. Who is in both has the other's values in the columns that it
// has: the person of the same id; or, where one of the two has no id, of the
// same user name. An e-mail address identifies nobody, and an id never
// changes. Who is not in the other one stays, unless remove is true.
func (d *Directory) Merge(other *Directory, remove bool) (*Directory, []Change, error) {
	m := &merger{
		from: other, changes: []Change{},
		merged: &Directory{columns: &columns{index: make(map[string]int)}},
	}
	for _, c := range []*columns{d.columns, other.columns} {
		for i, name := range c.names {
			m.merged.columns.add(name, c.heads[i])
		}
	}
	over, err := d.matches(other)
	if err != nil {
		return nil, nil, err
	}
	used := make(map[*User]bool)
	for _, u := range d.Users {
		switch x := over[u]; {
		case x == nil && remove:
			m.changes = append(m.changes,
				Change{Kind: Removed, Key: u.Key, User: u.Field(Username)})
		default:
			used[x] = true
			if err := m.keep(u, x); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, u := range other.Users {
		if used[u] {
			continue
		}
		if err := m.keep(u, nil); err != nil {
			return nil, nil, err
		}
		m.changes = append(m.changes, Change{Kind: Added, Key: u.Key, User: u.Field(Username)})
	}
	return m.merged, m.changes, m.merged.index()
}

// matches returns who of another directory each person is.
func (d *Directory) matches(other *Directory) (map[*User]*User, error) {
	ids, names := make(map[string]*User), make(map[string]*User)
	for _, u := range d.Users {
		if id := u.Field(ID); id != "" {
			ids[id] = u
		}
		names[username.Key(u.Field(Username))] = u
	}
	over := make(map[*User]*User)
	for _, x := range other.Users {
		id := x.Field(ID)
		u := ids[id]
		if named := names[username.Key(x.Field(Username))]; named != nil &&
			(id == "" || u == nil && named.Field(ID) == "") {
			u = named
		}
		if u == nil {
			continue
		}
		if before := over[u]; before != nil {
			return nil, fmt.Errorf("lines %d and %d are both about %s (id %s)", before.line, x.line,
				u.Field(Username), u.Key)
		}
		over[u] = x
	}
	return over, nil
}

// merger builds the merged directory.
type merger struct {
	from    *Directory
	merged  *Directory
	changes []Change
}

// keep takes a person over, with the values that another row has for him or
// her; nil for none.
func (m *merger) keep(u, over *User) error {
	change := Change{Kind: Changed, Key: u.Key, User: u.Field(Username)}
	values := make([]string, len(m.merged.columns.names))
	for i, name := range m.merged.columns.names {
		values[i] = u.Field(name)
		if over == nil || !m.from.columns.has(name) || name == ID && u.Field(ID) != "" {
			continue
		}
		if values[i] = over.Field(name); values[i] != u.Field(name) {
			change.Fields = append(change.Fields, FieldChange{name, u.Field(name), values[i]})
		}
	}
	r, err := m.merged.user(slices.Clone(values),
		parsed{roles: make(map[string][]string), status: make(map[string]Status)})
	if err != nil {
		return fmt.Errorf("%s: %w", change.User, err)
	}
	r.line = len(m.merged.Users) + 2
	m.merged.Users = append(m.merged.Users, r)
	if len(change.Fields) > 0 {
		m.changes = append(m.changes, change)
	}
	return nil
}
