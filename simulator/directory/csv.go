package directory

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
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

// Read reads users from CSV in UTF-8. The first line names the columns, in
// any order and letter case: id, username, email, firstname, lastname,
// department, title, company, phone, mobile, manager, status, roles, and any
// number of custom ones. A username or an email is needed; a missing
// username is the email. Roles are separated by semicolons, which no role's
// name holds. The manager is given by id, username or email. The status is a
// code of OneLogin's or a word, such as 1 or active, 2 or suspended.
func Read(r io.Reader) (*Directory, error) {
	b := bufio.NewReader(r)
	if mark, err := b.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = b.Discard(3) // spreadsheets write a byte order mark
	}
	c := csv.NewReader(b)
	head, err := c.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty; its first line names the columns")
	}
	if err != nil {
		return nil, err
	}
	d := &Directory{columns: make(map[string]bool, len(head))}
	columns := make([]string, len(head))
	for i, name := range head {
		columns[i] = fieldName(name)
		if d.columns[columns[i]] {
			return nil, fmt.Errorf("line 1: the column %q is there twice", name)
		}
		d.columns[columns[i]] = true
	}
	if !d.columns[Username] && !d.columns[Email] {
		return nil, errors.New("line 1: there is no column username and no column email; one of them is needed")
	}
	d.columns[Username] = true
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return d, d.index()
		}
		if err != nil {
			return nil, err
		}
		line, _ := c.FieldPos(0)
		u, err := user(columns, row)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		u.line = line
		d.Users = append(d.Users, u)
	}
}

func user(columns, row []string) (*User, error) {
	fields := make(map[string]string, len(columns))
	for i, name := range columns {
		if !utf8.ValidString(row[i]) {
			return nil, fmt.Errorf("the column %s is not UTF-8; save the file as UTF-8", name)
		}
		if value := strings.TrimSpace(row[i]); value != "" {
			fields[name] = value
		}
	}
	if fields[Username] == "" {
		fields[Username] = fields[Email]
	}
	if fields[Username] == "" {
		return nil, errors.New("there is no username and no email; one of them is needed")
	}
	u := New(fields)
	status, ok := statusNames[strings.ToLower(fields["status"])]
	if !ok {
		return nil, unknownStatus(fields["status"])
	}
	u.Status = status
	u.Roles = splitRoles(fields["roles"])
	return u, nil
}

func unknownStatus(s string) error {
	return fmt.Errorf("the status %q is not known; use 1 (active), 2 (suspended) or another of OneLogin's codes", s)
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
