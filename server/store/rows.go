package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"
)

// insertion writes rows of one table. On PostgreSQL it is one statement whose
// text is the same for any number of rows, so that it is planned once; SQLite,
// which is in the same process, gets a statement a row.
type insertion struct {
	query string
	types []string
	array bool
}

// insertion returns that of a table, given its columns with their types, as in
// "id uuid". What follows the rows, such as RETURNING, is in end.
func (d dialect) insertion(table string, columns []string, end string) insertion {
	names, i := make([]string, len(columns)), insertion{array: d.postgres}
	values := make([]string, len(columns))
	for n, c := range columns {
		name, sqlType, _ := strings.Cut(c, " ")
		names[n], i.types = name, append(i.types, sqlType)
		values[n] = "?"
		if d.postgres {
			values[n] = "CAST(? AS " + sqlType + "[])"
		}
	}
	i.query = "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") "
	if d.postgres {
		i.query += "SELECT * FROM unnest(" + strings.Join(values, ", ") + ")"
	} else {
		i.query += "VALUES (" + strings.Join(values, ", ") + ")"
	}
	i.query += end
	return i
}

// of returns the statements that write rows, whose answers go to read.
func (i insertion) of(rows [][]any, read func(rows) error) []statement {
	if len(rows) == 0 {
		return nil
	}
	if i.array {
		return []statement{{query: i.query, args: i.transpose(rows), read: read}}
	}
	list := make([]statement, len(rows))
	for n, row := range rows {
		list[n] = statement{query: i.query, args: row, read: read}
	}
	return list
}

// transpose returns the columns of rows as arrays.
func (i insertion) transpose(rows [][]any) []any {
	args := make([]any, len(i.types))
	for n, sqlType := range i.types {
		switch sqlType {
		case "bigint", "integer":
			args[n] = numbersOf(rows, n)
		case "boolean":
			list := make([]bool, len(rows))
			for r, row := range rows {
				list[r] = row[n].(bool)
			}
			args[n] = list
		default:
			args[n] = textsOf(rows, n)
		}
	}
	return args
}

func numbersOf(rows [][]any, column int) []int64 {
	list := make([]int64, len(rows))
	for r, row := range rows {
		switch x := row[column].(type) {
		case int64:
			list[r] = x
		case int:
			list[r] = int64(x)
		default:
			panic(fmt.Sprintf("store: %T in a column of numbers", x))
		}
	}
	return list
}

// textsOf returns a column of texts, as the driver takes them without
// reflection.
func textsOf(rows [][]any, column int) pgtype.FlatArray[pgtype.Text] {
	list := make(pgtype.FlatArray[pgtype.Text], len(rows))
	for r, row := range rows {
		switch x := row[column].(type) {
		case string:
			list[r] = pgtype.Text{String: x, Valid: true}
		case sql.NullString:
			list[r] = pgtype.Text(x)
		default:
			panic(fmt.Sprintf("store: %T in a column of texts", x))
		}
	}
	return list
}

// many returns the condition that a column of a type holds one of many values,
// with its parameter.
func (d dialect) many(column, sqlType string, values []string) (condition string, arg any) {
	if d.postgres {
		return column + " = ANY (CAST(? AS " + sqlType + "[]))", values
	}
	text, _ := json.Marshal(values) // of strings there is no error
	return column + " IN (SELECT value FROM json_each(?))", string(text)
}
