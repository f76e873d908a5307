package store

import (
	"strings"
	"time"

	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/schema"
	"muster/server/store/engine"
)

// compiler turns a bound filter into a condition with parameters. Operands
// are never part of the text: the SQL is the same whatever a client writes.
// Below a "not" no condition is ever NULL, so that it means what it says;
// elsewhere NULL is as good as false.
type compiler struct {
	d    *engine.Dialect
	kind *kind
	sql  strings.Builder
	args []any
	// element is the SQL for the value at hand within brackets, or empty.
	element string
	// negated is set below a "not".
	negated bool
	// passes are over the elements of attributes that are tested more than
	// once: see [compiler.once].
	passes map[*schema.Attribute]*pass
	order  []*pass
}

// kind says how a resource type is kept in its table.
type kind struct {
	rt    *schema.ResourceType
	table string
	// columns hold attributes as they are compared, by their full path.
	columns map[string]column
	// members is true for groups: members are rows of their own.
	members bool
}

// membersElement stands for a member of a group.
const membersElement = "members"

type column struct {
	name     string
	nullable bool
}

func userKind() *kind {
	return &kind{rt: schema.User(), table: "users", columns: map[string]column{
		"externalId":      {"external_id", true},
		"userName":        {"user_name_key", false},
		"displayName":     {"display_name_key", true},
		"name.familyName": {"family_name_key", true},
		"name.givenName":  {"given_name_key", true},
	}}
}

func groupKind() *kind {
	return &kind{rt: schema.Group(), table: "groups", members: true, columns: map[string]column{
		"externalId":  {"external_id", true},
		"displayName": {"display_name_key", false},
	}}
}

// where returns the condition for a filter and its parameters.
func (k *kind) where(d *engine.Dialect, n filter.Node) (string, []any, error) {
	c := compiler{d: d, kind: k, passes: passesOf(k, n)}
	if err := c.node(n); err != nil {
		return "", nil, err
	}
	sql, args := c.once()
	return sql, args, nil
}

func (c *compiler) add(sql string, args ...any) {
	c.sql.WriteString(sql)
	c.args = append(c.args, args...)
}

func (c *compiler) node(n filter.Node) error {
	switch n := n.(type) {
	case *filter.AndNode:
		return c.pair(n.Left, " AND ", n.Right)
	case *filter.OrNode:
		return c.pair(n.Left, " OR ", n.Right)
	case *filter.NotNode:
		was := c.negated
		c.negated = true
		c.add("NOT (")
		err := c.node(n.X)
		c.add(")")
		c.negated = was
		return err
	case *filter.Any:
		return c.any(n)
	case *filter.Test:
		return c.test(n)
	case *filter.Const:
		c.add(map[bool]string{true: "TRUE", false: "FALSE"}[n.Value])
		return nil
	}
	return scim.BadRequest(scim.InvalidFilter, "the filter cannot be applied")
}

func (c *compiler) pair(left filter.Node, operator string, right filter.Node) error {
	c.add("(")
	if err := c.node(left); err != nil {
		return err
	}
	c.add(operator)
	err := c.node(right)
	c.add(")")
	return err
}

// unsupported is the answer to a filter by something that is not kept where
// a query could find it.
func (c *compiler) unsupported(a *schema.Attribute) error {
	return scim.BadRequest(scim.InvalidFilter, "cannot filter a %s by %s", c.kind.rt.Name,
		c.kind.rt.FullPath(a))
}

// any compiles the test of the values of an attribute.
func (c *compiler) any(n *filter.Any) error {
	if p := c.passes[n.Attr]; p != nil {
		return c.inPass(p, n)
	}
	switch {
	case c.kind.listed(n.Attr):
		return c.exists(n)
	case n.Attr.Name == "schemas" && c.kind.rt.Common(n.Attr):
		return c.anySchema(n.X)
	case n.Attr.Mutability == schema.ReadOnly:
		return c.unsupported(n.Attr)
	case !n.Attr.MultiValued:
		// Brackets behind a single complex value: it must be there.
		c.add("(")
		if err := c.test(&filter.Test{Attr: n.Attr, Op: filter.PR}); err != nil {
			return err
		}
		c.add(" AND ")
		err := c.node(n.X)
		c.add(")")
		return err
	}
	return c.unsupported(n.Attr)
}

// anySchema compiles the test of "schemas", which follows from the data.
func (c *compiler) anySchema(x filter.Node) error {
	t, ok := x.(*filter.Test)
	if !ok {
		return scim.BadRequest(scim.InvalidFilter, "cannot filter by schemas in this way")
	}
	holds := func(urn string) bool {
		return filter.Match(c.kind.rt, &filter.Any{Attr: t.Attr, X: t},
			schema.Resource{"schemas": []any{urn}})
	}
	if holds(c.kind.rt.Schema.ID) {
		c.add("TRUE")
		return nil
	}
	c.add("(FALSE")
	for _, s := range c.kind.rt.Extensions {
		if holds(s.ID) {
			c.add(" OR " + c.d.Field("search", s.ID) + " IS NOT NULL")
		}
	}
	c.add(")")
	return nil
}

// names returns the names that lead to a in the search document.
func (c *compiler) names(a *schema.Attribute) []string {
	var names []string
	if c.kind.rt.InExtension(a) {
		names = append(names, a.Schema().ID)
	}
	if p := a.Parent(); p != nil {
		names = append(names, p.Name)
	}
	return append(names, a.Name)
}

func (c *compiler) test(t *filter.Test) error {
	a := t.Attr
	switch {
	case c.element == membersElement:
		return c.member(t)
	case c.element != "":
		if a.Parent() == nil { // the value of a simple attribute
			c.value(t, c.element, true)
		} else {
			c.value(t, c.d.Field(c.element, a.Name), true)
		}
		return nil
	case c.kind.rt.Common(a.Top()) && a.Name != "externalId":
		return c.common(t)
	}
	path := c.kind.rt.FullPath(a)
	if col, ok := c.kind.columns[path]; ok {
		c.value(t, col.name, col.nullable)
		return nil
	}
	switch {
	case path == "active":
		c.active(t)
	case path == scim.EnterpriseUserURN+":manager" ||
		path == scim.EnterpriseUserURN+":manager.value":
		c.manager(t)
	case a.Top().Name == "manager" || a.Top().Mutability == schema.ReadOnly || c.kind.members &&
		a.Top().Name == "members" && t.Op != filter.PR:
		return c.unsupported(a)
	case c.kind.members && a.Name == "members":
		c.add("EXISTS (SELECT 1 FROM group_users WHERE group_id = groups.id UNION ALL SELECT 1 " +
			"FROM group_groups WHERE group_id = groups.id)")
	default:
		c.value(t, c.d.Field("search", c.names(a)...), true)
	}
	return nil
}

// value compiles a test of the SQL that gives an attribute's value, or NULL.
func (c *compiler) value(t *filter.Test, value string, nullable bool) {
	if t.Op == filter.PR {
		if nullable {
			c.add(value + " IS NOT NULL")
		} else {
			c.add("TRUE")
		}
		return
	}
	c.add("(")
	switch want := t.Operand.(type) {
	case bool:
		c.add(c.d.Boolean(value, want == (t.Op == filter.EQ)))
	case float64:
		c.add(c.d.Number(value)+" "+operators[t.Op]+" ?", want)
	case string:
		c.text(t.Op, value, want)
	}
	switch {
	case !nullable:
	case t.Op == filter.NE:
		c.add(" OR " + value + " IS NULL")
	case c.negated || t.Op != filter.EQ: // a plain equation is one that an index serves
		c.add(" AND " + value + " IS NOT NULL")
	}
	c.add(")")
}

var operators = map[filter.Op]string{
	filter.EQ: "=", filter.NE: "<>", filter.GT: ">", filter.GE: ">=", filter.LT: "<",
	filter.LE: "<=",
}

func (c *compiler) text(op filter.Op, value, want string) {
	switch op {
	case filter.EQ, filter.NE:
		c.add(value+" "+operators[op]+" ?", want)
	case filter.GT, filter.GE, filter.LT, filter.LE:
		c.add(c.d.Bytewise(value)+" "+operators[op]+" ?", want)
	default:
		switch {
		case want == "":
			c.add("TRUE")
		case op == filter.CO:
			c.add(c.d.Contains(value), want)
		case op == filter.SW:
			c.add(c.d.HasPrefix(value), want)
		case op == filter.EW:
			c.add(c.d.HasSuffix(value), want, want)
		}
	}
}

// active is a column of its own that is never NULL.
func (c *compiler) active(t *filter.Test) {
	switch {
	case t.Op == filter.PR:
		c.add("TRUE")
	case t.Operand.(bool) == (t.Op == filter.EQ):
		c.add("active")
	default:
		c.add("NOT active")
	}
}

// manager compares the id of the linked manager, or what the provider sent
// of one who is pending.
func (c *compiler) manager(t *filter.Test) {
	want, ok := t.Operand.(string)
	if ok && t.Op == filter.EQ && provisioning.ValidID(want) {
		c.add("(manager_id = ? OR (manager_id IS NULL AND manager_ref IS NOT NULL AND "+
			"manager_ref = ?))", want, want)
		return
	}
	c.value(t, "COALESCE(CAST(manager_id AS text), manager_ref)", true)
}

// member compares a member of a group.
func (c *compiler) member(t *filter.Test) error {
	switch t.Attr.Name {
	case "value":
		c.id(t, "m.id")
	case "type":
		c.value(t, "m.type", false)
	default:
		return c.unsupported(t.Attr)
	}
	return nil
}

// id compares a column of type uuid. One that cannot be an id equals none.
func (c *compiler) id(t *filter.Test, name string) {
	want, _ := t.Operand.(string)
	if t.Op != filter.EQ && t.Op != filter.NE {
		c.value(t, "CAST("+name+" AS text)", false)
		return
	}
	switch {
	case provisioning.ValidID(want):
		c.add(name+" "+operators[t.Op]+" ?", want)
	case t.Op == filter.NE:
		c.add("TRUE")
	default:
		c.add("FALSE")
	}
}

// common compiles a test of id or meta.
func (c *compiler) common(t *filter.Test) error {
	switch path := t.Attr.Path(); path {
	case "id":
		c.id(t, "id")
	case "meta":
		c.add("TRUE")
	case "meta.resourceType":
		// The value is known; a constant condition is left.
		r := schema.Resource{"meta": map[string]any{"resourceType": c.kind.rt.Name}}
		if filter.Match(c.kind.rt, t, r) {
			c.add("TRUE")
		} else {
			c.add("FALSE")
		}
	case "meta.created", "meta.lastModified":
		c.time(t,
			map[string]string{"meta.created": "created", "meta.lastModified": "modified"}[path])
	case "meta.version":
		c.value(t, `('W/"' || CAST(version AS text) || '"')`, false)
	default:
		return c.unsupported(t.Attr)
	}
	return nil
}

// time compares a column of milliseconds with an instant that may lie
// between two of them.
func (c *compiler) time(t *filter.Test, name string) {
	if t.Op == filter.PR {
		c.add("TRUE")
		return
	}
	at, _ := schema.ParseDateTime(t.Operand.(string))
	floor := at.UnixMilli()
	exact := at.Equal(time.UnixMilli(floor))
	ceil := floor
	if !exact {
		ceil++
	}
	switch t.Op {
	case filter.EQ, filter.NE:
		if !exact {
			c.add(map[filter.Op]string{filter.EQ: "FALSE", filter.NE: "TRUE"}[t.Op])
			return
		}
		c.add(name+" "+operators[t.Op]+" ?", floor)
	case filter.GT, filter.LE:
		c.add(name+" "+operators[t.Op]+" ?", floor)
	case filter.GE, filter.LT:
		c.add(name+" "+operators[t.Op]+" ?", ceil)
	}
}
