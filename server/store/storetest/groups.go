package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim"
)

func testGroups(t *testing.T, x *suite) {
	g := x.group(t, "Staff")
	_, err := x.users.AddGroup(t.Context(), x.scope, "STAFF", nil)
	wantError(t, err, 409, scim.Uniqueness, `"STAFF" is taken`)
	renamed, changed, err := x.patchGroup(t, g.ID,
		`[{"op":"replace","path":"displayName","value":"Crew"}]`)
	if err != nil || !changed || renamed.Version != 2 || renamed.DisplayName != "Crew" {
		t.Errorf("renamed: %+v, %v, %v", renamed, changed, err)
	}
	got, err := x.users.Group(t.Context(), x.scope, g.ID)
	fatal(t, err)
	if got.DisplayName != "Crew" || got.Version != 2 || string(got.Text) != string(renamed.Text) {
		t.Errorf("got %+v", got)
	}
	other := x.group(t, "Staff")
	_, _, err = x.patchGroup(t, other.ID, `[{"op":"replace","path":"displayName","value":"crew"}]`)
	wantError(t, err, 409, scim.Uniqueness, "taken")
	_, _, err = x.patchGroup(t, other.ID, `[{"op":"remove","path":"displayName"}]`)
	wantError(t, err, 400, scim.Mutability, "required")
	_, err = x.users.AddGroup(t.Context(), x.scope, " ", nil)
	wantError(t, err, 400, scim.InvalidValue, "required")
}

func testMembers(t *testing.T, x *suite) {
	anna, bob, eve := x.user(t, "anna", ""), x.user(t, "bob", `,"displayName":"Bob B."`), x.user(t,
		"eve", "")
	g := x.group(t, "Staff")
	steps := []struct {
		operations string
		changed    bool
		members    []*provisioning.User
	}{
		{addMember(anna.ID), true, []*provisioning.User{anna}},
		{addMember(anna.ID), false, []*provisioning.User{anna}},
		{addMember(bob.ID), true, []*provisioning.User{anna, bob}},
		{removeMember(eve.ID), false, []*provisioning.User{anna, bob}},
		{removeMember("nobody"), false, []*provisioning.User{anna, bob}},
		{removeMember(anna.ID), true, []*provisioning.User{bob}},
		{
			`[{"op":"remove","path":"members","value":[{"value":"` + bob.ID + `"},{"value":"` +
				eve.ID + `"}]}]`, true, nil,
		},
		{
			`[{"op":"add","value":{"members":[{"value":"` + anna.ID + `"},{"value":"` + bob.ID +
				`"},{"value":"` + anna.ID + `"}]}}]`, true, []*provisioning.User{anna, bob},
		},
		{
			`[{"op":"replace","path":"members","value":[{"value":"` + bob.ID + `"},{"value":"` +
				eve.ID + `"}]}]`, true, []*provisioning.User{bob, eve},
		},
		{
			`[{"op":"replace","path":"members","value":[{"value":"` + eve.ID + `"},{"value":"` +
				bob.ID + `"}]}]`, false, []*provisioning.User{bob, eve},
		},
		{`[{"op":"remove","path":"members[value sw \"0\" and type eq \"User\"]"}]`, true, nil},
		{
			`[{"op":"add","path":"members","value":[{"value":"` + eve.ID +
				`"}]},{"op":"remove","path":"members[value eq \"` + eve.ID +
				`\"]"},{"op":"add","path":"members","value":[{"value":"` + bob.ID + `"}]}]`, true,
			[]*provisioning.User{bob},
		},
		{`[{"op":"remove","path":"members"}]`, true, nil},
		{`[{"op":"remove","path":"members"}]`, false, nil},
	}
	version := int64(1)
	for _, step := range steps {
		got, changed, err := x.patchGroup(t, g.ID, step.operations)
		fatal(t, err)
		if changed {
			version++
		}
		var want []string
		for _, u := range step.members {
			want = append(want, u.Display())
		}
		if list := x.members(t, g.ID); changed != step.changed || got.Version != version ||
			!slices.Equal(list, want) {
			t.Errorf("%s\ngot  %v, changed %v, version %d\nwant %v, changed %v, version %d",
				step.operations, list, changed, got.Version, want, step.changed, version)
		}
	}
	for _, e := range x.history(t, history.Query{Group: "Staff"})[1:] {
		if len(e.Changes) == 0 {
			t.Errorf("a row without changes: %+v", e)
		}
	}
	h := x.holder(t, instance.Admin)
	for _, id := range []string{"x", h.ID, "00000000-0000-0000-0000-000000000000"} {
		_, _, err := x.patchGroup(t, g.ID, addMember(id))
		wantError(t, err, 400, scim.InvalidValue, id)
	}
	_, _, err := x.patchGroup(t, g.ID,
		`[{"op":"replace","path":"displayName","value":"New"},`+
			`{"op":"add","path":"members","value":[{"value":"x"}]}]`)
	wantError(t, err, 400, scim.InvalidValue, "")
	if got, err := x.users.Group(t.Context(), x.scope, g.ID); err != nil ||
		got.DisplayName != "Staff" {
		t.Errorf("half a PATCH was done: %+v, %v", got, err)
	}
}

func testParallelMembers(t *testing.T, x *suite) {
	g := x.group(t, "Staff")
	const n = 20
	ids := make([]string, n)
	for i := range ids {
		ids[i] = x.user(t, fmt.Sprint("u", i), "").ID
	}
	fatal(t, errors.Join(parallel(n, func(i int) error {
		_, _, err := x.patchGroup(t, g.ID, addMember(ids[i]))
		return err
	})...))
	if list := x.members(t, g.ID); len(list) != n {
		t.Errorf("%d members after %d parallel additions", len(list), n)
	}
	fatal(t, errors.Join(parallel(n, func(i int) error {
		_, _, err := x.patchGroup(t, g.ID, removeMember(ids[i]))
		return err
	})...))
	got, err := x.users.Group(t.Context(), x.scope, g.ID)
	fatal(t, err)
	if list := x.members(t, g.ID); len(list) != 0 || got.Version != 2*n+1 {
		t.Errorf("%d members left, version %d", len(list), got.Version)
	}
}

func testNestedGroups(t *testing.T, x *suite) {
	anna := x.user(t, "anna", "")
	inner := x.group(t, "Inner", anna.ID)
	middle := x.group(t, "Middle", inner.ID)
	outer := x.group(t, "Outer", middle.ID)
	groups := func() []provisioning.Membership {
		u, err := x.users.User(t.Context(), x.scope, anna.ID)
		fatal(t, err)
		return u.Groups
	}
	if got := fmt.Sprint(groups()); got != fmt.Sprintf("[{%s Inner true} {%s Middle false} {%s "+
		"Outer false}]", inner.ID, middle.ID, outer.ID) {
		t.Errorf("got %s", got)
	}
	for _, id := range []string{outer.ID, middle.ID, inner.ID} {
		_, _, err := x.patchGroup(t, inner.ID, addMember(id))
		wantError(t, err, 400, scim.InvalidValue, "member of itself")
	}
	if _, _, err := x.patchGroup(t, outer.ID, addMember(anna.ID)); err != nil {
		t.Fatal(err)
	}
	if m := groups(); len(m) != 3 || !m[2].Direct {
		t.Errorf("direct and indirect at once: %+v", m)
	}
	fatal(t, x.users.DeleteGroup(t.Context(), x.scope, middle.ID, nil))
	if got, err := x.users.Group(t.Context(), x.scope, outer.ID); err != nil || got.Version != 3 {
		t.Errorf("the group that lost a member: %+v, %v", got, err)
	}
	if list := x.members(t, outer.ID); len(list) != 1 {
		t.Errorf("members: %v", list)
	}
}

func testDeletion(t *testing.T, x *suite) {
	u := x.user(t, "anna", `,"title":"Engineer"`)
	g := x.group(t, "Staff", u.ID)
	err := x.users.DeleteUser(t.Context(), x.scope, u.ID,
		&provisioning.Condition{Versions: []int64{7}})
	wantError(t, err, 412, "", "")
	fatal(t, x.users.DeleteUser(t.Context(), x.scope, u.ID, nil))
	_, err = x.users.User(t.Context(), x.scope, u.ID)
	wantError(t, err, 404, "", "not found")
	wantError(t, x.users.DeleteUser(t.Context(), x.scope, u.ID, nil), 404, "", "not found")
	if got, err := x.users.Group(t.Context(), x.scope, g.ID); err != nil || got.Version != 2 ||
		len(x.members(t, g.ID)) != 0 {
		t.Errorf("the group that lost a member: %+v, %v", got, err)
	}
	again := x.user(t, "anna", "")
	if again.ID == u.ID {
		t.Error("hired again under the old id")
	}
	var actions []string
	for _, e := range x.history(t, history.Query{User: x.name("anna")}) {
		actions = append(actions, string(e.Action)+" "+string(e.Outcome))
	}
	if got := strings.Join(actions,
		", "); got != "user.create done, user.delete refused, user.delete done, user.create done" {
		t.Errorf("history: %s", got)
	}
}
