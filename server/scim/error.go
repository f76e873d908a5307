package scim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Type is the keyword of a SCIM error that says more than its status does:
// "scimType" in Table 9 of RFC 7644, and in Section 2.1 of RFC 9865.
type Type string

// The keywords of Table 9 of RFC 7644.
const (
	InvalidFilter Type = "invalidFilter"
	TooMany       Type = "tooMany"
	Uniqueness    Type = "uniqueness"
	Mutability    Type = "mutability"
	InvalidSyntax Type = "invalidSyntax"
	InvalidPath   Type = "invalidPath"
	NoTarget      Type = "noTarget"
	InvalidValue  Type = "invalidValue"
	InvalidVers   Type = "invalidVers"
	Sensitive     Type = "sensitive"
	// The keywords of Section 2.1 of RFC 9865.
	InvalidCursor Type = "invalidCursor"
	ExpiredCursor Type = "expiredCursor"
	InvalidCount  Type = "invalidCount"
)

// Error is an error as a client sees it, Section 3.12 of RFC 7644. It is
// made where the cause is known, and rendered in one place.
type Error struct {
	// Status is the HTTP status code.
	Status int
	// Type is empty where the standard has no keyword for the case.
	Type Type
	// Detail says to a person what is wrong and what to do about it. It
	// never holds a secret.
	Detail string
	// RetryAfter is when it makes sense to try again; 0 if it does not depend
	// on the time.
	RetryAfter time.Duration
	// Limit names the limit by which a request was refused; empty otherwise.
	Limit string
}

// Error returns the detail with its status and keyword.
func (e *Error) Error() string {
	if e.Type != "" {
		return fmt.Sprintf("%s (%d %s)", e.Detail, e.Status, e.Type)
	}
	return fmt.Sprintf("%s (%d)", e.Detail, e.Status)
}

// MarshalJSON renders the message of Section 3.12 of RFC 7644, in which the
// status is a string.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Schemas []string `json:"schemas"`
		Type    Type     `json:"scimType,omitempty"`
		Detail  string   `json:"detail,omitempty"`
		Status  string   `json:"status"`
	}{[]string{ErrorURN}, e.Type, e.Detail, strconv.Itoa(e.Status)})
}

// BadRequest returns a 400 with its keyword.
func BadRequest(t Type, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Type: t, Detail: fmt.Sprintf(format, args...)}
}

// NotFound returns a 404 for a resource that the instance does not hold.
func NotFound(resourceType, id string) *Error {
	return &Error{
		Status: http.StatusNotFound, Detail: fmt.Sprintf("%s %q not found", resourceType, id),
	}
}

// Conflict returns a 409 uniqueness.
func Conflict(format string, args ...any) *Error {
	return &Error{
		Status: http.StatusConflict, Type: Uniqueness, Detail: fmt.Sprintf(format, args...),
	}
}

// PreconditionFailed returns the 412 of Section 3.14 of RFC 7644: the
// resource is at another version than the client's If-Match names.
func PreconditionFailed(version string) *Error {
	return &Error{
		Status: http.StatusPreconditionFailed,
		Detail: "the resource is at version " + version +
			" now: read it again, and repeat the change on what you read",
	}
}

// AsError returns the Error that err wraps, or nil.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}
