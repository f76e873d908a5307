package console

import (
	"strings"

	"muster/screen"
	"muster/server/administration"
)

// membersShown is how many members of a group a page shows.
const membersShown = 500

// showGroups lists groups.
func (v *visit) showGroups() error {
	v.takes = lite
	groups, next, err := v.console.Admin.FindGroups(v.Context(), v.scope, administration.Look{
		Search: strings.TrimSpace(v.FormValue("search")), After: v.FormValue("after"),
		Limit: perPage,
	})
	if err != nil {
		return err
	}
	return v.Show("groups", "Groups", list(v, groups, "after", next))
}

// showGroup shows a group with its members.
func (v *visit) showGroup() error {
	g, more, err := v.console.Admin.GroupByID(v.Context(), v.scope, v.PathValue("id"),
		membersShown)
	if err != nil {
		return err
	}
	v.Trail = []screen.Link{{Text: "Groups", URL: v.path("groups")}}
	return v.Show("group", g.DisplayName, struct {
		administration.Group
		More bool
		Path string
	}{g, more, v.path("")})
}

func (v *visit) showNewGroup() error {
	v.Trail = []screen.Link{{Text: "Groups", URL: v.path("groups")}}
	return v.Show("new-group", "Create a group by hand",
		struct{ Slug string }{v.scope.Instance.Slug})
}

func (v *visit) sendNewGroup() error {
	g, err := v.console.Admin.CreateGroup(v.Context(), v.scope,
		strings.TrimSpace(v.PostFormValue("displayName")), lines(v.PostFormValue("members")))
	if err != nil {
		return err
	}
	return v.Go(v.path("groups", g.ID), "The group %s is created.", g.DisplayName)
}

// lines returns what stands on the lines of a text, but for empty ones.
func lines(text string) (list []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}
