// Package template is the provider's SCIM JSON template: JSON text whose
// strings hold macros, as an administrator edits it under Configuration.
// Because a macro stands inside a string, {"active": "{$user.active}"}
// becomes {"active": "true"}, and a macro without a value becomes "".
package template

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Template is a template that was parsed.
type Template struct{ root map[string]any }

// macro matches one macro: {$user.email} or {$parameters.scimusername}.
var macro = regexp.MustCompile(`\{\$(user|parameters)\.([A-Za-z0-9_-]+)\}`)

// Parse parses the text of a template. Its macros must pass [Check].
func Parse(text []byte, known func(kind, name string) error) (*Template, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	t := &Template{}
	if err := d.Decode(&t.root); err != nil {
		return nil, syntaxError(text, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("the template goes on after its JSON object")
	}
	return t, Check(t.root, known)
}

func syntaxError(text []byte, err error) error {
	var s *json.SyntaxError
	if errors.As(err, &s) {
		line := 1 + bytes.Count(text[:min(int(s.Offset), len(text))], []byte("\n"))
		return fmt.Errorf("line %d: the template is not JSON (%w); a macro stands inside a "+
			"string, such as \"{$user.email}\"", line, err)
	}
	return fmt.Errorf("the template is no JSON object: %w", err)
}

// Check looks at each macro in a text, or in all texts of a JSON value: it must
// be one that known knows, by its kind ("user" or "parameters") and its name.
func Check(v any, known func(kind, name string) error) error {
	switch v := v.(type) {
	case string:
		rest := macro.ReplaceAllString(v, "")
		if strings.Contains(rest, "{$") {
			return fmt.Errorf("%q is no macro; write {$user.FIELD} or {$parameters.NAME}", v)
		}
		for _, m := range macro.FindAllStringSubmatch(v, -1) {
			if err := known(m[1], m[2]); err != nil {
				return fmt.Errorf("%s: %w", m[0], err)
			}
		}
	case []any:
		for _, x := range v {
			if err := Check(x, known); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, x := range v {
			if err := Check(x, known); err != nil {
				return err
			}
		}
	}
	return nil
}

// Macros calls f with each macro of the template, until it returns an error.
func (t *Template) Macros(f func(kind, name string) error) error { return Check(t.root, f) }

// Uses reports whether the template has a macro.
func (t *Template) Uses(kind, name string) bool {
	found := false
	_ = t.Macros(func(k, n string) error {
		found = found || k == kind && strings.EqualFold(n, name)
		return nil
	})
	return found
}

// Expand replaces the macros in a text by what value returns for them.
func Expand(text string, value func(kind, name string) string) string {
	if !strings.Contains(text, "{$") {
		return text
	}
	return macro.ReplaceAllStringFunc(text, func(s string) string {
		m := macro.FindStringSubmatch(s)
		return value(m[1], m[2])
	})
}

// Render returns the body that the template gives for one user. With
// skipBlank, what came out empty is left out: strings, objects and arrays
// without a value, and values of a multi-valued attribute that have nothing
// but a type.
func (t *Template) Render(value func(kind, name string) string, skipBlank bool) map[string]any {
	v, _ := render(t.root, value, skipBlank).(map[string]any)
	return v
}

// Has reports whether the template sets an attribute at its top.
func (t *Template) Has(attribute string) bool {
	for name := range t.root {
		if strings.EqualFold(name, attribute) {
			return true
		}
	}
	return false
}

// Text reports whether the template gives an attribute at its top as a text.
func (t *Template) Text(attribute string) bool {
	for name, v := range t.root {
		if _, ok := v.(string); ok && strings.EqualFold(name, attribute) {
			return true
		}
	}
	return false
}

func render(v any, value func(kind, name string) string, skipBlank bool) any {
	switch v := v.(type) {
	case string:
		s := Expand(v, value)
		if s == "" && skipBlank {
			return nil
		}
		return s
	case []any:
		list := make([]any, 0, len(v))
		for _, x := range v {
			if x = render(x, value, skipBlank); x != nil && (!skipBlank || !onlyLabels(x)) {
				list = append(list, x)
			}
		}
		if len(list) == 0 && skipBlank {
			return nil
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, x := range v {
			if x = render(x, value, skipBlank); x != nil || !skipBlank {
				object[name] = x
			}
		}
		if len(object) == 0 && skipBlank {
			return nil
		}
		return object
	}
	return v
}

// onlyLabels reports whether a value of a multi-valued attribute says what
// kind of value it is, and has none.
func onlyLabels(v any) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return false
	}
	for name := range m {
		if name != "type" && name != "primary" {
			return false
		}
	}
	return true
}

//go:embed default.json
var defaultText []byte

// Default returns the text of the template that an app has when its account
// names no other: core and enterprise schema of SCIM 2.0.
func Default() []byte { return bytes.Clone(defaultText) }
