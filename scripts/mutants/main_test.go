package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestPlaces: what a defect replaces stands in its file, exactly once; else it
// would only be found out when somebody runs all of them.
func TestPlaces(t *testing.T) {
	var mutants []*mutant
	if err := yaml.UnmarshalWithOptions(list, &mutants, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join("..", "..")
	for _, m := range mutants {
		text, err := os.ReadFile(filepath.Join(root, m.File))
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		if n := strings.Count(string(text), m.Old); n != 1 || m.Old == m.New {
			t.Errorf("%s: what it replaces stands in %s %d times", m.Name, m.File, n)
		}
		if pkg, tests, _ := strings.Cut(m.Tests, " "); m.Tests != "" && (tests == "" ||
			!strings.HasPrefix(m.File, strings.SplitN(strings.TrimPrefix(pkg, "./"), "/", 2)[0]) &&
				!strings.HasPrefix(m.File, "screen/")) {
			t.Errorf("%s: %q names no tests", m.Name, m.Tests)
		}
		for _, feature := range m.Features {
			if _, err := os.Stat(filepath.Join(root, "features", feature)); err != nil {
				t.Errorf("%s: %v", m.Name, err)
			}
		}
	}
	if len(mutants) < 70 {
		t.Errorf("only %d mutants", len(mutants))
	}
}
