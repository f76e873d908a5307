package engine

import (
	"database/sql"
	"fmt"
	"reflect"
	"runtime"

	"github.com/jmoiron/sqlx"
	"github.com/jmoiron/sqlx/reflectx"
)

// Statement is one that goes to the database, alone or together with others.
// PostgreSQL answers those that go together in one round trip.
type Statement struct {
	Query string // with "?" for parameters
	Args  []any
	// Read reads the rows of the answer; nil if nobody needs them. It may be
	// called again, with another answer, and begins anew then.
	Read func(Rows) error
	// Changed is where the number of changed rows goes; nil if nobody needs
	// it.
	Changed *int64
}

// Rows are those of an answer, of either engine.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	// Names returns the names of the columns.
	Names() []string
}

// In returns a statement whose arguments may be slices: such a one becomes a
// list of parameters, for IN (?).
func In(query string, args ...any) (Statement, error) {
	query, args, err := sqlx.In(query, args...)
	return Statement{Query: query, Args: args}, err
}

// One returns what reads exactly one row into dest; without a row the error is
// sql.ErrNoRows.
func One(dest any) func(Rows) error {
	return func(r Rows) error {
		if !r.Next() {
			return NoRow(r, sql.ErrNoRows)
		}
		return ScanInto(r, dest)
	}
}

// NoRow returns what it means that there was no row, unless the connection
// broke before it came: then nobody knows.
func NoRow(r Rows, meaning error) error {
	if err := r.Err(); err != nil {
		return err
	}
	return meaning
}

// All returns what reads all rows into the slice that dest points to.
func All(dest any) func(Rows) error {
	return func(r Rows) error {
		slice := reflect.ValueOf(dest).Elem()
		slice.SetLen(0)
		for n := 0; r.Next(); n++ {
			Yield(n)
			element := reflect.New(slice.Type().Elem())
			if err := ScanInto(r, element.Interface()); err != nil {
				return err
			}
			slice.Set(reflect.Append(slice, element.Elem()))
		}
		return r.Err()
	}
}

// Yield lets other requests go first, now and then: what reads thousands of
// rows would keep a processor for ten milliseconds at a time.
func Yield(row int) {
	if row%32 == 31 {
		runtime.Gosched()
	}
}

// columns finds the fields of structs by their tag "db", as sqlx does.
var columns = reflectx.NewMapper("db")

// ScanInto reads a row into what dest points to: a struct, by the tags "db" of
// its fields, or something that takes one column.
func ScanInto(r Rows, dest any) error {
	v := reflect.ValueOf(dest).Elem()
	if _, scans := dest.(sql.Scanner); scans || v.Kind() != reflect.Struct {
		return r.Scan(dest)
	}
	names := r.Names()
	fields := make([]any, len(names))
	for i, path := range columns.TraversalsByName(v.Type(), names) {
		if len(path) == 0 {
			return fmt.Errorf("%v has no field for the column %s", v.Type(), names[i])
		}
		fields[i] = reflectx.FieldByIndexes(v, path).Addr().Interface()
	}
	return r.Scan(fields...)
}
