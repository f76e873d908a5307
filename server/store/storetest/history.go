package storetest

import (
	"slices"
	"testing"

	"muster/server/history"
	"muster/server/scim"
)

func testHistory(t *testing.T, x *suite) {
	u := x.user(t, "anna", `,"title":"Engineer","emails":[{"type":"work","value":"a@x"}]`)
	_, _, err := x.patchUser(t, u.ID,
		`[{"op":"replace","path":"title","value":"Chief"},{"op":"remove","path":"emails"},`+
			`{"op":"add","path":"nickName","value":"N"}]`)
	fatal(t, err)
	_, err = x.createUser(t, x.scope, "anna", "")
	wantError(t, err, 409, scim.Uniqueness, "")
	list := x.history(t, history.Query{})
	if len(list) != 4 {
		t.Fatalf("%d rows, want instance, creation, change and refusal", len(list))
	}
	change := list[2]
	want := []history.Change{
		{Field: "Email", Attribute: `emails[type eq "work"].value`, Old: "a@x"},
		{Attribute: "nickName", New: "N"},
		{Field: "Scim Sync Job Title", Attribute: "title", Old: "Engineer", New: "Chief"},
	}
	if change.Action != history.UserUpdate || !slices.Equal(change.Changes, want) {
		t.Errorf("got  %+v\nwant %+v", change.Changes, want)
	}
	if a := change.Actor; a.Kind != history.KeyActor || a.Name != "sync" || a.RequestID != "r1" ||
		change.Target.ID != u.ID || change.Target.Name != u.UserName() {
		t.Errorf("got %+v", change)
	}
	refused := list[3]
	if refused.Outcome != history.Refused || refused.Status != 409 ||
		refused.ScimType != "uniqueness" || refused.Target.Name != x.name("anna") ||
		refused.Target.ID != "" {
		t.Errorf("got %+v", refused)
	}
	for name, test := range map[string]struct {
		q    history.Query
		want int
	}{
		"the newest":        {history.Query{Limit: 2}, 2},
		"of a user":         {history.Query{User: u.ID}, 2},
		"of a user by name": {history.Query{User: x.name("anna")}, 3},
		"refused":           {history.Query{Outcome: history.Refused}, 1},
		"of a group":        {history.Query{Group: "x"}, 0},
	} {
		if got := x.history(t, test.q); len(got) != test.want {
			t.Errorf("%s: %d rows, want %d", name, len(got), test.want)
		}
	}
	if newest := x.history(t, history.Query{Limit: 2}); newest[1].ID != refused.ID {
		t.Error("the newest rows are not in order")
	}
}
