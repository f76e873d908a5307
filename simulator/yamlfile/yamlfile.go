// Package yamlfile reads YAML files that people write. Its errors name the
// file and the line, also those that are found after decoding: whoever finds
// one says at which path it is.
package yamlfile

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// File is a file that was read.
type File struct {
	path string
	root *ast.File
}

// Read reads a file into dest. A key that dest does not know is an error.
// Schema names the JSON Schema of the file, for the error.
func Read(path, schema string, dest any) (*File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path}
	if f.root, err = parser.ParseBytes(text, 0); err == nil {
		err = yaml.UnmarshalWithOptions(text, dest, yaml.Strict())
	}
	var at yaml.Error
	switch {
	case errors.As(err, &at) && at.GetToken() != nil:
		p := at.GetToken().Position
		return nil, fmt.Errorf("%s:%d:%d: %s; `muster-simulator schema %s` prints what may "+
			"stand there", path, p.Line, p.Column, at.GetMessage(), schema)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// pathError is an error at a path of a file.
type pathError struct {
	path string
	err  error
}

func (e *pathError) Error() string { return e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

// At says that an error is at a path below where the caller is, such as
// "apps[0].name". Paths add up when an error is passed on. No error stays
// none.
func At(path string, err error) error {
	var inner *pathError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &inner):
		return &pathError{path, err}
	case strings.HasPrefix(inner.path, "["):
		return &pathError{path + inner.path, inner.err}
	}
	return &pathError{path + "." + inner.path, inner.err}
}

// Atf is [At] with a new error.
func Atf(path, format string, args ...any) error { return At(path, fmt.Errorf(format, args...)) }

// Locate adds to an error the name of the file, and the line of the path
// that it is at. What is missing in the file is located where it belongs.
func (f *File) Locate(err error) error {
	if err == nil {
		return nil
	}
	var at *pathError
	if !errors.As(err, &at) {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	for path := at.path; path != ""; path = parent(path) {
		p, wrong := yaml.PathString("$." + path)
		if wrong != nil {
			continue
		}
		if node, wrong := p.FilterFile(f.root); wrong == nil && node != nil &&
			node.GetToken() != nil {
			return fmt.Errorf("%s:%d: %w", f.path, node.GetToken().Position.Line, err)
		}
	}
	return fmt.Errorf("%s:1: %w", f.path, err)
}

// parent returns the path of what a path is a part of.
func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}
