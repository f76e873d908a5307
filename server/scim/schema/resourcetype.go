package schema

import (
	"fmt"
	"strings"

	"muster/server/scim"
	"muster/spec"
)

// ResourceType is a kind of resource with its endpoint, its schema and the
// extensions that it may carry, Section 6 of RFC 7643.
type ResourceType struct {
	// Name is also the id: "User".
	Name        string
	Description string
	// Endpoint is relative to the base URL: "/Users".
	Endpoint   string
	Schema     *Schema
	Extensions []*Schema

	common *Schema
}

// User returns the resource type User with the enterprise extension and the
// application's own, which holds the given custom attributes.
func User(custom ...*Attribute) *ResourceType {
	application := load("application_user")
	application.Attributes = append(application.Attributes, custom...)
	application.link()
	user := load("user")
	user.Attribute("active").Default = true
	return &ResourceType{
		Name:        "User",
		Description: "A person who has an account in the application.",
		Endpoint:    "/Users",
		Schema:      user,
		Extensions:  []*Schema{load("enterprise_user"), application},
		common:      common(),
	}
}

// Group returns the resource type Group.
func Group() *ResourceType {
	return &ResourceType{
		Name:        "Group",
		Description: "A group of users, or of groups.",
		Endpoint:    "/Groups",
		Schema:      load("group"),
		common:      common(),
	}
}

// load parses a schema that is part of the program.
func load(name string) *Schema {
	s, err := Parse(spec.Schema(name))
	if err != nil {
		panic(fmt.Sprintf("spec/schemas/%s.json: %v", name, err))
	}
	return s
}

// common returns the attributes that every resource has, Section 3.1 of RFC
// 7643, and "schemas". They belong to no schema.
func common() *Schema {
	exact := true
	str := func(name string, m Mutability, r Returned) *Attribute {
		return &Attribute{
			Name: name, Type: String, CaseExact: &exact, Mutability: m, Returned: r,
			Uniqueness: "none",
		}
	}
	date := func(name string) *Attribute {
		return &Attribute{Name: name, Type: DateTime, Mutability: ReadOnly, Returned: Default}
	}
	s := &Schema{Attributes: []*Attribute{
		{
			Name: "schemas", Type: Reference, MultiValued: true, Required: true, CaseExact: &exact,
			Mutability: ReadWrite, Returned: Always,
		},
		{
			Name: "id", Type: String, CaseExact: &exact, Mutability: ReadOnly, Returned: Always,
			Uniqueness: "server",
		},
		str("externalId", ReadWrite, Default),
		{
			Name: "meta", Type: Complex, Mutability: ReadOnly, Returned: Default,
			SubAttributes: []*Attribute{
				str("resourceType", ReadOnly, Default), date("created"), date("lastModified"),
				{
					Name: "location", Type: Reference, CaseExact: &exact, Mutability: ReadOnly,
					Returned: Default,
				},
				str("version", ReadOnly, Default),
			},
		},
	}}
	s.link()
	return s
}

// Common reports whether a is one of the attributes that all resources have.
func (rt *ResourceType) Common(a *Attribute) bool { return a.schema.ID == "" }

// Extension returns the extension with that URN, in any letter case, or nil.
func (rt *ResourceType) Extension(urn string) *Schema {
	for _, s := range rt.Extensions {
		if strings.EqualFold(s.ID, urn) {
			return s
		}
	}
	return nil
}

// Attribute returns the attribute or sub-attribute that a path names. The
// URN is empty, or that of the schema or of an extension; all three are
// compared in any letter case. It returns nil if there is none: then, urn is
// unknown, or the attribute is.
func (rt *ResourceType) Attribute(urn, name, sub string) *Attribute {
	var a *Attribute
	switch {
	case urn == "" || strings.EqualFold(urn, rt.Schema.ID):
		if a = rt.Schema.Attribute(name); a == nil {
			a = rt.common.Attribute(name)
		}
	default:
		if s := rt.Extension(urn); s != nil {
			a = s.Attribute(name)
		}
	}
	if a != nil && sub != "" {
		a = a.Sub(sub)
	}
	return a
}

// FullPath returns the path of a as this resource type's clients would write
// it: with the URN for an attribute of an extension, without for others.
func (rt *ResourceType) FullPath(a *Attribute) string {
	if rt.InExtension(a) {
		return a.schema.ID + ":" + a.Path()
	}
	return a.Path()
}

// InExtension reports whether a belongs to an extension, so that its value
// stands in the object under the extension's URN.
func (rt *ResourceType) InExtension(a *Attribute) bool {
	return a.schema.ID != rt.Schema.ID && !rt.Common(a)
}

// container returns the object of r that holds the value of a, or nil if it
// does not exist.
func (rt *ResourceType) container(r Resource, a *Attribute) map[string]any {
	if !rt.InExtension(a) {
		return r
	}
	c, _ := r[a.schema.ID].(map[string]any)
	return c
}

// Get returns the value of a top-level attribute in r, or nil.
func (rt *ResourceType) Get(r Resource, a *Attribute) any {
	return rt.container(r, a)[a.Name]
}

// Set sets the value of a top-level attribute in r; nil removes it.
func (rt *ResourceType) Set(r Resource, a *Attribute, v any) {
	c := rt.container(r, a)
	switch {
	case v != nil && c == nil:
		r[a.schema.ID] = map[string]any{a.Name: v}
	case v != nil:
		c[a.Name] = v
	case c != nil:
		delete(c, a.Name)
		if rt.InExtension(a) && len(c) == 0 {
			delete(r, a.schema.ID)
		}
	}
}

// SetDefaults sets the attributes that r lacks and the server has a default
// for.
func (rt *ResourceType) SetDefaults(r Resource) {
	for _, a := range rt.Schema.Attributes {
		if _, given := r[a.Name]; !given && a.Default != nil {
			r[a.Name] = a.Default
		}
	}
}

// Schemas returns the value of "schemas" for r: the schema, and each
// extension of which r holds data.
func (rt *ResourceType) Schemas(r Resource) []string {
	list := []string{rt.Schema.ID}
	for _, s := range rt.Extensions {
		if _, ok := r[s.ID]; ok {
			list = append(list, s.ID)
		}
	}
	return list
}

// Unknown returns the error for an attribute that no schema defines.
func (rt *ResourceType) Unknown(path string) error {
	return scim.BadRequest(scim.InvalidSyntax,
		"unknown attribute %q: the schemas of a %s (see /Schemas) do not define it", path, rt.Name)
}
