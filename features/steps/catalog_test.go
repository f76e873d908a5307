package steps

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write STEPS.md anew")

// catalog reads the steps out of the source: a step has the comment of its
// method, or the one above its line.
type catalog struct {
	t        *testing.T
	files    *token.FileSet
	methods  map[string]string // comments of methods
	comments map[string]string // comments by file:line of the line below
	out      bytes.Buffer
}

// TestCatalog keeps features/STEPS.md current.
func TestCatalog(t *testing.T) {
	c := &catalog{
		t: t, files: token.NewFileSet(), methods: make(map[string]string),
		comments: make(map[string]string),
	}
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths)
	var parsed []*ast.File
	for _, path := range paths {
		f, err := parser.ParseFile(c.files, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		c.read(f)
		parsed = append(parsed, f)
	}
	c.out.WriteString(
		"# The steps\n\nWritten by `go test ./features/steps -update`. `<text>` and " +
			"`<number>` stand for what a scenario puts there.\n")
	for _, f := range parsed {
		for _, d := range f.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(fd.Name.Name, "register") &&
				fd.Name.Name != "register" && fd.Body != nil {
				c.register(fd)
			}
		}
	}
	path := filepath.Join("..", "STEPS.md")
	if *update {
		if err := os.WriteFile(path, c.out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(text, c.out.Bytes()) {
		t.Errorf("%s is not current (%v); write it anew with go test ./features/steps -update",
			path, err)
	}
}

func (c *catalog) read(f *ast.File) {
	for _, d := range f.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok {
			c.methods[fd.Name.Name] = strings.Join(strings.Fields(fd.Doc.Text()), " ")
		}
	}
	for _, g := range f.Comments {
		at := c.files.Position(g.End())
		c.comments[fmt.Sprintf("%s:%d", at.Filename,
			at.Line+1)] = strings.Join(strings.Fields(g.Text()), " ")
	}
}

// register writes the steps of a function that registers some.
func (c *catalog) register(fd *ast.FuncDecl) {
	about := strings.Join(strings.Fields(fd.Doc.Text()), " ")
	if _, rest, ok := strings.Cut(about, " adds the steps "); ok {
		about = strings.TrimPrefix(rest, "that ")
	} else {
		about = strings.TrimPrefix(fd.Name.Name, "register")
	}
	about = strings.TrimSuffix(about, ".")
	if about == "" {
		return
	}
	fmt.Fprintf(&c.out, "\n## %s\n\n", strings.ToUpper(about[:1])+about[1:])
	ast.Inspect(fd.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 2 {
			return true
		}
		if fun, ok := call.Fun.(*ast.SelectorExpr); !ok || fun.Sel.Name != "Step" {
			return true
		}
		lit, ok := call.Args[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		pattern, err := strconv.Unquote(lit.Value)
		if err != nil {
			c.t.Fatal(err)
		}
		fmt.Fprintf(&c.out, "- %s\n", readable(pattern))
		doc := c.doc(call)
		if doc == "" {
			c.t.Errorf("the step %q has no comment: say what it does, or where it looks",
				readable(pattern))
		}
		fmt.Fprintf(&c.out, "  <br>%s\n", doc)
		return true
	})
}

// doc returns the comment of a step.
func (c *catalog) doc(call *ast.CallExpr) string {
	at := c.files.Position(call.Pos())
	if doc := c.comments[fmt.Sprintf("%s:%d", at.Filename, at.Line)]; doc != "" {
		return doc
	}
	if method, ok := call.Args[1].(*ast.SelectorExpr); ok {
		doc := c.methods[method.Sel.Name]
		_, doc, _ = strings.Cut(doc, " ")
		if doc != "" {
			return strings.ToUpper(doc[:1]) + doc[1:]
		}
	}
	return ""
}

// readable writes a pattern as a person reads it.
func readable(pattern string) string {
	pattern = strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), "$")
	return strings.NewReplacer(
		`"([^"]*)"`, `"<text>"`, `(\d+)`, "<number>", `"(.*)"`, `"<text>"`, `(.*)`, "<text>",
		`([\w-]+)`, "<word>", `(\w+)`, "<word>", `\.`, ".", "(?:", "(", "s?", "(s)",
	).Replace(pattern)
}
