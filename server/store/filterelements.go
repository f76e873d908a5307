package store

import (
	"fmt"
	"strings"

	"muster/server/scim/filter"
	"muster/server/scim/schema"
)

// listed reports whether the values of an attribute are gone through one by
// one: elements of the search document, or members.
func (k *kind) listed(a *schema.Attribute) bool {
	if k.members && a.Name == "members" {
		return true
	}
	return a.MultiValued && a.Mutability != schema.ReadOnly &&
		(a.Name != "schemas" || !k.rt.Common(a))
}

// elementsOf returns a FROM item with a row for each value of an attribute,
// and the SQL for such a value.
func (c *compiler) elementsOf(a *schema.Attribute) (from, element string) {
	if c.kind.members && a.Name == "members" {
		return `(SELECT user_id AS id, 'user' AS type FROM group_users
			WHERE group_id = groups.id UNION ALL
			SELECT child_id, 'group' FROM group_groups WHERE group_id = groups.id) AS m`,
			membersElement
	}
	from, _ = c.d.Elements("search", c.names(a)...)
	return from, "e.value"
}

// exists compiles a test of the values of an attribute that is not tested
// again.
func (c *compiler) exists(n *filter.Any) error {
	from, element := c.elementsOf(n.Attr)
	c.add("EXISTS (SELECT 1 FROM " + from + " WHERE ")
	c.element = element
	err := c.node(n.X)
	c.element = ""
	c.add(")")
	return err
}

// pass is a subquery that goes once through the values of an attribute, and
// has a column for each test of them.
type pass struct {
	attr  *schema.Attribute
	name  string
	tests []string
	args  []any
}

// passesOf returns a pass for each attribute whose values a filter tests more
// than once: to go through them for each test would take as many times as
// long, and a filter may hold a hundred.
func passesOf(k *kind, n filter.Node) map[*schema.Attribute]*pass {
	tests := make(map[*schema.Attribute]int)
	countElements(k, n, tests)
	passes := make(map[*schema.Attribute]*pass)
	for a, n := range tests {
		if n > 1 {
			passes[a] = &pass{attr: a}
		}
	}
	return passes
}

func countElements(k *kind, n filter.Node, tests map[*schema.Attribute]int) {
	switch n := n.(type) {
	case *filter.AndNode:
		countElements(k, n.Left, tests)
		countElements(k, n.Right, tests)
	case *filter.OrNode:
		countElements(k, n.Left, tests)
		countElements(k, n.Right, tests)
	case *filter.NotNode:
		countElements(k, n.X, tests)
	case *filter.Any:
		if k.listed(n.Attr) {
			tests[n.Attr]++
		} else {
			countElements(k, n.X, tests)
		}
	}
}

// inPass adds a test to a pass, and refers to its outcome.
func (c *compiler) inPass(p *pass, n *filter.Any) error {
	if p.name == "" {
		p.name = fmt.Sprintf("pass%d", len(c.order))
		c.order = append(c.order, p)
	}
	inner := compiler{d: c.d, kind: c.kind, negated: c.negated}
	_, inner.element = c.elementsOf(n.Attr)
	if err := inner.node(n.X); err != nil {
		return err
	}
	c.add(fmt.Sprintf("%s.t%d", p.name, len(p.tests)))
	p.tests, p.args = append(p.tests, inner.sql.String()), append(p.args, inner.args...)
	return nil
}

// once returns the condition with its passes, each of which is one row.
func (c *compiler) once() (string, []any) {
	if len(c.order) == 0 {
		return c.sql.String(), c.args
	}
	args := c.args
	var from []string
	for _, p := range c.order {
		columns := make([]string, len(p.tests))
		for i, test := range p.tests {
			columns[i] = fmt.Sprintf("%s AS t%d", c.d.SomeTrue(test), i)
		}
		elements, _ := c.elementsOf(p.attr)
		from = append(from, "(SELECT "+strings.Join(columns, ", ")+" FROM "+elements+") AS "+p.name)
		args = append(args, p.args...)
	}
	return "(SELECT " + c.sql.String() + " FROM " + strings.Join(from, ", ") + ")", args
}
