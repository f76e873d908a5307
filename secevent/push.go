package secevent

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
)

// Receiver takes tokens that are pushed: Section 2 of RFC 8935.
type Receiver struct {
	Verifier *Verifier
	// Authorization is the header that a transmitter must send; any if empty.
	Authorization string
	// Take takes a token. It may be the same one as before, and it may not be forgotten
	// once nil was returned. An [*Error] refuses the token for good, another error
	// until later.
	Take func(ctx context.Context, t *Token) error
	// Refused is called for each request that brings no token which is right itself; nil
	// if nobody counts.
	Refused func()
}

// ServeHTTP answers 202 to what was taken, 400 to what never will be, and 503 to what
// should be sent again.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if r.Authorization != "" && subtle.ConstantTimeCompare([]byte(r.Authorization),
		[]byte(q.Header.Get("Authorization"))) != 1 {
		r.wrong(w, &Error{AuthenticationFailed, "the Authorization header is another one"})
		return
	}
	t, _, err := mime.ParseMediaType(q.Header.Get("Content-Type"))
	if err != nil || t != MediaType {
		r.wrong(w, &Error{InvalidRequest, "the Content-Type is not " + MediaType})
		return
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxText))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	var refused *Error
	token, err := r.Verifier.Verify(q.Context(), string(text))
	if errors.As(err, &refused) {
		r.wrong(w, refused)
		return
	}
	if err == nil {
		err = r.Take(q.Context(), token)
	}
	switch {
	case errors.As(err, &refused):
		refuse(w, refused)
	case err != nil:
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

// wrong refuses what is not right itself.
func (r *Receiver) wrong(w http.ResponseWriter, e *Error) {
	if r.Refused != nil {
		r.Refused()
	}
	refuse(w, e)
}

// refuse answers with an error of Section 2.3 of RFC 8935.
func refuse(w http.ResponseWriter, e *Error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Language", "en")
	w.WriteHeader(http.StatusBadRequest)
	// The transmitter may have gone.
	_ = json.NewEncoder(w).Encode(map[string]string{"err": e.Code, "description": e.Description})
}
