package yamlfile

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"
)

const sample = `# An account.
account: Acme # the company
users: users.csv
roles:
  - Employees
  - Pilot   # the first

apps:
  # One for each instance.
  - name: acme
    configuration:
      base_url: {env: ACME_BASE_URL} # where
      instance: acme
    provisioning:
      enabled: true
      require_approval: {create: false, update: false}

    # Behind a blank line.
    access:
      roles: [Employees]
      users:
      - ada
      - "grace: hopper" # a colon

  - name: globex
    provisioning:
      enabled: false
`

func TestSet(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		path  []any
		// gone and come are the lines that differ.
		gone, come []string
	}{
		"a scalar keeps its remark": {
			"Acme Inc.",
			[]any{"account"},
			[]string{"account: Acme # the company"},
			[]string{"account: Acme Inc. # the company"},
		},
		"deep": {
			false,
			[]any{"apps", 0, "provisioning", "enabled"},
			[]string{"      enabled: true"},
			[]string{"      enabled: false"},
		},
		"in flow style": {
			true,
			[]any{"apps", 0, "provisioning", "require_approval", "create"},
			[]string{"      require_approval: {create: false, update: false}"},
			[]string{"      require_approval: {create: true, update: false}"},
		},
		"a key that is missing": {
			"suspend",
			[]any{"apps", 0, "provisioning", "when_deleted"},
			nil,
			[]string{"      when_deleted: suspend"},
		},
		"a mapping that is missing": {
			"username",
			[]any{"apps", 1, "parameters", "scimusername", "field"},
			nil,
			[]string{"    parameters:", "      scimusername:", "        field: username"},
		},
		"a list": {
			[]string{"Employees", "Pilot"},
			[]any{"apps", 0, "access", "users"},
			[]string{"      users:", "      - ada", `      - "grace: hopper" # a colon`},
			[]string{"      users: [Employees, Pilot]"},
		},
		"an item of a list at its own indentation": {
			"ben",
			[]any{"apps", 0, "access", "users", 0},
			[]string{"      - ada"},
			[]string{"      - ben"},
		},
		"an item behind the last": {
			"Team: IT", []any{"roles", 2}, nil, []string{`  - "Team: IT"`},
		},
		"an entry is taken away": {
			nil,
			[]any{"apps", 0, "configuration", "instance"},
			[]string{"      instance: acme"},
			nil,
		},
		"an app is taken away": {
			nil,
			[]any{"apps", 1},
			[]string{"  - name: globex", "    provisioning:", "      enabled: false"},
			nil,
		},
		"an app is added": {
			yaml.MapSlice{
				{Key: "name", Value: "initech"},
				{Key: "access", Value: yaml.MapSlice{{Key: "roles", Value: []string{}}}},
			},
			[]any{"apps", 2},
			nil,
			[]string{"    access:", "  - name: initech", "      roles: []"},
		},
		"a list of mappings that is missing": {
			[]yaml.MapSlice{{{Key: "name", Value: "x"}, {Key: "set_groups", Value: []string{"A"}}}},
			[]any{"apps", 1, "rules"},
			nil,
			[]string{"    rules:", "      - name: x", "        set_groups: [A]"},
		},
		"nothing changes": {"users.csv", []any{"users"}, nil, nil},
	} {
		got, err := Set([]byte(sample), c.value, c.path...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		gone, come := differ(sample, string(got))
		if !slices.Equal(gone, c.gone) || !slices.Equal(come, c.come) {
			t.Errorf("%s: gone %q, come %q\n%s", name, gone, come, got)
		}
	}
}

// differ returns the lines that one text has and the other has not.
func differ(before, after string) (gone, come []string) {
	count := make(map[string]int)
	for _, line := range strings.Split(after, "\n") {
		count[line]++
	}
	for _, line := range strings.Split(before, "\n") {
		if count[line]--; count[line] < 0 {
			gone = append(gone, line)
		}
	}
	for _, line := range strings.Split(after, "\n") {
		if count[line] > 0 {
			come = append(come, line)
			count[line]--
		}
	}
	return gone, come
}

// value draws a value; strings are of the kinds that YAML reads as something else.
func value(depth int) *rapid.Generator[any] {
	text := rapid.OneOf(
		rapid.SampledFrom([]string{
			"", " ", "true", "no", "1", "0x1", "~", "null", "a: b", "# c", "a #b", "- x", "'", `"`,
			"{a}", "[b]", "&a", "*a", "!t", "|", ">", "%", "@x", "`", "a\nb", "tab\there", "é", "\\",
			"trailing ", "key:", "2026-11-29", "1e3", ".inf", "a, b",
		}), rapid.StringN(0, 12, -1)).Filter(func(s string) bool {
		return !strings.ContainsAny(s, "\x00\ufeff\ufffd") && !slices.ContainsFunc([]rune(s),
			func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 })
	})
	scalar := rapid.OneOf(rapid.Map(text, func(s string) any { return s }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.IntRange(-3, 1000), func(n int) any { return n }))
	if depth == 0 {
		return scalar
	}
	return rapid.OneOf(scalar, rapid.Map(rapid.SliceOfN(scalar, 0, 3),
		func(l []any) any { return l }), rapid.Custom(func(t *rapid.T) any {
		m := yaml.MapSlice{}
		for i := range rapid.IntRange(1, 3).Draw(t, "keys") {
			m = append(m, yaml.MapItem{
				Key: string(rune('a' + i)), Value: value(depth-1).Draw(t, "value"),
			})
		}
		return m
	}))
}

// TestSetKeepsTheRest draws files and changes: what is decoded is what was meant, and
// no remark outside of what was written anew is lost. What cannot be done in place is
// refused, and the file stays.
func TestSetKeepsTheRest(t *testing.T) {
	done := 0
	rapid.Check(t, func(t *rapid.T) {
		text := sample
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			path := rapid.SampledFrom([][]any{
				{"account"},
				{"note"},
				{"roles"},
				{"roles", 0},
				{"apps", 0, "name"},
				{"apps", 0, "configuration"},
				{"apps", 0, "configuration", "base_url"},
				{"apps", 0, "configuration", "base_url", "env"},
				{"apps", 0, "x", "y", "z"},
				{"apps", 0, "provisioning", "require_approval", "delete"},
				{"apps", 1, "access"},
				{"apps", 0, "access", "roles"},
				{"apps", 0, "access", "users"},
				{"apps", 1, "rules"},
			}).Draw(t, "path")
			var v any
			if rapid.IntRange(0, 5).Draw(t, "takes away") > 0 || len(path) == 1 {
				v = value(2).Draw(t, "value")
			}
			before, err := decode([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			want, wrong := put(before, v, path)
			got, err := Set([]byte(text), v, path...)
			if err != nil {
				if wrong == nil && !errors.Is(err, ErrByHand) {
					t.Fatalf("%v at %v: %v\n%s", v, path, err, text)
				}
				continue
			}
			done++
			after, err := decode(got)
			if err != nil || !reflect.DeepEqual(after, want) {
				t.Fatalf("%v at %v: %v\n%s", v, path, err, got)
			}
			for _, remark := range []string{"# An account.", "# One for each instance."} {
				if !strings.Contains(string(got), remark) {
					t.Fatalf("%q is lost by %v at %v:\n%s", remark, v, path, got)
				}
			}
			text = string(got)
		}
	})
	if done < 100 {
		t.Errorf("%d changes were made in place only", done)
	}
}

// TestSetOfOtherEditors: other ends of lines, no last one, and what is refused.
func TestSetOfOtherEditors(t *testing.T) {
	crlf := strings.ReplaceAll(sample, "\n", "\r\n")
	got, err := Set([]byte(crlf), true, "apps", 1, "provisioning", "enabled")
	if err != nil || strings.Count(string(got), "\r\n") != strings.Count(sample, "\n") {
		t.Errorf("%v: %q", err, got)
	}
	got, err = Set([]byte(strings.TrimSpace(sample)), "x", "apps", 1, "instance")
	if err != nil || !strings.HasSuffix(string(got), "enabled: false\n    instance: x\n") {
		t.Errorf("%v: %s", err, got)
	}
	got, err = Set([]byte("apps: [] # none yet\nb: 1\n"), yaml.MapSlice{{Key: "name", Value: "x"}},
		"apps", 0)
	if err != nil || string(got) != "apps:\n  - name: x\nb: 1\n" {
		t.Errorf("%v: %s", err, got)
	}
	for text, path := range map[string][]any{
		"a: &x 1\nb: *x\n": {"a"},   // b would change, too
		"- a\n":            {"key"}, // no mapping
		"":                 {"key"},
	} {
		if got, err := Set([]byte(text), "changed", path...); err == nil {
			t.Errorf("%q became %q", text, got)
		}
	}
}
