package schema

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"

	"muster/server/scim"
)

// Resource is a resource in canonical form: names as the schemas spell them,
// extensions under their URN, values of the right type, nothing that is
// null, empty or read-only. "schemas" is not part of it: it follows from
// what is there, see [ResourceType.Schemas].
type Resource map[string]any

// Clone returns a copy that shares nothing with r.
func (r Resource) Clone() Resource {
	if r == nil {
		return nil
	}
	return CloneValue(map[string]any(r)).(map[string]any)
}

// CloneValue returns a copy of a value in canonical form that shares nothing
// with it.
func CloneValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, x := range v {
			m[k] = CloneValue(x)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, x := range v {
			l[i] = CloneValue(x)
		}
		return l
	}
	return v
}

// Resource checks raw, a decoded body, against the schemas and returns it in
// canonical form. What is read-only is left out, as Section 2.2 of RFC 7643
// asks; null, the empty array and the empty string mean "no value" (Section
// 2.5; a filter's "pr" treats the empty string alike). Required attributes
// must be there. Errors are 400 with the path of the value in the detail.
func (rt *ResourceType) Resource(raw map[string]any) (Resource, error) {
	if err := rt.checkSchemas(raw["schemas"]); err != nil {
		return nil, err
	}
	r := make(Resource, len(raw))
	for name, v := range raw {
		if name == "schemas" {
			continue
		}
		if err := rt.take(r, name, v); err != nil {
			return nil, err
		}
	}
	if err := rt.CheckRequired(r); err != nil {
		return nil, err
	}
	return r, nil
}

// take puts the member of a body that is called name into r.
func (rt *ResourceType) take(r Resource, name string, v any) error {
	if s := rt.Extension(name); s != nil {
		return rt.takeExtension(r, s, v)
	}
	a := rt.Attribute("", name, "")
	if a == nil {
		return rt.Unknown(name)
	}
	return set(r, a, v)
}

// set puts the value of a into the object that holds it, unless a is
// read-only: then what a client sends is ignored, whatever it is.
func set(object map[string]any, a *Attribute, v any) error {
	if a.Mutability == ReadOnly {
		return nil
	}
	c, err := a.Canonical(v)
	if err == nil && c != nil {
		object[a.Name] = c
	}
	return err
}

func (rt *ResourceType) takeExtension(r Resource, s *Schema, v any) error {
	if v == nil {
		return nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		return wrongType(s.ID, "an object", v)
	}
	extension := make(map[string]any, len(object))
	for name, v := range object {
		a := s.Attribute(name)
		if a == nil {
			return rt.Unknown(s.ID + ":" + name)
		}
		if err := set(extension, a, v); err != nil {
			return err
		}
	}
	if len(extension) > 0 {
		r[s.ID] = extension
	}
	return nil
}

// checkSchemas checks the attribute "schemas", Section 3 of RFC 7643: it
// must name the schema of the resource type, and nothing that the resource
// type does not have.
func (rt *ResourceType) checkSchemas(v any) error {
	list, ok := v.([]any)
	if !ok {
		return scim.BadRequest(scim.InvalidSyntax,
			`"schemas" is missing or no array: it must list %q`, rt.Schema.ID)
	}
	core := false
	for _, v := range list {
		urn, ok := v.(string)
		switch {
		case !ok:
			return wrongType("schemas", "an array of strings", v)
		case strings.EqualFold(urn, rt.Schema.ID):
			core = true
		case rt.Extension(urn) == nil:
			return scim.BadRequest(scim.InvalidSyntax,
				"unknown schema %q: /ResourceTypes lists those of a %s", urn, rt.Name)
		}
	}
	if !core {
		return scim.BadRequest(scim.InvalidSyntax, `"schemas" must list %q`, rt.Schema.ID)
	}
	return nil
}

// CheckRequired returns an error if r lacks a required attribute.
func (rt *ResourceType) CheckRequired(r Resource) error {
	for _, a := range rt.Schema.Attributes {
		if !a.Required {
			continue
		}
		if s, _ := r[a.Name].(string); strings.TrimSpace(s) == "" {
			return scim.BadRequest(scim.InvalidValue, "%s is required and must not be blank",
				a.Name)
		}
	}
	return nil
}

func (a *Attribute) single(v any, path string, f form) (any, error) {
	switch a.Type {
	case Complex:
		return a.complex(v, path, f)
	case Boolean:
		if b, ok := v.(bool); ok {
			return b, nil
		}
	case Integer, Decimal:
		if n, ok := v.(json.Number); ok {
			return a.number(n, path)
		}
	default:
		if s, ok := v.(string); ok {
			return a.text(s, path)
		}
	}
	if v == nil {
		return nil, nil
	}
	return nil, wrongType(path, article(a.Type), v)
}

func (a *Attribute) complex(v any, path string, f form) (any, error) {
	if v == nil {
		return nil, nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, wrongType(path, "an object", v)
	}
	c := make(map[string]any, len(object))
	for name, v := range object {
		sub := a.Sub(name)
		if sub == nil {
			return nil, scim.BadRequest(scim.InvalidSyntax, "unknown sub-attribute %q of %s", name,
				path)
		}
		x, err := sub.canonical(v, path+"."+sub.Name, whole)
		if err != nil {
			return nil, err
		}
		if (x != nil || f == change) && sub.Mutability != ReadOnly {
			c[sub.Name] = x
		}
	}
	if len(c) == 0 && f == whole {
		return nil, nil
	}
	return c, nil
}

func (a *Attribute) number(n json.Number, path string) (any, error) {
	if a.Type == Integer {
		if _, ok := new(big.Int).SetString(n.String(), 10); !ok {
			return nil, scim.BadRequest(scim.InvalidValue, "%s: %s is not an integer", path, n)
		}
		return n, nil
	}
	if _, err := n.Float64(); err != nil {
		return nil, scim.BadRequest(scim.InvalidValue, "%s: the number is out of range", path)
	}
	return n, nil
}

func (a *Attribute) text(s, path string) (any, error) {
	if s == "" {
		return nil, nil
	}
	switch a.Type {
	case DateTime:
		if _, err := ParseDateTime(s); err != nil {
			return nil, scim.BadRequest(scim.InvalidValue,
				"%s: %q is not a dateTime such as 2008-01-23T04:56:22Z", path, s)
		}
	case Binary:
		if !isBase64(s) {
			return nil, scim.BadRequest(scim.InvalidValue, "%s: the value is not base64", path)
		}
	case Reference:
		if _, err := url.Parse(s); err != nil {
			return nil, scim.BadRequest(scim.InvalidValue, "%s: %q is not a URI", path, s)
		}
	}
	for _, c := range a.CanonicalValues {
		if s != c && a.Key(s) == a.Key(c) {
			return c, nil
		}
	}
	return s, nil
}

// ParseDateTime parses an xsd:dateTime, Section 2.3.5 of RFC 7643. One
// without a time zone is taken as UTC.
func ParseDateTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t, err = time.Parse("2006-01-02T15:04:05.999999999", s)
	}
	return t.UTC(), err
}

func isBase64(s string) bool {
	for _, e := range []*base64.Encoding{
		base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding,
	} {
		if _, err := e.DecodeString(s); err == nil {
			return true
		}
	}
	return false
}

func wrongType(path, want string, v any) error {
	return scim.BadRequest(scim.InvalidValue, "%s must be %s, not %s", path, want, jsonType(v))
}

func article(t Type) string {
	switch t {
	case Integer:
		return "an integer"
	case Reference, Binary, String:
		return "a string"
	}
	return "a " + string(t)
}

func jsonType(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case []any:
		return "an array"
	}
	return "an object"
}

// Decode reads what [ResourceType.Append] wrote.
func (rt *ResourceType) Decode(text []byte) (Resource, error) {
	raw, err := scim.DecodeObject(text)
	if err != nil {
		return nil, fmt.Errorf("stored %s: %w", rt.Name, err)
	}
	delete(raw, "schemas")
	return raw, nil
}
