// Package schema holds SCIM schemas as data, and what follows from them:
// which attribute a name means, whether a value may stand there, how
// resources are written, compared and searched. RFC 7643, Sections 2 to 7.
package schema

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Type is the data type of an attribute, Section 2.3 of RFC 7643.
type Type string

// The data types of Section 2.3 of RFC 7643.
const (
	String    Type = "string"
	Boolean   Type = "boolean"
	Decimal   Type = "decimal"
	Integer   Type = "integer"
	DateTime  Type = "dateTime"
	Reference Type = "reference"
	Binary    Type = "binary"
	Complex   Type = "complex"
)

// Mutability says when a value may be written, Section 7 of RFC 7643.
type Mutability string

// The mutabilities of Section 7 of RFC 7643.
const (
	ReadOnly  Mutability = "readOnly"
	ReadWrite Mutability = "readWrite"
	Immutable Mutability = "immutable"
	WriteOnly Mutability = "writeOnly"
)

// Returned says when an attribute is part of an answer, Section 7 of RFC 7643.
type Returned string

// The values of "returned", Section 7 of RFC 7643.
const (
	Always    Returned = "always"
	Never     Returned = "never"
	Default   Returned = "default"
	OnRequest Returned = "request"
)

// Attribute is the definition of an attribute or sub-attribute, Section 7 of
// RFC 7643.
type Attribute struct {
	Name            string       `json:"name"`
	Type            Type         `json:"type"`
	SubAttributes   []*Attribute `json:"subAttributes,omitempty"`
	MultiValued     bool         `json:"multiValued"`
	Description     string       `json:"description"`
	Required        bool         `json:"required"`
	CanonicalValues []string     `json:"canonicalValues,omitempty"`
	CaseExact       *bool        `json:"caseExact,omitempty"`
	Mutability      Mutability   `json:"mutability"`
	Returned        Returned     `json:"returned"`
	Uniqueness      string       `json:"uniqueness,omitempty"`
	ReferenceTypes  []string     `json:"referenceTypes,omitempty"`

	// Default is the value that the server gives where a creation has none;
	// nil if it gives none. An attribute with a default cannot be cleared.
	Default any `json:"-"`

	schema *Schema
	parent *Attribute
	names  names
	key    func(string) string
}

// Schema is a schema or schema extension, Section 7 of RFC 7643.
type Schema struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	Description string       `json:"description"`
	Attributes  []*Attribute `json:"attributes"`

	names names
}

// Parse reads a schema in the JSON form of Section 7 of RFC 7643.
func Parse(text []byte) (*Schema, error) {
	var s Schema
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if s.ID == "" {
		return nil, fmt.Errorf("schema: no id")
	}
	s.link()
	return &s, nil
}

// link sets what is derived from the definitions.
func (s *Schema) link() {
	s.names = index(s.Attributes)
	for _, a := range s.Attributes {
		a.link(s, nil)
	}
}

func (a *Attribute) link(s *Schema, parent *Attribute) {
	a.schema, a.parent = s, parent
	a.names = index(a.SubAttributes)
	switch {
	case a.Type != String && a.Type != Reference || a.CaseExact != nil && *a.CaseExact:
		a.key = func(v string) string { return v }
	case a.Name == "userName" && parent == nil:
		a.key = UserNameKey
	default:
		a.key = Fold
	}
	for _, sub := range a.SubAttributes {
		sub.link(s, a)
	}
}

// Attribute returns the attribute of that name, in any letter case (Section
// 2.1 of RFC 7643), or nil.
func (s *Schema) Attribute(name string) *Attribute { return s.names.get(name) }

// Sub returns the sub-attribute of that name, in any letter case, or nil.
func (a *Attribute) Sub(name string) *Attribute { return a.names.get(name) }

// Parent returns the complex attribute that a is a part of, or nil.
func (a *Attribute) Parent() *Attribute { return a.parent }

// Schema returns the schema that defines a.
func (a *Attribute) Schema() *Schema { return a.schema }

// Top returns the attribute that a is a part of, or a itself.
func (a *Attribute) Top() *Attribute {
	if a.parent != nil {
		return a.parent
	}
	return a
}

// Key returns v as it is compared: as it is when the attribute is caseExact,
// folded when it is not. See [Fold] and [UserNameKey].
func (a *Attribute) Key(v string) string { return a.key(v) }

// Path returns the path of a without its schema: "emails.value".
func (a *Attribute) Path() string {
	if a.parent != nil {
		return a.parent.Name + "." + a.Name
	}
	return a.Name
}

// names finds attributes by name. The map holds each name as it is defined
// and in lower case, so that a client that spells names as the schema does
// costs no conversion.
type names map[string]*Attribute

func index(attributes []*Attribute) names {
	n := make(names, 2*len(attributes))
	for _, a := range attributes {
		n[a.Name] = a
		n[strings.ToLower(a.Name)] = a
	}
	return n
}

func (n names) get(name string) *Attribute {
	if a := n[name]; a != nil {
		return a
	}
	return n[strings.ToLower(name)]
}
