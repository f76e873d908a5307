package storetest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim"
)

func testInstances(t *testing.T, x *suite) {
	i, err := x.instances.BySlug(t.Context(), x.tag)
	fatal(t, err)
	if i.Edition != instance.Enterprise || i.Environment != instance.Production ||
		i.Name != x.tag || i.Created.IsZero() {
		t.Errorf("got %+v", i)
	}
	if _, err := x.instances.Create(t.Context(), instance.Instance{Slug: x.tag},
		administrator); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("a second instance of the name: %v", err)
	}
	if _, err := x.instances.BySlug(t.Context(), "no-such"); !errors.Is(err, instance.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	for _, bad := range []instance.Instance{
		{Slug: ""},
		{Slug: "Acme"},
		{Slug: "a_b"},
		{Slug: "-a"},
		{Slug: "ok", Edition: "gold"},
		{Slug: "ok", Environment: "moon"},
	} {
		if _, err := x.instances.Create(t.Context(), bad, administrator); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	list, err := x.instances.List(t.Context())
	fatal(t, err)
	found := false
	for _, i := range list {
		found = found || i.Slug == x.tag
	}
	if !found {
		t.Error("the list lacks the instance")
	}
}

func testFields(t *testing.T, x *suite) {
	before := x.scope.Instance
	for _, f := range []instance.Field{
		{Name: "Badge"},
		{Name: "desk", Title: "Desk", Type: instance.Number},
		{Name: "since", Type: instance.Date},
		{Name: "remote", Type: instance.YesNo},
	} {
		if _, err := x.instances.AddField(t.Context(), before, f, administrator); err != nil {
			t.Fatal(err)
		}
	}
	for _, bad := range []instance.Field{
		{Name: "bADGE"}, {Name: ""}, {Name: "1st"}, {Name: "a.b"}, {Name: "x", Type: "color"},
	} {
		if _, err := x.instances.AddField(t.Context(), before, bad, administrator); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	i, err := x.instances.BySlug(t.Context(), x.tag)
	fatal(t, err)
	if len(i.Fields) != 4 || i.Fields[0].Title != "Badge" || i.Fields[0].Type != instance.Text {
		t.Fatalf("got %+v", i.Fields)
	}
	const urn = scim.ApplicationUserURN
	values := `,"` + urn +
		`":{"badge":"B7","desk":12.5,"since":"2026-01-31T00:00:00Z","remote":true}`
	x.scope.Instance = i
	u := x.user(t, "anna", values)
	x.user(t, "ben", "")
	if u.Fields["Badge"] != "B7" || u.Fields["desk"] != "12.5" || u.Fields["remote"] != "true" {
		t.Errorf("fields: %v", u.Fields)
	}
	for _, text := range []string{
		urn + `:badge eq "b7"`, urn + `:desk gt 12`, urn + `:since lt "2026-02-01T00:00:00+01:00"`,
		urn + `:remote eq true`, urn + `:badge pr`,
	} {
		if got, _, err := x.query(t, text, provisioning.Query{}); err != nil ||
			strings.Join(got, " ") != "anna" {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	for _, path := range []string{":badge", ":desk"} {
		a, _ := x.users.UserType(i).Resolve(urn + path)
		if got, _, err := x.query(t, "", provisioning.Query{SortBy: a}); err != nil ||
			strings.Join(got, " ") != "anna ben" {
			t.Errorf("sorted by %s: got %v, %v", path, got, err)
		}
	}
	after, _, err := x.patchUser(t, u.ID, `[{"op":"replace","path":"`+urn+`:desk","value":13}]`)
	if err != nil || after.Fields["desk"] != "13" {
		t.Errorf("got %v, %v", after, err)
	}
	rows := x.history(t, history.Query{User: u.ID})
	if last := rows[len(rows)-1]; len(last.Changes) != 1 || last.Changes[0].Field != "Desk" ||
		last.Changes[0].New != "13" {
		t.Errorf("history: %+v", last)
	}
}

// holder makes an integration user and returns its name.
func (x *suite) holder(t *testing.T, role instance.Role) *provisioning.User {
	t.Helper()
	u, err := x.users.AddUser(t.Context(),
		provisioning.Scope{Instance: x.scope.Instance, Actor: administrator},
		provisioning.Account{
			Fields:      mapping.Fields{mapping.UserName: x.name("holder-" + string(role))},
			Integration: true, Role: role,
		})
	fatal(t, err)
	return u
}

func testKeys(t *testing.T, x *suite) {
	ctx, i := t.Context(), x.scope.Instance
	h := x.holder(t, instance.LiteAdmin)
	k, text, err := x.instances.CreateKey(ctx, i,
		instance.KeyRequest{UserName: strings.ToUpper(h.UserName())}, administrator)
	fatal(t, err)
	use := func() error {
		c, err := x.instances.Authenticate(ctx, text, history.Actor{RequestID: "r9"})
		if err == nil &&
			errors.Is(x.instances.Current(instance.WithRevision(ctx, &c.Instance)),
				instance.ErrStale) {
			x.instances.Forget(c.Key.ID)
			_, err = x.instances.Authenticate(ctx, text, history.Actor{RequestID: "r9"})
		}
		return err
	}
	c, err := x.instances.Authenticate(ctx, text, history.Actor{})
	fatal(t, err)
	if c.Instance.Slug != x.tag || c.Key.ID != k.ID || c.Holder.UserName != h.UserName() {
		t.Errorf("got %+v", c)
	}
	refused := func(reason string) {
		t.Helper()
		var e *instance.KeyError
		if err := use(); !errors.As(err, &e) || e.Forbidden || !strings.Contains(e.Reason, reason) {
			t.Errorf("got %v, want %q", err, reason)
		}
	}
	fatal(t, x.instances.Current(instance.WithRevision(ctx, &c.Instance)))
	admin := provisioning.Scope{Instance: i, Actor: administrator}
	change := func(f func() (bool, error)) {
		t.Helper()
		if changed, err := f(); err != nil || !changed {
			t.Fatalf("changed %v, %v", changed, err)
		}
	}
	change(func() (bool, error) { return x.users.SetRole(ctx, admin, h, instance.PlainUser) })
	refused("has the role user and needs at least lite-admin")
	change(func() (bool, error) { return x.users.SetRole(ctx, admin, h, instance.Admin) })
	change(func() (bool, error) {
		_, c, err := x.users.SetActive(ctx, admin, h, false)
		return c, err
	})
	refused("suspended")
	change(func() (bool, error) {
		_, c, err := x.users.SetActive(ctx, admin, h, true)
		return c, err
	})
	fatal(t, use())
	change(func() (bool, error) { return x.instances.RevokeKey(ctx, i, k.ID, administrator) })
	refused("revoked")
	if changed, err := x.instances.RevokeKey(ctx, i, k.ID, administrator); err != nil || changed {
		t.Errorf("revoked twice: %v, %v", changed, err)
	}
	if _, err := x.instances.RevokeKey(ctx, i, "nosuch", administrator); err == nil ||
		!strings.Contains(err.Error(), "no key") {
		t.Errorf("got %v", err)
	}

	_, text, err = x.instances.CreateKey(ctx, i, instance.KeyRequest{UserName: h.UserName()},
		administrator)
	fatal(t, err)
	fatal(t, x.users.DeleteUser(ctx, admin, h.ID, nil))
	refused("revoked")
	keys, err := x.instances.Keys(ctx, i)
	fatal(t, err)
	if len(keys) != 2 || keys[0].State(time.Now()) != "revoked" ||
		keys[1].State(time.Now()) != "revoked" {
		t.Errorf("got %+v", keys)
	}
	if n := len(x.history(t, history.Query{Outcome: history.Refused})); n != 4 {
		t.Errorf("%d refusals in the history, want 4", n)
	}

	for name, test := range map[string]struct{ user, want string }{
		"no such user":        {"nobody", "has no user"},
		"no integration user": {x.user(t, "plain", "").UserName(), "no integration user"},
		"a role too low": {
			x.holder(t, instance.PlainUser).UserName(), "needs at least lite-admin",
		},
	} {
		if _, _, err := x.instances.CreateKey(ctx, i, instance.KeyRequest{UserName: test.user},
			administrator); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func testRotation(t *testing.T, x *suite) {
	ctx, i := t.Context(), x.scope.Instance
	now := time.Now()
	service := instance.NewService(x.store, x.store, func() time.Time { return now })
	h := x.holder(t, instance.LiteAdmin)
	old, oldText, err := service.CreateKey(ctx, i, instance.KeyRequest{UserName: h.UserName()},
		administrator)
	fatal(t, err)
	young, text, err := service.RotateKey(ctx, i, old.ID, time.Hour, 24*time.Hour, administrator)
	fatal(t, err)
	both := func(oldWorks bool) {
		t.Helper()
		for key, works := range map[string]bool{oldText: oldWorks, text: true} {
			if _, err := service.Authenticate(ctx, key,
				history.Actor{Address: "192.0.2.7"}); (err == nil) != works {
				t.Errorf("at %v: works is %v, want %v: %v", now, err == nil, works, err)
			}
		}
	}
	both(true)
	used := func() (list []string) {
		keys, err := service.Keys(ctx, i)
		fatal(t, err)
		for _, k := range keys {
			if k.LastAddress != "192.0.2.7" {
				t.Errorf("last used from %q", k.LastAddress)
			}
			list = append(list, k.LastUsed.UTC().Format(time.TimeOnly))
		}
		return list
	}
	first := used()
	now = now.Add(30 * time.Second)
	both(true)
	if again := used(); !slices.Equal(again, first) {
		t.Errorf("the last use is kept more often than each minute: %v, %v", first, again)
	}
	now = now.Add(2 * time.Minute)
	both(true)
	if again := used(); slices.Equal(again, first) {
		t.Error("the last use is not kept")
	}
	now = now.Add(time.Hour)
	both(false)
	if _, _, err := service.RotateKey(ctx, i, old.ID, time.Hour, time.Hour,
		administrator); err == nil || !strings.Contains(err.Error(), "is expired") {
		t.Errorf("an expired key is rotated: %v", err)
	}
	if _, _, err := service.RotateKey(ctx, i, "nosuch", time.Hour, time.Hour,
		administrator); err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("got %v", err)
	}
	// An overlap never lengthens a key's life.
	if _, _, err := service.RotateKey(ctx, i, young.ID, 1000*time.Hour, 24*time.Hour,
		administrator); err != nil {
		t.Error(err)
	}
	keys, err := service.Keys(ctx, i)
	fatal(t, err)
	at := slices.IndexFunc(keys, func(k *instance.Key) bool { return k.ID == young.ID })
	if len(keys) != 3 || !keys[at].Expires.Equal(young.Expires) {
		t.Errorf("got %v, want the end at %v", keys[at].Expires, young.Expires)
	}
	rotations := 0
	for _, e := range x.history(t, history.Query{}) {
		if e.Action == history.KeyRotate {
			rotations++
		}
	}
	if rotations != 2 {
		t.Errorf("%d rotations in the history", rotations)
	}
}
