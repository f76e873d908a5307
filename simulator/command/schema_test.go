package command

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"muster/simulator/account"
	"muster/simulator/client"
	"muster/simulator/cycle"
	"muster/simulator/rollout"
	"muster/spec"
)

var update = flag.Bool("update", false, "write the schemas of spec/files anew")

// schemas makes JSON Schemas of Go types: the names from their tags, the
// descriptions from their comments.
type schemas struct {
	tag      string // yaml or json
	comments map[string]string
	defs     map[string]any
}

// enums are the values of texts that have few.
func enums() map[string][]any {
	var profiles, outcomes []any
	for _, p := range client.Profiles() {
		profiles = append(profiles, p.Name)
	}
	for _, o := range cycle.Outcomes() {
		outcomes = append(outcomes, o)
	}
	return map[string][]any{
		"Configuration.profile":       profiles,
		"Provisioning.when_deleted":   {account.Delete, account.Suspend, account.DoNothing},
		"Provisioning.when_suspended": {account.Suspend, account.DoNothing},
		"Rollback.created":            {"delete", "suspend", "keep"},
		"Finding.severity":            {rollout.Problem, rollout.Warning, rollout.Note},
		"Item.outcome":                outcomes,
	}
}

// required are the fields that must be given, by their types.
func required() map[string][]string {
	return map[string][]string{
		"Account": {"account", "users", "apps"}, "App": {"name"}, "Rule": nil,
		"Rollout": {"rollout", "waves"}, "Wave": {"name", "users"},
		"Quarantine": {"failures", "share"},
	}
}

// readComments reads the comments of types and fields of packages.
func (s *schemas) readComments(t *testing.T, dirs ...string) {
	t.Helper()
	s.comments = make(map[string]string)
	for _, dir := range dirs {
		paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, path := range paths {
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				g, ok := n.(*ast.GenDecl)
				if !ok {
					return true
				}
				for _, x := range g.Specs {
					if ts, ok := x.(*ast.TypeSpec); ok {
						s.comment(f.Name.Name+"."+ts.Name.Name, g.Doc.Text(), ts.Type)
					}
				}
				return true
			})
		}
	}
}

func (s *schemas) comment(name, doc string, t ast.Expr) {
	s.comments[name] = strings.Join(strings.Fields(doc), " ")
	if st, ok := t.(*ast.StructType); ok {
		for _, f := range st.Fields.List {
			for _, id := range f.Names {
				s.comments[name+"."+id.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
			}
		}
	}
}

func (s *schemas) of(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Pointer:
		return s.of(t.Elem())
	}
	switch t.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Slice:
		if s.tag == "json" {
			return map[string]any{"type": []any{"array", "null"}, "items": s.of(t.Elem())}
		}
		return map[string]any{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": s.of(t.Elem())}
	}
	return s.object(t)
}

func (s *schemas) object(t reflect.Type) map[string]any {
	ref := map[string]any{"$ref": "#/$defs/" + t.Name()}
	if _, ok := s.defs[t.Name()]; ok {
		return ref
	}
	s.defs[t.Name()] = nil // against circles
	name := t.String()
	properties := make(map[string]any)
	def := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if text := s.comments[name]; text != "" {
		def["description"] = text
	}
	needed := required()[t.Name()]
	for f := range fields(t) {
		key, options, _ := strings.Cut(f.Tag.Get(s.tag), ",")
		if key == "" || key == "-" {
			continue
		}
		p := s.of(f.Type)
		if text := s.comments[name+"."+f.Name]; text != "" {
			p["description"] = text
		}
		if list := enums()[t.Name()+"."+key]; list != nil {
			p["enum"] = list
		}
		properties[key] = p
		if s.tag == "json" && options != "omitempty" {
			needed = append(needed, key)
		}
	}
	if len(needed) > 0 {
		def["required"] = needed
	}
	if t == reflect.TypeFor[account.Source]() {
		def = map[string]any{
			"description": def["description"],
			"anyOf": []any{
				map[string]any{"type": "string"},
				map[string]any{
					"type": "object", "additionalProperties": false, "properties": properties,
				},
			},
		}
	}
	s.defs[t.Name()] = def
	return ref
}

func fields(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// TestFileSchemas compares spec/files with the types that read the files.
func TestFileSchemas(t *testing.T) {
	for name, v := range map[string]struct {
		t     reflect.Type
		tag   string
		title string
	}{
		"account": {
			reflect.TypeFor[account.Account](), "yaml",
			"account.yaml: an account of the identity provider",
		},
		"rollout": {reflect.TypeFor[rollout.Rollout](), "yaml", "rollout.yaml: a plan of waves"},
		"report": {
			reflect.TypeFor[rollout.Result](), "json", "The report of muster-simulator rehearse",
		},
	} {
		s := &schemas{tag: v.tag, defs: make(map[string]any)}
		s.readComments(t, "../account", "../rollout", "../cycle", "../client")
		root := s.of(v.t)
		root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
		root["title"], root["$defs"] = v.title, s.defs
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(root); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("..", "..", "spec", "files", name+".schema.json")
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(text, b.Bytes()) {
			t.Errorf("%s is not what the types say (%v); write it anew with go test "+
				"./simulator/command -update", path, err)
		}
	}
}

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	text, err := spec.FileSchema(name)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name+".json", v); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate checks a text of YAML or JSON.
func validate(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

// TestSchemasTakeTheSamples: what is shipped is valid, and mistakes are not.
func TestSchemasTakeTheSamples(t *testing.T) {
	for _, name := range []string{"account", "rollout"} {
		s := compile(t, name)
		text, err := os.ReadFile(filepath.Join("..", "..", "sample", name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, s, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, wrong := range []string{name + ": x\nshoe: 1\n", name + ": [1]\n", "{}"} {
			if validate(t, s, []byte(wrong)) == nil {
				t.Errorf("%s: %q was taken", name, wrong)
			}
		}
	}
	report, err := os.ReadFile(filepath.Join("..", "report", "testdata", "stopped.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(t, compile(t, "report"), report); err != nil {
		t.Errorf("report: %v", err)
	}
}
