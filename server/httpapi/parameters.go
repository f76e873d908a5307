package httpapi

import (
	"errors"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/getkin/kin-openapi/openapi3filter"

	"muster/server/scim"
	"muster/server/scim/tolerance"
)

var pathParameters = regexp.MustCompile(`\{(\w+)\}`)

// checkParameters checks the parameters of a request, and keeps those of the
// query in x.query, by the names that the document has for them.
func (c *contract) checkParameters(x *requestContext) error {
	if x.URL.RawQuery == "" && x.route.operation.texts {
		return nil // there is nothing that could be wrong
	}
	query, err := url.ParseQuery(strings.Trim(x.URL.RawQuery, "&"))
	if err != nil {
		return scim.BadRequest(scim.InvalidSyntax, "the query of the URL is not valid: %v", err)
	}
	if x.query, err = x.knownParameters(query); err != nil {
		return err
	}
	inPath := make(map[string]string)
	for _, m := range pathParameters.FindAllStringSubmatch(x.route.path, -1) {
		inPath[m[1]] = x.PathValue(m[1])
	}
	err = openapi3filter.ValidateRequest(x.Context(), &openapi3filter.RequestValidationInput{
		Request: x.Request, PathParams: inPath, QueryParams: x.query,
		Route: x.route.operation.route,
		Options: &openapi3filter.Options{
			ExcludeRequestBody: true, SkipSettingDefaults: true,
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		},
	})
	var refused *openapi3filter.RequestError
	if errors.As(err, &refused) && refused.Parameter != nil {
		return scim.BadRequest(scim.InvalidValue, "the parameter %q is not valid: %s",
			refused.Parameter.Name, reason(refused.Err, refused.Reason))
	}
	return err
}

// knownParameters returns the parameters of a query that the route takes.
// Section 3.4.2 of RFC 7644 advises to ignore others. Two kinds are refused
// all the same: one that looks like a misspelled restriction, because a
// misspelled filter must not list everybody; and any at the admin API, which
// is no part of the standard.
func (x *requestContext) knownParameters(query url.Values) (url.Values, error) {
	names := x.route.operation.parameters
	known := make(url.Values, len(query))
	for _, sent := range slices.Sorted(maps.Keys(query)) {
		name, err := x.parameter(sent, names)
		if err != nil {
			return nil, err
		}
		if name == "" {
			continue
		}
		if known[name] = append(known[name], query[sent]...); len(known[name]) > 1 {
			return nil, scim.BadRequest(scim.InvalidSyntax, "the parameter %q is given %d times",
				name, len(known[name]))
		}
	}
	return known, nil
}

// parameter returns the name of the parameter that a client means; empty for
// one to be ignored.
func (x *requestContext) parameter(sent string, names []string) (string, error) {
	if slices.Contains(names, sent) {
		return sent, nil
	}
	if x.administrator != nil || !strings.HasPrefix(x.route.path, Base) {
		return "", scim.BadRequest(scim.InvalidSyntax, "unknown parameter %q; %s", sent,
			takes(names))
	}
	for _, name := range names {
		if strings.EqualFold(name, sent) {
			return name, x.scope.Policy.Allow(tolerance.ParameterLetterCase)
		}
	}
	if meant := restrictionMeant(sent, names); meant != "" {
		return "", scim.BadRequest(scim.InvalidSyntax, "unknown parameter %q: did you mean %s? %s",
			sent, meant, takes(names))
	}
	if !x.scope.Policy.Tolerant() {
		return "", scim.BadRequest(scim.InvalidSyntax,
			"unknown parameter %q (refused in strict mode as %q); %s", sent,
			tolerance.UnknownParameter, takes(names))
	}
	return "", x.scope.Policy.Allow(tolerance.UnknownParameter)
}

// restrictions are the parameters without which an answer holds more, or
// other, resources than the client asked for.
var restrictions = []string{
	"filter", "startIndex", "count", "cursor", "excludedAttributes", "attributes",
}

// restrictionMeant returns the restriction that a name is a near miss of. A
// filter is meant even where none can be given.
func restrictionMeant(sent string, names []string) string {
	plain := strings.ToLower(strings.NewReplacer("-", "", "_", "", "$", "").Replace(sent))
	for _, name := range restrictions {
		if name != "filter" && !slices.Contains(names, name) {
			continue
		}
		near := 2
		if len(name) < 6 {
			near = 1
		}
		lower := strings.ToLower(name)
		if levenshtein.ComputeDistance(plain, lower) <= near || len(name) >= 6 &&
			strings.Contains(plain, lower) {
			return name
		}
	}
	return ""
}

func takes(names []string) string {
	if len(names) == 0 {
		return "this request takes none"
	}
	return "this request takes " + strings.Join(names, ", ")
}
