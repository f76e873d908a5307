package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
)

// sessions keeps who is signed in to the console; see its SessionStore.
type sessions interface {
	ConsoleSession(ctx context.Context, id string, now time.Time) ([]byte, bool, error)
	BeginConsoleSession(
		ctx context.Context, id, person string, data []byte, now, expires time.Time,
	) error
	KeepConsoleSession(
		ctx context.Context, id string, data []byte, expires time.Time,
	) (bool, error)
	EndConsoleSession(ctx context.Context, id string) error
}

// session is what the model knows of one.
type session struct {
	person, data string
	expires      time.Time
}

// testSessions: whatever begins, is kept, ends and expires, a session is there exactly
// as long as it should be, with what was written last; and none that has ended is begun
// again by being kept.
func testSessions(t *testing.T, x *suite) {
	ctx, run := t.Context(), 0
	rapid.Check(t, func(r *rapid.T) {
		now := time.Now().Truncate(time.Millisecond)
		model := make(map[string]session)
		run++ // what an earlier run has left is none of this one's business
		tag := x.name(fmt.Sprint(run))
		id := rapid.Map(rapid.SampledFrom([]string{"a", "b", "c", "A"}),
			func(s string) string { return tag + s })
		person := rapid.Map(rapid.SampledFrom([]string{"ada", "Ada", "grace"}),
			func(s string) string { return tag + s })
		life := rapid.Map(rapid.IntRange(1, 4),
			func(n int) time.Duration { return time.Duration(n) * time.Minute })
		there := func(id string) (session, bool) {
			s, ok := model[id]
			return s, ok && s.expires.After(now)
		}
		r.Repeat(map[string]func(*rapid.T){
			"begin": func(r *rapid.T) {
				id, s := id.Draw(r, "id"), session{
					person.Draw(r, "person"), rapid.String().Draw(r, "data"),
					now.Add(life.Draw(r, "life")),
				}
				if strings.ContainsRune(s.data, 0) {
					s.data = "" // it is JSON, which has none
				}
				if _, ok := there(id); ok {
					return
				}
				fatal(t, x.store.EndConsoleSession(ctx, id))
				fatal(t, x.store.BeginConsoleSession(ctx, id, s.person, []byte(s.data), now,
					s.expires))
				model[id] = s
			},
			"keep": func(r *rapid.T) {
				id := id.Draw(r, "id")
				s, ok := there(id)
				if _, known := model[id]; known && !ok {
					return // it has expired, and may be there still
				}
				s.data, s.expires = "kept", now.Add(life.Draw(r, "life"))
				found, err := x.store.KeepConsoleSession(ctx, id, []byte(s.data), s.expires)
				fatal(t, err)
				if found != ok {
					r.Fatalf("keep %s: found %v", id, found)
				}
				if ok {
					model[id] = s
				}
			},
			"end": func(r *rapid.T) {
				id := id.Draw(r, "id")
				fatal(t, x.store.EndConsoleSession(ctx, id))
				delete(model, id)
			},
			"end all": func(r *rapid.T) {
				who := person.Draw(r, "person")
				_, err := x.store.EndConsoleSessions(ctx, who)
				fatal(t, err)
				for id, s := range model {
					if s.person == who {
						delete(model, id)
					}
				}
			},
			"later": func(r *rapid.T) { now = now.Add(life.Draw(r, "later")) },
			"": func(r *rapid.T) {
				for _, id := range []string{tag + "a", tag + "b", tag + "c", tag + "A"} {
					want, ok := there(id)
					data, found, err := x.store.ConsoleSession(ctx, id, now)
					fatal(t, err)
					if found != ok || ok && !bytes.Equal(data, []byte(want.data)) {
						r.Fatalf("%s: found %v %q, want %v %q", id, found, data, ok, want.data)
					}
				}
			},
		})
	})
}

// testSignInLinks: a link is good once, until it expires, and only with its secret.
func testSignInLinks(t *testing.T, x *suite) {
	now := time.Now()
	service := instance.NewService(x.store, x.store, func() time.Time { return now })
	secret, err := service.CreateSignInLink(t.Context(),
		instance.Person{Name: "ada", Role: instance.Reader, Instance: x.scope.Instance.Slug})
	fatal(t, err)
	for _, wrong := range []string{"", secret[1:], strings.ToLower(secret), secret + "A"} {
		if p, err := service.SignIn(t.Context(), wrong); !errors.Is(err, instance.ErrNotFound) {
			t.Errorf("the secret %q signs %v in: %v", wrong, p, err)
		}
	}
	p, err := service.SignIn(t.Context(), secret)
	fatal(t, err)
	want := instance.Person{Name: "ada", Role: instance.Reader, Instance: x.scope.Instance.Slug}
	if p != want {
		t.Errorf("%v is signed in", p)
	}
	if _, err := service.SignIn(t.Context(), secret); !errors.Is(err, instance.ErrNotFound) {
		t.Errorf("a second time: %v", err)
	}
	late, err := service.CreateSignInLink(t.Context(), instance.Person{Name: "ada"})
	fatal(t, err)
	now = now.Add(instance.SignInLife)
	if _, err := service.SignIn(t.Context(), late); !errors.Is(err, instance.ErrNotFound) {
		t.Errorf("after it has expired: %v", err)
	}
	for name, p := range map[string]instance.Person{
		"no name": {}, "blank": {Name: " "}, "no such role": {Name: "a", Role: "king"},
		"no such instance": {Name: "a", Instance: "no-such"},
	} {
		if _, err := service.CreateSignInLink(t.Context(), p); err == nil {
			t.Errorf("%s: a link was made", name)
		}
	}
}

// looked is a user as the model of testChoices knows one.
type looked struct {
	name, display, email         string
	active, manual, pending, own bool
}

// testChoices: whatever is chosen, the pages together have exactly those whom the choice
// is about, each once, in the order in which they came.
func testChoices(t *testing.T, x *suite) {
	var all []looked
	for n := range 40 {
		u := looked{
			name:    x.name(fmt.Sprintf("Person%02d", n)),
			display: []string{"Ada Straße", "ADA_STRASSE", "Grace % Hopper", ""}[n%4],
			email:   fmt.Sprintf("M%d@example.com", n%7), active: n%3 > 0, manual: n%2 == 0,
			pending: n%5 == 0, own: n%8 == 2,
		}
		x.look(t, u)
		all = append(all, u)
	}
	searches := []string{
		"", "person0", x.name("PERSON1"), "strasse", "straße", "%", "_", "m3@", "M", "nobody",
		"grace", " ",
	}
	for _, search := range searches { // each by itself, whatever is drawn
		if problem := x.choose(t, all, provisioning.Choice{Search: search}, 7); problem != "" {
			t.Error(problem)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		c := provisioning.Choice{
			Search: rapid.SampledFrom(searches).Draw(r, "search"),
			State:  rapid.SampledFrom([]string{"", "active", "suspended"}).Draw(r, "state"),
			Source: rapid.SampledFrom(
				[]provisioning.Source{"", "manual", "provisioned"}).Draw(r, "source"),
			Pending:     rapid.Bool().Draw(r, "pending"),
			Integration: rapid.Bool().Draw(r, "integration"),
		}
		c.Window = rapid.IntRange(0, 50).Draw(r, "window")
		limit := rapid.IntRange(1, 50).Draw(r, "limit")
		if problem := x.choose(t, all, c, limit); problem != "" {
			r.Error(problem)
		}
	})
}

// choose chooses users in pages, and says where that differs from the model; empty if it
// does not.
func (x *suite) choose(
	t *testing.T, all []looked, c provisioning.Choice, limit int,
) (problem string) {
	t.Helper()
	q := provisioning.Query{Integration: true, Keyset: true, Choice: c, Limit: limit}
	var want, got []string
	for _, u := range all {
		if u.chosen(c) {
			want = append(want, u.name)
		}
	}
	for {
		page, at, err := x.users.Users(t.Context(), x.scope, q)
		fatal(t, err)
		for _, u := range page {
			got = append(got, u.UserName())
		}
		if at.Next == nil {
			break
		}
		q.After = at.Next
	}
	_, count, err := x.users.Users(t.Context(), x.scope,
		provisioning.Query{Integration: true, Choice: c})
	fatal(t, err)
	if !slices.Equal(got, want) || count.Total != len(want) {
		return fmt.Sprintf("%+v: got %v, %d are counted, want %v", c, got, count.Total, want)
	}
	return ""
}

// look makes a user of the model.
func (x *suite) look(t *testing.T, u looked) {
	t.Helper()
	a := provisioning.Account{
		Fields: mapping.Fields{
			mapping.UserName: u.name, mapping.DisplayName: u.display, mapping.Email: u.email,
		},
		Integration: u.own, Role: instance.PlainUser, Uninvited: true,
	}
	if u.pending {
		a.Fields[mapping.DirectManager] = x.name("nobody at all")
	}
	sc := provisioning.Scope{Instance: x.scope.Instance, Actor: administrator}
	made, err := x.users.AddUser(t.Context(), sc, a)
	fatal(t, err)
	if !u.active {
		_, _, err = x.users.SetActive(t.Context(), sc, made, false)
		fatal(t, err)
	}
	if !u.manual && !u.own {
		_, _, err = x.patchUser(t, made.ID, `[{"op":"replace","path":"title","value":"picked up"}]`)
		fatal(t, err)
	}
}

func (u looked) chosen(c provisioning.Choice) bool {
	contains := func(text, part string) bool {
		fold := func(s string) string {
			return strings.ReplaceAll(strings.ToLower(s), "ß", "ss")
		}
		return strings.Contains(fold(text), fold(part))
	}
	manual := u.manual || u.own
	return (c.Search == "" || contains(u.name, c.Search) || contains(u.display, c.Search) ||
		strings.HasPrefix(strings.ToLower(u.email), strings.ToLower(c.Search))) &&
		(c.State == "" || (c.State == "active") == u.active) &&
		(c.Source == "" || (c.Source == provisioning.Manual) == manual) &&
		(!c.Pending || u.pending) && (!c.Integration || u.own)
}

// testHistoryChoices: what is asked of the history by action, row, target and outcome is
// what matches of all.
func testHistoryChoices(t *testing.T, x *suite) {
	ctx := t.Context()
	sc := provisioning.Scope{Instance: x.scope.Instance, Actor: administrator}
	u := x.user(t, "anna", "")
	for _, active := range []bool{false, true, false} {
		now, err := x.users.User(ctx, sc, u.ID)
		fatal(t, err)
		_, _, err = x.users.SetActive(ctx, sc, now, active)
		fatal(t, err)
	}
	_ = x.users.Refuse(ctx, sc, history.UserCreate, history.Target{Type: "User", Name: "x"},
		errors.New("it is only a test"))
	read := func(q history.Query) (list []*history.Entry) {
		q.InstanceID = sc.Instance.ID
		fatal(t, x.store.History(ctx, q, func(e *history.Entry) error {
			list = append(list, e)
			return nil
		}))
		return list
	}
	all := read(history.Query{})
	rapid.Check(t, func(r *rapid.T) {
		one := all[rapid.IntRange(0, len(all)-1).Draw(r, "row")]
		q := history.Query{
			Action: rapid.SampledFrom([]history.Action{
				"", history.UserSuspend, history.UserCreate, history.Authenticate,
			}).Draw(r, "action"),
			ID:       rapid.SampledFrom([]string{"", one.ID}).Draw(r, "id"),
			TargetID: rapid.SampledFrom([]string{"", u.ID, one.Target.ID}).Draw(r, "target"),
			Outcome: rapid.SampledFrom([]history.Outcome{
				"", history.Done, history.Refused, history.Failed,
			}).Draw(r, "outcome"),
		}
		var want, got []string
		for _, e := range all {
			if q.Matches(e) {
				want = append(want, e.ID)
			}
		}
		for _, e := range read(q) {
			got = append(got, e.ID)
		}
		if !slices.Equal(got, want) {
			r.Errorf("%+v: got %v, want %v", q, got, want)
		}
	})
}
