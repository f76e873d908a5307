package provisioning

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"muster/server/events"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/scim"
	"muster/server/scim/schema"
)

// setup is what follows from how an instance is set up: the resource type
// User with its custom fields, and its attribute mapping.
type setup struct {
	key     string
	rt      *schema.ResourceType
	mapping *mapping.Mapping
	filters *events.Filters // of its feeds
}

// setups holds the setup of each instance. It follows from the instance as it
// was read with the request, so that no other server need know of it.
type setups struct {
	groups *schema.ResourceType
	mu     sync.Mutex
	plain  *setup
	byID   map[string]*setup
}

// of returns the setup of an instance.
func (t *setups) of(i *instance.Instance) *setup {
	if len(i.Fields) == 0 && len(i.Mapping) == 0 && len(i.Publishing.Filters) == 0 {
		return t.plain
	}
	key := setupKey(i)
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.byID[i.ID]; s != nil && s.key == key {
		return s
	}
	s, err := newSetup(i, t.groups)
	if err != nil {
		// What was saved was checked, so this is a defect; the default keeps
		// people provisioned meanwhile.
		s = &setup{rt: t.plain.rt, mapping: t.plain.mapping, filters: t.plain.filters}
	}
	s.key = key
	t.byID[i.ID] = s
	return s
}

func setupKey(i *instance.Instance) string {
	var b strings.Builder
	for _, f := range i.Fields {
		b.WriteString("f" + f.Name + "\x00" + f.Title + "\x00" + string(f.Type) + "\x00" +
			strings.Join(f.Values, "\x01") + "\x00")
	}
	for _, r := range i.Mapping {
		b.WriteString("m" + r.Attribute + "\x00" + string(r.Field) + "\x00")
	}
	for _, id := range slices.Sorted(maps.Keys(i.Publishing.Filters)) {
		b.WriteString("e" + id + "\x00" + i.Publishing.Filters[id] + "\x00")
	}
	return b.String()
}

// newSetup compiles how an instance is set up, and refuses a mapping that
// cannot be applied. groups is the resource type of its groups.
func newSetup(i *instance.Instance, groups *schema.ResourceType) (*setup, error) {
	attributes := make([]*schema.Attribute, len(i.Fields))
	targets := mapping.Standard()
	for n, f := range i.Fields {
		attributes[n] = customAttribute(f)
		targets = append(targets,
			mapping.Target{Field: mapping.Field(f.Name), Label: f.Title, Type: string(f.Type)})
	}
	rows := i.Mapping
	if len(rows) == 0 {
		rows = mapping.Default()
	}
	rt := schema.User(attributes...)
	m, err := mapping.Compile(rt, rows, targets)
	return &setup{
		rt: rt, mapping: m, filters: events.Compile(i.Publishing, rt, groups),
	}, err
}

// customAttribute returns the attribute for a custom field.
func customAttribute(f instance.Field) *schema.Attribute {
	inexact := false
	a := &schema.Attribute{
		Name: f.Name, Type: schema.String, Description: f.Title, CaseExact: &inexact,
		Mutability: schema.ReadWrite, Returned: schema.Default, Uniqueness: "none",
	}
	switch f.Type {
	case instance.Number:
		a.Type, a.CaseExact = schema.Decimal, nil
	case instance.Date:
		a.Type, a.CaseExact = schema.DateTime, nil
	case instance.YesNo:
		a.Type, a.CaseExact = schema.Boolean, nil
	case instance.PickList:
		a.CanonicalValues = f.Values
	case instance.Reference:
		exact := true
		a.Type, a.CaseExact, a.ReferenceTypes = schema.Reference, &exact, []string{"external"}
	}
	return a
}

// fields returns the fields of the User entity for a resource. A custom field
// that an attribute is mapped to has that attribute's value, and shows it in
// the instance's extension too; another one has what stands there.
func (s *setup) fields(i *instance.Instance, r schema.Resource) mapping.Fields {
	fields := s.mapping.Fields(r)
	for _, f := range i.Fields {
		name := mapping.Field(f.Name)
		a := s.rt.Attribute(scim.ApplicationUserURN, f.Name, "")
		if s.mapping.Maps(name) {
			var v any
			if text, ok := fields[name]; ok {
				v = text
			}
			s.rt.Set(r, a, v)
			continue
		}
		switch v := s.rt.Get(r, a).(type) {
		case string:
			fields[name] = v
		case bool:
			fields[name] = strconv.FormatBool(v)
		case json.Number:
			fields[name] = v.String()
		}
	}
	return fields
}

// checkPicks refuses a value that a pick list does not offer.
func checkPicks(i *instance.Instance, r schema.Resource) error {
	custom, _ := r[scim.ApplicationUserURN].(map[string]any)
	for _, f := range i.Fields {
		text, ok := custom[f.Name].(string)
		if !ok || f.Type != instance.PickList {
			continue
		}
		if _, err := f.Pick(text); err != nil {
			return scim.BadRequest(scim.InvalidValue, "%s:%s: %v", scim.ApplicationUserURN, f.Name,
				err)
		}
	}
	return nil
}

// label returns what an attribute is called in the history: the field that
// it is mapped to, or the title of the custom field that it is.
func (s *setup) label(path string) string {
	if name, ok := strings.CutPrefix(path, scim.ApplicationUserURN+":"); ok {
		if a := s.rt.Attribute(scim.ApplicationUserURN, name, ""); a != nil {
			return a.Description
		}
	}
	return s.mapping.Label(path)
}

// resource returns the SCIM form of fields that were entered by hand: by the
// inverse of the mapping, and for other custom fields in the extension.
func (s *setup) resource(i *instance.Instance, fields mapping.Fields) (schema.Resource, error) {
	r, err := s.mapping.Resource(fields)
	if err != nil {
		return nil, instance.Refuse("%v", err)
	}
	for _, f := range i.Fields {
		text, ok := fields[mapping.Field(f.Name)]
		if !ok || s.mapping.Maps(mapping.Field(f.Name)) {
			continue
		}
		v, err := f.Parse(text)
		if err != nil {
			return nil, err
		}
		s.rt.Set(r, s.rt.Attribute(scim.ApplicationUserURN, f.Name, ""), v)
	}
	return r, nil
}
