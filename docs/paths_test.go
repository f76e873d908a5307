package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// named is a path of the project in a text.
var named = regexp.MustCompile(
	`(?:^|[\s(\[` + "`" + `])((?:server|simulator|features|scripts|spec|deploy|docs|sample)` +
		`/[\w./*-]*[\w*])`)

// TestPaths: what is written names only files and folders that are there.
func TestPaths(t *testing.T) {
	var paths []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		list, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, list...)
	}
	found := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			name := strings.TrimSuffix(m[1], "/...")
			list, err := filepath.Glob(filepath.Join(top, name))
			if err != nil || len(list) == 0 {
				t.Errorf("%s names %s, which is not there", path, name)
			}
			found++
		}
	}
	if found < 80 {
		t.Errorf("only %d paths were found", found)
	}
}

var (
	aTest    = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w*)`")
	declared = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Z]\w*)\(`)
)

// TestTests: what is written names only tests that there are.
func TestTests(t *testing.T) {
	there := make(map[string]bool)
	err := filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "build"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			there[m[1]] = true
		}
		return err
	})
	if err != nil || len(there) < 150 {
		t.Fatalf("%d tests, %v", len(there), err)
	}
	found := 0
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		paths, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range aTest.FindAllStringSubmatch(string(text), -1) {
				if found++; !there[m[1]] {
					t.Errorf("%s names %s, which is not there", path, m[1])
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d tests are named", found)
	}
}
