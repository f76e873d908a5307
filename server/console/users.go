package console

import (
	"net/url"
	"slices"
	"strings"

	"muster/screen"
	"muster/server/administration"
	"muster/server/history"
	"muster/server/mapping"
)

// perPage is how many users, groups or rows a page has.
const perPage = 50

// Among how many users, or rows of the history, a page looks for what no index finds: what
// takes some tens of milliseconds. The script of the page goes on by itself until there is
// something to show.
const (
	searchWindow = 10_000
	textWindow   = 4_000
	rowsWindow   = 40_000
)

// listing is a page of a list.
type listing[T any] struct {
	Items []T
	// Next is the address of the next page; empty if there is none. First says that
	// this is the first one.
	Next  string
	First bool
	Path  string
	May   bool
	Slug  string
}

// list makes a page of what was found, which the next follows behind a place.
func list[T any](v *visit, items []T, parameter, next string) listing[T] {
	l := listing[T]{
		Items: items, First: v.FormValue(parameter) == "", Path: v.path(""), May: v.May(),
		Slug: v.scope.Instance.Slug,
	}
	if next != "" {
		q := url.Values{}
		for name, values := range v.URL.Query() {
			if strings.Join(values, "") != "" {
				q[name] = values
			}
		}
		q.Set(parameter, next)
		l.Next = "?" + q.Encode()
	}
	return l
}

// showUsers lists users.
func (v *visit) showUsers() error {
	v.takes = lite
	users, next, err := v.console.Admin.FindUsers(v.Context(), v.scope, administration.Look{
		Search: strings.TrimSpace(v.FormValue("search")), State: v.FormValue("state"),
		Source: v.FormValue("source"), Pending: v.FormValue("pending") != "",
		After: v.FormValue("after"), Limit: perPage, Window: searchWindow,
	})
	if err != nil {
		return err
	}
	return v.Show("users", "Users", list(v, users, "after", next))
}

// field is a field of a user, with the attribute that it comes from.
type field struct{ Label, Value, Attribute string }

type userPage struct {
	administration.Sight
	Fields   []field
	Timeline []*history.Entry
	Path     string
	Self     string
	May      bool
	Slug     string
}

// showUser shows a user: the fields beside the SCIM resource, groups, links, and what
// was done.
func (v *visit) showUser() error {
	page, err := v.user()
	if err != nil {
		return err
	}
	page.Timeline, _, err = v.console.Admin.HistoryPage(v.Context(), v.scope,
		administration.HistoryQuery{Target: page.ID, Limit: perPage})
	if err != nil {
		return err
	}
	v.Trail = []screen.Link{{Text: "Users", URL: v.path("users")}}
	return v.Show("user", page.DisplayName, page)
}

func (v *visit) user() (p userPage, err error) {
	p.Sight, err = v.console.Admin.UserByID(v.Context(), v.scope, v.PathValue("id"))
	if err != nil {
		return p, err
	}
	p.Path, p.Self, p.May, p.Slug = v.path(""), v.path("users", p.ID), v.May(),
		v.scope.Instance.Slug
	from := make(map[mapping.Field]string)
	for _, r := range v.console.Admin.Users.Mapping(v.scope.Instance) {
		from[r.Field] = r.Attribute
	}
	for _, t := range v.targets() {
		value := p.Sight.Fields[t.Field]
		if value != "" || from[t.Field] != "" {
			p.Fields = append(p.Fields, field{t.Label, value, from[t.Field]})
		}
	}
	return p, nil
}

// sendUser suspends or reactivates a user.
func (v *visit) sendUser() error {
	u, err := v.console.Admin.UserByID(v.Context(), v.scope, v.PathValue("id"))
	if err != nil {
		return err
	}
	do := v.PostFormValue("do")
	if do != "suspend" && do != "reactivate" {
		return screen.Fail("Choose what is to be done: suspend or reactivate.")
	}
	_, changed, err := v.console.Admin.SetActive(v.Context(), v.scope, u.UserName,
		do == "reactivate")
	switch {
	case err != nil:
		return err
	case !changed:
		return v.Go(v.path("users", u.ID), "%s was %s already.", u.DisplayName,
			map[string]string{"suspend": "suspended", "reactivate": "active"}[do])
	case do == "suspend":
		return v.Go(v.path("users", u.ID), "%s is suspended.", u.DisplayName)
	}
	return v.Go(v.path("users", u.ID), "%s is active again.", u.DisplayName)
}

// showDeleteUser shows what a deletion takes away.
func (v *visit) showDeleteUser() error {
	page, err := v.user()
	if err != nil {
		return err
	}
	v.Trail = []screen.Link{
		{Text: "Users", URL: v.path("users")}, {Text: page.DisplayName, URL: page.Self},
	}
	return v.Show("delete-user", "Delete "+page.DisplayName, page)
}

func (v *visit) sendDeleteUser() error {
	u, err := v.console.Admin.UserByID(v.Context(), v.scope, v.PathValue("id"))
	if err != nil {
		return err
	}
	if err := v.typed(u.UserName); err != nil {
		return err
	}
	if err := v.console.Admin.Users.DeleteUser(v.Context(), v.scope, u.ID, nil); err != nil {
		return err
	}
	return v.Go(v.path("users"), "%s is deleted.", u.UserName)
}

// showNewUser shows the form of an account that is made by hand.
func (v *visit) showNewUser() error {
	fields := slices.DeleteFunc(v.targets(),
		func(t mapping.Target) bool { return t.Field == mapping.UserName })
	v.Trail = []screen.Link{{Text: "Users", URL: v.path("users")}}
	return v.Show("new-user", "Create an account by hand", struct {
		Fields []mapping.Target
		Slug   string
		// Keys says that the person may make accounts that hold API keys.
		Keys bool
	}{fields, v.scope.Instance.Slug, v.person.Role.May(administrator)})
}

func (v *visit) sendNewUser() error {
	n := administration.NewUser{
		UserName: strings.TrimSpace(v.PostFormValue("userName")), Fields: make(map[string]string),
		Uninvited: v.PostFormValue("invite") == "",
	}
	for _, t := range v.targets() {
		if value := v.PostFormValue("field-" + string(t.Field)); value != "" {
			n.Fields[string(t.Field)] = value
		}
	}
	if v.PostFormValue("integration") != "" {
		if !v.person.Role.May(administrator) {
			return screen.Forbidden("An integration user takes the role %s, and yours is %s.",
				administrator, v.person.Role)
		}
		n.Integration, n.Role = true, "lite-admin"
	}
	u, err := v.console.Admin.CreateUser(v.Context(), v.scope, n)
	if err != nil {
		return err
	}
	return v.Go(v.path("users", u.ID), "The account %s is created.", u.UserName)
}
