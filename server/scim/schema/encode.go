package schema

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Append appends r to dst as JSON: "schemas" first, then the attributes in
// the order of their schemas, so that equal resources give equal bytes and
// people find their way.
func (rt *ResourceType) Append(dst []byte, r Resource) []byte {
	dst = append(dst, `{"schemas":[`...)
	for i, urn := range rt.Schemas(r) {
		dst = comma(dst, i == 0)
		dst = appendString(dst, urn)
	}
	dst = append(dst, ']')
	return append(rt.appendMembers(dst, r, false, appendPlain), '}')
}

// AppendSearchable appends the form of r that filters are applied to: each
// string as its attribute compares it (see [Attribute.Key]), dates in one
// notation that sorts as they do, numbers as numbers.
func (rt *ResourceType) AppendSearchable(dst []byte, r Resource) []byte {
	return append(rt.appendMembers(append(dst, '{'), r, true, appendSearchable), '}')
}

// appender appends one value that is neither object nor array.
type appender func(dst []byte, a *Attribute, v any) []byte

func (rt *ResourceType) appendMembers(dst []byte, r Resource, first bool, leaf appender) []byte {
	member := func(a *Attribute, v any) {
		dst = comma(dst, first)
		first = false
		dst = appendMember(dst, a, v, leaf)
	}
	var meta *Attribute
	for _, a := range rt.common.Attributes {
		if v, ok := r[a.Name]; ok && a.Name != "schemas" {
			if a.Name == "meta" {
				meta = a
				continue
			}
			member(a, v)
		}
	}
	for _, a := range rt.Schema.Attributes {
		if v, ok := r[a.Name]; ok {
			member(a, v)
		}
	}
	for _, s := range rt.Extensions {
		if v, ok := r[s.ID].(map[string]any); ok {
			dst = comma(dst, first)
			first = false
			dst = append(appendString(dst, s.ID), ':')
			dst = appendObject(dst, s.Attributes, v, leaf)
		}
	}
	if meta != nil {
		member(meta, r["meta"])
	}
	return dst
}

func appendMember(dst []byte, a *Attribute, v any, leaf appender) []byte {
	dst = append(appendString(dst, a.Name), ':')
	if list, ok := v.([]any); ok {
		dst = append(dst, '[')
		for i, v := range list {
			dst = comma(dst, i == 0)
			dst = appendValue(dst, a, v, leaf)
		}
		return append(dst, ']')
	}
	return appendValue(dst, a, v, leaf)
}

func appendValue(dst []byte, a *Attribute, v any, leaf appender) []byte {
	if m, ok := v.(map[string]any); ok {
		return appendObject(dst, a.SubAttributes, m, leaf)
	}
	return leaf(dst, a, v)
}

func appendObject(dst []byte, attributes []*Attribute, m map[string]any, leaf appender) []byte {
	dst = append(dst, '{')
	first := true
	for _, a := range attributes {
		if v, ok := m[a.Name]; ok {
			dst = comma(dst, first)
			first = false
			dst = appendMember(dst, a, v, leaf)
		}
	}
	return append(dst, '}')
}

func appendPlain(dst []byte, _ *Attribute, v any) []byte {
	switch v := v.(type) {
	case bool:
		return strconv.AppendBool(dst, v)
	case json.Number:
		return append(dst, v...)
	case string:
		return appendString(dst, v)
	}
	return append(dst, "null"...)
}

func appendSearchable(dst []byte, a *Attribute, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendString(dst, a.SearchKey(v))
	case json.Number:
		f, _ := v.Float64()
		return strconv.AppendFloat(dst, f, 'g', -1, 64)
	}
	return appendPlain(dst, a, v)
}

// sortableDateTime sorts as the instants do that it denotes.
const sortableDateTime = "2006-01-02T15:04:05.000000000Z"

// SearchKey returns a string value of a as [ResourceType.AppendSearchable]
// writes it. A filter's operand goes through it too, so that both sides of a
// comparison have the same form.
func (a *Attribute) SearchKey(v string) string {
	if a.Type == DateTime {
		if t, err := ParseDateTime(v); err == nil {
			return FormatSortable(t)
		}
	}
	return a.Key(v)
}

// FormatSortable writes t so that the order of the texts is that of the times.
func FormatSortable(t time.Time) string { return t.UTC().Format(sortableDateTime) }

func comma(dst []byte, first bool) []byte {
	if first {
		return dst
	}
	return append(dst, ',')
}

// appendString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD; none get this far from outside, see [scim.DecodeObject].
func appendString(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}
