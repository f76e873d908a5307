package spec_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCoverage checks that each line of COVERAGE.md names a scenario or test
// that exists, or gives a reason.
func TestCoverage(t *testing.T) {
	text, err := os.ReadFile("COVERAGE.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| ---") ||
			strings.Contains(line, "shown by") {
			continue
		}
		n++
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		shown := strings.TrimSpace(cells[len(cells)-1])
		if problem := check(shown); problem != "" {
			t.Errorf("%s: %s", strings.TrimSpace(cells[0]), problem)
		}
	}
	if n < 100 {
		t.Errorf("only %d lines", n)
	}
}

var goTest = regexp.MustCompile(`^go (\S+) (\w+)$`)

// check returns what is wrong with a reference.
func check(shown string) string {
	if reason, ok := strings.CutPrefix(shown, "reason: "); ok {
		if len(reason) < 10 {
			return "the reason is too short"
		}
		return ""
	}
	if m := goTest.FindStringSubmatch(shown); m != nil {
		files, err := filepath.Glob(filepath.Join("..", m[1], "*_test.go"))
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil &&
				strings.Contains(string(text), "func "+m[2]+"(") {
				return ""
			}
		}
		if err != nil {
			return err.Error()
		}
		return "there is no test " + m[2] + " in " + m[1]
	}
	feature, title, ok := strings.Cut(shown, ": ")
	if !ok {
		return "names neither a scenario, nor a test, nor a reason: " + shown
	}
	for _, folder := range []string{"../features", "../features/protocol"} {
		text, err := os.ReadFile(filepath.Join(folder, feature+".feature"))
		if err != nil {
			continue
		}
		for _, keyword := range []string{"Scenario: ", "Scenario Outline: "} {
			if strings.Contains(string(text), keyword+title) {
				return ""
			}
		}
		return feature + " has no scenario that begins with " + title
	}
	return "there is no feature " + feature
}

// TestSentencesStandBelowRules: the scenario that shows a sentence of the
// guide stands below a Rule of its feature.
func TestSentencesStandBelowRules(t *testing.T) {
	text, err := os.ReadFile("COVERAGE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, guide, _ := strings.Cut(string(text), "\n## The guide")
	n := 0
	for line := range strings.Lines(guide) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | ")
		feature, title, ok := strings.Cut(cells[len(cells)-1], ": ")
		if len(cells) != 3 || !ok || feature == "reason" {
			continue
		}
		n++
		file, err := os.ReadFile(filepath.Join("..", "features", feature+".feature"))
		if err != nil {
			t.Error(err)
			continue
		}
		before, _, found := strings.Cut(string(file), ": "+title)
		if !found || !strings.Contains(before, "\n  Rule: ") {
			t.Errorf("%s: %s stands below no Rule", feature, title)
		}
	}
	if n < 40 {
		t.Errorf("only %d sentences", n)
	}
}
