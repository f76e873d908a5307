package instance

import (
	"context"
	"time"
)

// ExpiringKey is an API key that ends soon, and that no other key takes the place
// of: without a new one, provisioning stops.
type ExpiringKey struct {
	// Instance is the name of the instance, and KeyID the public id of the key.
	InstanceID, Instance, KeyID string
	// UserName and Email are the integration user's; Email may be empty.
	UserName, Email string
	Expires         time.Time
}

// ExpiryStore finds keys that end soon.
type ExpiryStore interface {
	// ExpiringKeys returns the keys of all instances that end between two times,
	// are not revoked, and are the last that their user has.
	ExpiringKeys(ctx context.Context, from, to time.Time) ([]ExpiringKey, error)
}
