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
