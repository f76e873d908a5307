package tolerance

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"muster/server/scim"
	"muster/server/scim/schema"
)

// Use is what a value is given for. It decides what becomes of null, of blank
// text, and of entries of a list that name nothing: absent, null, empty and
// "nothing left" are four things, and none may be taken for another where
// something would be lost.
type Use int

// The uses.
const (
	// Create is the value in a whole resource, by POST or PUT: null and blank
	// say that there is no value.
	Create Use = iota
	// Add, Replace and Remove are the operations of a PATCH: there, null says
	// that what it stands for is to be cleared.
	Add
	Replace
	Remove
)

// Value brings the value of an attribute or sub-attribute into the standard's
// shape; nil stands for null. It reports false if nothing is meant by the
// value, so that the attribute is as if it had not been named.
func Value(use Use, a *schema.Attribute, v any, p *Policy) (_ any, given bool, err error) {
	return answer(shaper{use, p}.value(a, v))
}

// Element is [Value] for one value of a multi-valued attribute.
func Element(use Use, a *schema.Attribute, v any, p *Policy) (_ any, given bool, err error) {
	return answer(shaper{use, p}.element(a, v))
}

func answer(v any, err error) (any, bool, error) {
	if _, blank := v.(nothing); blank {
		return nil, false, err
	}
	return v, err == nil, err
}

// nothing is what a blank text stands for where an object or a list belongs:
// the macro of a template had no value.
type nothing struct{}

type shaper struct {
	use    Use
	policy *Policy
}

// blank returns what a blank text stands for where v would be no text.
func (s shaper) blank(v any) (any, error) { return v, s.policy.Allow(BlankValue) }

// put sets the attribute a of out to v in the standard's shape.
func (s shaper) put(out map[string]any, a *schema.Attribute, v any) error {
	if _, twice := out[a.Name]; twice {
		return scim.BadRequest(scim.InvalidSyntax, "the body gives %q twice, in two spellings",
			a.Path())
	}
	if a.Mutability == schema.ReadOnly {
		return nil
	}
	v, given, err := answer(s.value(a, v))
	if given && (v != nil || s.use != Create) {
		out[a.Name] = v
	}
	return err
}

func (s shaper) value(a *schema.Attribute, v any) (any, error) {
	if !a.MultiValued {
		return s.single(a, v)
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case []any:
		return s.list(a, v)
	case string:
		if v == "" && s.use != Remove {
			return s.blank(nothing{})
		}
	}
	if err := s.policy.Allow(SingleForMany); err != nil {
		return nil, err
	}
	return s.list(a, []any{v})
}

// list brings the entries of a list into shape. One that is blank is dropped
// where nothing is lost by it: from a resource, unless the entries name other
// resources; and from what is added, when others remain. Elsewhere it stays,
// and is refused when the entries are checked.
func (s shaper) list(a *schema.Attribute, list []any) (any, error) {
	drop := s.policy.Tolerant() && (s.use == Create && !namesResources(a) ||
		s.use == Add && slices.ContainsFunc(list, func(v any) bool { return !isBlank(v) }))
	values := make([]any, 0, len(list))
	for _, v := range list {
		if drop && isBlank(v) {
			if err := s.policy.Allow(BlankValue); err != nil {
				return nil, err
			}
			continue
		}
		v, err := s.element(a, v)
		if err != nil {
			return nil, err
		}
		if _, blank := v.(nothing); blank {
			v = nil
		}
		values = append(values, v)
	}
	return values, s.onePrimary(values)
}

// namesResources reports whether the values of a name other resources, as the
// members of a group do.
func namesResources(a *schema.Attribute) bool {
	value := a.Sub("value")
	return value != nil && value.Mutability == schema.Immutable
}

// isBlank reports whether an entry of a list says nothing, or only of which
// type it is and whether it is primary.
func isBlank(v any) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return v == nil || v == ""
	}
	for name, x := range m {
		if x != nil && x != "" && !strings.EqualFold(name, "type") &&
			!strings.EqualFold(name, "primary") {
			return false
		}
	}
	return true
}

func (s shaper) element(a *schema.Attribute, v any) (any, error) {
	if a.Type == schema.Complex && a.Sub("value") != nil {
		switch v.(type) {
		case string, json.Number:
			if v == "" {
				return s.blank(nothing{})
			}
			if err := s.policy.Allow(BareValue); err != nil {
				return nil, err
			}
			v = map[string]any{"value": v}
		}
	}
	return s.single(a, v)
}

func (s shaper) single(a *schema.Attribute, v any) (any, error) {
	if list, ok := v.([]any); ok {
		return s.unwrap(a, list)
	}
	switch {
	case v == nil:
		return nil, nil
	case a.Name == "manager" && a.Type == schema.Complex:
		return s.manager(a, v)
	case a.Type == schema.Complex:
		return s.object(a, v)
	case v == "" &&
		(a.Type == schema.Boolean || a.Type == schema.Integer || a.Type == schema.Decimal):
		return s.blank(nil)
	case a.Type == schema.Boolean:
		return s.boolean(a, v)
	}
	return v, nil
}

func (s shaper) object(a *schema.Attribute, v any) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		if v == "" {
			return s.blank(nothing{})
		}
		return v, nil
	}
	out := make(map[string]any, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		sub, err := s.sub(a, m, name)
		if err == nil && sub != nil {
			err = s.put(out, sub, m[name])
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sub returns the sub-attribute that a member of an object stands for; nil if
// the member is to be passed over. An app role with a member too many must not
// keep a whole user away.
func (s shaper) sub(a *schema.Attribute, m map[string]any, name string) (*schema.Attribute, error) {
	sub := a.Sub(name)
	switch {
	case sub != nil:
		return sub, nil
	case !a.MultiValued:
		return nil, scim.BadRequest(scim.InvalidSyntax, "unknown sub-attribute %q of %s", name,
			a.Path())
	case strings.EqualFold(name, "displayName") && a.Sub("display") != nil && !has(m, "display"):
		return a.Sub("display"), s.policy.Allow(DisplayNameInValue)
	}
	s.policy.Note("%s.%s is unknown and was dropped", a.Path(), name)
	return nil, s.policy.Allow(UnknownSubAttribute)
}

// has reports whether an object has a member, in any letter case.
func has(m map[string]any, name string) bool {
	for n := range m {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// manager takes a manager as a plain string, or with OneLogin's names.
func (s shaper) manager(a *schema.Attribute, v any) (any, error) {
	id := v
	if m, ok := v.(map[string]any); ok {
		if !has(m, "managerId") {
			return s.object(a, v)
		}
		id = managerID(m)
	}
	switch {
	case id != nil && id != "":
		return map[string]any{"value": id}, s.policy.Allow(ManagerShape)
	case s.use == Create:
		return nil, s.policy.Allow(ManagerShape)
	}
	return map[string]any{"value": nil}, s.policy.Allow(ManagerShape)
}

// managerID returns the id in a manager with OneLogin's names: its value, if it
// has one too, or its managerId.
func managerID(m map[string]any) (id any) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		v := m[name]
		if strings.EqualFold(name, "value") && v != nil && v != "" {
			return v
		}
		if strings.EqualFold(name, "managerId") {
			id = v
		}
	}
	return id
}

// unwrap takes [v] and [{"value": v}] for v.
func (s shaper) unwrap(a *schema.Attribute, list []any) (any, error) {
	if len(list) != 1 {
		return list, nil
	}
	v := list[0]
	if m, ok := v.(map[string]any); ok && a.Type != schema.Complex {
		v = m["value"]
	}
	if _, nested := v.([]any); nested || v == nil {
		return list, nil // it is refused when the type is checked
	}
	if err := s.policy.Allow(WrappedValue); err != nil {
		return nil, err
	}
	if a.MultiValued {
		return s.element(a, v)
	}
	return s.single(a, v)
}

func (s shaper) boolean(a *schema.Attribute, v any) (any, error) {
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
	case word == "true" || word == "false":
		return word == "true", s.policy.Allow(BooleanString)
	case a.Name == "active" && len(word) == 1 && '0' <= word[0] && word[0] <= '9':
		return word == "1", s.policy.Allow(StatusForActive)
	}
	return v, nil
}

// onePrimary keeps the first mark of several.
func (s shaper) onePrimary(values []any) error {
	found := false
	for _, v := range values {
		m, _ := v.(map[string]any)
		if m["primary"] != true {
			continue
		}
		if found {
			if err := s.policy.Allow(SeveralPrimaries); err != nil {
				return err
			}
			m["primary"] = false
		}
		found = true
	}
	return nil
}
