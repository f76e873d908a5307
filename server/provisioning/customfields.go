package provisioning

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"

	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/scim"
	"muster/server/scim/schema"
)

// userTypes holds the resource type User for each set of custom fields. It
// follows from the fields alone, so that no other server need know of it.
type userTypes struct {
	mu   sync.Mutex
	byID map[string]cachedType
}

type cachedType struct {
	fields string
	rt     *schema.ResourceType
}

// of returns the resource type with the custom fields of an instance.
func (t *userTypes) of(i *instance.Instance, plain *schema.ResourceType) *schema.ResourceType {
	if i == nil || len(i.Fields) == 0 {
		return plain
	}
	key := fieldsKey(i.Fields)
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.byID[i.ID]; c.fields == key {
		return c.rt
	}
	attributes := make([]*schema.Attribute, len(i.Fields))
	for n, f := range i.Fields {
		attributes[n] = customAttribute(f)
	}
	rt := schema.User(attributes...)
	if t.byID == nil {
		t.byID = make(map[string]cachedType)
	}
	t.byID[i.ID] = cachedType{key, rt}
	return rt
}

func fieldsKey(fields []instance.Field) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(f.Name + "\x00" + f.Title + "\x00" + string(f.Type) + "\x00")
	}
	return b.String()
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
	}
	return a
}

// addCustom adds the custom fields of a resource to those of the User entity.
func addCustom(fields mapping.Fields, r schema.Resource) {
	custom, _ := r[scim.ApplicationUserURN].(map[string]any)
	for name, v := range custom {
		switch v := v.(type) {
		case string:
			fields[mapping.Field(name)] = v
		case bool:
			fields[mapping.Field(name)] = strconv.FormatBool(v)
		case json.Number:
			fields[mapping.Field(name)] = v.String()
		}
	}
}

// label returns what an attribute is called in the history: the field that
// it is mapped to, or the title of the custom field that it is.
func (s *Service) label(i *instance.Instance) func(path string) string {
	return func(path string) string {
		if name, ok := strings.CutPrefix(path, scim.ApplicationUserURN+":"); ok {
			for _, f := range i.Fields {
				if f.Name == name {
					return f.Title
				}
			}
		}
		return s.mapping.Label(path)
	}
}
