package cycle

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"muster/simulator/client"
)

// groups finds the groups of the application by their names, and creates
// those that are missing. They are read once, when the first is needed.
type groups struct {
	client *client.Client

	mu      sync.Mutex
	byName  map[string]client.Group // by the name in lower case; nil until read
	created map[string]bool
	matched map[string]bool
}

func (g *groups) load(ctx context.Context) error {
	if g.byName != nil {
		return nil
	}
	byName := make(map[string]client.Group)
	err := g.client.Groups(ctx, func(group client.Group) error {
		byName[strings.ToLower(group.DisplayName)] = group
		return nil
	})
	if err != nil {
		return err
	}
	g.byName = byName
	if g.created == nil {
		g.created, g.matched = make(map[string]bool), make(map[string]bool)
	}
	return nil
}

// find returns the id of a group, or "" if there is none of that name.
func (g *groups) find(ctx context.Context, name string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.load(ctx); err != nil {
		return "", err
	}
	return g.byName[strings.ToLower(name)].ID, nil
}

// ensure returns the id of a group, and creates it if there is none of that
// name. Only one is created at a time: two users may need the same.
func (g *groups) ensure(ctx context.Context, name string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.load(ctx); err != nil {
		return "", err
	}
	if group, ok := g.byName[strings.ToLower(name)]; ok {
		if !g.created[name] {
			g.matched[group.DisplayName] = true
		}
		return group.ID, nil
	}
	group, err := g.client.CreateGroup(ctx, name)
	if client.Status(err) == http.StatusConflict {
		// It was made meanwhile, perhaps by a try whose answer was lost.
		g.byName = nil
		if err := g.load(ctx); err != nil {
			return "", err
		}
		if there, ok := g.byName[strings.ToLower(name)]; ok {
			g.matched[there.DisplayName] = true
			return there.ID, nil
		}
	}
	if err != nil {
		return "", err
	}
	g.byName[strings.ToLower(name)] = *group
	g.created[name] = true
	return group.ID, nil
}

// forget drops what is known of a group that is there no more.
func (g *groups) forget(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.byName, strings.ToLower(name))
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
