package store

import (
	"context"
	"strings"

	"muster/server/provisioning"
	"muster/server/scim/filter"
	"muster/server/store/engine"
)

// scanOffset is how many rows may be passed over by what is no scan.
const scanOffset = 10_000

// sender returns what sends a query for a page, by how it is found: by an
// index, together with others once the query is known; a part of the order of
// creation by itself; and all else as a scan.
func (s *Store) sender(
	k *kind, q provisioning.Query, branches []filter.Node, query string,
) engine.Sender {
	switch {
	case q.Choice.Search != "":
		return func(ctx context.Context, list ...engine.Statement) error {
			return s.db.Scan(ctx, "Cheaper is a whole user name", list...)
		}
	case q.Filter == nil && q.SortBy == nil && q.Offset <= scanOffset:
		return s.db.Read
	case branches == nil:
		return func(ctx context.Context, list ...engine.Statement) error {
			return s.db.Scan(ctx, k.cheap(), list...)
		}
	case !s.db.Planned(query):
		return s.db.FindAlone
	case k.single(branches):
		return s.db.Lookup
	}
	return s.db.Find
}

// counter returns what sends the statement that counts.
func (s *Store) counter(
	k *kind, q provisioning.Query, branches []filter.Node, query string,
) engine.Sender {
	q.SortBy, q.Offset = nil, 0
	return s.sender(k, q, branches, query)
}

// cheap says what an index answers.
func (k *kind) cheap() string {
	const more = ", joined with or, and with more behind and; so are pages in the order of " +
		"creation, by cursor"
	if k.members {
		return "Cheap is eq for id, externalId or displayName" + more
	}
	return "Cheap is eq for id, userName, externalId, displayName or name.familyName" + more
}

// branches returns tests of which an index answers each, so that whatever the
// filter chooses is among what they choose; nil if there are none.
func (k *kind) branches(n filter.Node) []filter.Node {
	switch n := n.(type) {
	case *filter.AndNode:
		left, right := k.branches(n.Left), k.branches(n.Right)
		if left == nil || right != nil && (len(right) < len(left) || k.single(right)) {
			return right
		}
		return left
	case *filter.OrNode:
		left, right := k.branches(n.Left), k.branches(n.Right)
		if left == nil || right == nil {
			return nil
		}
		return append(left, right...)
	case *filter.Test:
		switch k.rt.FullPath(n.Attr) {
		case "userName", "externalId", "id", "displayName", "name.familyName":
			if n.Op == filter.EQ {
				return []filter.Node{n}
			}
		}
	}
	return nil
}

// single reports whether branches are one, of a unique index.
func (k *kind) single(branches []filter.Node) bool {
	if len(branches) != 1 {
		return false
	}
	path := k.rt.FullPath(branches[0].(*filter.Test).Attr)
	return path == "userName" || path == "id"
}

// union returns the condition that one of some branches chooses the row, in a
// way that each is looked for in its own index.
func (k *kind) union(
	d *engine.Dialect, instanceID any, branches []filter.Node,
) (string, []any, error) {
	if len(branches) == 1 {
		return k.where(d, branches[0])
	}
	var args []any
	parts := make([]string, len(branches))
	for i, branch := range branches {
		condition, more, err := k.where(d, branch)
		if err != nil {
			return "", nil, err
		}
		in := "instance_id = ?"
		if k.single(branches[i : i+1]) {
			in = "(instance_id = ?) IS TRUE"
		}
		parts[i] = "SELECT id FROM " + k.table + " WHERE " + in + " AND " + condition
		args = append(append(args, instanceID), more...)
	}
	return "id IN (" + strings.Join(parts, " UNION ") + ")", args, nil
}
