package console

import (
	"slices"
	"strings"

	"muster/screen"
	"muster/server/administration"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/workflow"
)

// ruleFailed reports whether a row tells of a rule that could not do its work: the
// row of the change that fired it names the rule.
func ruleFailed(e *history.Entry) bool { return strings.Contains(e.Detail, `rule "`) }

// showFields lists the fields of users.
func (v *visit) showFields() error {
	v.Trail = []screen.Link{{Text: "Settings"}, {Text: "Custom fields"}}
	return v.Show("fields", "Custom fields", struct {
		Fields []instance.Field
		May    bool
		Slug   string
	}{v.scope.Instance.Fields, v.May(), v.scope.Instance.Slug})
}

// sendField adds a custom field.
func (v *visit) sendField() error {
	f, err := v.console.Admin.AddField(v.Context(), v.scope, instance.Field{
		Name: strings.TrimSpace(v.PostFormValue("name")), Title: v.PostFormValue("title"),
		Type: instance.FieldType(v.PostFormValue("type")), Values: lines(v.PostFormValue("values")),
	})
	if err != nil {
		return err
	}
	return v.Go(v.path("fields"), "The field %s is added. To fill it, map an attribute to it "+
		"under User Provisioning.", f.Title)
}

// showObjects lists what users are linked to.
func (v *visit) showObjects() error {
	list, err := v.console.Admin.Users.Objects(v.Context(), v.scope)
	if err != nil {
		return err
	}
	v.Trail = []screen.Link{{Text: "Settings"}, {Text: "Objects"}}
	return v.Show("objects", "Objects", struct {
		Objects []provisioning.Object
		Types   []string
		May     bool
		// Define says that the person may define types.
		Define bool
		Slug   string
	}{list, v.objectTypes(), v.May(), v.person.Role.May(administrator), v.scope.Instance.Slug})
}

func (v *visit) objectTypes() []string {
	return append([]string{workflow.JobTitle}, v.scope.Instance.Workflow.ObjectTypes...)
}

// sendObject adds an object, or a type of them.
func (v *visit) sendObject() error {
	if name := strings.TrimSpace(v.PostFormValue("newType")); name != "" {
		if !v.person.Role.May(administrator) {
			return v.console.deny(v, administrator)
		}
		if err := v.console.Admin.DefineType(v.Context(), v.scope, name); err != nil {
			return err
		}
		return v.Go(v.path("objects"), "The object type %s is defined.", name)
	}
	o, err := v.console.Admin.Users.AddObject(v.Context(), v.scope, v.PostFormValue("type"),
		strings.TrimSpace(v.PostFormValue("name")))
	if err != nil {
		return err
	}
	return v.Go(v.path("objects"), "The %s “%s” is added.", o.Type, o.Name)
}

type rulesPage struct {
	Rules  []ruleRow
	Fields []mapping.Target
	Types  []string
	May    bool
	Slug   string
}

type ruleRow struct {
	workflow.Rule
	Text string
}

// showRules lists workflow rules: the second of the guide's two stages.
func (v *visit) showRules() error {
	p := rulesPage{
		Fields: v.targets(), Types: v.objectTypes(), May: v.May(), Slug: v.scope.Instance.Slug,
	}
	for _, r := range v.scope.Instance.Workflow.Rules {
		p.Rules = append(p.Rules, ruleRow{r, administration.DescribeRule(r)})
	}
	v.Trail = []screen.Link{{Text: "Settings"}, {Text: "Workflow rules"}}
	return v.Show("rules", "Workflow rules", p)
}

// sendRule adds or deletes a rule.
func (v *visit) sendRule() error {
	if name := v.PostFormValue("delete"); name != "" {
		if err := v.typed(name); err != nil {
			return err
		}
		if _, err := v.console.Admin.DeleteRule(v.Context(), v.scope, name); err != nil {
			return err
		}
		return v.Go(v.path("rules"), "The rule “%s” is deleted.", name)
	}
	when := v.PostFormValue("when")
	if values := strings.TrimSpace(v.PostFormValue("values")); when != "changed" {
		when += ":" + strings.Join(lines(values), "|")
	}
	do := v.PostFormValue("do") + ":" + strings.TrimSpace(v.PostFormValue("target"))
	if value := strings.TrimSpace(v.PostFormValue("value")); value != "" {
		do += "=" + value
	}
	r, err := v.console.Admin.CreateRule(v.Context(), v.scope, administration.NewRule{
		Name: strings.TrimSpace(v.PostFormValue("name")), Field: v.PostFormValue("field"),
		When: when, Do: []string{do},
	})
	if err != nil {
		return err
	}
	return v.Go(v.path("rules"), "The rule “%s” is added. It runs whenever the field gets a "+
		"new value.", r.Name)
}

type updatePage struct {
	Fields []mapping.Target
	// Foretold is what would become of each user; nil before it was asked for.
	Foretold  []provisioning.FieldUpdateResult
	Asked     bool
	Conflicts int
	Slug      string
}

// showUpdateField is the guide's custom action "update field".
func (v *visit) showUpdateField() error {
	v.Trail = []screen.Link{{Text: "Settings"}, {Text: "Update a field"}}
	p := updatePage{Fields: v.targets(), Slug: v.scope.Instance.Slug}
	if v.FormValue("do") == "" {
		return v.Show("update-field", "Update a field of many users", p)
	}
	u := v.update()
	u.Apply = false
	foretold, err := v.console.Admin.UpdateField(v.Context(), v.scope, u)
	if e := explain(err); e != nil {
		v.Status, v.Problem = e.Status, e.Text
	} else if err != nil {
		return err
	} else {
		p.Asked = true
	}
	for _, r := range foretold {
		if r.Problem != "" {
			p.Conflicts++
		}
	}
	// Those that cannot be done come first.
	slices.SortStableFunc(foretold, func(a, b provisioning.FieldUpdateResult) int {
		return strings.Compare(b.Problem, a.Problem)
	})
	p.Foretold = foretold
	return v.Show("update-field", "Update a field of many users", p)
}

// update reads the form.
func (v *visit) update() administration.FieldUpdate {
	return administration.FieldUpdate{
		Field: v.FormValue("field"), From: v.FormValue("from"), Lower: v.FormValue("lower") != "",
		Domain: strings.TrimSpace(v.FormValue("domain")),
		Filter: strings.TrimSpace(v.FormValue("filter")),
	}
}

// sendUpdateField foretells the action, or does it.
func (v *visit) sendUpdateField() error {
	if v.PostFormValue("do") != "apply" {
		return v.showUpdateField()
	}
	if err := v.typed(v.scope.Instance.Slug); err != nil {
		return err
	}
	u := v.update()
	u.Apply = true
	done, err := v.console.Admin.UpdateField(v.Context(), v.scope, u)
	if err != nil {
		return err
	}
	left := 0
	for _, r := range done {
		if r.Problem != "" {
			left++
		}
	}
	return v.Go(v.path("update-field"), "%d users changed, %d could not be; the change history "+
		"has each.", len(done)-left, left)
}
