package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"muster/server/store/engine"
)

// literal is a statement as it stands in the source.
type literal struct{ file, name, query string }

// written returns the statements in the source, and the files in which some
// are put together from parts.
func written(t *testing.T) (whole []literal, glued []string) {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no source: %v", err)
	}
	begins := regexp.MustCompile(`^(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH RECURSIVE)\b`)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		name, parts := "", make(map[ast.Expr]bool)
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				name = n.Names[0].Name
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok {
					name = key.Name
				}
			case *ast.BinaryExpr:
				parts[n.X], parts[n.Y] = true, true
			case *ast.BasicLit:
				text, err := strconv.Unquote(n.Value)
				if n.Kind != token.STRING || err != nil || !begins.MatchString(text) {
					return true
				}
				if parts[n] || strings.HasSuffix(text, " ") {
					glued = append(glued, path)
				} else {
					whole = append(whole, literal{path, name, text})
				}
			}
			return true
		})
	}
	return whole, slices.Compact(glued)
}

// TestStatementsAreWhole: each statement in the source is one that the database
// takes as it stands there. Only queries by a filter, and those that say which
// columns of a user are wanted, are put together from parts.
func TestStatementsAreWhole(t *testing.T) {
	whole, glued := written(t)
	allowed := []string{
		"branches.go", "history.go", "memberships.go", "page.go", "users.go",
	}
	for _, path := range glued {
		if !slices.Contains(allowed, path) {
			t.Errorf("%s puts a statement together: write it whole", path)
		}
	}
	if len(whole) < 80 {
		t.Errorf("only %d statements were found", len(whole))
	}
	onBoth(t, func(t *testing.T, s *Store) {
		for _, l := range whole {
			only, _ := map[bool]string{true: "SQLite", false: "Postgres"}[s.db.Postgres]
			if strings.HasSuffix(l.name, only) {
				continue
			}
			query := engine.ForSQLite(l.query)
			if s.db.Postgres {
				query = sqlx.Rebind(sqlx.DOLLAR, l.query)
			}
			prepared, err := s.db.Pool().PrepareContext(t.Context(), query)
			if err != nil {
				t.Errorf("%s, %s: %v:\n%s", l.file, l.name, err, l.query)
				continue
			}
			t.Cleanup(func() { prepared.Close() })
		}
	})
}
