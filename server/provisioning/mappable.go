package provisioning

import (
	"fmt"
	"slices"

	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/scim/schema"
)

// Mappable is an attribute that can be mapped to a field.
type Mappable struct {
	// Attribute is its path, as a row of the mapping has it.
	Attribute   string `json:"attribute"`
	Description string `json:"description"`
	// Fields are those that it is mapped to now, and ReadOnly says that this cannot
	// be changed.
	Fields   []mapping.Field `json:"fields,omitempty"`
	ReadOnly bool            `json:"readOnly,omitempty"`
}

// spare is a field that nobody has, to try an attribute with.
const spare = mapping.Field("\x00")

// MappableAttributes returns the attributes of a user that can be mapped to a field of
// text, in the order of the schemas. Of a multi-valued attribute there is a path for
// each type that the schema names; any other type can be mapped, too.
func (s *Service) MappableAttributes(i *instance.Instance) []Mappable {
	set := s.setups.of(i)
	rows := s.Mapping(i)
	var list []Mappable
	for _, c := range candidates(set.rt) {
		_, err := mapping.Compile(set.rt, []mapping.Row{{Attribute: c.Attribute, Field: spare}},
			[]mapping.Target{{Field: spare, Label: "spare", Type: "text"}})
		if err != nil {
			continue
		}
		for _, r := range rows {
			if r.Attribute == c.Attribute {
				c.Fields, c.ReadOnly = append(c.Fields, r.Field), c.ReadOnly || r.ReadOnly
			}
		}
		list = append(list, c)
	}
	return list
}

// candidates returns the paths of a type that may lead to a text.
func candidates(rt *schema.ResourceType) (list []Mappable) {
	for _, of := range append([]*schema.Schema{rt.Schema}, rt.Extensions...) {
		prefix := ""
		if of != rt.Schema {
			prefix = of.ID + ":"
		}
		for _, a := range of.Attributes {
			paths := []string{prefix + a.Name}
			if a.MultiValued {
				paths = nil
				for _, kind := range typesOf(a) {
					paths = append(paths, fmt.Sprintf("%s%s[type eq %q]", prefix, a.Name, kind))
				}
			}
			for _, path := range paths {
				list = append(list, Mappable{Attribute: path, Description: a.Description})
				for _, sub := range a.SubAttributes {
					list = append(list,
						Mappable{Attribute: path + "." + sub.Name, Description: sub.Description})
				}
			}
		}
	}
	return list
}

// typesOf returns the types that the schema names for the values of an attribute.
func typesOf(a *schema.Attribute) []string {
	if kind := a.Sub("type"); kind != nil && len(kind.CanonicalValues) > 0 {
		return slices.Clone(kind.CanonicalValues)
	}
	return []string{"work"}
}
