package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/schema"
	"muster/server/store/engine"
)

// pageOf says what a page is read of.
type pageOf[T any] struct {
	kind *kind
	// where and args choose the rows of the instance.
	where string
	args  []any
	// all counts all of them, given args; if it is empty, they are counted.
	all string
	// columns are what is selected; scan reads them, and behind them the value
	// that is sorted by.
	columns  string
	scan     func(*T, engine.Rows) error
	position func(*T) (id string, value sql.NullString)
	// apart returns statements that go with the one for the rows, given what
	// selects a column of the rows on the page; nil if there are none.
	apart func(chosen func(column string) (string, []any)) []engine.Statement
}

// reading is how a page is read.
type reading struct {
	table, where string
	args         []any
	order        order
	columns      string
	// limit is how many rows are Read: one more than the page has where that
	// tells whether there is a next one.
	limit int
	// count counts the rows of all pages.
	count engine.Statement
	total int
	// branches are those of the filter: see [kind.branches].
	branches []filter.Node
}

// reading plans to read a page.
func (p *pageOf[T]) reading(d *engine.Dialect, q provisioning.Query) (*reading, error) {
	k := p.kind
	r := &reading{columns: p.columns, limit: q.Limit, branches: k.branches(q.Filter)}
	var err error
	if r.table, r.where, r.args, err = p.chosen(d, q.Filter, r.branches); err != nil {
		return nil, err
	}
	if r.order, err = k.order(d, q.SortBy, q.Descending); err != nil {
		return nil, err
	}
	r.count = engine.Statement{Query: p.all, Args: r.args, Read: engine.One(&r.total)}
	if q.Filter != nil || p.all == "" {
		r.count.Query = "SELECT count(*) FROM " + r.table + " " + r.where
	}
	sortValue := ", NULL"
	if q.Keyset {
		r.limit++
		sortValue = r.order.textValue()
	}
	r.columns += sortValue
	switch {
	case r.order.value == "" && r.branches == nil:
		r.order.ranged = true
		r.where, r.args = ranged(r.where, r.args, q.After)
	case q.After != nil:
		condition, more := r.order.after(d, *q.After)
		r.where, r.args = and(r.where, condition), slices.Concat(r.args, more)
	}
	return r, nil
}

// rows returns the statements that read the rows of a page into a list.
func (p *pageOf[T]) rows(r *reading, q provisioning.Query, list *[]T) []engine.Statement {
	// The limit stands in the text: to plan well takes to know it.
	from := fmt.Sprintf("%s %s%s LIMIT %d OFFSET ?", r.table, r.where, r.order.by(), r.limit)
	args := append(slices.Clip(r.args), q.Offset)
	rowsFrom := from
	chosen := func(column string) (string, []any) {
		return "SELECT " + column + " FROM " + from, args
	}
	switch {
	case r.order.ranged && q.Filter == nil:
		// The index alone has the ids, in their order; to read whole rows by it,
		// PostgreSQL may rather sort what it finds in another way.
		byIDs := p.kind.table + " WHERE id IN (SELECT id FROM " + from + ")"
		rowsFrom = byIDs + r.order.by()
		chosen = func(column string) (string, []any) {
			if column == "id" {
				return "SELECT id FROM " + from, args
			}
			return "SELECT " + column + " FROM " + byIDs, args
		}
	case q.Offset > 0 && p.apart == nil:
		// What is computed for a row is computed for those that are passed
		// over, too, unless these are gone before.
		rowsFrom = "(SELECT * FROM " + from + ") AS " + p.kind.table + r.order.by()
	}
	together := []engine.Statement{
		{Query: "SELECT " + r.columns + " FROM " + rowsFrom, Args: args, Read: p.into(list)},
	}
	if p.apart != nil {
		together = append(together, p.apart(chosen)...)
	}
	return together
}

// readPage reads a page of rows of one kind.
func readPage[T any](
	ctx context.Context, s *Store, q provisioning.Query, p pageOf[T],
) ([]T, provisioning.Page, error) {
	page := provisioning.Page{Total: -1}
	r, err := p.reading(&s.db.Dialect, q)
	if err != nil {
		return nil, page, err
	}
	list := make([]T, 0, min(r.limit, maxRoom))
	var counts bool
	if q.Limit > 0 {
		together := p.rows(r, q, &list)
		if counts = !q.Keyset && q.Filter == nil; counts {
			// Of all there are more than fit on a page, most of the time.
			together = append(together, r.count)
		}
		if err := s.sender(p.kind, q, r.branches, together[0].Query)(ctx, together...); err != nil {
			return nil, page, err
		}
	}
	n := len(list)
	if q.Keyset {
		list, page.Next = p.next(list, q.Limit)
	}
	switch {
	case q.Keyset:
	case q.Limit > 0 && n < r.limit && (n > 0 || q.Offset == 0):
		page.Total = q.Offset + n // the page shows how many there are
	default:
		if !counts {
			err = s.counter(p.kind, q, r.branches, r.count.Query)(ctx, r.count)
		}
		page.Total = r.total
	}
	return list, page, err
}

// chosen returns the table and the condition that a filter makes of it.
func (p pageOf[T]) chosen(
	d *engine.Dialect, f filter.Node, branches []filter.Node,
) (table, where string, args []any, err error) {
	k := p.kind
	table, where, args = k.table, p.where, p.args
	if f == nil {
		return table, where, args, nil
	}
	condition, more, err := k.where(d, f)
	if err != nil {
		return "", "", nil, err
	}
	switch {
	case len(branches) == 0:
		return table, where + " AND " + condition, append(args, more...), nil
	case len(branches) == 1 && branches[0] == f:
	default: // the index chooses, and then the rest of the filter
		by, values, err := k.union(d, p.args[0], branches)
		if err != nil {
			return "", "", nil, err
		}
		condition, more = by+" AND "+condition, append(values, more...)
	}
	if len(branches) > 1 || k.single(branches) {
		// see selectPerson
		where = strings.Replace(where, "instance_id = ?", "(instance_id = ?) IS TRUE", 1)
	}
	table, where = d.Fenced(table, where+" AND "+condition)
	return table, where, append(args, more...), nil
}

// into returns what reads rows to the end of a list.
func (p pageOf[T]) into(list *[]T) func(engine.Rows) error {
	return func(r engine.Rows) error {
		*list = (*list)[:0]
		for r.Next() {
			*list = append(*list, *new(T))
			if err := p.scan(&(*list)[len(*list)-1], r); err != nil {
				return err
			}
		}
		return r.Err()
	}
}

// next cuts a page with one row too many, and returns where the next begins.
func (p pageOf[T]) next(list []T, limit int) ([]T, *provisioning.Position) {
	if len(list) <= limit {
		return list, nil
	}
	id, value := p.position(&list[limit-1])
	next := &provisioning.Position{ID: id}
	if value.Valid {
		next.Value = &value.String
	}
	return list[:limit], next
}

// ranged makes the condition on the instance one on a range of the index by
// instance and id, behind a position. With that on the instance alone, which
// the order by id says nothing about, PostgreSQL may go through the ids of all
// instances instead, until it has found enough of this one.
func ranged(where string, args []any, after *provisioning.Position) (string, []any) {
	const last = "ffffffff-ffff-ffff-ffff-ffffffffffff"
	from := uuid.Nil.String()
	if after != nil {
		from = after.ID
	}
	where = strings.Replace(where, "instance_id = ?",
		"(instance_id, id) > (?, ?) AND (instance_id, id) <= (?, '"+last+"')", 1)
	return where, slices.Concat([]any{args[0], from, args[0]}, args[1:])
}

// maxRoom is for how many rows room is made before they are read.
const maxRoom = 256

// and adds a condition to a WHERE, which may be empty.
func and(where, condition string) string {
	if where == "" {
		return "WHERE " + condition
	}
	return where + " AND " + condition
}

// order is the order of a Query: by a value, then by the id to tell equals
// apart. Without a value it is the order of creation, which ids have.
type order struct {
	value      string // SQL, or empty
	sqlType    string
	descending bool
	// ranged: see [ranged].
	ranged bool
}

// by returns the ORDER BY: NULLs last, or first when it is descending
// (Section 3.4.2.3 of RFC 7644).
func (o order) by() string {
	switch {
	case o.ranged:
		return " ORDER BY instance_id, id"
	case o.value == "":
		return " ORDER BY id"
	case o.descending:
		return " ORDER BY " + o.value + " DESC NULLS FIRST, id"
	}
	return " ORDER BY " + o.value + " ASC NULLS LAST, id"
}

// textValue returns a column for the value that is sorted by.
func (o order) textValue() string {
	if o.value == "" {
		return ", NULL"
	}
	return ", CAST(" + o.value + " AS text) AS sort_value"
}

// after returns the condition for the rows behind a position. Where a value is
// sorted by, that on the id stands in a form that no index serves: PostgreSQL
// would go through the ids of all instances by it, as long as it believes that
// there is one.
func (o order) after(d *engine.Dialect, p provisioning.Position) (string, []any) {
	if o.value == "" {
		return "id > ?", []any{p.ID}
	}
	if p.Value == nil {
		if o.descending { // those without a value come first
			condition := o.value + " IS NULL AND (id > ?) IS TRUE OR " + o.value + " IS NOT NULL"
			return "(" + condition + ")", []any{p.ID}
		}
		return "(" + o.value + " IS NULL AND (id > ?) IS TRUE)", []any{p.ID}
	}
	value := "CAST(? AS " + d.CastType(o.sqlType) + ")"
	same := "(" + o.value + " = " + value + " AND id > ?)"
	args := []any{*p.Value, *p.Value, p.ID}
	if o.descending {
		return "(" + o.value + " < " + value + " OR " + same + ")", args
	}
	return "(" + o.value + " > " + value + " OR " + same + " OR " + o.value + " IS NULL)", args
}

// order returns the order of a query that is sorted by a, or by nothing.
func (k *kind) order(d *engine.Dialect, a *schema.Attribute, descending bool) (order, error) {
	if a == nil {
		return order{}, nil
	}
	value, sqlType, err := k.sortValue(d, a)
	return order{value: value, sqlType: sqlType, descending: descending}, err
}

// sortValue returns the SQL for the value of a to sort by, and its type: of a
// multi-valued attribute, the primary or else the first one's.
func (k *kind) sortValue(
	d *engine.Dialect, a *schema.Attribute,
) (value, sqlType string, err error) {
	if col, ok := k.columns[k.rt.FullPath(a)]; ok {
		return d.Bytewise(col.name), "text", nil
	}
	switch path := k.rt.FullPath(a); path {
	case "id", "meta.resourceType": // the type of all is the same
		return "id", "uuid", nil
	case "active":
		return "active", "boolean", nil
	case "meta.created":
		return "created", "bigint", nil
	case "meta.lastModified":
		return "modified", "bigint", nil
	}
	if k.rt.Common(a.Top()) || a.Top().Mutability == schema.ReadOnly || a.Top().Name == "manager" ||
		k.members && a.Top().Name == "members" {
		return "", "", scim.BadRequest(scim.InvalidValue, "cannot sort by %s", k.rt.FullPath(a))
	}
	c := compiler{d: d, kind: k}
	if !a.Top().MultiValued {
		value := d.Field("search", c.names(a)...)
		if a.Type == schema.Integer || a.Type == schema.Decimal {
			return d.Number(value), "double precision", nil
		}
		return d.Bytewise(value), "text", nil
	}
	from, place := d.Elements("search", c.names(a.Top())...)
	primary := d.Field("e.value", "primary")
	return d.Bytewise("(SELECT " + d.Field("e.value", a.Name) + " FROM " + from +
		" ORDER BY CASE WHEN " + d.Boolean(primary,
		true) + " THEN 0 ELSE 1 END, " + place + " LIMIT 1)"), "text", nil
}
