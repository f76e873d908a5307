package cycle

import (
	"context"
	"slices"

	"muster/simulator/client"
	"muster/simulator/directory"
	"muster/simulator/username"
)

// Entitlements compares the groups of the application with those that the
// rules of the app set for the people who are assigned to it.
type Entitlements struct {
	App string `json:"app"`
	// Matched are at the application already, Missing will be created, and
	// Others are at the application and no rule sets them.
	Matched []string `json:"matched"`
	Missing []string `json:"missing"`
	Others  []string `json:"others"`
}

// Entitlements reads the groups of the application. It writes nothing there;
// groups that were left out, because the server did not support them, are
// tried again by the next cycle.
func (c *Cycle) Entitlements(ctx context.Context) (*Entitlements, error) {
	app, err := c.State.App(ctx, c.App.Name)
	if err == nil && app.NoGroups != "" {
		app.NoGroups = ""
		err = c.State.SaveApp(ctx, c.App.Name, app)
	}
	if err != nil {
		return nil, err
	}
	wanted := make(map[string]string) // by the name in lower case
	for _, u := range c.Directory.Users {
		if c.App.Assigned(u) && u.Status != directory.Suspended {
			for _, name := range c.App.Groups(u) {
				wanted[username.Fold(name)] = name
			}
		}
	}
	e := &Entitlements{
		App: c.App.Name, Matched: []string{}, Missing: []string{}, Others: []string{},
	}
	err = c.Client.Groups(ctx, func(g client.Group) error {
		if _, ok := wanted[username.Fold(g.DisplayName)]; ok {
			e.Matched = append(e.Matched, g.DisplayName)
			delete(wanted, username.Fold(g.DisplayName))
		} else {
			e.Others = append(e.Others, g.DisplayName)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range wanted {
		e.Missing = append(e.Missing, name)
	}
	for _, list := range [][]string{e.Matched, e.Missing, e.Others} {
		slices.Sort(list)
	}
	return e, nil
}
