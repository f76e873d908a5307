package engine

import (
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"
)

// Insertion writes rows of one table. On PostgreSQL it is one statement whose
// text is the same for any number of rows, so that it is planned once: each
// column is an array. SQLite, which is in the same process, gets a statement a
// row.
type Insertion struct {
	// Postgres and SQLite are the statements, with a "?" for each column.
	Postgres, SQLite string
	// Types are those of the columns in PostgreSQL.
	Types []string
}

// Insert returns the statements that write rows, whose answers go to read.
func (d *Dialect) Insert(i *Insertion, rows [][]any, read func(Rows) error) []Statement {
	if len(rows) == 0 {
		return nil
	}
	if d.Postgres {
		return []Statement{{Query: i.Postgres, Args: i.transpose(rows), Read: read}}
	}
	list := make([]Statement, len(rows))
	for n, row := range rows {
		list[n] = Statement{Query: i.SQLite, Args: row, Read: read}
	}
	return list
}

// transpose returns the columns of rows as arrays.
func (i *Insertion) transpose(rows [][]any) []any {
	args := make([]any, len(i.Types))
	for n, sqlType := range i.Types {
		switch sqlType {
		case "bigint", "integer":
			args[n] = numbers(rows, n)
		case "boolean":
			list := make([]bool, len(rows))
			for r, row := range rows {
				list[r] = row[n].(bool)
			}
			args[n] = list
		default:
			args[n] = Texts(rows, n)
		}
	}
	return args
}

func numbers(rows [][]any, column int) []int64 {
	list := make([]int64, len(rows))
	for r, row := range rows {
		switch x := row[column].(type) {
		case int64:
			list[r] = x
		case int:
			list[r] = int64(x)
		default:
			panic(fmt.Sprintf("engine: %T in a column of numbers", x))
		}
	}
	return list
}

// Texts returns a column of texts in rows as an argument for an array of
// PostgreSQL's, which the driver takes without reflection.
func Texts(rows [][]any, column int) any {
	list := make(pgtype.FlatArray[pgtype.Text], len(rows))
	for r, row := range rows {
		switch x := row[column].(type) {
		case string:
			list[r] = pgtype.Text{String: x, Valid: true}
		case sql.NullString:
			list[r] = pgtype.Text(x)
		default:
			panic(fmt.Sprintf("engine: %T in a column of texts", x))
		}
	}
	return list
}
