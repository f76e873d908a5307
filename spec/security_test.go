package spec_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityPage: each test and feature that SECURITY.md names exists, and
// each attack has one.
func TestSecurityPage(t *testing.T) {
	root := ".."
	text, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	there := make(map[string]bool)
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(source, -1) {
			there[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`).FindAllString(string(text),
		-1) {
		if !there[name] {
			t.Errorf("there is no %s", name)
		}
	}
	for _, file := range regexp.MustCompile(`\b(?:features|scripts)/[\w./-]+`).FindAllString(
		string(text), -1) {
		if _, err := os.Stat(filepath.Join(root, strings.TrimRight(file, "."))); err != nil {
			t.Error(err)
		}
	}
	_, attacks, _ := strings.Cut(string(text), "## Attacks and defenses")
	rows := 0
	for line := range strings.Lines(attacks) {
		if cells := strings.Split(line, " | "); len(cells) == 3 &&
			!strings.HasPrefix(line, "| ---") && !strings.HasPrefix(line, "| attack") {
			rows++
			if !regexp.MustCompile(`Test|Fuzz|features/|make `).MatchString(cells[2]) {
				t.Errorf("nothing shows the defense: %s", line)
			}
		}
	}
	if rows < 25 {
		t.Errorf("only %d attacks", rows)
	}
}
