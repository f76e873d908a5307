// Package mapping says which SCIM attribute lands in which field of the
// application's User entity, and the way back. It is what the guide shows
// under Settings → Extensions → User Provisioning → Setup.
package mapping

import (
	"fmt"
	"maps"
	"slices"

	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/patch"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

// Field names a field of the User entity.
type Field string

// The standard fields that attributes are mapped to: the guide's list under
// "Automatic mapping of predefined standard fields and entities".
const (
	UserName         Field = "userName"
	DisplayName      Field = "displayName"
	Email            Field = "email"
	FirstName        Field = "firstName"
	LastName         Field = "lastName"
	OfficePhone      Field = "officePhone"
	MobilePhone      Field = "mobilePhone"
	DirectManager    Field = "directManager"
	ScimSyncJobTitle Field = "scimSyncJobTitle"
)

// Label returns the name of the field as the application shows it.
func (f Field) Label() string {
	switch f {
	case UserName:
		return "User Name"
	case DisplayName:
		return "Display Name"
	case Email:
		return "Email"
	case FirstName:
		return "First Name"
	case LastName:
		return "Last Name"
	case OfficePhone:
		return "Office Phone"
	case MobilePhone:
		return "Mobile Phone"
	case DirectManager:
		return "Direct Manager"
	case ScimSyncJobTitle:
		return "Scim Sync Job Title"
	}
	return string(f)
}

// Fields holds the text of each field that has a value.
type Fields map[Field]string

// Row maps one attribute to one field.
type Row struct {
	// Attribute is a path as a PATCH operation has it: name.givenName,
	// emails[type eq "work"].value.
	Attribute string `json:"attribute"`
	Field     Field  `json:"field"`
	// ReadOnly rows "cannot be changed".
	ReadOnly bool `json:"readOnly,omitempty"`
}

// Default returns the mapping that every instance begins with. The first
// five rows are read-only.
func Default() []Row {
	return []Row{
		{"userName", UserName, true},
		{"displayName", DisplayName, true},
		{`emails[type eq "work"].value`, Email, true},
		{"name.givenName", FirstName, true},
		{"name.familyName", LastName, true},
		{`phoneNumbers[type eq "work"].value`, OfficePhone, false},
		{`phoneNumbers[type eq "mobile"].value`, MobilePhone, false},
		{scim.EnterpriseUserURN + ":manager.value", DirectManager, false},
		{"title", ScimSyncJobTitle, false},
	}
}

// Target is a field that an attribute could be mapped to.
type Target struct {
	Field Field
	Label string
	// Type is "text" for a field that can be mapped to.
	Type string
}

// Standard returns the standard fields, all of which can be mapped to.
func Standard() []Target {
	fields := []Field{
		UserName, DisplayName, Email, FirstName, LastName, OfficePhone, MobilePhone, DirectManager,
		ScimSyncJobTitle,
	}
	targets := make([]Target, len(fields))
	for i, f := range fields {
		targets[i] = Target{f, f.Label(), "text"}
	}
	return targets
}

// CheckReadOnly refuses rows that lack one of the read-only rows, or change it.
func CheckReadOnly(rows []Row) error {
	for _, fixed := range Default() {
		same := func(r Row) bool {
			return r.Attribute == fixed.Attribute && r.Field == fixed.Field
		}
		if fixed.ReadOnly && !slices.ContainsFunc(rows, same) {
			return fmt.Errorf("the mapping of %s to %s is read-only: it cannot be "+
				"changed or deleted", fixed.Attribute, fixed.Field.Label())
		}
	}
	return nil
}

// checkTarget refuses a field that is not there, or that holds no text.
func checkTarget(f Field, targets []Target) error {
	for _, t := range targets {
		if t.Field != f {
			continue
		}
		if t.Type != "text" {
			return fmt.Errorf("%s is a %s field: only mapping to text fields is supported; map to "+
				"a text field, and let a workflow rule set this one", t.Label, t.Type)
		}
		return nil
	}
	return fmt.Errorf("users have no field %q; add it with `muster-server field create`", f)
}

// Mapping is a list of rows, ready for use.
type Mapping struct {
	rt   *schema.ResourceType
	rows []compiled
}

// compiled is a row with its path resolved.
type compiled struct {
	Row
	attr *schema.Attribute
	sub  *schema.Attribute // nil if the attribute is simple
	node filter.Node       // nil without brackets
	// set holds the operation that writes a value to the path; its Value is
	// filled in.
	set patch.Operation
}

// Compile checks rows against the schemas of rt and the fields that there
// are. What it returns knows which rows are read-only, whatever rows say.
func Compile(rt *schema.ResourceType, rows []Row, targets []Target) (*Mapping, error) {
	m := &Mapping{rt: rt}
	used := make(map[Field]string)
	for _, row := range rows {
		if other, ok := used[row.Field]; ok {
			return nil, fmt.Errorf("%s and %s are both mapped to %s: a field takes one attribute",
				other, row.Attribute, row.Field.Label())
		}
		used[row.Field] = row.Attribute
		if err := checkTarget(row.Field, targets); err != nil {
			return nil, err
		}
		row.ReadOnly = slices.ContainsFunc(Default(),
			func(d Row) bool { return d.ReadOnly && d.Field == row.Field })
		c, err := compile(rt, row)
		if err != nil {
			return nil, err
		}
		m.rows = append(m.rows, c)
	}
	return m, nil
}

func compile(rt *schema.ResourceType, row Row) (compiled, error) {
	c := compiled{Row: row}
	policy := tolerance.New(false) // roles[primary eq "True"] is what providers write
	path, err := filter.ParsePath(row.Attribute, policy)
	if err != nil {
		return c, err
	}
	a, _ := rt.Resolve(path.Attribute)
	if a == nil {
		return c, fmt.Errorf("mapping: the schemas define no attribute %q", row.Attribute)
	}
	c.attr = a.Top()
	if a != c.attr {
		c.sub = a
	}
	if path.Filter != nil {
		if c.node, err = filter.BindElement(c.attr, path.Filter, policy); err != nil {
			return c, err
		}
		c.sub = c.attr.Sub(path.Sub)
	}
	leaf := c.attr
	if c.sub != nil {
		leaf = c.sub
	}
	if leaf.Type != schema.String && leaf.Type != schema.Reference || leaf.MultiValued ||
		c.attr.MultiValued && c.node == nil {
		return c, fmt.Errorf("mapping: %q is no single text: choose a text attribute, with a "+
			"filter in brackets where it has several values", row.Attribute)
	}
	c.set = patch.Operation{
		Kind: patch.Replace, Attr: c.attr, Filter: c.node, Expr: path.Filter, Sub: c.sub,
	}
	return c, nil
}

// Rows returns the rows in their order.
func (m *Mapping) Rows() []Row {
	rows := make([]Row, len(m.rows))
	for i, c := range m.rows {
		rows[i] = c.Row
	}
	return rows
}

// Fields returns what lands in which field when a provider sends r.
func (m *Mapping) Fields(r schema.Resource) Fields {
	f := make(Fields, len(m.rows))
	for _, c := range m.rows {
		if s := c.get(m.rt.Get(r, c.attr)); s != "" {
			f[c.Field] = s
		}
	}
	return f
}

// get returns the text at the path in the value of the attribute.
func (c *compiled) get(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		s, _ := v[c.sub.Name].(string)
		return s
	case []any:
		for _, element := range v {
			if filter.MatchElement(c.node, element) {
				return c.get(element)
			}
		}
		if c.Field == Email {
			return c.get(untyped(v))
		}
	}
	return ""
}

// untyped returns the address that stands for the work address when none is
// called so, as in what OneLogin sends: the primary one, or the only one, if
// it has no type.
func untyped(emails []any) any {
	for _, e := range emails {
		if m, _ := e.(map[string]any); m["type"] == nil &&
			(m["primary"] == true || len(emails) == 1) {
			return m
		}
	}
	return nil
}

// Resource returns the SCIM form of fields that were entered by hand: the
// inverse of [Mapping.Fields], so that a provider finds such a user.
func (m *Mapping) Resource(f Fields) (schema.Resource, error) {
	var operations []patch.Operation
	for _, c := range m.rows {
		if s := f[c.Field]; s != "" {
			o := c.set
			o.Value = s
			operations = append(operations, o)
		}
	}
	return patch.Apply(m.rt, nil, operations, tolerance.New(false))
}

// Maps reports whether an attribute is mapped to a field.
func (m *Mapping) Maps(f Field) bool {
	return slices.ContainsFunc(m.rows, func(c compiled) bool { return c.Field == f })
}

// Set returns r with the value for a field, at the attribute that is mapped to
// it.
func (m *Mapping) Set(r schema.Resource, f Field, value string) (schema.Resource, error) {
	for _, c := range m.rows {
		if c.Field == f {
			o := c.set
			o.Value = value
			return patch.Apply(m.rt, r, []patch.Operation{o}, tolerance.New(false))
		}
	}
	return nil, fmt.Errorf("no attribute is mapped to %s", f.Label())
}

// Label returns the name of the field that the attribute at a path is mapped
// to, or "".
func (m *Mapping) Label(path string) string {
	for _, c := range m.rows {
		if c.Attribute == path {
			return c.Field.Label()
		}
	}
	return ""
}

// Names returns the fields of f, sorted.
func (f Fields) Names() []Field { return slices.Sorted(maps.Keys(f)) }
