package filter

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"muster/server/scim"
	"muster/server/scim/tolerance"
)

// The limits of a filter. A client that exceeds one gets 400.
const (
	// MaxLength is the longest filter, in bytes.
	MaxLength = 8 << 10
	// MaxDepth is how deeply parentheses, "not" and brackets may nest.
	MaxDepth = 20
	// MaxComparisons is how many comparisons a filter may hold.
	MaxComparisons = 100
)

// Parse parses a filter, Section 3.4.2.2 of RFC 7644. Operators and literals
// are taken in any letter case. Errors are 400 invalidFilter with the place,
// or 400 tooMany when a limit is exceeded.
func Parse(text string, policy *tolerance.Policy) (Expr, error) {
	p := parser{text: text, typ: scim.InvalidFilter, what: "filter", policy: policy}
	if len(text) > MaxLength {
		return nil, scim.BadRequest(scim.TooMany,
			"the filter is %d bytes long; at most %d are taken", len(text), MaxLength)
	}
	e, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.pos < len(p.text) {
		return nil, p.fail("expected and, or, or the end of the filter")
	}
	return e, nil
}

// ParsePath parses the path of a PATCH operation. Errors are 400 invalidPath.
func ParsePath(text string, policy *tolerance.Policy) (Path, error) {
	p := parser{text: text, typ: scim.InvalidPath, what: "path", policy: policy}
	if len(text) > MaxLength {
		return Path{}, scim.BadRequest(scim.InvalidPath,
			"the path is %d bytes long; at most %d are taken", len(text), MaxLength)
	}
	var path Path
	var err error
	if path.Attribute, err = p.attrPath(); err != nil {
		return Path{}, err
	}
	if p.peek() == '[' {
		if path.Filter, err = p.brackets(0); err != nil {
			return Path{}, err
		}
		if p.peek() == '.' {
			p.pos++
			if path.Sub, err = p.attrName(); err != nil {
				return Path{}, err
			}
		}
	}
	if p.pos < len(p.text) {
		return Path{}, p.fail("expected the end of the path")
	}
	return path, nil
}

// parser is a recursive descent over the grammar, one method a rule.
type parser struct {
	text        string
	pos         int
	comparisons int
	typ         scim.Type
	what        string
	policy      *tolerance.Policy
}

func (p *parser) fail(reason string) error {
	e := scim.BadRequest(p.typ, "%s", reason)
	e.Detail = p.what + " " + quote(p.text) + ", at character " +
		strconv.Itoa(utf8.RuneCountInString(p.text[:p.pos])+1) + ": " + e.Detail
	return e
}

func quote(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return "«" + strings.ToValidUTF8(s, "�") + "»"
}

func (p *parser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *parser) space() {
	for p.peek() == ' ' {
		p.pos++
	}
}

// keyword skips word, in any letter case, if it stands here between spaces
// or brackets.
func (p *parser) keyword(word string) bool {
	p.space()
	end := p.pos + len(word)
	if end > len(p.text) || !strings.EqualFold(p.text[p.pos:end], word) {
		return false
	}
	if end < len(p.text) && p.text[end] != ' ' && p.text[end] != '(' {
		return false
	}
	p.pos = end
	return true
}

// or parses: and *( "or" and ).
func (p *parser) or(depth int) (Expr, error) {
	left, err := p.and(depth)
	for err == nil && p.keyword("or") {
		var right Expr
		if right, err = p.and(depth); err == nil {
			left = &Or{left, right}
		}
	}
	return left, err
}

// and parses: term *( "and" term ).
func (p *parser) and(depth int) (Expr, error) {
	left, err := p.term(depth)
	for err == nil && p.keyword("and") {
		var right Expr
		if right, err = p.term(depth); err == nil {
			left = &And{left, right}
		}
	}
	return left, err
}

// term parses: "not" "(" or ")" / "(" or ")" / valuePath / comparison.
func (p *parser) term(depth int) (Expr, error) {
	if depth > MaxDepth {
		return nil, scim.BadRequest(scim.TooMany, "the %s nests more than %d levels deep", p.what,
			MaxDepth)
	}
	start := p.pos
	if p.keyword("not") {
		if p.space(); p.peek() == '(' {
			x, err := p.group(depth)
			if err != nil {
				return nil, err
			}
			return &Not{x}, nil
		}
		p.pos = start // an attribute that is called "not"
	}
	if p.space(); p.peek() == '(' {
		return p.group(depth)
	}
	return p.attribute(depth)
}

func (p *parser) group(depth int) (Expr, error) {
	p.pos++ // "("
	x, err := p.or(depth + 1)
	if err != nil {
		return nil, err
	}
	if p.space(); p.peek() != ')' {
		return nil, p.fail("expected )")
	}
	p.pos++
	return x, nil
}

// attribute parses what begins with an attribute path.
func (p *parser) attribute(depth int) (Expr, error) {
	path, err := p.attrPath()
	if err != nil {
		return nil, err
	}
	if p.peek() != '[' {
		return p.comparison(path)
	}
	v := &ValuePath{Path: path}
	if v.Filter, err = p.brackets(depth); err != nil {
		return nil, err
	}
	if p.peek() != '.' {
		return v, nil
	}
	if err := p.policy.Allow(tolerance.FilterBehindBrackets); err != nil {
		return nil, err
	}
	p.pos++
	sub, err := p.attrName()
	if err != nil {
		return nil, err
	}
	if v.Sub, err = p.comparison(sub); err != nil {
		return nil, err
	}
	return v, nil
}

// brackets parses: "[" or "]", which must not hold further brackets.
func (p *parser) brackets(depth int) (Expr, error) {
	p.pos++
	start := p.pos
	x, err := p.or(depth + 1)
	if err != nil {
		return nil, err
	}
	if p.space(); p.peek() != ']' {
		return nil, p.fail("expected ]")
	}
	if hasValuePath(x) {
		p.pos = start
		return nil, p.fail("a filter in brackets must not hold brackets itself")
	}
	p.pos++
	return x, nil
}

func hasValuePath(e Expr) bool {
	switch e := e.(type) {
	case *And:
		return hasValuePath(e.Left) || hasValuePath(e.Right)
	case *Or:
		return hasValuePath(e.Left) || hasValuePath(e.Right)
	case *Not:
		return hasValuePath(e.X)
	case *ValuePath:
		return true
	}
	return false
}

func (p *parser) comparison(path string) (*Comparison, error) {
	if p.comparisons++; p.comparisons > MaxComparisons {
		return nil, scim.BadRequest(scim.TooMany, "the %s holds more than %d comparisons", p.what,
			MaxComparisons)
	}
	p.space()
	start := p.pos
	op, ok := lowerOp(p.word())
	if !ok {
		p.pos = start
		return nil, p.fail("expected an operator: eq, ne, co, sw, ew, gt, ge, lt, le or pr")
	}
	c := &Comparison{Path: path, Op: op}
	if op == PR {
		return c, nil
	}
	if p.peek() != ' ' {
		return nil, p.fail("expected a space and a value")
	}
	p.space()
	var err error
	c.Value, err = p.value()
	return c, err
}

// word skips ASCII letters.
func (p *parser) word() string {
	start := p.pos
	for isAlpha(p.peek()) {
		p.pos++
	}
	return p.text[start:p.pos]
}

// numbers are those of JSON, Section 6 of RFC 8259.
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?`)

// value parses: false / null / true / number / string, as JSON has them, the
// words in any letter case.
func (p *parser) value() (any, error) {
	rest := p.text[p.pos:]
	if p.peek() == '"' {
		return p.string()
	}
	if n := number.FindString(rest); n != "" {
		p.pos += len(n)
		if !p.atBoundary() {
			return nil, p.fail("expected a space behind the number")
		}
		return json.Number(n), nil
	}
	start := p.pos
	switch strings.ToLower(p.word()) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "null":
		return nil, nil
	}
	p.pos = start
	return nil, p.fail(
		`expected a value: a string in "double quotes", a number, true, false or null`)
}

func (p *parser) atBoundary() bool {
	c := p.peek()
	return c == 0 || c == ' ' || c == ')' || c == ']'
}

func (p *parser) string() (any, error) {
	end := p.pos + 1
	for end < len(p.text) && p.text[end] != '"' {
		if p.text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(p.text) {
		return nil, p.fail("the string has no closing quote")
	}
	s, err := jsontext.AppendUnquote(nil, p.text[p.pos:end+1])
	if err != nil {
		return nil, p.fail("the string is not one that JSON allows")
	}
	if strings.ContainsRune(string(s), 0) {
		return nil, p.fail("the string holds the character U+0000, which no stored value can hold")
	}
	p.pos = end + 1
	if !p.atBoundary() {
		return nil, p.fail("expected a space behind the string")
	}
	return string(s), nil
}

// attrPath parses: [URI ":"] attrName ["." attrName]. A URI has dots and digits
// of its own, so that where it ends is for the schema to say; see
// schema.ResourceType.Resolve.
func (p *parser) attrPath() (string, error) {
	start := p.pos
	end := start
	for end < len(p.text) && isURI(p.text[end]) {
		end++
	}
	if strings.Contains(p.text[start:end], ":") && isAlpha(p.text[start]) {
		p.pos = end
		return p.text[start:end], nil
	}
	if _, err := p.attrName(); err != nil {
		return "", err
	}
	if p.peek() == '.' {
		p.pos++
		if _, err := p.attrName(); err != nil {
			return "", err
		}
	}
	return p.text[start:p.pos], nil
}

// isURI reports whether c can stand in the URI of a schema: brackets, of both
// kinds, end a path here.
func isURI(c byte) bool {
	return isAlpha(c) || isDigit(c) || strings.IndexByte("-_.:$/~%+@=;,!*#?&'", c) >= 0
}

// attrName parses: ALPHA *( "-" / "_" / DIGIT / ALPHA ), or such a name
// behind "$", as in "$ref".
func (p *parser) attrName() (string, error) {
	start := p.pos
	if p.peek() == '$' {
		p.pos++
	}
	if !isAlpha(p.peek()) {
		return "", p.fail("expected the name of an attribute")
	}
	for c := p.peek(); isAlpha(c) || isDigit(c) || c == '-' || c == '_'; c = p.peek() {
		p.pos++
	}
	return p.text[start:p.pos], nil
}

func isAlpha(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
