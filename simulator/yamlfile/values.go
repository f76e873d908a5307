package yamlfile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// decode reads YAML as ordered maps, lists and scalars.
func decode(text []byte) (v any, err error) {
	if err := yaml.UnmarshalWithOptions(text, &v, yaml.UseOrderedMap()); err != nil {
		return nil, err
	}
	return v, nil
}

// plain returns a value as decode would read it.
func plain(v any) (any, error) {
	text, err := yaml.Marshal(v)
	if err != nil {
		return nil, err
	}
	return decode(text)
}

// put returns a value with another one at a path.
func put(in, value any, path []any) (any, error) {
	if len(path) == 0 {
		return plain(value)
	}
	if n, ok := path[0].(int); ok {
		list, _ := in.([]any)
		if n < 0 || n > len(list) || in != nil && list == nil {
			return nil, fmt.Errorf("there is no item %d", n)
		}
		if value == nil && len(path) == 1 {
			return slices.Delete(slices.Clone(list), n, min(n+1, len(list))), nil
		}
		var before any
		if n < len(list) {
			before = list[n]
		}
		item, err := put(before, value, path[1:])
		if n == len(list) {
			return append(slices.Clip(list), item), err
		}
		list = slices.Clone(list)
		list[n] = item
		return list, err
	}
	m, _ := in.(yaml.MapSlice)
	if in != nil && m == nil {
		return nil, fmt.Errorf("%v is no mapping", in)
	}
	n := slices.IndexFunc(m, func(i yaml.MapItem) bool { return i.Key == path[0] })
	if value == nil && len(path) == 1 {
		if n < 0 {
			return m, nil
		}
		return slices.Delete(slices.Clone(m), n, n+1), nil
	}
	if n < 0 {
		inner, err := put(nil, value, path[1:])
		return append(slices.Clip(m), yaml.MapItem{Key: path[0], Value: inner}), err
	}
	inner, err := put(m[n].Value, value, path[1:])
	m = slices.Clone(m)
	m[n].Value = inner
	return m, err
}

// block renders a value behind a colon: a mapping, or a list of them, on lines of its
// own, all else on the same line.
func block(value any, indent string) (string, error) {
	if list := mappings(value); list != nil {
		var b strings.Builder
		for _, m := range list {
			text, err := block(m, indent+"  ")
			if err != nil {
				return "", err
			}
			b.WriteString("\n" + indent + "-" + strings.Replace(text, "\n"+indent+"  ", " ", 1))
		}
		return b.String(), nil
	}
	m, ok := value.(yaml.MapSlice)
	if !ok || len(m) == 0 {
		text, err := inline(value)
		return " " + text, err
	}
	var b strings.Builder
	for _, item := range m {
		name, err := inline(item.Key)
		if err != nil {
			return "", err
		}
		rest, err := block(item.Value, indent+"  ")
		if err != nil {
			return "", err
		}
		b.WriteString("\n" + indent + name + ":" + rest)
	}
	return b.String(), nil
}

// mappings returns the items of a list of mappings; nil if a value is none.
func mappings(value any) (list []yaml.MapSlice) {
	switch v := value.(type) {
	case []yaml.MapSlice:
		return v
	case []any:
		for _, item := range v {
			m, ok := item.(yaml.MapSlice)
			if !ok || len(m) == 0 {
				return nil
			}
			list = append(list, m)
		}
	}
	return list
}

// inline renders a value on one line.
func inline(value any) (string, error) {
	if text, ok := value.(string); ok && strings.ContainsAny(text, "\n\r\t\u0085\u2028\u2029") {
		quoted, err := json.Marshal(text) // is YAML, too
		return string(quoted), err
	}
	text, err := yaml.MarshalWithOptions(value, yaml.Flow(true))
	line := strings.TrimSpace(string(text))
	if err == nil && strings.Contains(line, "\n") {
		return "", ErrByHand
	}
	return line, err
}

// remark returns the comment at the end of a line, with the spaces before it.
func remark(text string) string {
	quote := byte(0)
	for i := range len(text) {
		c := text[i]
		switch {
		case quote == '"' && c == '\\':
			return "" // it takes a closer look than it is worth
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#' && i > 0 && (text[i-1] == ' ' || text[i-1] == '\t'):
			return text[len(strings.TrimRight(text[:i], " \t")):]
		}
	}
	return ""
}
