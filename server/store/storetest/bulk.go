package storetest

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim"
)

// newcomer returns a user who is to be imported.
func (x *suite) newcomer(name, manager string) *provisioning.Newcomer {
	r := map[string]any{"userName": x.name(name), "externalId": "ext-" + name, "title": "Engineer"}
	if manager != "" {
		r[scim.EnterpriseUserURN] = map[string]any{"manager": map[string]any{"value": manager}}
	}
	return &provisioning.Newcomer{Resource: r}
}

func (x *suite) importAll(t *testing.T, list ...*provisioning.Newcomer) {
	t.Helper()
	x.users.Describe(x.scope, provisioning.Provisioned, list)
	fatal(t, x.users.Import(t.Context(), x.scope, list))
}

func testImport(t *testing.T, x *suite) {
	other := x.newInstance(t, x.tag+"-other")
	_, err := x.createUser(t, other, "taken", "")
	fatal(t, err)
	boss := x.user(t, "boss", `,"externalId":"ext-boss"`)
	list := []*provisioning.Newcomer{
		x.newcomer("early", x.name("late")), // the manager comes with a later import
		x.newcomer("anna", x.name("Boss")),  // is there
		x.newcomer("ben", "ext-anna"),       // comes together with
		x.newcomer("carl", boss.ID),
		x.newcomer("boss", ""),
		x.newcomer("taken", ""),
		x.newcomer("anna", ""),
		{Resource: map[string]any{"title": "Nobody"}},
	}
	x.importAll(t, list...)
	for i, want := range []error{
		nil, nil, nil, nil, provisioning.ErrExists, nil, provisioning.ErrExists,
	} {
		if i != 5 && !errors.Is(list[i].Err, want) {
			t.Errorf("line %d: got %v, want %v", i, list[i].Err, want)
		}
	}
	wantError(t, list[5].Err, 409, scim.Uniqueness, "another instance")
	wantError(t, list[7].Err, 400, scim.InvalidValue, "userName")
	manager := func(name string) string {
		u, err := x.users.UserByName(t.Context(), x.scope, x.name(name))
		fatal(t, err)
		if u.Manager.ID == "" {
			return ""
		}
		m, err := x.users.User(t.Context(), x.scope, u.Manager.ID)
		fatal(t, err)
		return m.UserName()
	}
	for name, want := range map[string]string{
		"anna": x.name("boss"), "ben": x.name("anna"), "carl": x.name("boss"), "early": "",
	} {
		if got := manager(name); got != want {
			t.Errorf("the manager of %s: got %q, want %q", name, got, want)
		}
	}
	if rows := x.history(t, history.Query{User: x.name("ben")}); len(rows) != 1 ||
		rows[0].Action != history.UserCreate || rows[0].Detail != "imported" ||
		len(rows[0].Changes) == 0 {
		t.Errorf("history of ben: %+v", rows)
	}

	x.importAll(t, x.newcomer("late", ""))
	linked, err := x.users.LinkPending(t.Context(), x.scope)
	fatal(t, err)
	if linked != 1 || manager("early") != x.name("late") {
		t.Errorf("%d linked; the manager of early: %q", linked, manager("early"))
	}
	if rows := x.history(t, history.Query{User: x.name("early")}); len(rows) != 2 ||
		rows[1].Action != history.UserManager {
		t.Errorf("history of early: %+v", rows)
	}
	if linked, err := x.users.LinkPending(t.Context(), x.scope); err != nil || linked != 0 {
		t.Errorf("a second time: %d, %v", linked, err)
	}

	many := make([]*provisioning.Newcomer, 2345)
	for i := range many {
		many[i] = x.newcomer(fmt.Sprint("many-", i), x.name("boss"))
	}
	x.importAll(t, many...)
	_, page, err := x.users.Users(t.Context(), x.scope, provisioning.Query{})
	fatal(t, err)
	if page.Total != 6+len(many) {
		t.Errorf("%d users, want %d", page.Total, 6+len(many))
	}
}

// testStale: work that begins with what was remembered of an instance is not
// done when the instance has changed since, and nothing of it is.
func testStale(t *testing.T, x *suite) {
	current := func() *instance.Instance {
		i, err := x.instances.BySlug(t.Context(), x.scope.Instance.Slug)
		fatal(t, err)
		return i
	}
	anna := x.user(t, "anna", "")
	g := x.group(t, "G")
	h := x.holder(t, instance.LiteAdmin)
	admin := provisioning.Scope{Instance: x.scope.Instance, Actor: administrator}
	k, _, err := x.instances.CreateKey(t.Context(), x.scope.Instance,
		instance.KeyRequest{UserName: h.UserName()}, administrator)
	fatal(t, err)
	for name, change := range map[string]func() error{
		"field": func() error {
			_, err := x.instances.AddField(t.Context(), current(),
				instance.Field{Name: "country", Type: instance.Text}, administrator)
			return err
		},
		"mapping": func() error {
			rows := x.users.Mapping(x.scope.Instance)
			return x.users.SaveMapping(t.Context(), admin, rows[:len(rows)-1])
		},
		"role": func() error {
			_, err := x.users.SetRole(t.Context(), admin, h, instance.Admin)
			return err
		},
		"key": func() error {
			_, err := x.instances.RevokeKey(t.Context(), x.scope.Instance, k.ID, administrator)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			at := current()
			ctx := instance.WithRevision(t.Context(), at)
			fatal(t, x.instances.Current(ctx))
			_, err := x.users.User(ctx, x.scope, anna.ID)
			fatal(t, err)
			fatal(t, change())
			if now := current(); now.Revision <= at.Revision {
				t.Errorf("revision %d after %d", now.Revision, at.Revision)
			}
			before := len(x.history(t, history.Query{}))
			sc := x.scope
			sc.Instance = at
			stale := func(what string, err error) {
				t.Helper()
				if !errors.Is(err, instance.ErrStale) {
					t.Errorf("%s: got %v", what, err)
				}
			}
			stale("current", x.instances.Current(ctx))
			_, err = x.users.User(ctx, sc, anna.ID)
			stale("read", err)
			_, _, err = x.users.Users(ctx, sc, provisioning.Query{Limit: 5})
			stale("list", err)
			_, err = x.users.CreateUser(ctx, sc, map[string]any{"userName": x.name("stale")})
			stale("create", err)
			_, err = x.users.AddUser(ctx, sc,
				provisioning.Account{Fields: mapping.Fields{mapping.UserName: x.name("stale")}})
			stale("add", err)
			_, _, err = x.users.SetActive(ctx, sc, anna, false)
			stale("update", err)
			stale("delete", x.users.DeleteUser(ctx, sc, anna.ID, nil))
			stale("delete a group", x.users.DeleteGroup(ctx, sc, g.ID, nil))
			stale("refuse",
				x.users.Refuse(ctx, sc, history.UserCreate, history.Target{Type: "User"},
					scim.BadRequest(scim.InvalidValue, "no")))
			if after := len(x.history(t, history.Query{})); after != before {
				t.Errorf("%d rows of history were written", after-before)
			}
			if _, err := x.users.UserByName(t.Context(), x.scope, x.name("stale")); err == nil {
				t.Error("a user was created")
			}
			_, err = x.users.User(t.Context(), x.scope, anna.ID)
			fatal(t, err)
		})
	}
}

func testLargeGroups(t *testing.T, x *suite) {
	const n = 4321
	list := make([]*provisioning.Newcomer, n)
	for i := range list {
		list[i] = x.newcomer(fmt.Sprintf("member%04d", i), "")
	}
	x.importAll(t, list...)
	var ids []string
	for u, err := range x.all(t) {
		fatal(t, err)
		ids = append(ids, u.ID)
	}
	inner := x.group(t, "Inner")
	some, none, large := x.group(t, "Some", ids[7], ids[3]), x.group(t, "None"), x.group(t, "Large",
		append([]string{inner.ID}, ids...)...)
	want := map[string][]string{
		some.ID: {ids[3], ids[7]}, large.ID: append(slices.Clone(ids), inner.ID),
	}
	for _, order := range [][]string{
		{some.ID, none.ID, large.ID}, {large.ID, some.ID}, {none.ID, some.ID}, {none.ID},
	} {
		got, seen := make(map[string][]string), []string(nil)
		fatal(t,
			x.users.Members(t.Context(), order, func(group string, m provisioning.Member) error {
				if len(seen) == 0 || seen[len(seen)-1] != group {
					seen = append(seen, group)
				}
				got[group] = append(got[group], m.ID)
				return nil
			}))
		for _, group := range order {
			if !slices.Equal(got[group], want[group]) {
				t.Errorf(
					"group %d of %v: got %d members, want %d, users by their ids before groups",
					slices.Index(order, group), order, len(got[group]), len(want[group]))
			}
		}
		if !slices.Equal(seen,
			slices.DeleteFunc(slices.Clone(order), func(id string) bool { return id == none.ID })) {
			t.Errorf("the groups came as %v, want %v", seen, order)
		}
	}
}

func testCounts(t *testing.T, x *suite) {
	total := func() int {
		_, page, err := x.users.Users(t.Context(), x.scope, provisioning.Query{})
		fatal(t, err)
		return page.Total
	}
	x.holder(t, instance.LiteAdmin) // an integration's, which does not count
	anna := x.user(t, "anna", "")
	x.importAll(t, x.newcomer("ben", ""), x.newcomer("carl", ""), x.newcomer("anna", ""))
	if n := total(); n != 3 {
		t.Errorf("%d users, want 3", n)
	}
	fatal(t, x.users.DeleteUser(t.Context(), x.scope, anna.ID, nil))
	if n := total(); n != 2 {
		t.Errorf("%d users after one was deleted, want 2", n)
	}
	if _, err := x.createUser(t, x.scope, "ben", ""); err == nil {
		t.Error("a user name was given twice")
	}
	if n := total(); n != 2 {
		t.Errorf("%d users after one was refused, want 2", n)
	}
	if _, page, err := x.users.Users(t.Context(), x.newInstance(t, x.tag+"-empty"),
		provisioning.Query{}); err != nil || page.Total != 0 {
		t.Errorf("another instance has %d users, want none (%v)", page.Total, err)
	}
}

// all returns the users of the instance, by their ids.
func (x *suite) all(t *testing.T) iter.Seq2[*provisioning.User, error] {
	return func(yield func(*provisioning.User, error) bool) {
		q := provisioning.Query{Keyset: true, Limit: 1000}
		for {
			list, page, err := x.users.Users(t.Context(), x.scope, q)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, u := range list {
				if !yield(u, nil) {
					return
				}
			}
			if q.After = page.Next; q.After == nil {
				return
			}
		}
	}
}
