package instance

import "context"

type confinedKey struct{}

// Confine returns a context for work on one instance only. A store that can
// do so keeps what is done with it from all other instances, whatever the
// queries say: on PostgreSQL by row-level security. An empty id takes the
// confinement away.
func Confine(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, confinedKey{}, id)
}

// Confined returns the id of the instance that a context is confined to, or
// "".
func Confined(ctx context.Context) string {
	id, _ := ctx.Value(confinedKey{}).(string)
	return id
}
