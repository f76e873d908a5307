package httpapi

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/patch"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

// body reads and decodes the body of a request, once.
func (x *requestContext) body() (map[string]any, error) {
	if x.decoded != nil {
		return x.decoded, nil
	}
	if t := x.Header.Get("Content-Type"); !isJSON(t) {
		return nil, &scim.Error{
			Status: http.StatusUnsupportedMediaType,
			Detail: "the Content-Type is " + strconv.Quote(t) + "; send " + scim.MediaType +
				" or " + scim.MediaTypeJSON,
		}
	}
	if x.text != nil {
		return scim.DecodeObject(x.text)
	}
	text, err := io.ReadAll(http.MaxBytesReader(x.answer, x.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &scim.Error{
			Status: http.StatusRequestEntityTooLarge,
			Detail: "the body is larger than " + strconv.Itoa(MaxBody) +
				" bytes; send the change in parts",
		}
	case err != nil:
		return nil, scim.BadRequest(scim.InvalidSyntax, "the body could not be read to its end")
	}
	x.text = text
	return scim.DecodeObject(text)
}

func isJSON(contentType string) bool {
	t, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || t != scim.MediaType && t != scim.MediaTypeJSON {
		return false
	}
	charset := parameters["charset"]
	return charset == "" || strings.EqualFold(charset, "utf-8")
}

// resource reads the body of a POST or PUT, and the view of the resource type
// that the request asks for.
func (s *server) resource(
	x *requestContext, rt *schema.ResourceType,
) (*view, schema.Resource, error) {
	v, err := s.view(x, rt)
	if err != nil {
		return nil, nil, err
	}
	raw, err := x.body()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range []string{"userName", "displayName"} {
		if s, ok := raw[name].(string); ok && x.name == "" {
			x.name = clip(s, 200)
		}
	}
	if raw, err = tolerance.Resource(rt, raw, x.scope.Policy); err == nil {
		err = x.route.operation.checkBody(raw)
	}
	if err != nil {
		return nil, nil, err
	}
	r, err := rt.Resource(raw)
	return v, r, err
}

// operations reads the body of a PATCH, and the view that the request asks
// for.
func (s *server) operations(
	x *requestContext, rt *schema.ResourceType,
) (*view, []patch.Operation, error) {
	v, err := s.view(x, rt)
	if err != nil {
		return nil, nil, err
	}
	raw, err := x.body()
	if err == nil {
		raw, err = tolerance.Patch(rt, raw, x.scope.Policy)
	}
	if err == nil {
		err = x.route.operation.checkBody(raw)
	}
	if err != nil {
		return nil, nil, err
	}
	ops, err := patch.Parse(rt, raw, x.scope.Policy)
	return v, ops, err
}

// condition reads an If-Match header, Section 3.14 of RFC 7644. Tags are
// compared weakly: all of ours are weak.
func (x *requestContext) condition() *provisioning.Condition {
	tags := x.tags("If-Match")
	if tags == nil || slices.Contains(tags, anyTag) {
		return nil
	}
	c := &provisioning.Condition{}
	for _, tag := range tags {
		tag = strings.TrimPrefix(tag, "W/")
		if v, err := strconv.ParseInt(strings.Trim(tag, `"`), 10, 64); err == nil {
			c.Versions = append(c.Versions, v)
		}
	}
	return c
}

// anyTag stands for any version of what exists.
const anyTag = "*"

// tags returns the entity tags of all headers of a name; nil if there is no such
// header, and one empty tag if that says nothing (Section 13.1.1 of RFC 9110).
func (x *requestContext) tags(name string) (list []string) {
	for _, header := range x.Header.Values(name) {
		for tag := range strings.SplitSeq(header, ",") {
			list = append(list, strings.TrimSpace(tag))
		}
	}
	return list
}

// unchanged reports whether the client has the version already, by its
// If-None-Match header.
func (x *requestContext) unchanged(version int64) bool {
	for _, tag := range x.tags("If-None-Match") {
		tag = strings.TrimPrefix(tag, "W/")
		if tag == anyTag || tag == strings.TrimPrefix(scim.ETag(version), "W/") {
			return true
		}
	}
	return false
}

// mediaType returns the type of the answer: the one that the client asks
// for, else the one that it speaks.
func (x *requestContext) mediaType() string {
	accept := strings.Join(x.Header.Values("Accept"), ",")
	switch {
	case accepts(accept, scim.MediaType):
		return scim.MediaType
	case accepts(accept, scim.MediaTypeJSON):
		return scim.MediaTypeJSON
	}
	if t, _, err := mime.ParseMediaType(x.Header.Get("Content-Type")); err == nil &&
		t == scim.MediaTypeJSON {
		return scim.MediaTypeJSON
	}
	return scim.MediaType
}

// checkAccept refuses a client that takes no JSON at all.
func (x *requestContext) checkAccept() error {
	accept := strings.Join(x.Header.Values("Accept"), ",")
	for _, t := range []string{scim.MediaType, scim.MediaTypeJSON, "application/*", "*/*"} {
		if strings.TrimSpace(accept) == "" || accepts(accept, t) {
			return nil
		}
	}
	if strings.Contains(accept, "+json") {
		return nil // a JSON format of somebody's own: who reads it reads ours
	}
	return &scim.Error{
		Status: http.StatusNotAcceptable,
		Detail: "the Accept header takes none of what can be answered here: " + scim.MediaType +
			" or " + scim.MediaTypeJSON,
	}
}

// accepts reports whether an Accept header names a media type itself.
func accepts(header, mediaType string) bool {
	for item := range strings.SplitSeq(header, ",") {
		t, parameters, err := mime.ParseMediaType(item)
		if err != nil || t != mediaType {
			continue
		}
		if q, err := strconv.ParseFloat(parameters["q"], 64); err != nil || q > 0 {
			return true
		}
	}
	return false
}
