package yamlfile

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// ErrByHand says that a file is written in a way that cannot be changed in place.
var ErrByHand = errors.New("the file is written in a way that cannot be changed here without " +
	"touching more of it: change it by hand")

// Set returns the text of a YAML file in which the value at a path is another one. A
// path has keys, and indexes of lists; a key that is missing is added behind the others,
// and so is an item behind the last; no value takes the entry away. All other lines
// stay byte for byte, with their comments and in their order: the file is under version
// control, and a diff shows what was meant.
func Set(text []byte, value any, path ...any) ([]byte, error) {
	if n := bytes.Count(text, []byte("\r\n")); n > 0 && n == bytes.Count(text, []byte("\n")) {
		changed, err := Set(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), value, path...)
		return bytes.ReplaceAll(changed, []byte("\n"), []byte("\r\n")), err
	}
	want, err := decode(text)
	if err != nil {
		return nil, err
	}
	if want, err = put(want, value, path); err != nil {
		return nil, err
	}
	changed, err := set(text, value, path)
	if err != nil {
		return nil, err
	}
	got, err := decode(changed)
	if err != nil || !reflect.DeepEqual(got, want) {
		return nil, ErrByHand
	}
	return changed, nil
}

// set changes the text.
func set(text []byte, value any, path []any) ([]byte, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, err
	}
	if len(file.Docs) == 0 || len(path) == 0 {
		return nil, ErrByHand
	}
	e := &editor{lines: bytes.SplitAfter(text, []byte("\n"))}
	if err := e.at(file.Docs[0].Body, value, path); err != nil {
		return nil, err
	}
	return bytes.Join(e.lines, nil), nil
}

// editor changes lines of a file.
type editor struct{ lines [][]byte }

// entry is an entry of a mapping or a list in block style: where it begins, and what
// stands in it.
type entry struct {
	// line is that of the key or the dash, from 0, and column the one of the key or
	// the dash; colon is where the value may begin on that line.
	line, column, colon int
	value               ast.Node
}

// entries returns the entries of a node in block style.
func entries(node ast.Node) (keys []string, list []entry, ok bool) {
	switch n := node.(type) {
	case *ast.MappingNode:
		if n.IsFlowStyle {
			return nil, nil, false
		}
		for _, v := range n.Values {
			keys, list = append(keys, v.Key.GetToken().Value), append(list, entryOf(v))
		}
		return keys, list, true
	case *ast.MappingValueNode:
		return []string{n.Key.GetToken().Value}, []entry{entryOf(n)}, true
	case *ast.SequenceNode:
		if n.IsFlowStyle || len(n.Values) != len(n.Entries) {
			return nil, nil, false
		}
		for i, v := range n.Values {
			at := n.Entries[i].Start.Position
			list = append(list, entry{at.Line - 1, at.Column - 1, at.Column, v})
		}
		return nil, list, true
	}
	return nil, nil, false
}

func entryOf(v *ast.MappingValueNode) entry {
	key, colon := v.Key.GetToken().Position, v.Start.Position
	return entry{key.Line - 1, key.Column - 1, colon.Column, v.Value}
}

// at changes the value at a path below a node.
func (e *editor) at(node ast.Node, value any, path []any) error {
	keys, list, ok := entries(node)
	if !ok {
		return ErrByHand
	}
	n, isIndex := path[0].(int)
	if !isIndex {
		name, _ := path[0].(string)
		if n = slices.Index(keys, name); n < 0 {
			n = len(list)
		}
	}
	if n == len(list) {
		if value == nil || len(list) == 0 {
			return nil
		}
		return e.add(list[n-1], path, value)
	}
	found := list[n]
	if found.line >= len(e.lines) || found.column >= len(e.lines[found.line]) {
		return ErrByHand
	}
	if len(path) > 1 {
		if _, _, block := entries(found.value); block {
			return e.at(found.value, value, path[1:])
		}
		// It is in flow style, or nothing yet: it is written anew, in its order.
		before, err := decode([]byte(found.value.String()))
		if err != nil {
			return ErrByHand
		}
		after, err := put(before, value, path[1:])
		if err != nil {
			return err
		}
		if list, _ := before.([]any); before == nil || list != nil && len(list) == 0 {
			return e.writeBlock(found, after)
		}
		return e.write(found, after)
	}
	switch list := value.(type) {
	case yaml.MapSlice, []yaml.MapSlice:
		return e.writeBlock(found, list)
	}
	if value == nil {
		e.replace(found.line, e.after(found), nil)
		return nil
	}
	return e.write(found, value)
}

// after returns the line behind an entry: the first that is not indented more, but for
// the dashes of a list that is its value, and without the blank lines and comments
// before that.
func (e *editor) after(of entry) int {
	last := of.line
	for n := of.line + 1; n < len(e.lines); n++ {
		text := strings.TrimRight(string(e.lines[n]), "\n")
		bare := strings.TrimLeft(text, " ")
		if bare == "" || bare[0] == '#' {
			continue
		}
		indent := len(text) - len(bare)
		dash := bare == "-" || strings.HasPrefix(bare, "- ")
		ours := e.lines[of.line][of.column] != '-'
		if indent < of.column || indent == of.column && (!dash || !ours) {
			break
		}
		last = n
	}
	return last + 1
}

// replace puts lines in the place of others.
func (e *editor) replace(from, to int, lines [][]byte) {
	e.lines = slices.Concat(e.lines[:from], lines, e.lines[to:])
}

// write gives an entry another value, on its own line if that fits there.
func (e *editor) write(of entry, value any) error {
	line := strings.TrimRight(string(e.lines[of.line]), "\n")
	if of.colon > len(line) {
		return ErrByHand
	}
	head, tail := line[:of.colon], ""
	to := e.after(of)
	if to == of.line+1 { // a remark on a line of its own stays
		tail = remark(line[of.colon:])
	}
	text, err := inline(value)
	if err != nil {
		return err
	}
	e.replace(of.line, to, [][]byte{[]byte(head + " " + text + tail + "\n")})
	return nil
}

// writeBlock gives an entry another value, on lines of its own.
func (e *editor) writeBlock(of entry, value any) error {
	line := strings.TrimRight(string(e.lines[of.line]), "\n")
	if of.colon > len(line) {
		return ErrByHand
	}
	text, err := block(value, strings.Repeat(" ", of.column+2))
	if err != nil {
		return err
	}
	e.replace(of.line, e.after(of), linesOf(line[:of.colon]+text))
	return nil
}

func linesOf(text string) (lines [][]byte) {
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, []byte(line+"\n"))
	}
	return lines
}

// add adds an entry behind the last one of a mapping or a list.
func (e *editor) add(last entry, path []any, value any) error {
	at := e.after(last)
	if at > 0 && !bytes.HasSuffix(e.lines[at-1], []byte("\n")) {
		e.lines[at-1] = append(slices.Clip(e.lines[at-1]), '\n')
	}
	indent := strings.Repeat(" ", last.column)
	for i := len(path) - 1; i > 0; i-- {
		if key, ok := path[i].(string); ok {
			value = yaml.MapSlice{{Key: key, Value: value}}
		} else {
			value = []any{value}
		}
	}
	var text string
	if key, ok := path[0].(string); ok {
		name, err := inline(key)
		if err != nil {
			return err
		}
		rest, err := block(value, indent+"  ")
		if err != nil {
			return err
		}
		text = indent + name + ":" + rest
	} else {
		rest, err := block(value, indent+"  ")
		if err != nil {
			return err
		}
		text = indent + "-" + strings.Replace(rest, "\n"+indent+"  ", " ", 1)
	}
	e.replace(at, at, linesOf(text))
	return nil
}
