package schema

import (
	"strings"

	"muster/server/scim"
)

// Resolve returns the attribute or sub-attribute that a path names:
// "userName", "name.givenName", "meta.version", or one of these behind a
// schema's URN and a colon. A path that is an extension's URN alone gives
// the extension and no attribute. Names and URNs may be in any letter case.
func (rt *ResourceType) Resolve(path string) (*Attribute, *Schema) {
	if len(path) > 4 && strings.EqualFold(path[:4], "urn:") {
		for _, s := range append([]*Schema{rt.Schema}, rt.Extensions...) {
			n := len(s.ID)
			if len(path) < n || !strings.EqualFold(path[:n], s.ID) {
				continue
			}
			if len(path) == n {
				return nil, s
			}
			if path[n] == ':' {
				name, sub, _ := strings.Cut(path[n+1:], ".")
				return rt.Attribute(s.ID, name, sub), nil
			}
		}
		return nil, nil
	}
	name, sub, dotted := strings.Cut(path, ".")
	if dotted && sub == "" {
		return nil, nil
	}
	return rt.Attribute("", name, sub), nil
}

// Projection chooses which attributes of a resource an answer holds, Section
// 3.9 of RFC 7644. The nil Projection is the default: all but those that are
// returned on request only.
type Projection struct {
	rt *ResourceType
	// listed holds the attributes and extensions that the client named.
	listed  map[any]bool
	exclude bool
}

// Projection returns the projection that the parameters "attributes" and
// "excludedAttributes" describe, each a list of paths as [ResourceType.Resolve]
// takes them. Both together are refused, Section 3.9 of RFC 7644 calls them
// mutually exclusive.
func (rt *ResourceType) Projection(attributes, excluded []string) (*Projection, error) {
	p := &Projection{rt: rt, listed: make(map[any]bool)}
	paths := attributes
	switch {
	case len(attributes) > 0 && len(excluded) > 0:
		return nil, scim.BadRequest(scim.InvalidValue,
			"give either attributes or excludedAttributes, not both")
	case len(excluded) > 0:
		p.exclude, paths = true, excluded
	case len(attributes) == 0:
		return nil, nil
	}
	for _, path := range paths {
		a, extension := rt.Resolve(path)
		switch {
		case a != nil:
			p.listed[a] = true
		case extension != nil:
			p.listed[extension] = true
		default:
			return nil, scim.BadRequest(scim.InvalidValue,
				"a %s has no attribute %q to return or leave out", rt.Name, path)
		}
	}
	return p, nil
}

// Names reports whether the client asks for the attribute, or for a part of
// it, by name.
func (p *Projection) Names(attribute string) bool {
	a := p.rt.Attribute("", attribute, "")
	return p.has(a) != nothing && !p.exclude
}

// Wants reports whether an answer may hold the attribute at all, so that
// what is costly and not wanted need not be read.
func (p *Projection) Wants(attribute string) bool {
	if p == nil {
		return true
	}
	a := p.rt.Attribute("", attribute, "")
	if p.exclude {
		return p.has(a) != everything
	}
	return p.has(a) != nothing
}

// share is how much of an attribute is listed.
type share int

const (
	nothing share = iota
	some
	everything
)

func (p *Projection) has(a *Attribute) share {
	if p == nil {
		return nothing
	}
	if p.listed[a] || p.listed[a.schema] || a.parent != nil && p.listed[a.parent] {
		return everything
	}
	for _, sub := range a.SubAttributes {
		if p.listed[sub] {
			return some
		}
	}
	return nothing
}

// Apply returns r with the attributes that the answer holds. It shares the
// values with r.
func (p *Projection) Apply(rt *ResourceType, r Resource) Resource {
	out := make(Resource, len(r))
	for name, v := range r {
		if s := rt.Extension(name); s != nil {
			if m, ok := v.(map[string]any); ok {
				if m = p.object(s.names, m); len(m) > 0 {
					out[name] = m
				}
			}
			continue
		}
		if a := rt.Attribute("", name, ""); a != nil {
			if v = p.value(a, v); v != nil {
				out[name] = v
			}
		}
	}
	return out
}

func (p *Projection) object(defined names, m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for name, v := range m {
		if a := defined.get(name); a != nil {
			if v = p.value(a, v); v != nil {
				out[name] = v
			}
		}
	}
	return out
}

func (p *Projection) value(a *Attribute, v any) any {
	switch s := p.has(a); {
	case a.Returned == Always || a.parent != nil && a.parent.Returned == Always:
		return v
	case a.Returned == Never:
		return nil
	case p == nil || p.exclude && s == nothing:
		if a.Returned == OnRequest {
			return nil
		}
		return v
	case s == some:
		return p.parts(a, v)
	case (s == everything) != p.exclude:
		return v
	}
	return nil
}

// parts applies p to the sub-attributes of v.
func (p *Projection) parts(a *Attribute, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if m := p.object(a.names, v); len(m) > 0 {
			return m
		}
		return nil
	case []any:
		var list []any
		for _, x := range v {
			if x = p.parts(a, x); x != nil {
				list = append(list, x)
			}
		}
		if list == nil {
			return nil
		}
		return list
	}
	return v
}
