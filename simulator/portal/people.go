package portal

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strconv"
	"strings"

	"muster/screen"
	"muster/simulator/administration"
	"muster/simulator/directory"
)

type personRow struct {
	*directory.User
	UserName, Email, Status string
}

func row(u *directory.User) personRow {
	return personRow{u, u.Field(directory.Username), u.Field(directory.Email), u.Status.String()}
}

// showPeople lists the people of the account.
func (v *visit) showPeople() error {
	search := strings.ToLower(strings.TrimSpace(v.FormValue("search")))
	var list []personRow
	next, after, begun := "", v.FormValue("after"), v.FormValue("after") == ""
	for _, u := range v.account.Directory.Users {
		r := row(u)
		if !begun {
			begun = u.Key == after
			continue
		}
		if search != "" && !strings.Contains(strings.ToLower(u.DisplayName()+"\n"+r.UserName+"\n"+
			r.Email), search) {
			continue
		}
		if len(list) == perPage {
			q := v.URL.Query()
			q.Set("after", list[perPage-1].Key)
			next = "?" + q.Encode()
			break
		}
		list = append(list, r)
	}
	return v.Show("people", "Users", struct {
		People []personRow
		Next   string
		Total  int
	}{list, next, len(v.account.Directory.Users)})
}

// fieldRow is a field of a person in a form.
type fieldRow struct{ Name, Value string }

type personPage struct {
	personRow
	Fields  []fieldRow
	Apps    []string
	Version string
}

// columns are the fields of the file in an order for people.
func (v *visit) columns() []string {
	first := []string{
		directory.ID, directory.Username, directory.Email, directory.FirstName,
		directory.LastName,
	}
	list := slices.Clone(v.account.Directory.Fields())
	slices.SortStableFunc(list, func(a, b string) int { return rank(first, a) - rank(first, b) })
	return list
}

func rank(first []string, name string) int {
	if n := slices.Index(first, name); n >= 0 {
		return n
	}
	return len(first)
}

// person finds the person whom the address names.
func person(d *directory.Directory, key string) (*directory.User, error) {
	n := slices.IndexFunc(d.Users, func(u *directory.User) bool { return u.Key == key })
	if n < 0 {
		return nil, screen.NotFound("There is nobody of the key %s.", key)
	}
	return d.Users[n], nil
}

// showPerson shows a person, to be edited.
func (v *visit) showPerson() error {
	u, err := person(v.account.Directory, v.PathValue("key"))
	if err != nil {
		return err
	}
	p := personPage{personRow: row(u), Version: v.version}
	for _, name := range v.columns() {
		if name != directory.ID {
			p.Fields = append(p.Fields, fieldRow{name, u.Field(name)})
		}
	}
	for _, app := range v.account.Apps {
		if app.Assigned(u) {
			p.Apps = append(p.Apps, app.Name)
		}
	}
	v.Trail = []screen.Link{{Text: "Users", URL: "/users"}}
	return v.Show("person", u.DisplayName(), p)
}

// sendPerson saves a person, or deletes, suspends or reactivates one.
func (v *visit) sendPerson() error {
	key, done := v.PathValue("key"), "saved"
	err := v.portal.Files.ChangePeople(v.sent(),
		func(d *directory.Directory) (*directory.Directory, error) {
			u, err := person(d, key)
			if err != nil {
				return nil, err
			}
			switch v.PostFormValue("do") {
			case "delete":
				if strings.TrimSpace(v.PostFormValue("name")) != u.Field(directory.Username) {
					return nil, screen.Fail("To do this, type %s into the field. Nothing was done.",
						u.Field(directory.Username))
				}
				done = "deleted; the next cycle does at the applications what their tabs " +
					"Provisioning say"
				d.Remove(u)
			case "suspend":
				done = "suspended"
				err = d.Set(u, "status", statusOf(u, directory.Suspended))
			case "reactivate":
				done = "active again"
				err = d.Set(u, "status", statusOf(u, directory.Active))
			default:
				err = v.setFields(d, u)
			}
			return d, err
		})
	if err != nil {
		return err
	}
	if v.PostFormValue("do") == "delete" {
		return v.Go("/users", "The person is %s.", done)
	}
	return v.Go("/users/"+key, "The person is %s.", done)
}

// statusOf writes a status as the file writes that of a person: as a code or a word.
func statusOf(u *directory.User, s directory.Status) string {
	if now := u.Field("status"); strings.Trim(now, "0123456789") == "" {
		return strconv.Itoa(int(s))
	}
	return s.String()
}

// setFields changes the fields that differ.
func (v *visit) setFields(d *directory.Directory, u *directory.User) error {
	for _, name := range v.columns() {
		values, ok := v.PostForm["field-"+name]
		if !ok || values[0] == u.Field(name) {
			continue
		}
		if err := d.Set(u, name, values[0]); err != nil {
			return err
		}
	}
	return nil
}

// showNewPerson shows the form of a new person.
func (v *visit) showNewPerson() error {
	v.Trail = []screen.Link{{Text: "Users", URL: "/users"}}
	return v.Show("new-person", "Create a user", struct {
		Fields  []string
		Version string
	}{v.columns(), v.version})
}

// sendNewPerson adds a person to the file.
func (v *visit) sendNewPerson() error {
	var head, cells []string
	for _, name := range v.columns() {
		head, cells = append(head, name), append(cells, v.PostFormValue("field-"+name))
	}
	err := v.portal.Files.ChangePeople(v.sent(),
		func(d *directory.Directory) (*directory.Directory, error) {
			var b bytes.Buffer
			w := csv.NewWriter(&b)
			if err := w.WriteAll([][]string{head, cells}); err != nil {
				return nil, err
			}
			one, err := directory.Read(&b)
			if err != nil {
				return nil, err
			}
			merged, changes, err := d.Merge(one, false)
			if err == nil && (len(changes) != 1 || changes[0].Kind != directory.Added) {
				err = screen.Fail("There is somebody of that id or user name already. Nothing " +
					"was changed.")
			}
			return merged, err
		})
	if err != nil {
		return err
	}
	return v.Go("/users", "The user is created.")
}

type importPage struct {
	Version string
	Changes []directory.Change
	// Text is the file that was looked at; it comes back when the import is done.
	Text    string
	Asked   bool
	Removes bool
	Found   *directory.Found
}

// showImport asks for a file, or shows what would change by one.
func (v *visit) showImport() error {
	p := importPage{Version: v.version, Text: v.PostFormValue("text")}
	v.Trail = []screen.Link{{Text: "Users", URL: "/users"}}
	if v.PostFormValue("do") == "" {
		return v.Show("import", "Import users from a file", p)
	}
	if file, _, err := v.FormFile("file"); err == nil {
		var b bytes.Buffer
		if _, err := b.ReadFrom(file); err != nil {
			return err
		}
		p.Text = b.String()
	}
	p.Removes = v.PostFormValue("remove") != ""
	other, found, err := directory.ReadExport(strings.NewReader(p.Text), directory.Export{})
	if err == nil {
		_, p.Changes, err = v.account.Directory.Merge(other, p.Removes)
	}
	if err != nil {
		v.Status, v.Problem = explain(err).Status, explain(err).Text
	} else {
		p.Asked, p.Found = true, found
	}
	return v.Show("import", "Import users from a file", p)
}

// sendImport shows what would change, or changes it.
func (v *visit) sendImport() error {
	if v.PostFormValue("do") != "import" {
		return v.showImport()
	}
	changed := 0
	err := v.portal.Files.ChangePeople(v.sent(),
		func(d *directory.Directory) (*directory.Directory, error) {
			other, _, err := directory.ReadExport(strings.NewReader(v.PostFormValue("text")),
				directory.Export{})
			if err != nil {
				return nil, err
			}
			merged, changes, err := d.Merge(other, v.PostFormValue("remove") != "")
			changed = len(changes)
			return merged, err
		})
	if err != nil {
		return err
	}
	return v.Go("/users", "%d people were added, changed or removed.", changed)
}

// showChanges shows what has become of the files since the portal was started.
func (v *visit) showChanges() error {
	diffs, err := v.portal.Files.Diffs()
	if err != nil {
		return err
	}
	return v.Show("changes", "Changes of the files", struct{ Diffs []administration.Diff }{diffs})
}
