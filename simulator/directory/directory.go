// Package directory holds the people whom the identity provider knows. They
// come from a CSV file with the columns of OneLogin's users.
package directory

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Status is OneLogin's status code of a user.
type Status int

// The status codes of OneLogin's users.
const (
	Unactivated     Status = 0
	Active          Status = 1
	Suspended       Status = 2
	Locked          Status = 3
	PasswordExpired Status = 4
	AwaitingReset   Status = 5
	PasswordPending Status = 7
	SecurityPending Status = 8
)

// statusWords are OneLogin's words for the codes.
var statusWords = map[Status]string{
	Unactivated: "unactivated", Active: "active", Suspended: "suspended", Locked: "locked",
	PasswordExpired: "password expired",
	AwaitingReset:   "awaiting password reset", PasswordPending: "password pending",
	SecurityPending: "security questions required",
}

// String returns OneLogin's word for the status.
func (s Status) String() string { return statusWords[s] }

// ParseStatus takes a code, or the word for it in any spelling of a field's
// name. No status is active.
func ParseStatus(text string) (Status, error) {
	name := fieldName(text)
	if name == "" {
		return Active, nil
	}
	for status, word := range statusWords {
		if name == fieldName(word) || name == strconv.Itoa(int(status)) {
			return status, nil
		}
	}
	words := slices.Collect(maps.Values(statusWords))
	slices.Sort(words)
	if near := nearest(name, words); near != "" {
		return 0, fmt.Errorf("the status %q is not known; is %s meant?", text, near)
	}
	return 0, fmt.Errorf("the status %q is not known; use 1 (active), 2 (suspended) or another of "+
		"OneLogin's codes: 0 unactivated, 3 locked, 4 password expired, 5 awaiting password "+
		"reset, 7 password pending, 8 security questions required", text)
}

// User is a person in the provider's directory.
type User struct {
	// Key identifies the person whatever else changes: the id if the file
	// has one, else the user name as the file spells it.
	Key    string
	Status Status
	// Roles are the names of the roles that the person has.
	Roles []string
	// Manager is the direct manager, or nil.
	Manager *User

	columns *columns
	values  []string // in the order of the columns
	line    int
	depth   int
}

// columns are the names of a file's columns. All people of a directory share
// them: that keeps a person at about half a kilobyte.
type columns struct {
	names []string // without what people vary, see fieldName
	heads []string // as the file spells them
	index map[string]int
}

func newColumns(heads []string) (*columns, error) {
	c := &columns{index: make(map[string]int, len(heads))}
	for _, head := range heads {
		if !c.add(fieldName(head), strings.TrimSpace(head)) {
			return nil, fmt.Errorf("the column %q is there twice", head)
		}
	}
	return c, nil
}

// add adds a column, unless there is one of that name.
func (c *columns) add(name, head string) bool {
	if _, ok := c.index[name]; ok {
		return false
	}
	c.index[name] = len(c.names)
	c.names, c.heads = append(c.names, name), append(c.heads, head)
	return true
}

func (c *columns) has(name string) bool {
	_, ok := c.index[name]
	return ok
}

// The names of the fields that have a meaning here. A file may have others:
// OneLogin calls them custom attributes.
const (
	ID        = "id"
	Username  = "username"
	Email     = "email"
	FirstName = "firstname"
	LastName  = "lastname"
)

// Field returns the value of a field, in any of the spellings that a file's
// head may have: "First Name" is firstname. An unknown field is empty.
func (u *User) Field(name string) string {
	i, ok := u.columns.index[name]
	if !ok {
		i, ok = u.columns.index[fieldName(name)]
	}
	if !ok || i >= len(u.values) {
		return ""
	}
	return u.values[i]
}

func (u *User) set(name, value string) {
	i := u.columns.index[name]
	for len(u.values) <= i {
		u.values = append(u.values, "")
	}
	u.values[i] = value
}

// Depth is how many managers stand above the person: 0 for one without a
// manager. In a circle of managers one of them has depth 0.
func (u *User) Depth() int { return u.depth }

// DisplayName returns the first and the last name.
func (u *User) DisplayName() string {
	return strings.TrimSpace(u.Field(FirstName) + " " + u.Field(LastName))
}

// HasRole reports whether the person has a role, in any letter case.
func (u *User) HasRole(name string) bool {
	return slices.ContainsFunc(u.Roles, func(r string) bool { return strings.EqualFold(r, name) })
}

// fieldName returns the name of a field without what people vary: letter case, spaces,
// underscores and hyphens.
func fieldName(s string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-",
		"").Replace(strings.TrimSpace(s)))
}

// Directory holds people in the order of the file.
type Directory struct {
	Users []*User

	columns *columns
	byName  map[string]*User
}

// HasField reports whether the file has such a column.
func (d *Directory) HasField(name string) bool { return d.columns.has(fieldName(name)) }

// Find returns the person whom a name stands for: a key, an id, a user name
// or an e-mail address, in any letter case. It returns nil if there is none.
func (d *Directory) Find(name string) *User {
	return d.byName[strings.ToLower(strings.TrimSpace(name))]
}

// index makes Find work, and links the managers. Ids and user names come
// first: an address that two people share must not hide one of them.
func (d *Directory) index() error {
	d.byName = make(map[string]*User, 2*len(d.Users))
	for _, field := range []string{ID, Username} {
		for _, u := range d.Users {
			name := strings.ToLower(u.Field(field))
			if name == "" {
				continue
			}
			if other := d.byName[name]; other != nil && other != u {
				return fmt.Errorf("line %d: the %s %q is that of line %d too; give each person "+
					"one of their own", u.line, field, u.Field(field), other.line)
			}
			d.byName[name] = u
		}
	}
	for _, u := range d.Users {
		if name := strings.ToLower(u.Field(Email)); name != "" && d.byName[name] == nil {
			d.byName[name] = u
		}
	}
	for _, u := range d.Users {
		u.Manager = nil
		name := u.Field("manager")
		if name == "" {
			continue
		}
		if u.Manager = d.Find(name); u.Manager == nil {
			return fmt.Errorf("line %d: the manager %q of %s is nobody in the file; give an id, a "+
				"username or an email", u.line, name, u.Field(Username))
		}
	}
	d.measure()
	return nil
}

// measure finds the depths. A circle is cut where it is entered.
func (d *Directory) measure() {
	const unknown, open = -1, -2
	for _, u := range d.Users {
		u.depth = unknown
	}
	var chain []*User
	for _, u := range d.Users {
		chain = chain[:0]
		for ; u != nil && u.depth == unknown; u = u.Manager {
			u.depth = open
			chain = append(chain, u)
		}
		depth := 0
		if u != nil && u.depth != open {
			depth = u.depth + 1
		}
		for _, u := range slices.Backward(chain) {
			u.depth = depth
			depth++
		}
	}
}

// Remove takes a person out of the directory, as when a user is deleted in
// the provider. Nobody has him or her as manager any more.
func (d *Directory) Remove(u *User) {
	d.Users = slices.DeleteFunc(d.Users, func(other *User) bool { return other == u })
	for name, other := range d.byName {
		if other == u {
			delete(d.byName, name)
		}
	}
	for _, other := range d.Users {
		if other.Manager == u {
			other.Manager = nil
			other.set("manager", "")
		}
	}
}

// Set changes a field of a person, and what follows from it.
func (d *Directory) Set(u *User, field, value string) error {
	name := fieldName(field)
	if !d.columns.has(name) {
		return fmt.Errorf("%s: there is no field %q; the file of the users has %s", u.Key, field,
			strings.Join(d.Fields(), ", "))
	}
	switch name {
	case ID:
		return fmt.Errorf("%s: the id of a person never changes", u.Key)
	case "status":
		status, err := ParseStatus(value)
		if err != nil {
			return err
		}
		u.Status = status
	case "roles":
		u.Roles = splitRoles(value)
	}
	old := u.Field(name)
	u.set(name, value)
	if err := d.index(); err != nil {
		u.set(name, old)
		return errors.Join(err, d.index())
	}
	return nil
}

// Fields returns the names of the file's columns, sorted, as [User.Field]
// takes them.
func (d *Directory) Fields() []string { return slices.Sorted(slices.Values(d.columns.names)) }

// Print writes what tells the person's data from others.
func (u *User) Print(w io.Writer) {
	for i, value := range u.values {
		fmt.Fprintf(w, "%s\x00%s\x00", u.columns.names[i], value)
	}
}
