package portal

import (
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"muster/screen"
	"muster/simulator/account"
	"muster/simulator/administration"
)

// parameterRow is a row of the tab Parameters.
type parameterRow struct {
	Name string
	*account.Parameter
}

// showParameters is the tab Parameters.
func (v *visit) showParameters() error {
	var rows []parameterRow
	for _, name := range slices.Sorted(maps.Keys(v.app.Parameters)) {
		rows = append(rows, parameterRow{name, v.app.Parameters[name]})
	}
	return v.tab("parameters", "Parameters", struct {
		Rows   []parameterRow
		Fields []string
		Unused []string
	}{rows, v.account.Directory.Fields(), v.app.UnusedFields(v.account.Directory)})
}

// sendParameters saves one parameter, or deletes it.
func (v *visit) sendParameters() error {
	name := strings.ToLower(strings.TrimSpace(v.PostFormValue("name")))
	if name == "" {
		return screen.Fail("Give the parameter a name.")
	}
	value := yaml.MapSlice{}
	switch source := strings.TrimSpace(v.PostFormValue("source")); {
	case v.PostFormValue("do") == "delete":
		value = append(value, yaml.MapItem{Key: "deleted", Value: true})
	case name == "groups":
		value = append(value,
			yaml.MapItem{Key: "included", Value: v.PostFormValue("included") != ""})
	case source == "":
		return screen.Fail("Say what the parameter %s is taken from.", name)
	default:
		kind := v.PostFormValue("kind")
		if !slices.Contains([]string{"field", "macro", "value"}, kind) {
			return screen.Fail("Choose a field, a macro or a value.")
		}
		value = append(value, yaml.MapItem{Key: kind, Value: source})
	}
	err := v.change(administration.Edit{Path: []any{"parameters", name}, Value: value})
	if err != nil {
		return err
	}
	return v.Go(v.path("parameters"), "The parameter %s is saved.", name)
}

// showRules is the tab Rules.
func (v *visit) showRules() error {
	return v.tab("rules", "Rules", struct {
		Rules  []*account.Rule
		Roles  []string
		Fields []string
	}{v.app.Rules, v.account.Roles, v.account.Directory.Fields()})
}

// sendRules adds a rule, or deletes one.
func (v *visit) sendRules() error {
	if name := v.PostFormValue("delete"); name != "" {
		n := slices.IndexFunc(v.app.Rules, func(r *account.Rule) bool { return r.Name == name })
		if n < 0 {
			return screen.NotFound("There is no rule %s.", name)
		}
		path := []any{"rules", n}
		if len(v.app.Rules) == 1 {
			path = path[:1]
		}
		if err := v.change(administration.Edit{Path: path}); err != nil {
			return err
		}
		return v.Go(v.path("rules"), "The rule %s is deleted.", name)
	}
	get := func(name string) string { return strings.TrimSpace(v.PostFormValue(name)) }
	rule := yaml.MapSlice{{Key: "name", Value: get("name")}}
	if get("name") == "" {
		return screen.Fail("Give the rule a name.")
	}
	if what := get("if"); what != "" {
		condition := yaml.MapSlice{{Key: "role", Value: get("is")}}
		if what != "role" {
			condition = yaml.MapSlice{
				{Key: "field", Value: strings.TrimPrefix(what, "field-")},
				{Key: "is", Value: get("is")},
			}
		}
		rule = append(rule, yaml.MapItem{Key: "if", Value: []yaml.MapSlice{condition}})
	}
	switch get("then") {
	case "groups":
		rule = append(rule, yaml.MapItem{Key: "set_groups", Value: each(get("what"))})
	case "roles":
		rule = append(rule, yaml.MapItem{Key: "set_groups_from_roles", Value: get("what")})
	default:
		return screen.Fail("Choose what the rule does.")
	}
	edit := administration.Edit{Path: []any{"rules", len(v.app.Rules)}, Value: rule}
	if len(v.app.Rules) == 0 {
		edit = administration.Edit{Path: []any{"rules"}, Value: []yaml.MapSlice{rule}}
	}
	if err := v.change(edit); err != nil {
		return err
	}
	return v.Go(v.path("rules"), "The rule %s is added.", get("name"))
}

// each returns what stands between commas.
func each(text string) (list []string) {
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// showProvisioning is the tab Provisioning.
func (v *visit) showProvisioning() error {
	return v.tab("provisioning", "Provisioning", v.app.Provisioning)
}

// sendProvisioning saves the tab Provisioning: what differs, and nothing else.
func (v *visit) sendProvisioning() error {
	p := v.app.Provisioning
	var edits []administration.Edit
	tick := func(now bool, name string, path ...any) {
		if want := v.PostFormValue(name) != ""; want != now {
			edits = append(edits, administration.Edit{
				Path: append([]any{"provisioning"}, path...), Value: want,
			})
		}
	}
	tick(p.Enabled, "enabled", "enabled")
	tick(p.Approval.Create, "create", "require_approval", "create")
	tick(p.Approval.Update, "update", "require_approval", "update")
	tick(p.Approval.Delete, "delete", "require_approval", "delete")
	tick(p.RetryFailed, "retry", "retry_failed")
	for _, choice := range []struct{ name, now string }{
		{"when_deleted", string(p.WhenDeleted)}, {"when_suspended", string(p.WhenSuspended)},
	} {
		if want := v.PostFormValue(choice.name); want != "" && want != choice.now {
			edits = append(edits,
				administration.Edit{Path: []any{"provisioning", choice.name}, Value: want})
		}
	}
	if len(edits) == 0 {
		return v.Go(v.path("provisioning"), "Nothing has changed.")
	}
	if err := v.change(edits...); err != nil {
		return err
	}
	return v.Go(v.path("provisioning"), "The settings are saved.")
}

type accessPage struct {
	Roles  []roleRow
	Users  string
	People int
}

// roleRow is a role that may have access.
type roleRow struct {
	Name   string
	Has    bool
	People int
}

// showAccess is the tab Access.
func (v *visit) showAccess() error {
	p := accessPage{Users: strings.Join(v.app.Access.Users, "\n")}
	people := make(map[string]int)
	for _, u := range v.account.Directory.Users {
		for _, role := range u.Roles {
			people[strings.ToLower(role)]++
		}
		if v.app.Assigned(u) {
			p.People++
		}
	}
	for _, role := range v.account.Roles {
		has := slices.ContainsFunc(v.app.Access.Roles,
			func(r string) bool { return strings.EqualFold(r, role) })
		p.Roles = append(p.Roles, roleRow{role, has, people[strings.ToLower(role)]})
	}
	return v.tab("access", "Access", p)
}

// sendAccess saves who is assigned: by role, and by name.
func (v *visit) sendAccess() error {
	roles := append([]string{}, v.PostForm["role"]...)
	users := []string{}
	for line := range strings.Lines(v.PostFormValue("users")) {
		if line = strings.TrimSpace(line); line != "" {
			users = append(users, line)
		}
	}
	var edits []administration.Edit
	if !slices.Equal(roles, v.app.Access.Roles) {
		edits = append(edits, administration.Edit{Path: []any{"access", "roles"}, Value: roles})
	}
	if !slices.Equal(users, v.app.Access.Users) {
		edits = append(edits, administration.Edit{Path: []any{"access", "users"}, Value: users})
	}
	if err := v.change(edits...); err != nil {
		return err
	}
	return v.Go(v.path("access"), "The access is saved; the next cycle provisions who is new.")
}
