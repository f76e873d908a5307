package instance

import (
	"context"
	"errors"
)

// Confinement is the one instance that work is for.
type Confinement struct {
	// InstanceID is empty for work on all instances.
	InstanceID string
	// Revision is that of the instance as the work believes it to be set up;
	// 0 if that does not matter. A store refuses with [ErrStale] to do the
	// work if the instance has another one.
	Revision int64
}

// ErrStale says that the instance, or what its keys depend on, has changed
// since it was read. Read it again, and begin anew.
var ErrStale = errors.New("the instance was changed meanwhile")

type confinedKey struct{}

// Confine returns a context for work on one instance only. A store that can
// do so keeps what is done with it from all other instances, whatever the
// queries say: on PostgreSQL by row-level security. An empty id takes the
// confinement away.
func Confine(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, confinedKey{}, Confinement{InstanceID: id})
}

// ConfineAt returns a context for work on an instance as it was when it was
// read.
func ConfineAt(ctx context.Context, i *Instance) context.Context {
	return context.WithValue(ctx, confinedKey{}, Confinement{i.ID, i.Revision})
}

// ConfinementOf returns what a context is confined to.
func ConfinementOf(ctx context.Context) Confinement {
	c, _ := ctx.Value(confinedKey{}).(Confinement)
	return c
}

// Confined returns the id of the instance that a context is confined to, or
// "".
func Confined(ctx context.Context) string { return ConfinementOf(ctx).InstanceID }
