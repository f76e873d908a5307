package storetest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

// query finds users by a filter; it returns the local parts of their names in
// the order in which they came.
func (x *suite) query(t *testing.T, text string, q provisioning.Query) ([]string, int, error) {
	t.Helper()
	if text != "" {
		n, err := bind(x.users.UserType(x.scope.Instance), text)
		if err != nil {
			return nil, 0, err
		}
		q.Filter = n
	}
	if q.Limit == 0 {
		q.Limit = 1000
	}
	users, page, err := x.users.Users(t.Context(), x.scope, q)
	var names []string
	for _, u := range users {
		name, _, _ := strings.Cut(u.UserName(), "@")
		names = append(names, name)
	}
	return names, page.Total, err
}

func bind(rt *schema.ResourceType, text string) (filter.Node, error) {
	p := tolerance.New(false)
	e, err := filter.Parse(text, p)
	if err != nil {
		return nil, err
	}
	return filter.Bind(rt, e, p)
}

func testPages(t *testing.T, x *suite) {
	for i, name := range []string{"delta", "Alpha", "charlie", "Bravo", "echo"} {
		more := fmt.Sprintf(`,"displayName":%q`, strings.ToUpper(name))
		if i == 4 {
			more = `,"emails":[{"value":"b@x"},{"value":"a@x","primary":true}]`
		}
		x.user(t, name, more)
	}
	x.holder(t, instance.Admin)
	rt := x.users.UserType(x.scope.Instance)
	attr := func(path string) *schema.Attribute { a, _ := rt.Resolve(path); return a }
	for name, test := range map[string]struct {
		q     provisioning.Query
		want  string
		total int
	}{
		"creation": {provisioning.Query{}, "delta Alpha charlie Bravo echo", 5},
		"with integration": {
			provisioning.Query{Integration: true}, "delta Alpha charlie Bravo echo holder-admin", 6,
		},
		"the first two": {provisioning.Query{Limit: 2}, "delta Alpha", 5},
		"the next two":  {provisioning.Query{Limit: 2, Offset: 2}, "charlie Bravo", 5},
		"the last":      {provisioning.Query{Limit: 2, Offset: 4}, "echo", 5},
		"past the end":  {provisioning.Query{Limit: 2, Offset: 9}, "", 5},
		"by user name": {
			provisioning.Query{SortBy: attr("userName")}, "Alpha Bravo charlie delta echo", 5,
		},
		"descending": {
			provisioning.Query{SortBy: attr("userName"), Descending: true},
			"echo delta charlie Bravo Alpha", 5,
		},
		"no value comes last": {
			provisioning.Query{SortBy: attr("displayName")}, "Alpha Bravo charlie delta echo", 5,
		},
		"no value comes first": {
			provisioning.Query{SortBy: attr("displayName"), Descending: true},
			"echo delta charlie Bravo Alpha", 5,
		},
		"by a primary value": {
			provisioning.Query{SortBy: attr("emails.value"), Limit: 1}, "echo", 5,
		},
		"by creation, down": {
			provisioning.Query{SortBy: attr("meta.created"), Descending: true, Limit: 1, Offset: 5},
			"", 5,
		},
		"by id": {provisioning.Query{SortBy: attr("id")}, "delta Alpha charlie Bravo echo", 5},
	} {
		got, total, err := x.query(t, "", test.q)
		if err != nil || strings.Join(got, " ") != test.want || total != test.total {
			t.Errorf("%s: got %v of %d, %v", name, got, total, err)
		}
	}
	if _, p, err := x.users.Users(t.Context(), x.scope, provisioning.Query{}); err != nil ||
		p.Total != 5 {
		t.Errorf("count only: %d, %v", p.Total, err)
	}
	if _, _, err := x.query(t, "",
		provisioning.Query{SortBy: attr("groups.value")}); scim.AsError(err) == nil {
		t.Errorf("sorted by what cannot be sorted by: %v", err)
	}
}

// testCursors reads page by page behind positions, while others write.
func testCursors(t *testing.T, x *suite) {
	rt := x.users.UserType(x.scope.Instance)
	attr := func(path string) *schema.Attribute { a, _ := rt.Resolve(path); return a }
	for i, name := range []string{"delta", "alpha", "charlie", "bravo", "echo", "foxtrot"} {
		more := `,"active":` + strconv.FormatBool(i%2 == 0)
		if i < 4 { // the last two have neither title nor e-mail
			more += fmt.Sprintf(`,"title":"T%d","emails":[{"value":"%s@x"}]`, i%2, name)
		}
		x.user(t, name, more)
	}
	for name, test := range map[string]struct {
		q    provisioning.Query
		want string
	}{
		"creation": {provisioning.Query{}, "delta alpha charlie bravo echo foxtrot"},
		"unique texts": {
			provisioning.Query{SortBy: attr("userName")}, "alpha bravo charlie delta echo foxtrot",
		},
		"unique texts, down": {
			provisioning.Query{SortBy: attr("userName"), Descending: true},
			"foxtrot echo delta charlie bravo alpha",
		},
		"equal texts, some none": {
			provisioning.Query{SortBy: attr("title")}, "delta charlie alpha bravo echo foxtrot",
		},
		"equal texts, none, down": {
			provisioning.Query{SortBy: attr("title"), Descending: true},
			"echo foxtrot alpha bravo delta charlie",
		},
		"multi-valued": {
			provisioning.Query{SortBy: attr("emails.value")},
			"alpha bravo charlie delta echo foxtrot",
		},
		"booleans": {
			provisioning.Query{SortBy: attr("active")}, "alpha bravo foxtrot delta charlie echo",
		},
		"booleans, down": {
			provisioning.Query{SortBy: attr("active"), Descending: true},
			"delta charlie echo alpha bravo foxtrot",
		},
		"times": {
			provisioning.Query{SortBy: attr("meta.created")},
			"delta alpha charlie bravo echo foxtrot",
		},
		"ids, down": {
			provisioning.Query{SortBy: attr("id"), Descending: true},
			"foxtrot echo bravo charlie alpha delta",
		},
		"a constant": {
			provisioning.Query{SortBy: attr("meta.resourceType")},
			"delta alpha charlie bravo echo foxtrot",
		},
	} {
		for size := range 7 {
			q := test.q
			q.Keyset, q.Limit = true, size+1
			if got, pages := x.walk(t, q, func(int) {}); strings.Join(got, " ") != test.want ||
				pages != (6+size)/(size+1) {
				t.Errorf("%s by %d: got %v on %d pages", name, size+1, got, pages)
			}
		}
	}
	// Between the pages somebody arrives in front, somebody read is deleted,
	// and somebody else is changed: those who stay are read once each.
	q := provisioning.Query{SortBy: attr("userName"), Keyset: true, Limit: 2}
	got, _ := x.walk(t, q, func(page int) {
		if page != 1 {
			return
		}
		x.user(t, "aaron", "")
		users, _, err := x.users.Users(t.Context(), x.scope, provisioning.Query{Limit: 10})
		fatal(t, err)
		for _, u := range users {
			// the one behind whom the next page begins
			if strings.HasPrefix(u.UserName(), "bravo@") {
				fatal(t, x.users.DeleteUser(t.Context(), x.scope, u.ID, nil))
			}
		}
	})
	if want := "alpha bravo charlie delta echo foxtrot"; strings.Join(got, " ") != want {
		t.Errorf("with writes between: got %v, want %s", got, want)
	}
}

// walk reads all pages of a query by positions, and calls between after each.
func (x *suite) walk(
	t *testing.T, q provisioning.Query, between func(page int),
) (names []string, pages int) {
	t.Helper()
	for {
		users, page, err := x.users.Users(t.Context(), x.scope, q)
		fatal(t, err)
		pages++
		for _, u := range users {
			name, _, _ := strings.Cut(u.UserName(), "@")
			names = append(names, name)
		}
		between(pages)
		if page.Next == nil {
			return names, pages
		}
		q.After = page.Next
	}
}

func testFilters(t *testing.T, x *suite) {
	anna := x.user(t, "anna",
		`,"externalId":"E1","active":false,"title":"Straße 7%","emails":[`+
			`{"type":"work","value":"Anna@X.example"},{"type":"home","value":"a@home"}]`)
	bob := x.user(t, "bob",
		`,"name":{"familyName":"O'Brien"},"displayName":"Bob","`+scim.EnterpriseUserURN+
			`":{"department":"R_D","manager":{"value":"`+anna.ID+`"}}`)
	x.user(t, "carl", managed("not-yet"))
	g := x.group(t, "Staff", bob.ID)
	for text, want := range map[string]string{
		fmt.Sprintf(`userName eq %q`, strings.ToUpper(x.name("anna"))): "anna",
		fmt.Sprintf(`id eq %q`, bob.ID):                                "bob",
		`id eq "E1"`:                                                   "",
		`id ne "E1"`:                                                   "anna bob carl",
		`externalId eq "E1"`:                                           "anna",
		`externalId eq "e1"`:                                           "",
		`active eq false`:                                              "anna",
		`name.familyName eq "o'brien" and active eq true`:              "bob",
		`title eq "STRASSE 7%"`:                                        "anna",
		`title co "%"`:                                                 "anna",
		`title co "_"`:                                                 "",
		scim.EnterpriseUserURN + `:department sw "r_"`:                 "bob",
		scim.EnterpriseUserURN + `:department ew "_D"`:                 "bob",
		fmt.Sprintf(`%s:manager.value eq %q`, scim.EnterpriseUserURN, anna.ID): "bob",
		scim.EnterpriseUserURN + `:manager eq "not-yet"`:                       "carl",
		scim.EnterpriseUserURN + `:manager pr`:                                 "bob carl",
		`emails.value eq "anna@x.EXAMPLE"`:                                     "anna",
		`emails[type eq "home" and value eq "anna@x.example"]`:                 "",
		`not (emails pr)`:                             "bob carl",
		`displayName ne "bob"`:                        "anna carl",
		`not (displayName eq "bob")`:                  "anna carl",
		`displayName eq null`:                         "anna carl",
		`meta.resourceType eq "User"`:                 "anna bob carl",
		`meta.created le "2020-01-01T00:00:00Z"`:      "",
		`meta.version eq "W/\"1\""`:                   "anna bob carl",
		`schemas eq "` + scim.EnterpriseUserURN + `"`: "bob carl",
		`userName eq "' OR 1=1 --"`:                   "",
		`userName eq "x\u0027; DROP TABLE users; --"`: "",
	} {
		got, total, err := x.query(t, text, provisioning.Query{})
		if err != nil || strings.Join(got, " ") != want || total != len(got) {
			t.Errorf("%s: got %v of %d, %v; want %s", text, got, total, err, want)
		}
	}
	for _, text := range []string{`groups.value eq "x"`, `meta.location pr`, `groups pr`} {
		_, _, err := x.query(t, text, provisioning.Query{})
		wantError(t, err, 400, scim.InvalidFilter, "cannot filter a User by")
	}
	for text, want := range map[string]int{
		`displayName eq "STAFF"`:                     1,
		`displayName eq "Crew"`:                      0,
		`members pr`:                                 1,
		fmt.Sprintf(`members eq %q`, bob.ID):         1,
		fmt.Sprintf(`members.value eq %q`, anna.ID):  0,
		`members[type eq "user" and value pr]`:       1,
		`members[type eq "Group"]`:                   0,
		fmt.Sprintf(`id eq %q and members pr`, g.ID): 1,
		`schemas eq "` + scim.GroupURN + `"`:         1,
	} {
		n, err := bind(x.users.GroupType(), text)
		fatal(t, err)
		groups, page, err := x.users.Groups(t.Context(), x.scope,
			provisioning.Query{Filter: n, Limit: 10})
		if err != nil || page.Total != want || len(groups) != want {
			t.Errorf("%s: got %d, %v; want %d", text, page.Total, err, want)
		}
	}
}
