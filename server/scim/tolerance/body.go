package tolerance

import (
	"maps"
	"slices"
	"strings"

	"muster/server/scim"
	"muster/server/scim/schema"
)

// Resource brings the decoded body of a POST or PUT into the standard's
// shape: names as the schemas spell them (any letter case is allowed, Section
// 2.1 of RFC 7643), nothing null (Section 2.5), nothing read-only (Section
// 2.2), and each deviation that p allows replaced by what it stands for.
// What is of the wrong type is left for validation to refuse.
func Resource(rt *schema.ResourceType, raw map[string]any, p *Policy) (map[string]any, error) {
	out := make(map[string]any, len(raw))
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if err := member(rt, out, name, raw[name], p); err != nil {
			return nil, err
		}
	}
	return out, schemas(rt, out, p)
}

// member takes one member of a body over into out.
func member(rt *schema.ResourceType, out map[string]any, name string, v any, p *Policy) error {
	s, err := Extension(rt, name, p)
	if err != nil {
		return err
	}
	if s != nil {
		return extension(rt, out, s, v, p)
	}
	a := rt.Attribute("", name, "")
	switch {
	case a == nil && strings.EqualFold(name, "password"):
		return p.Allow(Password)
	case a == nil:
		return rt.Unknown(name)
	}
	return shaper{Create, p}.put(out, a, v)
}

// Extension returns the extension that the name of a member stands for, also
// by an older URN; nil if it stands for none.
func Extension(rt *schema.ResourceType, name string, p *Policy) (*schema.Schema, error) {
	if s := rt.Extension(name); s != nil {
		return s, nil
	}
	if s := rt.Extension(modernURN(rt, name)); s != nil {
		return s, p.Allow(OldSchemaURN)
	}
	return nil, nil
}

// Member returns the attribute that a member of an extension's value stands
// for; nil if the member is to be passed over.
func Member(
	rt *schema.ResourceType, s *schema.Schema, name string, p *Policy,
) (*schema.Attribute, error) {
	a := s.Attribute(name)
	switch {
	case a == nil && strings.EqualFold(name, "schemas"):
		return nil, p.Allow(SchemasInExtension)
	case a == nil:
		return nil, rt.Unknown(s.ID + ":" + name)
	}
	return a, nil
}

func extension(
	rt *schema.ResourceType, out map[string]any, s *schema.Schema, v any, p *Policy,
) error {
	if v == nil {
		return nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		out[s.ID] = v // validation says what is wrong with it
		return nil
	}
	e, ok := out[s.ID].(map[string]any)
	if !ok {
		e = make(map[string]any, len(object))
		out[s.ID] = e
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		a, err := Member(rt, s, name, p)
		if err == nil && a != nil {
			err = shaper{Create, p}.put(e, a, object[name])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// schemas brings the attribute "schemas" into order.
func schemas(rt *schema.ResourceType, out map[string]any, p *Policy) error {
	list, ok := out["schemas"].([]any)
	if !ok && out["schemas"] != nil {
		return nil // validation says what is wrong with it
	}
	var urns []any
	listed := make(map[string]bool)
	for _, v := range list {
		urn, ok := v.(string)
		if !ok {
			return nil
		}
		urn, err := schemaURN(rt, urn, p)
		if err != nil {
			return err
		}
		if urn != "" && !listed[urn] {
			listed[urn] = true
			urns = append(urns, urn)
		}
	}
	if !listed[rt.Schema.ID] {
		if err := p.Allow(MissingSchemas); err != nil {
			return err
		}
		urns = append(urns, rt.Schema.ID)
	}
	for _, s := range rt.Extensions {
		if _, sent := out[s.ID]; sent && !listed[s.ID] {
			if err := p.Allow(UnlistedExtension); err != nil {
				return err
			}
			urns = append(urns, s.ID)
		}
	}
	out["schemas"] = urns
	return nil
}

// schemaURN returns the URN, as the schemas spell it, that a client's stands
// for, or nothing if it is to be passed over.
func schemaURN(rt *schema.ResourceType, urn string, p *Policy) (string, error) {
	if strings.EqualFold(urn, rt.Schema.ID) {
		return rt.Schema.ID, nil
	}
	if s := rt.Extension(urn); s != nil {
		return s.ID, nil
	}
	if modern := modernURN(rt, urn); modern != "" {
		return modern, p.Allow(OldSchemaURN)
	}
	if strings.HasPrefix(strings.ToLower(urn), "http://schemas.microsoft.com/") {
		return "", p.Allow(ForeignSchemaURN)
	}
	return urn, nil // unknown: refused when the resource is checked
}

// modernURN returns the URN of RFC 7643 that an older or misspelled one
// stands for, or nothing.
func modernURN(rt *schema.ResourceType, urn string) string {
	switch strings.ToLower(urn) {
	case "urn:scim:schemas:core:1.0", "urn:scim:schemas:core:2.0", "urn:scim:schemas:core:2.0:user",
		"urn:scim:schemas:core:2.0:group":
		return rt.Schema.ID
	case "urn:scim:schemas:extension:enterprise:1.0", "urn:scim:schemas:extension:enterprise:2.0",
		"urn:scim:schemas:extension:enterprise:2.0:user":
		if s := rt.Extension(scim.EnterpriseUserURN); s != nil {
			return s.ID
		}
	}
	return ""
}

// Path returns the path of an attribute with a colon behind the URN of its
// schema, where some clients have a dot.
func Path(rt *schema.ResourceType, path string, p *Policy) (string, error) {
	for _, s := range append([]*schema.Schema{rt.Schema}, rt.Extensions...) {
		n := len(s.ID)
		if len(path) > n && path[n] == '.' && strings.EqualFold(path[:n], s.ID) {
			return path[:n] + ":" + path[n+1:], p.Allow(DotBehindURN)
		}
	}
	return path, nil
}
