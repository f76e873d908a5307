package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var place = regexp.MustCompile("`([\\w/]+\\.go)`:\\s+`(\\w+)`")

// TestWalks: each place that architecture.md names is there, and each walk is
// one.
func TestWalks(t *testing.T) {
	text, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	walks := 0
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		title, _, _ := strings.Cut(section, "\n")
		places := place.FindAllStringSubmatch(section, -1)
		if title == "Words" {
			continue
		}
		if walks++; len(places) < 10 {
			t.Errorf("%s: only %d places", title, len(places))
		}
		for _, p := range places {
			if !declares(t, p[1], p[2]) {
				t.Errorf("%s: %s declares no %s", title, p[1], p[2])
			}
		}
	}
	if walks != 4 {
		t.Errorf("%d walks", walks)
	}
}

// declares reports whether a file has a function or a method of that name.
func declares(t *testing.T, path, name string) bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(top, path), nil, 0)
	if err != nil {
		t.Error(err)
		return false
	}
	for _, d := range f.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == name {
			return true
		}
	}
	return false
}

var home = regexp.MustCompile("`((?:server|simulator|features|spec)[\\w/]*)`")

// TestWords: each word of the glossary has a home that is there.
func TestWords(t *testing.T) {
	text, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| --- | --- | --- |\n")
	words := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 {
			t.Errorf("%d cells: %s", len(cells), line)
			continue
		}
		words++
		for _, m := range home.FindAllStringSubmatch(line, -1) {
			if info, err := os.Stat(filepath.Join(top, m[1])); err != nil || !info.IsDir() {
				t.Errorf("%s: there is no %s", strings.TrimSpace(cells[0]), m[1])
			}
		}
	}
	if words < 15 {
		t.Errorf("only %d words", words)
	}
}

var (
	dated    = regexp.MustCompile(`\n\n20\d\d-\d\d-\d\d\.\s`)
	measured = regexp.MustCompile(`\d`)
)

// TestDecisions: each page says what was decided, when, what else there was,
// and what it costs; the list of them is whole.
func TestDecisions(t *testing.T) {
	paths, err := filepath.Glob("decisions/*.md")
	if err != nil || len(paths) < 8 {
		t.Fatalf("%d pages, %v", len(paths), err)
	}
	list, err := os.ReadFile("decisions/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		name := filepath.Base(path)
		if name == "README.md" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		page := string(text)
		for _, part := range []string{"## Why", "## What else there was", "## What it costs"} {
			_, rest, found := strings.Cut(page, "\n"+part+"\n")
			rest, _, _ = strings.Cut(rest, "\n## ")
			if !found || len(rest) < 80 {
				t.Errorf("%s has no %q", path, part)
			}
		}
		_, why, _ := strings.Cut(page, "\n## Why\n")
		if !dated.MatchString(page) || !measured.MatchString(why) {
			t.Errorf("%s has no date, or no figure", path)
		}
		if !strings.Contains(string(list), "("+name+")") {
			t.Errorf("decisions/README.md does not list %s", name)
		}
	}
}
