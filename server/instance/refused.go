package instance

import "fmt"

// RefusedError says why something that an administrator asked for is not
// done, and what to do about it.
type RefusedError struct {
	Reason string
	// Cause is [ErrNotFound], [ErrExists], or nil for what is not valid.
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

// Existing returns a [RefusedError] for what is there already.
func Existing(format string, args ...any) error {
	return &RefusedError{fmt.Sprintf(format, args...), ErrExists}
}
