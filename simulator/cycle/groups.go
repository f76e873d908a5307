package cycle

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"muster/simulator/client"
	"muster/simulator/username"
)

// groups finds the groups of the application by their names, and creates
// those that are missing. They are read once, when the first is needed, or
// looked up one by one, as the provider does it.
type groups struct {
	client *client.Client
	// making is told of a group before it is created; may be nil.
	making func(ctx context.Context, group string, made bool) error

	mu     sync.Mutex
	loaded bool
	// known are the groups by their names as the application compares them.
	known            map[string][]client.Group
	created, matched map[string]bool
}

func newGroups(c *client.Client, making func(context.Context, string, bool) error) groups {
	if making == nil {
		making = func(context.Context, string, bool) error { return nil }
	}
	return groups{
		client: c, making: making, known: make(map[string][]client.Group),
		created: make(map[string]bool), matched: make(map[string]bool),
	}
}

func (g *groups) load(ctx context.Context) error {
	if g.loaded {
		return nil
	}
	clear(g.known)
	err := g.client.Groups(ctx, func(group client.Group) error {
		g.know(group)
		return nil
	})
	g.loaded = err == nil
	return err
}

// find returns the id of a group, or "" if there is none of that name.
func (g *groups) find(ctx context.Context, name string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	group, err := g.look(ctx, name)
	return group.ID, err
}

// look returns the group of a name: the one that is spelled so, or else the
// only one of that name. Its id is empty if there is none.
func (g *groups) look(ctx context.Context, name string) (client.Group, error) {
	if g.client.Profile().ListsGroups {
		if err := g.load(ctx); err != nil {
			return client.Group{}, err
		}
	} else if len(g.known[username.Fold(name)]) == 0 {
		group, err := g.client.FindGroup(ctx, name)
		if err != nil || group == nil {
			return client.Group{}, err
		}
		g.know(*group)
	}
	same := g.known[username.Fold(name)]
	for _, group := range same {
		if group.DisplayName == name {
			return group, nil
		}
	}
	switch len(same) {
	case 0:
		return client.Group{}, nil
	case 1:
		return same[0], nil
	}
	return client.Group{}, fmt.Errorf("the application has %d groups of that name, and none is "+
		"spelled so: which is meant cannot be told", len(same))
}

func (g *groups) know(group client.Group) {
	group.Members = nil // there may be many
	key := username.Fold(group.DisplayName)
	g.known[key] = append(g.known[key], group)
}

// ensure returns the id of a group, and creates it if there is none of that
// name; made says that the user is in it already then, as its first member.
// Only one is created at a time: two users may need the same.
func (g *groups) ensure(
	ctx context.Context, name, userID string,
) (id string, made bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	there, err := g.look(ctx, name)
	if err != nil {
		return "", false, err
	}
	if there.ID != "" {
		if !g.created[there.DisplayName] {
			g.matched[there.DisplayName] = true
		}
		return there.ID, false, nil
	}
	if err := g.making(ctx, name, true); err != nil {
		return "", false, err
	}
	group, err := g.client.CreateGroup(ctx, name, userID)
	if status := client.Status(err); status != 0 && status < http.StatusInternalServerError {
		// the server said no
		err = errors.Join(err, g.making(context.WithoutCancel(ctx), name, false))
	}
	if client.Status(err) == http.StatusConflict {
		// It was made meanwhile, perhaps by a try whose answer was lost.
		g.loaded = false
		there, again := g.look(ctx, name)
		if again != nil || there.ID != "" {
			g.matched[there.DisplayName] = true
			return there.ID, false, again
		}
	}
	if err != nil {
		return "", false, err
	}
	group.DisplayName = name // as it was sent
	g.know(*group)
	g.created[name] = true
	return group.ID, g.client.Profile().GroupsHaveMembers, nil
}

// forget drops what is known of a group that is there no more.
func (g *groups) forget(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.known, username.Fold(name))
}

// used returns the names of the groups that were created, and of those that
// were there.
func (g *groups) used() (created, matched []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return names(g.created), names(g.matched)
}

func names(set map[string]bool) []string {
	list := make([]string, 0, len(set))
	for name := range set {
		list = append(list, name)
	}
	return list
}
