package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim"
)

func testUsers(t *testing.T, x *suite) {
	u := x.user(t, "anna", `,"externalId":"E7","name":{"givenName":"Anna","familyName":"Novák"},
		"emails":[{"type":"work","value":"Anna@work.example","primary":true}],"title":"Engineer",
		"phoneNumbers":[{"type":"work","value":"1"},{"type":"mobile","value":"2"}]`)
	got, err := x.users.User(t.Context(), x.scope, u.ID)
	fatal(t, err)
	want := mapping.Fields{
		mapping.UserName: x.name("anna"), mapping.FirstName: "Anna", mapping.LastName: "Novák",
		mapping.Email:       "Anna@work.example",
		mapping.OfficePhone: "1", mapping.MobilePhone: "2", mapping.ScimSyncJobTitle: "Engineer",
	}
	if fmt.Sprint(got.Fields) != fmt.Sprint(want) {
		t.Errorf("fields: got  %v\nwant %v", got.Fields, want)
	}
	if string(got.Text) != string(u.Text) || got.Version != 1 || !got.Created.Equal(u.Created) ||
		!got.Active || got.Source != provisioning.Provisioned {
		t.Errorf("got  %+v\nwant %+v", got, u)
	}
	byName, err := x.users.UserByName(t.Context(), x.scope, strings.ToUpper(x.name("anna")))
	if err != nil || byName.ID != u.ID {
		t.Errorf("by name: %v, %v", byName, err)
	}
	for _, id := range []string{
		"", "1", "E7", strings.ToUpper(u.ID), "00000000-0000-0000-0000-000000000000",
	} {
		_, err := x.users.User(t.Context(), x.scope, id)
		wantError(t, err, 404, "", "not found")
	}
	h := x.holder(t, instance.Admin)
	_, err = x.users.User(t.Context(), x.scope, h.ID)
	wantError(t, err, 404, "", "not found")
	_, _, err = x.patchUser(t, h.ID, `[{"op":"replace","path":"active","value":false}]`)
	wantError(t, err, 404, "", "not found")
}

func testUserNames(t *testing.T, x *suite) {
	x.user(t, "Élodie", "")
	_, err := x.createUser(t, x.scope, "éLODIE", "")
	wantError(t, err, 409, scim.Uniqueness, "another user of this instance")
	other := x.newInstance(t, x.tag+"-b")
	_, err = x.createUser(t, other, "ÉLODIE", "")
	wantError(t, err, 409, scim.Uniqueness, "a user of another instance")
	if strings.Contains(err.Error(), x.tag+" ") {
		t.Error("the error names the other instance")
	}
	bob := x.user(t, "bob", "")
	_, _, err = x.patchUser(t, bob.ID,
		fmt.Sprintf(`[{"op":"replace","path":"userName","value":%q}]`, x.name("Élodie")))
	wantError(t, err, 409, scim.Uniqueness, "another user of this instance")
	_, changed, err := x.patchUser(t, bob.ID,
		fmt.Sprintf(`[{"op":"replace","path":"userName","value":%q}]`, x.name("BOB")))
	if err != nil || !changed {
		t.Errorf("another spelling of the own name: %v, %v", changed, err)
	}
}

func testParallelCreations(t *testing.T, x *suite) {
	const n = 30
	r := x.resource(t, x.users.UserType(x.scope.Instance),
		fmt.Sprintf(`{"userName":%q}`, x.name("race")))
	errs := parallel(n, func(int) error {
		_, err := x.users.CreateUser(t.Context(), x.scope, r.Clone())
		return err
	})
	created := 0
	for _, err := range errs {
		if err == nil {
			created++
			continue
		}
		wantError(t, err, 409, scim.Uniqueness, "this instance")
	}
	if created != 1 {
		t.Errorf("%d of %d creations succeeded", created, n)
	}
	if h := x.history(t, history.Query{Outcome: history.Refused}); len(h) != n-1 {
		t.Errorf("%d refusals in the history, want %d", len(h), n-1)
	}
}

// parallel runs f n times at once.
func parallel(n int, f func(i int) error) []error {
	results := make(chan error)
	for i := range n {
		go func() { results <- f(i) }()
	}
	errs := make([]error, n)
	for i := range errs {
		errs[i] = <-results
	}
	return errs
}

func testVersions(t *testing.T, x *suite) {
	u := x.user(t, "anna", "")
	same, changed, err := x.patchUser(t, u.ID, `[{"op":"replace","path":"active","value":true}]`)
	if err != nil || changed || same.Version != 1 {
		t.Errorf("no change: %v, version %d, %v", changed, same.Version, err)
	}
	next, changed, err := x.patchUser(t, u.ID, `[{"op":"replace","path":"active","value":false}]`)
	if err != nil || !changed || next.Version != 2 || next.Active {
		t.Errorf("a change: %v, %+v, %v", changed, next, err)
	}
	sc, ops := x.operations(t, x.users.UserType(x.scope.Instance),
		`[{"op":"replace","path":"title","value":"T"}]`)
	_, _, err = x.users.PatchUser(t.Context(), sc, u.ID, ops,
		&provisioning.Condition{Versions: []int64{1}})
	wantError(t, err, 412, "", `W/"2"`)
	_, changed, err = x.users.PatchUser(t.Context(), sc, u.ID, ops,
		&provisioning.Condition{Versions: []int64{1, 2}})
	if err != nil || !changed {
		t.Errorf("the right version: %v, %v", changed, err)
	}
	kept, changed, err := x.users.ReplaceUser(t.Context(), x.scope, u.ID,
		x.resource(t, x.users.UserType(x.scope.Instance),
			fmt.Sprintf(`{"userName":%q}`, u.UserName())), nil)
	if err != nil || !changed || kept.Active || kept.Fields[mapping.ScimSyncJobTitle] != "" {
		t.Errorf("replaced without active: %v, %+v, %v", changed, kept, err)
	}
	if h := x.history(t, history.Query{User: u.ID}); len(h) != 5 {
		t.Errorf("%d rows, want creation, three changes and a refusal", len(h))
	}
}

func testParallelUpdates(t *testing.T, x *suite) {
	u := x.user(t, "anna", "")
	const n = 10
	errs := parallel(n, func(i int) error {
		_, _, err := x.patchUser(t, u.ID,
			fmt.Sprintf(
				`[{"op":"add","path":"emails","value":[{"value":"%d@x.example","type":"t%d"}]}]`, i,
				i))
		return err
	})
	fatal(t, errors.Join(errs...))
	got, err := x.users.User(t.Context(), x.scope, u.ID)
	fatal(t, err)
	if count := strings.Count(string(got.Text), "@x.example"); count != n || got.Version != n+1 {
		t.Errorf("%d of %d addresses at version %d: %s", count, n, got.Version, got.Text)
	}
}

// testParallelManagers creates people who manage each other in a ring, all at
// once: whoever is written last, nobody stays pending.
func testParallelManagers(t *testing.T, x *suite) {
	const rings, people = 20, 4
	for ring := range rings {
		name := func(i int) string { return fmt.Sprintf("ring%d-%d", ring, i%people) }
		errs := parallel(people, func(i int) error {
			_, err := x.createUser(t, x.scope, name(i), managed(x.name(name(i+1))))
			return err
		})
		fatal(t, errors.Join(errs...))
		for i := range people {
			u, err := x.users.UserByName(t.Context(), x.scope, x.name(name(i)))
			fatal(t, err)
			if u.Manager.ID == "" {
				t.Errorf("the manager of %s is %+v", u.UserName(), u.Manager)
			}
		}
	}
}

// managed is JSON for a user whose manager is given.
func managed(ref string) string {
	return fmt.Sprintf(`,%q:{"manager":{"value":%q}}`, scim.EnterpriseUserURN, ref)
}

func testManagers(t *testing.T, x *suite) {
	read := func(u *provisioning.User) provisioning.Manager {
		t.Helper()
		got, err := x.users.User(t.Context(), x.scope, u.ID)
		fatal(t, err)
		return got.Manager
	}
	byName := x.user(t, "byname", managed(x.name("BOSS")))
	byExternal := x.user(t, "byexternal", managed("B1"))
	if byName.Manager.ID != "" || read(byName).Ref != x.name("BOSS") {
		t.Errorf("pending: %+v", read(byName))
	}
	boss := x.user(t, "boss", `,"externalId":"B1","displayName":"The Boss"`)
	byID := x.user(t, "byid", managed(boss.ID))
	late := x.user(t, "late", managed("B1"))
	for _, u := range []*provisioning.User{byName, byExternal, byID, late} {
		if m := read(u); m.ID != boss.ID || m.DisplayName != "The Boss" {
			t.Errorf("%s: %+v", u.UserName(), m)
		}
	}
	if h := x.history(t, history.Query{User: byName.ID}); len(h) != 2 ||
		h[1].Action != history.UserManager {
		t.Errorf("the link is not in the history: %+v", h)
	}
	self := x.user(t, "self", managed(x.name("self")))
	if m := read(self); m.ID != self.ID {
		t.Errorf("one's own manager: %+v", m)
	}
	if _, _, err := x.patchUser(t, boss.ID,
		fmt.Sprintf(`[{"op":"add","path":"%s:manager","value":%q}]`, scim.EnterpriseUserURN,
			byID.ID)); err != nil {
		t.Errorf("a circle of managers: %v", err)
	}
	other := x.newInstance(t, x.tag+"-b")
	stranger, err := x.createUser(t, other, "stranger", managed(boss.ID))
	if err != nil || stranger.Manager.ID != "" {
		t.Errorf("linked across instances: %+v, %v", stranger, err)
	}
	fatal(t, x.users.DeleteUser(t.Context(), x.scope, boss.ID, nil))
	if m := read(byName); m.ID != "" || m.Ref != x.name("BOSS") {
		t.Errorf("after the manager's deletion: %+v", m)
	}
	again := x.user(t, "boss", "")
	if m := read(byName); m.ID != again.ID {
		t.Errorf("hired again: %+v", m)
	}
}

func testIsolation(t *testing.T, x *suite) {
	u := x.user(t, "anna", "")
	g := x.group(t, "Staff", u.ID)
	other := x.newInstance(t, x.tag+"-b")
	ctx := context.Background()
	_, err := x.users.User(ctx, other, u.ID)
	wantError(t, err, 404, "", "")
	_, err = x.users.Group(ctx, other, g.ID)
	wantError(t, err, 404, "", "")
	wantError(t, x.users.DeleteUser(ctx, other, u.ID, nil), 404, "", "")
	wantError(t, x.users.DeleteGroup(ctx, other, g.ID, nil), 404, "", "")
	_, err = x.users.AddGroup(ctx, other, "Theirs", []string{u.ID})
	wantError(t, err, 400, scim.InvalidValue, "no user or group with the id")
	_, err = x.users.AddGroup(ctx, other, "Theirs", []string{g.ID})
	wantError(t, err, 400, scim.InvalidValue, "no user or group with the id")
	if _, p, err := x.users.Users(ctx, other, provisioning.Query{Limit: 10}); err != nil ||
		p.Total != 0 {
		t.Errorf("%d users, %v", p.Total, err)
	}
	if _, err := x.users.AddGroup(ctx, other, "staff", nil); err != nil {
		t.Errorf("a group's name is free in another instance: %v", err)
	}
}
