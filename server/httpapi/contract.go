package httpapi

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"muster/server/scim"
	"muster/spec"
)

// contract is the OpenAPI document, against which every request is checked.
type contract struct{ doc *openapi3.T }

// operation is one operation of the document.
type operation struct {
	route      *routers.Route
	body       *openapi3.Schema // nil if it takes none
	parameters []string         // of the query
	// texts says that all other parameters are any text.
	texts bool
}

func newContract() (*contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(spec.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("spec/openapi.yaml: %w", err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("spec/openapi.yaml: %w", err)
	}
	return &contract{doc}, nil
}

// operation returns what the document says of a method and a path.
func (c *contract) operation(method, path string) (*operation, error) {
	item := c.doc.Paths.Value(path)
	if item == nil || item.GetOperation(method) == nil {
		return nil, fmt.Errorf("spec/openapi.yaml lacks %s %s", method, path)
	}
	o := &operation{
		route: &routers.Route{
			Spec: c.doc, Path: path, PathItem: item, Method: method,
			Operation: item.GetOperation(method),
		},
	}
	if b := o.route.Operation.RequestBody; b != nil {
		content := b.Value.Content.Get(scim.MediaType)
		if content == nil { // the admin API
			content = b.Value.Content.Get(scim.MediaTypeJSON)
		}
		if content != nil { // else a form, which is checked where it is read
			o.body = content.Schema.Value
		}
	}
	o.texts = true
	for _, list := range []openapi3.Parameters{item.Parameters, o.route.Operation.Parameters} {
		for _, p := range list {
			if p.Value.In == openapi3.ParameterInQuery {
				o.parameters = append(o.parameters, p.Value.Name)
			} else if !anyText(p.Value.Schema.Value) {
				o.texts = false
			}
		}
	}
	return o, nil
}

// anyText reports whether a schema takes any text that is not empty.
func anyText(s *openapi3.Schema) bool {
	return s.Type.Is(openapi3.TypeString) && s.MinLength <= 1 && s.MaxLength == nil &&
		s.Pattern == "" && s.Format == "" && len(s.Enum) == 0 &&
		len(s.OneOf)+len(s.AnyOf)+len(s.AllOf) == 0 && s.Not == nil
}

// checkBody checks a decoded body.
func (o *operation) checkBody(body map[string]any) error {
	err := o.body.VisitJSON(body, openapi3.VisitAsRequest(), openapi3.DisableSchemaErrorDetails())
	if err == nil {
		return nil
	}
	return scim.BadRequest(scim.InvalidValue, "%s", reason(err, "the body is not valid"))
}

// reason says what a schema has against a value, with the path of the value.
// It never quotes the value, which may be a secret.
func reason(err error, fallback string) string {
	var s *openapi3.SchemaError
	if !errors.As(err, &s) {
		if err != nil {
			return err.Error()
		}
		return fallback
	}
	path := pointer(s)
	for {
		var inner *openapi3.SchemaError
		if s.Origin == nil || !errors.As(s.Origin, &inner) {
			break
		}
		s = inner
		path += pointer(s)
	}
	if path = strings.TrimPrefix(path, "."); path != "" {
		return path + ": " + s.Reason
	}
	return s.Reason
}

// pointer returns the path of the value as SCIM would write it: emails[0].value.
func pointer(s *openapi3.SchemaError) string {
	path := ""
	for _, p := range s.JSONPointer() {
		if strings.Trim(p, "0123456789") == "" {
			path += "[" + p + "]"
		} else {
			path += "." + p
		}
	}
	return path
}
