// Package directory holds the people whom the identity provider knows. They
// come from a CSV file with the columns of OneLogin's users.
package directory

import (
	"errors"
	"fmt"
	"slices"
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

// statusNames are the words that the file may have for a status.
var statusNames = map[string]Status{
	"": Active, "0": Unactivated, "1": Active, "2": Suspended, "3": Locked, "4": PasswordExpired, "5": AwaitingReset,
	"7": PasswordPending, "8": SecurityPending, "unactivated": Unactivated, "active": Active, "suspended": Suspended, "locked": Locked,
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

	fields map[string]string
	line   int
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

// New returns an active user with the given fields, by their names in lower
// case without spaces.
func New(fields map[string]string) *User {
	u := &User{Status: Active, fields: fields}
	u.Key = u.Field(ID)
	if u.Key == "" {
		u.Key = u.Field(Username)
	}
	return u
}

// Field returns the value of a field, in any of the spellings that a file's
// head may have: "First Name" is firstname. An unknown field is empty.
func (u *User) Field(name string) string { return u.fields[fieldName(name)] }

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
	return strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "").Replace(strings.TrimSpace(s)))
}

// Directory holds people in the order of the file.
type Directory struct {
	Users []*User

	columns map[string]bool
	byName  map[string]*User
}

// HasField reports whether the file has such a column.
func (d *Directory) HasField(name string) bool { return d.columns[fieldName(name)] }

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
				return fmt.Errorf("line %d: the %s %q is that of line %d too; give each person one of their own", u.line, field, u.Field(field), other.line)
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
			return fmt.Errorf("line %d: the manager %q of %s is nobody in the file; give an id, a username or an email", u.line, name, u.Field(Username))
		}
	}
	return nil
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
			delete(other.fields, "manager")
		}
	}
}

// Set changes a field of a person, and what follows from it.
func (d *Directory) Set(u *User, field, value string) error {
	name := fieldName(field)
	if !d.columns[name] {
		return fmt.Errorf("%s: there is no field %q; the file of the users has %s", u.Key, field, strings.Join(d.fieldNames(), ", "))
	}
	switch name {
	case ID:
		return fmt.Errorf("%s: the id of a person never changes", u.Key)
	case "status":
		status, ok := statusNames[strings.ToLower(value)]
		if !ok {
			return unknownStatus(value)
		}
		u.Status = status
	case "roles":
		u.Roles = splitRoles(value)
	}
	old := u.fields[name]
	u.fields[name] = value
	if err := d.index(); err != nil {
		u.fields[name] = old
		return errors.Join(err, d.index())
	}
	return nil
}

func (d *Directory) fieldNames() []string {
	names := make([]string, 0, len(d.columns))
	for name := range d.columns {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
