package tolerance

import (
	"encoding/json"
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
	s := rt.Extension(name)
	if s == nil {
		if modern := modernURN(rt, name); modern != "" {
			if err := p.Allow(OldSchemaURN); err != nil {
				return err
			}
			s = rt.Extension(modern)
		}
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
	return put(out, a, v, p)
}

func extension(rt *schema.ResourceType, out map[string]any, s *schema.Schema, v any, p *Policy) error {
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
	for name, v := range object {
		a := s.Attribute(name)
		if a == nil {
			return rt.Unknown(s.ID + ":" + name)
		}
		if err := put(e, a, v, p); err != nil {
			return err
		}
	}
	return nil
}

// put sets the attribute a of out to v in the standard's shape.
func put(out map[string]any, a *schema.Attribute, v any, p *Policy) error {
	if _, twice := out[a.Name]; twice {
		return scim.BadRequest(scim.InvalidSyntax, "the body gives %q twice, in two spellings", a.Path())
	}
	if v == nil || a.Mutability == schema.ReadOnly {
		return nil
	}
	v, err := Value(a, v, p)
	if v != nil {
		out[a.Name] = v
	}
	return err
}

// Value brings the value of an attribute or sub-attribute into the
// standard's shape; nil means that there is no value.
func Value(a *schema.Attribute, v any, p *Policy) (any, error) {
	if !a.MultiValued {
		return single(a, v, p)
	}
	list, ok := v.([]any)
	if !ok {
		if v == nil || v == "" {
			return nil, nil
		}
		if err := p.Allow(SingleForMany); err != nil {
			return nil, err
		}
		list = []any{v}
	}
	values := make([]any, 0, len(list))
	for _, v := range list {
		v, err := Element(a, v, p)
		if err != nil {
			return nil, err
		}
		if v != nil {
			values = append(values, v)
		}
	}
	return values, onePrimary(values, p)
}

// Element brings one value of a multi-valued attribute into the standard's
// shape.
func Element(a *schema.Attribute, v any, p *Policy) (any, error) {
	if a.Type == schema.Complex {
		switch v.(type) {
		case string, json.Number:
			if v == "" {
				return nil, nil
			}
			if err := p.Allow(BareValue); err != nil {
				return nil, err
			}
			v = map[string]any{"value": v}
		}
	}
	return single(a, v, p)
}

func single(a *schema.Attribute, v any, p *Policy) (any, error) {
	if v == nil {
		return nil, nil
	}
	if a.Name == "manager" && a.Type == schema.Complex {
		return manager(a, v, p)
	}
	if a.Type == schema.Complex {
		return object(a, v, p)
	}
	if list, ok := v.([]any); ok {
		return unwrap(a, list, p)
	}
	if a.Type == schema.Boolean {
		return boolean(a, v, p)
	}
	return v, nil
}

func object(a *schema.Attribute, v any, p *Policy) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		if v == "" {
			return nil, nil // a template's macro without a value
		}
		return v, nil
	}
	out := make(map[string]any, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		sub := a.Sub(name)
		if sub == nil {
			return nil, scim.BadRequest(scim.InvalidSyntax, "unknown sub-attribute %q of %s", name, a.Path())
		}
		if err := put(out, sub, m[name], p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// manager takes a manager as a plain string, or with OneLogin's names.
func manager(a *schema.Attribute, v any, p *Policy) (any, error) {
	switch m := v.(type) {
	case string:
		if m == "" {
			return nil, nil
		}
		return map[string]any{"value": m}, p.Allow(ManagerShape)
	case map[string]any:
		for name, id := range m {
			if strings.EqualFold(name, "managerId") {
				if id == nil || id == "" {
					return nil, p.Allow(ManagerShape)
				}
				return map[string]any{"value": id}, p.Allow(ManagerShape)
			}
		}
	}
	return object(a, v, p)
}

// unwrap takes [{"value": v}] for v.
func unwrap(a *schema.Attribute, list []any, p *Policy) (any, error) {
	if len(list) == 1 {
		if m, ok := list[0].(map[string]any); ok && m["value"] != nil {
			if err := p.Allow(WrappedValue); err != nil {
				return nil, err
			}
			return single(a, m["value"], p)
		}
	}
	return list, nil
}

func boolean(a *schema.Attribute, v any, p *Policy) (any, error) {
	var word string
	switch v := v.(type) {
	case string:
		word = strings.ToLower(v)
	case json.Number:
		word = v.String()
	default:
		return v, nil
	}
	switch {
	case word == "":
		return nil, nil
	case word == "true" || word == "false":
		return word == "true", p.Allow(BooleanString)
	case a.Name == "active" && len(word) == 1 && '0' <= word[0] && word[0] <= '9':
		return word == "1", p.Allow(StatusForActive)
	}
	return v, nil
}

// onePrimary keeps the first mark of several.
func onePrimary(values []any, p *Policy) error {
	found := false
	for _, v := range values {
		m, _ := v.(map[string]any)
		if m["primary"] != true {
			continue
		}
		if found {
			if err := p.Allow(SeveralPrimaries); err != nil {
				return err
			}
			m["primary"] = false
		}
		found = true
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
	case "urn:scim:schemas:core:1.0", "urn:scim:schemas:core:2.0", "urn:scim:schemas:core:2.0:user", "urn:scim:schemas:core:2.0:group":
		return rt.Schema.ID
	case "urn:scim:schemas:extension:enterprise:1.0", "urn:scim:schemas:extension:enterprise:2.0", "urn:scim:schemas:extension:enterprise:2.0:user":
		if s := rt.Extension(scim.EnterpriseUserURN); s != nil {
			return s.ID
		}
	}
	return ""
}
