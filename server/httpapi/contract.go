package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
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
	o := &operation{route: &routers.Route{Spec: c.doc, Path: path, PathItem: item, Method: method, Operation: item.GetOperation(method)}}
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
	return s.Type.Is(openapi3.TypeString) && s.MinLength <= 1 && s.MaxLength == nil && s.Pattern == "" && s.Format == "" && len(s.Enum) == 0 &&
		len(s.OneOf)+len(s.AnyOf)+len(s.AllOf) == 0 && s.Not == nil
}

var pathParameters = regexp.MustCompile(`\{(\w+)\}`)

// checkParameters checks the parameters of a request. One that the document
// does not know is refused: a misspelled filter must not list everybody.
func (c *contract) checkParameters(x *exchange) error {
	if x.URL.RawQuery == "" && x.route.operation.texts {
		return nil // there is nothing that could be wrong
	}
	query, err := url.ParseQuery(strings.Trim(x.URL.RawQuery, "&"))
	if err != nil {
		return scim.BadRequest(scim.InvalidSyntax, "the query of the URL is not valid: %v", err)
	}
	for name, values := range query {
		switch {
		case !slices.Contains(x.route.operation.parameters, name):
			return scim.BadRequest(scim.InvalidSyntax, "unknown parameter %q; %s", name, takes(x.route.operation.parameters))
		case len(values) > 1:
			return scim.BadRequest(scim.InvalidSyntax, "the parameter %q is given %d times", name, len(values))
		}
	}
	inPath := make(map[string]string)
	for _, m := range pathParameters.FindAllStringSubmatch(x.route.path, -1) {
		inPath[m[1]] = x.PathValue(m[1])
	}
	err = openapi3filter.ValidateRequest(x.Context(), &openapi3filter.RequestValidationInput{
		Request: x.Request, PathParams: inPath, QueryParams: query, Route: x.route.operation.route,
		Options: &openapi3filter.Options{ExcludeRequestBody: true, SkipSettingDefaults: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	})
	var refused *openapi3filter.RequestError
	if errors.As(err, &refused) && refused.Parameter != nil {
		return scim.BadRequest(scim.InvalidValue, "the parameter %q is not valid: %s", refused.Parameter.Name, reason(refused.Err, refused.Reason))
	}
	return err
}

func takes(names []string) string {
	if len(names) == 0 {
		return "this request takes none"
	}
	return "this request takes " + strings.Join(names, ", ")
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
