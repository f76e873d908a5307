package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"muster/features/harness"

	library "github.com/scim2/filter-parser/v2"
)

const filterParserModule = "github.com/scim2/filter-parser/v2"

func runElimityGrammar(ctx context.Context, target harness.Target) (*Suite, error) {
	return runGrammar(ctx, target, elimityModule, "filters and paths in elimity-com/scim's tests")
}

func runFilterParser(ctx context.Context, target harness.Target) (*Suite, error) {
	return runGrammar(ctx, target, filterParserModule, "filters and paths in filter-parser's tests")
}

// runGrammar sends every filter and path that stands in the tests of a module
// and that filter-parser itself understands. The server may know nothing of
// their attributes, but it must understand them, too.
func runGrammar(ctx context.Context, target harness.Target, path, name string) (*Suite, error) {
	m, err := find(ctx, path)
	if err != nil {
		return nil, err
	}
	texts, err := literals(m.Dir)
	if err != nil {
		return nil, err
	}
	g := &grammar{Suite: &Suite{Name: name, Module: m.Path, Version: m.Version}, target: target}
	if err := g.createUser(ctx); err != nil {
		return nil, err
	}
	for _, text := range texts {
		if err := g.try(ctx, text); err != nil {
			return nil, err
		}
	}
	if len(g.Cases) == 0 {
		return nil, fmt.Errorf("%s has no filters in its tests any more", path)
	}
	_, _, err = send(ctx, target, http.MethodDelete, "/Users/"+g.user, nil)
	return g.Suite, err
}

type grammar struct {
	*Suite
	target harness.Target
	// user is one whom paths are tried on.
	user string
}

func (g *grammar) createUser(ctx context.Context) error {
	body := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],` +
		`"userName":"peer-grammar@acme.example"}`
	status, answer, err := send(ctx, g.target, http.MethodPost, "/Users", []byte(body))
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("a user to try paths on: %d %v", status, answer["detail"])
	}
	g.user, _ = answer["id"].(string)
	return err
}

// try sends a text, if it is a filter or a path.
func (g *grammar) try(ctx context.Context, text string) error {
	if _, err := library.ParseFilter([]byte(text)); err == nil {
		status, answer, err := send(ctx, g.target, http.MethodGet,
			"/Users?count=0&filter="+url.QueryEscape(text), nil)
		if err == nil {
			g.add("filter "+text, understood(status, answer))
		}
		return err
	}
	if !isPath(text) {
		return nil
	}
	body, err := json.Marshal(map[string]any{
		"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []any{map[string]any{"op": "remove", "path": text}},
	})
	if err != nil {
		return err
	}
	status, answer, err := send(ctx, g.target, http.MethodPatch, "/Users/"+g.user, body)
	if err == nil {
		g.add("path "+text, understood(status, answer))
	}
	return err
}

// isPath reports whether a text is a path, and no word that could be anything.
func isPath(text string) bool {
	_, err := library.ParsePath([]byte(text))
	return err == nil && strings.ContainsAny(text, ".[:")
}

// understood tells a text that the server cannot read from one whose
// attributes it does not know.
func understood(status int, answer map[string]any) error {
	detail, _ := answer["detail"].(string)
	if status < http.StatusBadRequest || status == http.StatusBadRequest &&
		!strings.Contains(detail, "at character") {
		return nil
	}
	return fmt.Errorf("%d %s", status, detail)
}

// literals returns the strings in the tests below a folder, each once.
func literals(dir string) ([]string, error) {
	var texts []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if s, err := strconv.Unquote(l.Value); err == nil {
					texts = append(texts, s)
				}
			}
			return true
		})
		return nil
	})
	slices.Sort(texts)
	return slices.Compact(texts), err
}
