package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/golangci/misspell"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// anchor returns what a heading is called in a link.
func anchor(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			b.WriteRune(r)
		case r == ' ':
			b.WriteRune('-')
		}
	}
	return b.String()
}

// TestLinks: each link of a document leads to a file that is there, and to a heading
// of it.
func TestLinks(t *testing.T) {
	texts := documents(t)
	found := 0
	for path, text := range texts {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, name, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			found++
			to := path
			if target != "" {
				to = filepath.Join(filepath.Dir(path), target)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
				continue
			}
			if name == "" {
				continue
			}
			there := false
			for _, h := range heading.FindAllStringSubmatch(texts[to], -1) {
				there = there || anchor(h[1]) == name
			}
			if !there {
				t.Errorf("%s links to %s, where there is no such heading", path, m[1])
			}
		}
	}
	if found < 60 {
		t.Errorf("only %d links", found)
	}
}

// TestSpelling: no document has a word that is often misspelled, and the spelling is
// American.
func TestSpelling(t *testing.T) {
	r := misspell.New()
	r.AddRuleList(misspell.DictAmerican)
	r.Compile()
	for path, text := range documents(t) {
		_, slips := r.Replace(text)
		for _, s := range slips {
			t.Errorf("%s:%d: %q, %q is right", path, s.Line, s.Original, s.Corrected)
		}
	}
}

// TestDocumentsAreShort: the README can be read at once, and so can each document.
func TestDocumentsAreShort(t *testing.T) {
	for path, text := range documents(t) {
		n, most := strings.Count(text, "\n"), 200
		switch name := filepath.Base(path); {
		case name == "README.md" && filepath.Dir(path) == top:
			most = 150
		case name == "BENCHMARKS.md":
			continue // what a program wrote
		}
		if n > most {
			t.Errorf("%s has %d lines; %d are enough", path, n, most)
		}
	}
}
