// Package docs has no code: its tests hold what is written against what is
// there.
package docs

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the rules of .golangci.yaml anew")

const (
	top    = ".."
	module = "muster/"
)

// part is a part of the picture in CONTRIBUTING.md.
type part struct {
	name string
	// layers are packages, by their paths below the module, from above.
	layers [][]string
	// others are the names of parts that it may import.
	others []string
}

// picture reads the parts out of CONTRIBUTING.md.
func picture(t *testing.T) []*part {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ = bytes.Cut(text, []byte("## The house\n"))
	text, _, _ = bytes.Cut(text, []byte("\n## "))
	var parts []*part
	for _, section := range strings.Split(string(text), "\n### ")[1:] {
		heading, rest, _ := strings.Cut(section, "\n")
		_, block, _ := strings.Cut(rest, "```text\n")
		block, _, closed := strings.Cut(block, "```")
		if !closed {
			t.Fatalf("%s: no picture", heading)
		}
		p := &part{name: heading, others: othersOf(heading)}
		for _, layer := range strings.Split(strings.TrimSpace(block), "\n\n") {
			var packages []string
			for _, line := range strings.Split(layer, "\n") {
				packages = append(packages, strings.Fields(line)[0])
			}
			p.layers = append(p.layers, packages)
		}
		parts = append(parts, p)
	}
	return parts
}

// othersOf returns what a heading says may be imported.
func othersOf(heading string) []string {
	_, may, _ := strings.Cut(heading, "which may import ")
	var others []string
	for word, name := range map[string]string{
		"the suite": "The suite", "shared": "Shared", "for tests": "For tests",
		"everything": "",
	} {
		if strings.Contains(may, word) {
			others = append(others, name)
		}
	}
	return others
}

// may returns the packages that one at a layer of a part may import.
func may(parts []*part, p *part, layer int) map[string]bool {
	allowed := make(map[string]bool)
	for _, below := range p.layers[layer+1:] {
		for _, name := range below {
			allowed[name] = true
		}
	}
	for _, other := range parts {
		for _, name := range p.others {
			if other != p && strings.HasPrefix(other.name, name) {
				for _, packages := range other.layers {
					for _, x := range packages {
						allowed[x] = true
					}
				}
			}
		}
	}
	return allowed
}

// own reports whether a package is of the store alone, and another one is not
// of the store.
func own(of, from string) bool {
	private := of == "server/store/engine" || of == "server/store/migrations"
	return private && !strings.HasPrefix(from, "server/store")
}

// listed is a package as go list shows it.
type listed struct {
	ImportPath string
	Imports    []string
}

func goList(t *testing.T) []listed {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	c.Dir = top
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		err := d.Decode(&l)
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, l)
	}
}

// TestPicture: the packages in CONTRIBUTING.md are those that there are, and
// each imports only what it may.
func TestPicture(t *testing.T) {
	parts := picture(t)
	allowed := make(map[string]map[string]bool)
	for _, p := range parts {
		for n, layer := range p.layers {
			for _, name := range layer {
				if allowed[name] != nil {
					t.Errorf("%s is in the picture twice", name)
				}
				allowed[name] = may(parts, p, n)
			}
		}
	}
	packages := goList(t)
	there := make(map[string]bool)
	imports := 0
	for _, l := range packages {
		name := strings.TrimPrefix(l.ImportPath, module)
		there[name] = true
		if allowed[name] == nil {
			t.Errorf("%s is not in the picture of CONTRIBUTING.md", name)
			continue
		}
		for _, imported := range l.Imports {
			other, house := strings.CutPrefix(imported, module)
			if !house {
				continue
			}
			imports++
			if !allowed[name][other] || own(other, name) {
				t.Errorf("%s imports %s, which is not below it", name, other)
			}
		}
	}
	for name := range allowed {
		if !there[name] {
			t.Errorf("%s is in the picture, and not there", name)
		}
	}
	if len(packages) < 40 || imports < 100 {
		t.Errorf("only %d packages with %d imports were found", len(packages), imports)
	}
}

// rules returns the rules of depguard that hold the picture: for each layer,
// who must not import it.
func rules(parts []*part) string {
	var all []string
	allowed := make(map[string]map[string]bool)
	for _, p := range parts {
		for n, layer := range p.layers {
			for _, name := range layer {
				all = append(all, name)
				allowed[name] = may(parts, p, n)
			}
		}
	}
	var b strings.Builder
	for _, p := range parts {
		for _, layer := range p.layers {
			first := layer[0]
			var strangers []string
			for _, from := range all {
				if !allowed[from][first] || own(first, from) {
					strangers = append(strangers, from)
				}
			}
			if len(strangers) == 0 || slices.Equal(strangers, layer) {
				continue
			}
			fmt.Fprintf(&b, "        above-%s:\n          files:\n%s          deny:\n",
				strings.ReplaceAll(first, "/", "-"), lines(append(globs(strangers, all), "!$test")))
			for _, name := range layer {
				fmt.Fprintf(&b, "            - { pkg: %s%s$, desc: %q }\n",
					module, name, "arrows point down: CONTRIBUTING.md")
			}
		}
	}
	return b.String()
}

// globs returns patterns for the files of packages, which match those of no
// other package.
func globs(packages, all []string) []string {
	var list []string
	covered := make(map[string]bool)
	below := func(dir, name string) bool { return name == dir || strings.HasPrefix(name, dir+"/") }
	whole := func(dir string) bool {
		return !slices.ContainsFunc(all, func(x string) bool {
			return below(dir, x) && !slices.Contains(packages, x)
		})
	}
	for _, name := range packages {
		dirs := strings.Split(name, "/")
		for n := range dirs {
			dir := strings.Join(dirs[:n+1], "/")
			if covered[dir] {
				break
			}
			if whole(dir) {
				covered[dir] = true
				list = append(list, "**/"+dir+"/**")
				break
			}
			if dir == name {
				list = append(list, "**/"+dir+"/*.go")
			}
		}
	}
	return list
}

// lines returns a list of YAML in lines that are not too long.
func lines(list []string) string {
	var b strings.Builder
	line := "            ["
	for i, item := range list {
		item = fmt.Sprintf("%q", item)
		if i < len(list)-1 {
			item += ", "
		}
		if len(line)+len(item) > 100 {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = "             "
		}
		line += item
	}
	return b.String() + line + "]\n"
}

// TestDepguard: the rules of the linter are those of the picture.
func TestDepguard(t *testing.T) {
	const begin, end = "# The picture of CONTRIBUTING.md begins.\n", "        # It ends.\n"
	path := filepath.Join(top, ".golangci.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the rules", path)
	}
	want := before + begin + rules(picture(t)) + end + after
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s is not what CONTRIBUTING.md says: go test ./docs -update", path)
	}
	if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
}

// documents returns what is written, by the paths of the files.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "deploy/*.md"} {
		paths, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			texts[path] = string(text)
		}
	}
	if len(texts) < 15 {
		t.Errorf("only %d documents", len(texts))
	}
	return texts
}

// goFiles returns the files of Go, by their paths.
func goFiles(t *testing.T) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	err := filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "build", "bin"}, d.Name()):
			return filepath.SkipDir
		case filepath.Ext(path) != ".go":
			return nil
		}
		text, err := os.ReadFile(path)
		texts[path] = string(text)
		return err
	})
	if err != nil || len(texts) < 300 {
		t.Fatalf("%d files, %v", len(texts), err)
	}
	return texts
}

// TestFilesFitInTheHead: no file of Go has more than 400 lines.
func TestFilesFitInTheHead(t *testing.T) {
	for path, text := range goFiles(t) {
		if n := strings.Count(text, "\n"); n > 400 {
			t.Errorf("%s has %d lines", path, n)
		}
	}
}

var fence = regexp.MustCompile("^ *```")

// TestProseIsNotWide: what is written has no more than 100 columns, but for
// tables, links, and what a program printed.
func TestProseIsNotWide(t *testing.T) {
	for path, text := range documents(t) {
		code := false
		for n, line := range strings.Split(text, "\n") {
			if fence.MatchString(line) {
				code = !code
			}
			free := code || strings.HasPrefix(strings.TrimSpace(line), "|") ||
				strings.HasPrefix(line, "    ") ||
				!strings.Contains(strings.TrimSpace(line), " ")
			if long := len([]rune(line)); long > 100 && !free {
				t.Errorf("%s:%d has %d columns", path, n+1, long)
			}
		}
	}
}
