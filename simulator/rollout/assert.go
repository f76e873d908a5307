package rollout

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster/simulator/client"
	"muster/simulator/username"
	"muster/simulator/yamlfile"
)

// Assertion is something to check at the application after a wave: of a user
// or of a group, and what is to be so.
type Assertion struct {
	User string `yaml:"user"`
	// Exists is whether there is an account; true if it is not given.
	Exists *bool `yaml:"exists"`
	Active *bool `yaml:"active"`
	// Groups are all groups that the user is in.
	Groups []string `yaml:"groups"`
	// Has are values by their paths, such as name.familyName or
	// emails[type eq "work"].value.
	Has map[string]string `yaml:"has"`

	Group string `yaml:"group"`
	// Members is how many members the group has.
	Members *int `yaml:"members"`
}

func (a Assertion) check() error {
	switch {
	case (a.User == "") == (a.Group == ""):
		return errors.New("a check is of a user or of a group; give one of them")
	case a.Group != "" && (a.Exists != nil || a.Active != nil || a.Groups != nil || a.Has != nil):
		return errors.New("of a group only its members can be checked")
	case a.User != "" && a.Members != nil:
		return yamlfile.Atf("members", "a user has no members; give group instead of user")
	}
	return nil
}

// assertions evaluates what the wave wants to have checked.
func (w *Wave) assertions(now *content) []Expectation {
	var list []Expectation
	for _, a := range w.Check {
		if a.Group != "" {
			list = append(list, a.ofGroup(now)...)
		} else {
			list = append(list, a.ofUser(now)...)
		}
	}
	return list
}

func (a Assertion) ofGroup(now *content) []Expectation {
	i := slices.IndexFunc(now.groups,
		func(g client.Group) bool { return username.Fold(g.DisplayName) == username.Fold(a.Group) })
	if i < 0 {
		return []Expectation{{What: "group " + a.Group, Expected: "exists", Got: "does not exist"}}
	}
	if a.Members == nil {
		return []Expectation{
			{What: "group " + a.Group, Expected: "exists", Got: "exists", Met: true},
		}
	}
	n := len(now.groups[i].Members)
	return []Expectation{
		{
			What: "members of " + a.Group, Expected: fmt.Sprint(*a.Members), Got: fmt.Sprint(n),
			Met: n == *a.Members,
		},
	}
}

func (a Assertion) ofUser(now *content) []Expectation {
	var there client.User
	for _, u := range now.users {
		if username.Equal(u.UserName(), a.User) {
			there = u
		}
	}
	word := func(b bool, yes, no string) string {
		if b {
			return yes
		}
		return no
	}
	exists := a.Exists == nil || *a.Exists
	list := []Expectation{{
		What: a.User, Expected: word(exists, "exists", "does not exist"),
		Got: word(there != nil, "exists", "does not exist"), Met: exists == (there != nil),
	}}
	if there == nil || !exists {
		return list
	}
	if a.Active != nil {
		list = append(list, Expectation{
			What: "state of " + a.User, Expected: word(*a.Active, "active", "suspended"),
			Got: word(there.Active(), "active", "suspended"), Met: *a.Active == there.Active(),
		})
	}
	if a.Groups != nil {
		var in []string
		for _, g := range now.groups {
			if slices.ContainsFunc(g.Members,
				func(m client.Member) bool { return m.Value == there.ID() }) {
				in = append(in, g.DisplayName)
			}
		}
		want := slices.Sorted(slices.Values(a.Groups))
		slices.Sort(in)
		list = append(list, Expectation{
			What: "groups of " + a.User, Expected: enumerate(want), Got: enumerate(in),
			Met: slices.EqualFunc(want, in, strings.EqualFold),
		})
	}
	for _, path := range slices.Sorted(maps.Keys(a.Has)) {
		got := client.Value(there, path)
		list = append(list, Expectation{
			What: path + " of " + a.User, Expected: a.Has[path], Got: got, Met: got == a.Has[path],
		})
	}
	return list
}
