package instance

import (
	"errors"
	"fmt"
)

// RefusedError says why something that an administrator asked for is not
// done, and what to do about it.
type RefusedError struct {
	Reason string
	// Cause is [ErrNotFound], [ErrExists], [ErrChanged], or nil for what is not
	// valid.
	Cause error
}

func (e *RefusedError) Error() string { return e.Reason }

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Cause }

// Refuse returns a [RefusedError] for what is not valid.
func Refuse(format string, args ...any) error {
	return &RefusedError{Reason: fmt.Sprintf(format, args...)}
}

// Missing returns a [RefusedError] for what is not there.
func Missing(format string, args ...any) error {
	return &RefusedError{fmt.Sprintf(format, args...), ErrNotFound}
}

// ErrChanged says that what was to be changed is no longer as it was looked at.
var ErrChanged = errors.New("changed meanwhile")

// Changed returns a [RefusedError] for what somebody else has changed meanwhile.
func Changed(format string, args ...any) error {
	return &RefusedError{fmt.Sprintf(format, args...), ErrChanged}
}

// Existing returns a [RefusedError] for what is there already.
func Existing(format string, args ...any) error {
	return &RefusedError{fmt.Sprintf(format, args...), ErrExists}
}
