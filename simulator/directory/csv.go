package directory

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ReadFile reads a CSV file of users. See [Read].
func ReadFile(path string) (*Directory, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// Read reads users from CSV, with commas, semicolons or tabs, in UTF-8 or
// UTF-16. The first line names the columns, in any order and letter case: id,
// username, email, firstname, lastname, department, title, company, phone,
// mobile, manager, status, roles, and any number of custom ones. A username or
// an email is needed; a missing username is the email. Roles are separated by
// semicolons, which no role's name holds. The manager is given by id, username
// or email. The status is a code of OneLogin's or a word, such as 1 or active,
// 2 or suspended.
func Read(r io.Reader) (*Directory, error) {
	d, _, err := ReadExport(r, Export{Preset: "none"})
	return d, err
}

// ReadExport reads users as [Read] does, from what another program has written;
// and returns what was found of it.
func ReadExport(r io.Reader, o Export) (*Directory, *Found, error) {
	found := &Found{}
	b, delimiter, err := text(r, found)
	if err != nil {
		return nil, found, err
	}
	c := csv.NewReader(b)
	c.Comma = delimiter
	d, err := read(c, o, found)
	return d, found, err
}

func read(c *csv.Reader, o Export, found *Found) (*Directory, error) {
	heads, err := c.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty; its first line names the columns")
	}
	if err != nil {
		return nil, err
	}
	heads, preset, err := o.translate(heads, found)
	if err != nil {
		return nil, err
	}
	d := &Directory{}
	if d.columns, err = newColumns(heads); err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	if !d.columns.has(Username) && !d.columns.has(Email) {
		return nil, errors.New("line 1: there is no column username and no column email; one of " +
			"them is needed")
	}
	d.columns.add(Username, Username)
	d.columns.add("manager", "manager")
	known := parsed{roles: make(map[string][]string), status: make(map[string]Status)}
	if preset != nil {
		known.words = preset.status
	}
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return d, d.index()
		}
		if err != nil {
			return nil, err
		}
		line, _ := c.FieldPos(0)
		u, err := d.user(row, known)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		u.line = line
		d.Users = append(d.Users, u)
	}
}

// parsed is what was parsed before: most people share their roles and their
// status with others.
type parsed struct {
	roles  map[string][]string
	status map[string]Status
	// words are what another program calls a status.
	words map[string]Status
}

// user makes a person of a row.
func (d *Directory) user(row []string, known parsed) (*User, error) {
	for i, value := range row {
		if !utf8.ValidString(value) {
			return nil, fmt.Errorf("the column %s is not UTF-8; save the file as UTF-8",
				d.columns.names[i])
		}
		row[i] = strings.TrimSpace(value)
	}
	u := &User{columns: d.columns, values: row}
	if u.Field(Username) == "" {
		u.set(Username, u.Field(Email))
	}
	if u.Field(Username) == "" {
		return nil, errors.New("there is no username and no email; one of them is needed")
	}
	if u.Key = u.Field(ID); u.Key == "" {
		u.Key = u.Field(Username)
	}
	text := u.Field("status")
	status, ok := known.status[text]
	if word, theirs := known.words[fieldName(text)]; theirs && !ok {
		status, ok = word, true
		known.status[text] = word
		u.set("status", strconv.Itoa(int(word)))
	} else if theirs {
		u.set("status", strconv.Itoa(int(word)))
	}
	if !ok {
		var err error
		if status, err = ParseStatus(text); err != nil {
			return nil, err
		}
		known.status[text] = status
	}
	u.Status = status
	text = u.Field("roles")
	if u.Roles, ok = known.roles[text]; !ok {
		u.Roles = splitRoles(text)
		known.roles[text] = u.Roles
	}
	return u, nil
}

// Write writes the people as CSV, with the columns that they were read with,
// so that [Read] gives the same again.
func (d *Directory) Write(w io.Writer) error {
	c := csv.NewWriter(w)
	if err := c.Write(d.columns.heads); err != nil {
		return err
	}
	row := make([]string, len(d.columns.names))
	for _, u := range d.Users {
		for i, name := range d.columns.names {
			row[i] = u.Field(name)
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func splitRoles(s string) []string {
	var roles []string
	for role := range strings.SplitSeq(s, ";") {
		if role = strings.TrimSpace(role); role != "" {
			roles = append(roles, role)
		}
	}
	return roles
}
