package account

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"muster/simulator/directory"
	"muster/simulator/template"
	"muster/simulator/yamlfile"
)

// Parameter is one of the tab Parameters: what an attribute takes from the
// user. It has a field of the user, a text with macros, or a fixed value.
type Parameter struct {
	Field string `yaml:"field"`
	Macro string `yaml:"macro"`
	Value string `yaml:"value"`
	// Included says, of the parameter groups, "include in user
	// provisioning": without it no group is synced.
	Included bool `yaml:"included"`
	// Deleted takes a parameter of the default set away: where the template
	// names it there is nothing.
	Deleted bool `yaml:"deleted"`
}

// The parameters of the default set that have a meaning here.
const (
	scimUserName = "scimusername"
	groupsParam  = "groups"
)

// defaultParameters is the set that a new app has.
func defaultParameters() map[string]*Parameter {
	return map[string]*Parameter{
		scimUserName:          {Field: directory.Username},
		"title":               {Field: "title"},
		"department":          {Field: "department"},
		"external_manager_id": {Macro: "{$user.manager_scimusername}"},
		groupsParam:           {},
	}
}

// completeParameters puts the app's own parameters over the default set.
func (app *App) completeParameters(d *directory.Directory) error {
	all := defaultParameters()
	for name, p := range app.Parameters {
		name = strings.ToLower(name)
		if p == nil {
			return yamlfile.Atf(name,
				"it is empty; give a field, a macro or a value, or deleted: true")
		}
		if p.Deleted {
			if name == scimUserName {
				return yamlfile.Atf(name, "it cannot be deleted: userName is made of it")
			}
			p = &Parameter{Deleted: true}
		}
		all[name] = p
	}
	app.Parameters = all
	for name, p := range all {
		if name == groupsParam || p.Deleted {
			continue
		}
		if err := app.checkParameter(d, name, p); err != nil {
			return yamlfile.At(name, err)
		}
	}
	return nil
}

func (app *App) checkParameter(d *directory.Directory, name string, p *Parameter) error {
	given := 0
	for _, s := range []string{p.Field, p.Macro, p.Value} {
		if s != "" {
			given++
		}
	}
	switch {
	case given != 1:
		return errors.New("give one of field, macro and value")
	case p.Field != "" && !d.HasField(p.Field) && !isDefault(name, p):
		return fmt.Errorf("the users have no field %q; add a column to their file, or use one of "+
			"its columns", p.Field)
	}
	if plainMacro.MatchString(p.Value) {
		return fmt.Errorf("the value %q is sent as it stands here; write it as macro: if its "+
			"braces are a macro", p.Value)
	}
	p.Macro = plainMacro.ReplaceAllString(p.Macro, "{$$user.$1}")
	return app.checkParameterMacro(d, name, p.Macro)
}

// plainMacro is a macro as OneLogin's parameters have it: {firstname},
// {email_name_part}. It is the same as {$user.firstname}.
var plainMacro = regexp.MustCompile(`\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// checkParameterMacro refuses macros that would never come to an end: those
// that stand for other parameters.
func (app *App) checkParameterMacro(d *directory.Directory, parameter, text string) error {
	return template.Check(text, func(kind, name string) error {
		if kind == "parameters" || parameter == scimUserName &&
			strings.HasSuffix(name, "_"+scimUserName) {
			return errors.New("a parameter is not made of other parameters; use {$user.FIELD}")
		}
		return app.checkMacro(d, kind, name)
	})
}

// isDefault reports whether a parameter is as the default set has it: then
// its field may be missing in the file, and is blank.
func isDefault(name string, p *Parameter) bool {
	d := defaultParameters()[name]
	return d != nil && d.Field == p.Field
}

// derived are the names behind {$user.…} that are no fields of the file.
var derived = []string{
	"display_name", "active", "status", "manager_scimusername", "firstinitial", "lastinitial",
	"email_name_part", "email_domain_part",
}

// optional are the fields of OneLogin's users that a file may lack.
var optional = []string{
	"id", "username", "email", "firstname", "lastname", "department", "title", "company", "phone",
	"mobile", "manager",
}

// checkMacro refuses a macro that stands for nothing.
func (app *App) checkMacro(d *directory.Directory, kind, name string) error {
	if kind == "parameters" {
		if app.Parameters[strings.ToLower(name)] == nil {
			return fmt.Errorf("the app has no parameter %q", name)
		}
		return nil
	}
	field := strings.TrimPrefix(name, "manager_")
	if slices.Contains(derived, name) || slices.Contains(derived, field) ||
		slices.Contains(optional, field) || d.HasField(name) || d.HasField(field) {
		return nil
	}
	return fmt.Errorf("the users have no field %q; there are %s and %s", name,
		strings.Join(derived, ", "), strings.Join(d.Fields(), ", "))
}

// macro returns the value of a macro for a person.
func (app *App) macro(u *directory.User, kind, name string) string {
	if kind == "parameters" {
		return app.parameter(u, name)
	}
	switch name {
	case "display_name":
		return u.DisplayName()
	case "active":
		return strconv.FormatBool(u.Status != directory.Suspended)
	case "status":
		return strconv.Itoa(int(u.Status))
	case "scimusername":
		return app.UserName(u)
	case "firstinitial":
		return initial(u.Field(directory.FirstName))
	case "lastinitial":
		return initial(u.Field(directory.LastName))
	case "email_name_part":
		name, _ := cutLast(u.Field(directory.Email), "@")
		return name
	case "email_domain_part":
		_, domain := cutLast(u.Field(directory.Email), "@")
		return domain
	}
	if field, ok := strings.CutPrefix(name, "manager_"); ok {
		if u.Manager == nil {
			return ""
		}
		return app.macro(u.Manager, kind, field)
	}
	return u.Field(name)
}

// initial returns the first letter of a name, with the marks that belong to it.
func initial(s string) string {
	g := norm.NFC.String(s)
	for i := range g {
		if i > 0 {
			return g[:i]
		}
	}
	return g
}

// cutLast is [strings.Cut] at the last separator.
func cutLast(s, sep string) (before, after string) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):]
	}
	return s, ""
}

// parameter returns the value of a parameter for a person.
func (app *App) parameter(u *directory.User, name string) string {
	name = strings.ToLower(name)
	p := app.Parameters[name]
	for _, r := range app.Rules {
		if set := r.SetParameters[name]; set != nil && r.matches(u) {
			p = set
		}
	}
	switch {
	case p == nil:
		return ""
	case p.Field != "":
		return u.Field(p.Field)
	case p.Macro != "":
		return template.Expand(p.Macro,
			func(kind, name string) string { return app.macro(u, kind, name) })
	}
	return p.Value
}

// UserName returns what the person is called at the application: the
// parameter scimusername.
func (app *App) UserName(u *directory.User) string { return app.parameter(u, scimUserName) }

// Body returns the SCIM user that the template gives for a person.
func (app *App) Body(u *directory.User) map[string]any {
	skip := app.Configuration.SkipIfBlank == nil || *app.Configuration.SkipIfBlank
	return app.template.Render(func(kind, name string) string { return app.macro(u, kind, name) },
		skip)
}

// UnusedFields returns the fields of the people that neither the template nor
// a parameter nor a rule takes, sorted.
func (app *App) UnusedFields(d *directory.Directory) []string {
	used := map[string]bool{
		directory.ID: true, "manager": true, "status": true, "roles": true, "company": true,
	}
	use := func(kind, name string) error {
		if kind == "user" {
			used[name], used[strings.TrimPrefix(name, "manager_")] = true, true
		}
		return nil
	}
	if app.template.Uses("user", "display_name") {
		used[directory.FirstName], used[directory.LastName] = true, true
	}
	_ = app.template.Macros(use)
	for name, p := range app.Parameters {
		if name == scimUserName || app.template.Uses("parameters", name) {
			used[p.Field] = true
			_ = template.Check(p.Macro, use)
		}
	}
	for _, r := range app.Rules {
		for _, c := range r.If {
			used[c.Field] = true
		}
	}
	return slices.DeleteFunc(d.Fields(), func(name string) bool { return used[name] })
}

// SetsActive reports whether the template has the attribute "active".
func (app *App) SetsActive() bool { return app.template.Has("active") }

// TextActive reports whether the template gives "active" as a text: a macro stands
// inside a string.
func (app *App) TextActive() bool { return app.template.Text("active") }

// Groups returns the names of the groups that the rules set for a person,
// sorted, each once. It returns none unless groups are included in user
// provisioning.
func (app *App) Groups(u *directory.User) []string {
	if p := app.Parameters[groupsParam]; p == nil || !p.Included {
		return nil
	}
	var names []string
	for _, r := range app.Rules {
		if r.matches(u) {
			names = append(names, r.groups(u)...)
		}
	}
	slices.SortFunc(names,
		func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return slices.CompactFunc(names, strings.EqualFold)
}
