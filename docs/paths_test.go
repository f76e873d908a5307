package docs

import (
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
	found := 0
	for path, text := range documents(t) {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
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
	for path, text := range goFiles(t) {
		if strings.HasSuffix(path, "_test.go") {
			for _, m := range declared.FindAllStringSubmatch(text, -1) {
				there[m[1]] = true
			}
		}
	}
	if len(there) < 150 {
		t.Fatalf("only %d tests", len(there))
	}
	found := 0
	for path, text := range documents(t) {
		for _, m := range aTest.FindAllStringSubmatch(text, -1) {
			if found++; !there[m[1]] {
				t.Errorf("%s names %s, which is not there", path, m[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d tests are named", found)
	}
}
