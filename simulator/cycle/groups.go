package cycle

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"muster/simulator/client"
)

// groups finds the groups of the application by their names, and creates
// those that are missing. They are read once, when the first is needed, or
// looked up one by one, as the provider does it.
type groups struct {
	client *client.Client

	mu     sync.Mutex
	loaded bool
	// ids and names are by the name in lower case.
	ids, names       map[string]string
	created, matched map[string]bool
}

func newGroups(c *client.Client) groups {
	return groups{client: c, created: make(map[string]bool), matched: make(map[string]bool)}
}

func (g *groups) load(ctx context.Context) error {
	if g.loaded {
		return nil
	}
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
	return g.look(ctx, name)
}

func (g *groups) look(ctx context.Context, name string) (string, error) {
	key := strings.ToLower(name)
	if !g.client.Profile().ListsGroups {
		if id, ok := g.ids[key]; ok {
			return id, nil
		}
		group, err := g.client.FindGroup(ctx, name)
		if err != nil || group == nil {
			return "", err
		}
		g.know(*group)
		return group.ID, nil
	}
	if err := g.load(ctx); err != nil {
		return "", err
	}
	return g.ids[key], nil
}

func (g *groups) know(group client.Group) {
	if g.ids == nil {
		g.ids, g.names = make(map[string]string), make(map[string]string)
	}
	key := strings.ToLower(group.DisplayName)
	g.ids[key], g.names[key] = group.ID, group.DisplayName
}

// ensure returns the id of a group, and creates it if there is none of that
// name; made says that the user is in it already then, as its first member.
// Only one is created at a time: two users may need the same.
func (g *groups) ensure(ctx context.Context, name, userID string) (id string, made bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if id, err = g.look(ctx, name); err != nil {
		return "", false, err
	}
	key := strings.ToLower(name)
	if id != "" {
		if !g.created[name] {
			g.matched[g.names[key]] = true
		}
		return id, false, nil
	}
	group, err := g.client.CreateGroup(ctx, name, userID)
	if client.Status(err) == http.StatusConflict {
		// It was made meanwhile, perhaps by a try whose answer was lost.
		g.loaded = false
		id, again := g.look(ctx, name)
		if again != nil || id != "" {
			g.matched[g.names[key]] = true
			return id, false, again
		}
	}
	if err != nil {
		return "", false, err
	}
	g.know(*group)
	g.names[key] = name
	g.created[name] = true
	return group.ID, g.client.Profile().GroupsHaveMembers, nil
}

// forget drops what is known of a group that is there no more.
func (g *groups) forget(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.ids, strings.ToLower(name))
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
