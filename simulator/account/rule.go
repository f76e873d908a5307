package account

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"muster/simulator/directory"
	"muster/simulator/yamlfile"
)

// Rule is one of the tab Rules: for the people who meet its conditions it
// sets groups and parameters. Rules apply in their order: a later one sets a
// parameter over an earlier one.
type Rule struct {
	Name string `yaml:"name"`
	// If holds the conditions; without one the rule is for everybody.
	If []Condition `yaml:"if"`
	// Any asks for one of the conditions, instead of all of them.
	Any bool `yaml:"match_any"`
	// SetGroups names groups outright.
	SetGroups []string `yaml:"set_groups"`
	// SetGroupsFromRoles is a regular expression: each role of the person
	// that matches it gives a group of the same name, or of the name that
	// its first parentheses match.
	SetGroupsFromRoles string `yaml:"set_groups_from_roles"`
	// SetParameters gives parameters of the app another source.
	SetParameters map[string]*Parameter `yaml:"set_parameters"`

	pattern *regexp.Regexp
}

// Condition asks for a role, or compares a field by exactly one of the
// comparisons. Letter case does not matter.
type Condition struct {
	Role    string `yaml:"role"`
	NotRole string `yaml:"not_role"`
	// Status is one of OneLogin's, by code or word.
	Status string `yaml:"status"`

	Field      string   `yaml:"field"`
	Is         *string  `yaml:"is"`
	IsNot      *string  `yaml:"is_not"`
	OneOf      []string `yaml:"one_of"`
	Contains   string   `yaml:"contains"`
	StartsWith string   `yaml:"starts_with"`
	EndsWith   string   `yaml:"ends_with"`
	// Matches is a regular expression for the whole value.
	Matches string `yaml:"matches"`

	met func(*directory.User) bool
}

func (app *App) compile(r *Rule, a *Account) error {
	for i := range r.If {
		if err := r.If[i].compile(a); err != nil {
			return yamlfile.At(fmt.Sprintf("if[%d]", i), err)
		}
	}
	for name, p := range r.SetParameters {
		switch {
		case name != strings.ToLower(name) || app.Parameters[name] == nil || name == groupsParam:
			return yamlfile.Atf("set_parameters."+name,
				"the app has no such parameter to set; add it to parameters")
		case p == nil || p.Deleted:
			return yamlfile.Atf("set_parameters."+name, "give a field, a macro or a value")
		}
		if err := app.checkParameter(a.Directory, name, p); err != nil {
			return yamlfile.At("set_parameters."+name, err)
		}
	}
	if len(r.SetGroups)+len(r.SetParameters) == 0 && r.SetGroupsFromRoles == "" {
		return fmt.Errorf("the rule %q does nothing; give set_groups, set_groups_from_roles or "+
			"set_parameters", r.Name)
	}
	var err error
	if r.SetGroupsFromRoles != "" {
		r.pattern, err = whole(r.SetGroupsFromRoles)
	}
	return yamlfile.At("set_groups_from_roles", err)
}

// whole compiles a regular expression that must match the whole text, in any
// letter case.
func whole(pattern string) (*regexp.Regexp, error) {
	return regexp.Compile("(?i)^(?:" + pattern + ")$")
}

// compile makes the function that the condition stands for.
func (c *Condition) compile(a *Account) error {
	given := 0
	for _, s := range []string{c.Role, c.NotRole, c.Status, c.Field} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return errors.New("a condition has either a role, a not_role, a status, or a field and " +
			"a comparison")
	}
	switch {
	case c.Role != "":
		c.met = func(u *directory.User) bool { return u.HasRole(c.Role) }
		return yamlfile.At("role", a.checkRole(c.Role))
	case c.NotRole != "":
		c.met = func(u *directory.User) bool { return !u.HasRole(c.NotRole) }
		return yamlfile.At("not_role", a.checkRole(c.NotRole))
	case c.Status != "":
		status, err := directory.ParseStatus(c.Status)
		c.met = func(u *directory.User) bool { return u.Status == status }
		return yamlfile.At("status", err)
	case !a.Directory.HasField(c.Field):
		return yamlfile.Atf("field", "the users have no field %q", c.Field)
	}
	compare, err := c.comparison()
	c.met = func(u *directory.User) bool { return compare(u.Field(c.Field)) }
	return err
}

// comparison returns the one comparison of a field that is given.
func (c *Condition) comparison() (func(string) bool, error) {
	var all []func(string) bool
	if c.Is != nil {
		all = append(all, func(s string) bool { return strings.EqualFold(s, *c.Is) })
	}
	if c.IsNot != nil {
		all = append(all, func(s string) bool { return !strings.EqualFold(s, *c.IsNot) })
	}
	if c.OneOf != nil {
		all = append(all, func(s string) bool {
			return slices.ContainsFunc(c.OneOf,
				func(x string) bool { return strings.EqualFold(x, s) })
		})
	}
	for _, x := range []struct {
		part string
		find func(s, part string) bool
	}{
		{c.Contains, strings.Contains},
		{c.StartsWith, strings.HasPrefix},
		{c.EndsWith, strings.HasSuffix},
	} {
		if x.part != "" {
			all = append(all,
				func(s string) bool { return x.find(strings.ToLower(s), strings.ToLower(x.part)) })
		}
	}
	if c.Matches != "" {
		pattern, err := whole(c.Matches)
		if err != nil {
			return nil, yamlfile.At("matches", err)
		}
		all = append(all, pattern.MatchString)
	}
	if len(all) != 1 {
		return nil, errors.New("give one comparison of the field: is, is_not, one_of, contains, " +
			"starts_with, ends_with or matches")
	}
	return all[0], nil
}

func (r *Rule) matches(u *directory.User) bool {
	if len(r.If) == 0 {
		return true
	}
	if r.Any {
		return slices.ContainsFunc(r.If, func(c Condition) bool { return c.met(u) })
	}
	return !slices.ContainsFunc(r.If, func(c Condition) bool { return !c.met(u) })
}

// groups returns the names that the rule sets for a person.
func (r *Rule) groups(u *directory.User) []string {
	names := slices.Clone(r.SetGroups)
	if r.pattern == nil {
		return names
	}
	for _, role := range u.Roles {
		switch m := r.pattern.FindStringSubmatch(role); {
		case len(m) > 1 && m[1] != "":
			names = append(names, m[1])
		case m != nil:
			names = append(names, role)
		}
	}
	return names
}
