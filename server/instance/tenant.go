package instance

import (
	"context"
	"errors"
)

// Tenant is the one instance that work is for.
type Tenant struct {
	// ID is empty for work on all instances.
	ID string
	// Revision is that of the instance as the work believes it to be set up;
	// 0 if that does not matter. A store refuses with [ErrStale] to do the
	// work if the instance has another one.
	Revision int64
}

// ErrStale says that the instance, or what its keys depend on, has changed
// since it was read. Read it again, and begin anew.
var ErrStale = errors.New("the instance was changed meanwhile")

type tenantKey struct{}

// WithTenant returns a context for work on one instance only. A store that can
// do so keeps what is done with it from all other instances, whatever the
// queries say: on PostgreSQL by row-level security. An empty id makes it work
// on all of them.
func WithTenant(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, tenantKey{}, Tenant{ID: id})
}

// WithRevision returns a context for work on an instance as it was when it was
// read.
func WithRevision(ctx context.Context, i *Instance) context.Context {
	return context.WithValue(ctx, tenantKey{}, Tenant{i.ID, i.Revision})
}

// TenantOf returns the instance that a context is for.
func TenantOf(ctx context.Context) Tenant {
	t, _ := ctx.Value(tenantKey{}).(Tenant)
	return t
}
