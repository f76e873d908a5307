package console

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"muster/screen"
	"muster/server/administration"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
)

// editorRow is a row of the mapping as it is edited.
type editorRow struct {
	mapping.Row
	Number int
	Label  string
	// Problem stands beside the row.
	Problem string
}

// editor is the guide's page Settings → Extensions → User Provisioning → Setup.
type editor struct {
	Rows       []editorRow
	Attributes []provisioning.Mappable
	Fields     []mapping.Target
	// Version is that of the mapping as it was when the page was opened first.
	Version string
	// Unsaved says that the rows are not those that are saved.
	Unsaved bool
	// Theirs are the saved rows, when somebody else has changed them meanwhile.
	Theirs []editorRow
	// Tried is what would land in which field, by Rows.
	Tried []triedField
	Path  string
	May   bool
	Slug  string
}

type triedField struct{ Label, Value string }

// showMapping shows the mapping: as it is saved, or as it was entered.
func (v *visit) showMapping() error {
	saved := v.console.Admin.Users.Mapping(v.scope.Instance)
	e := editor{
		Attributes: v.console.Admin.Users.MappableAttributes(v.scope.Instance),
		Fields:     v.targets(), Version: administration.Version(saved),
		Path: v.path("provisioning"), May: v.May(), Slug: v.scope.Instance.Slug,
	}
	rows := saved
	if v.Method == http.MethodPost {
		rows = v.entered()
		if now := e.Version; v.PostFormValue("version") != now {
			e.Theirs = v.editorRows(saved, nil)
			e.Version = v.PostFormValue("version")
			if v.PostFormValue("do") == "mine" {
				e.Version, e.Theirs = now, nil
			}
		}
		e.Unsaved = true
	}
	e.Rows = v.editorRows(rows, v.console.Admin.Users.CheckMapping(v.scope.Instance, rows))
	if v.PostFormValue("do") == "try" {
		tried, err := v.console.Admin.TryMapping(v.Context(), v.scope, rows,
			strings.TrimSpace(v.PostFormValue("user")), v.PostFormValue("body"))
		if p := explain(err); p != nil {
			v.Status, v.Problem = p.Status, p.Text
		} else if err != nil {
			return err
		}
		for _, f := range tried.Names() {
			e.Tried = append(e.Tried, triedField{administration.Title(v.scope, f), tried[f]})
		}
	}
	v.Trail = []screen.Link{
		{Text: "Settings"},
		{Text: "Extensions", URL: v.path("settings")},
		{Text: "User Provisioning"},
		{Text: "Setup"},
	}
	return v.Show("mapping", "User Provisioning: Setup", e)
}

// targets are the fields that an attribute can be mapped to, and those that it cannot.
func (v *visit) targets() []mapping.Target {
	list := mapping.Standard()
	for _, f := range v.scope.Instance.Fields {
		list = append(list,
			mapping.Target{Field: mapping.Field(f.Name), Label: f.Title, Type: string(f.Type)})
	}
	return list
}

func (v *visit) editorRows(rows []mapping.Row, problems []string) []editorRow {
	list := make([]editorRow, len(rows))
	for n, r := range rows {
		list[n] = editorRow{Row: r, Number: n, Label: administration.Title(v.scope, r.Field)}
		if problems != nil {
			list[n].Problem = strings.TrimPrefix(problems[n], "mapping: ")
		}
	}
	return list
}

// entered are the rows of the form, after a row was added or deleted. Those that are
// read-only are not in it.
func (v *visit) entered() []mapping.Row {
	rows := slices.DeleteFunc(v.console.Admin.Users.Mapping(v.scope.Instance),
		func(r mapping.Row) bool { return !r.ReadOnly })
	attributes, fields := v.PostForm["attribute"], v.PostForm["field"]
	gone := -1
	if text, ok := strings.CutPrefix(v.PostFormValue("do"), "delete-"); ok {
		if n, err := strconv.Atoi(text); err == nil {
			gone = n - len(rows)
		}
	}
	for n := range min(len(attributes), len(fields)) {
		if n == gone {
			continue
		}
		rows = append(rows, mapping.Row{
			Attribute: strings.TrimSpace(attributes[n]), Field: mapping.Field(fields[n]),
		})
	}
	if v.PostFormValue("do") == "add" {
		rows = append(rows, mapping.Row{})
	}
	return rows
}

// sendMapping saves the mapping as one change, or shows it as it was entered.
func (v *visit) sendMapping() error {
	if do := v.PostFormValue("do"); do != "" && do != "save" {
		return v.showMapping()
	}
	sc := v.scope
	sc.Exact = true
	if administration.Version(v.console.Admin.Users.Mapping(sc.Instance)) !=
		v.PostFormValue("version") {
		return instance.Changed("somebody else has saved the mapping since you opened this " +
			"page. What you entered is below, and what is saved now beside it; nothing of yours " +
			"was saved")
	}
	if err := v.console.Admin.SaveMapping(v.Context(), sc, v.entered()); err != nil {
		return err
	}
	return v.Go(v.path("provisioning"), "The mapping is saved. It applies to what the provider "+
		"sends from now on; “Re-apply to all” brings it to everybody who is here.")
}

// restoration is a row that the restoring of the default changes.
type restoration struct{ Field, Now, Then string }

// showRestore shows what becomes of the mapping.
func (v *visit) showRestore() error {
	now := make(map[mapping.Field]string)
	for _, r := range v.console.Admin.Users.Mapping(v.scope.Instance) {
		now[r.Field] = r.Attribute
	}
	var list []restoration
	for _, r := range mapping.Default() {
		if now[r.Field] != r.Attribute {
			list = append(list,
				restoration{administration.Title(v.scope, r.Field), now[r.Field], r.Attribute})
		}
		delete(now, r.Field)
	}
	for f, attribute := range now {
		list = append(list, restoration{administration.Title(v.scope, f), attribute, ""})
	}
	slices.SortFunc(list, func(a, b restoration) int { return strings.Compare(a.Field, b.Field) })
	v.Trail = []screen.Link{{Text: "User Provisioning", URL: v.path("provisioning")}}
	return v.Show("restore", "Restore the default mapping", struct {
		Rows []restoration
		Slug string
	}{list, v.scope.Instance.Slug})
}

// typed refuses what is not typed as it is called: dangerous things ask for that.
func (v *visit) typed(name string) error {
	if strings.TrimSpace(v.PostFormValue("name")) != name {
		return screen.Fail("To do this, type %s into the field. Nothing was done.", name)
	}
	return nil
}

func (v *visit) sendRestore() error {
	if err := v.typed(v.scope.Instance.Slug); err != nil {
		return err
	}
	if err := v.console.Admin.RestoreMapping(v.Context(), v.scope); err != nil {
		return err
	}
	return v.Go(v.path("provisioning"), "The default mapping is restored.")
}

// showApply asks whether to apply the mapping to all users.
func (v *visit) showApply() error { return v.applied(nil) }

// applied shows the page on which the mapping is applied, or how far that is.
func (v *visit) applied(work func(screen.Step) (string, error)) error {
	n, err := v.console.Admin.CountUsers(v.Context(), v.scope, administration.Look{})
	if err != nil {
		return err
	}
	v.Trail = []screen.Link{{Text: "User Provisioning", URL: v.path("provisioning")}}
	page := struct {
		Users   int
		Running bool
		Slug    string
		Path    string
	}{n, work != nil, v.scope.Instance.Slug, v.path("provisioning")}
	if work == nil {
		return v.Show("apply", "Re-apply the mapping to all", page)
	}
	return v.Work("apply", "Re-apply the mapping to all", page, work)
}

// sendApply applies the mapping to all users, and shows how far it is.
func (v *visit) sendApply() error {
	return v.applied(func(step screen.Step) (string, error) {
		done, err := v.console.Admin.Users.Reapply(v.Context(), v.scope,
			func(r provisioning.Reapplied, total int) {
				step(fmt.Sprintf("%d of %d users, %d changed", r.Users, total, r.Changed),
					r.Users, total)
			})
		return fmt.Sprintf("Done: %d users, %d of them changed.", done.Users, done.Changed), err
	})
}
