package httpapi

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"

	"muster/server/oauth"
	"muster/server/scim"
)

// maxForm is how long a request for a token may be, in bytes.
const maxForm = 64 << 10

// isOpen reports whether a path is for those who have no key yet.
func isOpen(path string) bool {
	return IsProbe(path) || path == oauth.TokenPath || path == oauth.MetadataPath || isEvents(path)
}

// oauthMetadata answers with the metadata of RFC 8414.
func (s *server) oauthMetadata(x *requestContext) error {
	body, err := json.Marshal(s.oauth.Metadata())
	if err != nil {
		return err
	}
	return x.sendJSON(http.StatusOK, scim.MediaTypeJSON, body)
}

// oauthToken gives a client an access token. What it did wrong is told in
// OAuth's format, Section 5.2 of RFC 6749.
func (s *server) oauthToken(x *requestContext) error {
	answer, err := s.token(x)
	status := http.StatusOK
	var refused *oauth.Error
	if errors.As(err, &refused) {
		answer, status, err = refused, refused.Status, nil
	}
	if err != nil {
		return err
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return x.sendJSON(status, scim.MediaTypeJSON, body)
}

func (s *server) token(x *requestContext) (answer any, err error) {
	if mediaType, _, err := mime.ParseMediaType(x.Header.Get("Content-Type")); err != nil ||
		mediaType != "application/x-www-form-urlencoded" {
		return nil, &oauth.Error{
			Status: http.StatusBadRequest, Code: "invalid_request",
			Description: "send the parameters as application/x-www-form-urlencoded",
		}
	}
	x.Body = http.MaxBytesReader(x.answer, x.Body, maxForm)
	if err := x.ParseForm(); err != nil {
		return nil, &oauth.Error{
			Status: http.StatusBadRequest, Code: "invalid_request", Description: err.Error(),
		}
	}
	return s.oauth.Token(x.Context(), x.PostForm, x.scope.Actor)
}
