package scim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how deeply a JSON body may nest. No SCIM message needs more
// than eight levels.
const MaxDepth = 40

// DecodeObject decodes a JSON text that holds exactly one object. It
// refuses what encoding/json lets pass: an attribute given twice, data after
// the object, text that is not UTF-8, more than [MaxDepth] levels, and the
// character U+0000, which PostgreSQL cannot store.
//
// Objects become map[string]any, arrays []any, numbers json.Number. Errors
// are 400 invalidSyntax.
func DecodeObject(body []byte) (map[string]any, error) {
	d := decoder{jsontext.NewDecoder(bytes.NewReader(body))}
	if d.PeekKind() != '{' {
		if _, err := d.ReadToken(); err != nil {
			return nil, syntaxError(err)
		}
		return nil, BadRequest(InvalidSyntax, "the body is not a JSON object")
	}
	v, err := d.value(1)
	if err != nil {
		return nil, syntaxError(err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, BadRequest(InvalidSyntax,
			"the body goes on after its JSON object; send one object only")
	}
	return v.(map[string]any), nil
}

func syntaxError(err error) error {
	if e := AsError(err); e != nil {
		return e
	}
	if errors.Is(err, io.EOF) {
		return BadRequest(InvalidSyntax, "the body is empty; a JSON object is expected")
	}
	var s *jsontext.SyntacticError
	if errors.As(err, &s) {
		switch {
		case errors.Is(s.Err, jsontext.ErrDuplicateName):
			return BadRequest(InvalidSyntax, "the body gives %q twice", s.JSONPointer.LastToken())
		case errors.Is(s.Err, io.ErrUnexpectedEOF):
			return BadRequest(InvalidSyntax,
				"the body ends in the middle of its JSON, after %d bytes", s.ByteOffset)
		}
		// The library's own text quotes the input, which may be a secret.
		return BadRequest(InvalidSyntax, "the body is not valid JSON at byte %d", s.ByteOffset)
	}
	return BadRequest(InvalidSyntax, "the body is not valid JSON")
}

type decoder struct{ *jsontext.Decoder }

func (d decoder) value(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, BadRequest(InvalidSyntax, "the body nests more than %d levels deep", MaxDepth)
	}
	t, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch t.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return t.Bool(), nil
	case '0':
		return json.Number(t.String()), nil
	case '"':
		return text(t)
	case '[':
		return d.array(depth)
	case '{':
		return d.object(depth)
	}
	return nil, fmt.Errorf("unexpected %v", t.Kind())
}

func (d decoder) array(depth int) (any, error) {
	list := []any{}
	for d.PeekKind() != ']' {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.ReadToken()
	return list, err
}

func (d decoder) object(depth int) (any, error) {
	object := make(map[string]any)
	for d.PeekKind() != '}' {
		t, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		name, err := text(t)
		if err != nil {
			return nil, err
		}
		if object[name], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	_, err := d.ReadToken()
	return object, err
}

func text(t jsontext.Token) (string, error) {
	s := t.String()
	if strings.ContainsRune(s, 0) {
		return "", BadRequest(InvalidValue,
			"the body holds the character U+0000, which cannot be stored")
	}
	return s, nil
}
