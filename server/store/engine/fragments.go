package engine

import (
	"fmt"
	"strings"
)

// The methods below write fragments of SQL. Those that reach into a JSON
// document take names that come from schemas, never from a client; they are
// quoted all the same.

// Field returns the text at a path of names below a JSON value.
func (d *Dialect) Field(value string, names ...string) string {
	if !d.Postgres {
		return "json_extract(" + value + ", " + sqlitePath(names) + ")"
	}
	for i, name := range names {
		arrow := "->"
		if i == len(names)-1 {
			arrow = "->>"
		}
		value += arrow + literal(name)
	}
	return "(" + value + ")"
}

// Boolean returns the condition that the text of field is true, or false.
func (d *Dialect) Boolean(field string, want bool) string {
	if d.Postgres {
		return fmt.Sprintf("%s = '%t'", field, want)
	}
	if want {
		return field + " = 1"
	}
	return field + " = 0"
}

// Number returns the text of field as a number.
func (d *Dialect) Number(field string) string {
	if d.Postgres {
		return "CAST(" + field + " AS double precision)"
	}
	return field
}

// Elements returns a FROM item that has a row for each element of the array
// at a path, and the SQL for the place of such an element; the element itself
// is e.value.
func (d *Dialect) Elements(value string, names ...string) (from, place string) {
	if !d.Postgres {
		return "json_each(" + value + ", " + sqlitePath(names) + ") AS e", "e.key"
	}
	for _, name := range names {
		value += "->" + literal(name)
	}
	return "jsonb_array_elements(" + value + ") WITH ORDINALITY AS e(value, place)", "e.place"
}

// SomeTrue returns the SQL for whether a condition is true for some row.
func (d *Dialect) SomeTrue(condition string) string {
	if d.Postgres {
		return "COALESCE(bool_or(" + condition + "), FALSE)"
	}
	return "COALESCE(max(" + condition + "), FALSE)"
}

// CastType returns the name of a type of PostgreSQL's for a CAST. SQLite
// casts by the name's affinity, which would make a number of a uuid.
func (d *Dialect) CastType(name string) string {
	if !d.Postgres && name == "uuid" {
		return "text"
	}
	return name
}

// Bytewise makes a comparison of order one of bytes.
func (d *Dialect) Bytewise(text string) string {
	if d.Postgres {
		return text + ` COLLATE "C"`
	}
	return text
}

// Contains returns the condition that a text contains a parameter, which must
// not be empty.
func (d *Dialect) Contains(text string) string {
	if d.Postgres {
		return "strpos(" + text + ", ?) > 0"
	}
	return "instr(" + text + ", ?) > 0"
}

// HasPrefix returns the condition that a text begins with a parameter, which
// must not be empty.
func (d *Dialect) HasPrefix(text string) string {
	if d.Postgres {
		return "starts_with(" + text + ", ?)"
	}
	return "instr(" + text + ", ?) = 1"
}

// HasSuffix returns the condition that a text ends with a parameter, which must
// not be empty, and which it takes twice.
func (d *Dialect) HasSuffix(text string) string {
	if d.Postgres {
		return "right(" + text + ", char_length(CAST(? AS text))) = ?"
	}
	return "substr(" + text + ", -length(?)) = ?"
}

// Fenced returns what to read from instead of a table and a condition by which
// an index chooses a few: without the fence PostgreSQL may read the whole
// table, because that is in the order of the page.
func (d *Dialect) Fenced(table, where string) (from, rest string) {
	if !d.Postgres {
		return table, where
	}
	return "(SELECT * FROM " + table + " " + where + " OFFSET 0) AS " + table, ""
}

func sqlitePath(names []string) string {
	var b strings.Builder
	b.WriteString("$")
	for _, name := range names {
		b.WriteString(`."` + strings.ReplaceAll(name, `"`, "") + `"`)
	}
	return literal(b.String())
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
