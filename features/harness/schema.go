package harness

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"muster/spec"
)

// MatchSchema checks a text of JSON against a schema of spec/files.
func MatchSchema(name, text string) error {
	schema, err := spec.FileSchema(name)
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return err
	}
	if err := c.AddResource(name, v); err != nil {
		return err
	}
	compiled, err := c.Compile(name)
	if err != nil {
		return err
	}
	if v, err = jsonschema.UnmarshalJSON(strings.NewReader(text)); err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	return compiled.Validate(v)
}
