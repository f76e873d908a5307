// Package filter implements the filters and paths of RFC 7644: the grammar
// of Section 3.4.2.2 and Figure 1 of Section 3.5.2, parsed into a tree,
// bound to a schema, and evaluated on resources in memory. The store
// compiles the same bound tree to SQL.
//
// It is written anew because the one published parser for this grammar
// refuses lower-case hexadecimal digits in \u escapes, leaves escapes in
// strings undecoded, takes no parentheses and no third comparison within a
// value filter, and overflows on large integers.
package filter

import (
	"encoding/json"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Op is a comparison operator, Table 3 of RFC 7644.
type Op string

// The operators of Table 3 of RFC 7644.
const (
	EQ Op = "eq"
	NE Op = "ne"
	CO Op = "co"
	SW Op = "sw"
	EW Op = "ew"
	GT Op = "gt"
	GE Op = "ge"
	LT Op = "lt"
	LE Op = "le"
	PR Op = "pr"
)

// Expr is a node of a parsed filter: *And, *Or, *Not, *Comparison or *ValuePath.
type Expr interface {
	append(dst []byte) []byte
}

// And is true when both sides are.
type And struct{ Left, Right Expr }

// Or is true when one side is.
type Or struct{ Left, Right Expr }

// Not is true when its expression is not.
type Not struct{ X Expr }

// Comparison compares the attribute at a path with a value.
type Comparison struct {
	// Path is an attribute path as the client wrote it.
	Path string
	Op   Op
	// Value is a string, bool, json.Number, or nil for null; nil for PR.
	Value any
}

// ValuePath is true when one value of a multi-valued attribute satisfies the
// filter: emails[type eq "work"].
type ValuePath struct {
	Path   string
	Filter Expr
	// Sub is a sub-attribute comparison behind the bracket, as in
	// emails[type eq "work"].value eq "x": not in the grammar of a filter,
	// but sent. Nil without one. Its Path is the sub-attribute's name.
	Sub *Comparison
}

// Path is the path of a PATCH operation, Figure 1 of RFC 7644:
// attribute path, or value path with an optional sub-attribute.
type Path struct {
	Attribute string
	Filter    Expr   // nil without brackets
	Sub       string // the sub-attribute behind the brackets, or empty
}

// String returns e in the notation of RFC 7644, with parentheses where they
// are needed.
func String(e Expr) string { return string(e.append(nil)) }

// String returns p in the notation of RFC 7644.
func (p Path) String() string {
	s := p.Attribute
	if p.Filter != nil {
		s += "[" + String(p.Filter) + "]"
	}
	if p.Sub != "" {
		s += "." + p.Sub
	}
	return s
}

func (e *And) append(dst []byte) []byte {
	dst = appendOperand(dst, e.Left)
	dst = append(dst, " and "...)
	return appendOperand(dst, e.Right)
}

// appendOperand appends an operand of "and", which binds tighter than "or".
func appendOperand(dst []byte, e Expr) []byte {
	if _, ok := e.(*Or); ok {
		return append(e.append(append(dst, '(')), ')')
	}
	return e.append(dst)
}

func (e *Or) append(dst []byte) []byte {
	dst = e.Left.append(dst)
	dst = append(dst, " or "...)
	return e.Right.append(dst)
}

func (e *Not) append(dst []byte) []byte {
	return append(e.X.append(append(dst, "not ("...)), ')')
}

func (e *Comparison) append(dst []byte) []byte {
	dst = append(append(append(dst, e.Path...), ' '), e.Op...)
	if e.Op == PR {
		return dst
	}
	dst = append(dst, ' ')
	switch v := e.Value.(type) {
	case string:
		dst, _ = jsontext.AppendQuote(dst, v)
	case bool:
		if v {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case json.Number:
		return append(dst, v...)
	case nil:
		return append(dst, "null"...)
	}
	return dst
}

func (e *ValuePath) append(dst []byte) []byte {
	dst = append(append(dst, e.Path...), '[')
	dst = append(e.Filter.append(dst), ']')
	if e.Sub != nil {
		dst = e.Sub.append(append(dst, '.'))
	}
	return dst
}

// lowerOp returns the operator that word spells in any letter case.
func lowerOp(word string) (Op, bool) {
	switch op := Op(strings.ToLower(word)); op {
	case EQ, NE, CO, SW, EW, GT, GE, LT, LE, PR:
		return op, true
	}
	return "", false
}
