package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim/schema"
)

// people are how many there are at the most, and how many names for them.
const people, groupsOfTown = 5, 2

// town is an instance whose people and groups go by numbers.
type town struct {
	t      *rapid.T
	s      *Store
	i      *instance.Instance
	tag    string
	clock  time.Time
	ids    [people]string
	made   [people]bool
	groups [groupsOfTown]string
}

func newTown(t *rapid.T, s *Store, slug string) *town {
	w := &town{t: t, s: s, tag: slug, clock: time.UnixMilli(1_700_000_000_000).UTC()}
	w.i = &instance.Instance{ID: uuid.Must(uuid.NewV7()).String(), Slug: slug, Created: w.clock}
	w.must(s.CreateInstance(context.Background(), w.i,
		w.entry(history.InstanceCreate, "Instance", "", "town")))
	for n := range people {
		w.ids[n] = uuid.Must(uuid.NewV7()).String()
	}
	for n := range groupsOfTown {
		w.groups[n] = uuid.Must(uuid.NewV7()).String()
		w.must(s.CreateGroup(context.Background(), &provisioning.Group{
			ID: w.groups[n], InstanceID: w.i.ID, DisplayName: fmt.Sprint("Group ", n),
			DisplayNameKey: fmt.Sprint("group ", n),
			Text:           []byte("{}"), Search: []byte("{}"), Version: 1, Created: w.clock,
			Modified: w.clock,
		}, provisioning.MemberChange{}, func(_, _ []provisioning.Member) *history.Entry {
			return w.entry(history.GroupCreate, "Group", w.groups[n], fmt.Sprint("Group ", n))
		}))
	}
	return w
}

func (w *town) must(err error) {
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *town) entry(a history.Action, kind, id, name string) *history.Entry {
	return history.New(w.i.ID, w.clock, history.Actor{Kind: history.Administrator, Name: "a"}, a,
		history.Target{Type: kind, ID: id, Name: name})
}

func (w *town) name(n int) string { return fmt.Sprintf("Name %d.%s", n, w.tag) }

// ref is what a provider would call a manager.
func (w *town) ref(manager string) string {
	kind, n, found := strings.Cut(manager, " ")
	switch kind {
	case "id":
		return w.ids[n[0]-'0']
	case "ID": // other ways to write an id, which are none
		return strings.ToUpper(w.ids[n[0]-'0'])
	case "hex":
		return strings.ReplaceAll(w.ids[n[0]-'0'], "-", "")
	case "ext":
		return manager
	}
	if found {
		return manager + "." + w.tag
	}
	return manager
}

// user returns a user as a step wants him or her.
func (w *town) user(st step) *provisioning.User {
	name := w.name(st.Name)
	u := &provisioning.User{
		ID: w.ids[st.Who], InstanceID: w.i.ID, Text: []byte("{}"),
		Fields: mapping.Fields{mapping.UserName: name}, Active: true,
		Source: provisioning.Provisioned, Version: 1, Created: w.clock, Modified: w.clock,
		Manager: provisioning.Manager{Ref: w.ref(st.Manager)},
		Keys:    provisioning.Keys{UserName: schema.UserNameKey(name), Search: []byte("{}")},
	}
	if st.Ext > 0 {
		u.Keys.ExternalID = fmt.Sprint("ext ", st.Ext)
	}
	return u
}

func (w *town) prepare(steps []step) {
	for _, f := range w.jobs(steps) {
		_ = f()
	}
}

// elsewhere makes sure that another instance has the name.
func (w *town) elsewhere(ctx context.Context) {
	if _, _, err := w.s.NameHolder(ctx, "elsewhere"); err == nil {
		return
	}
	other := newTown(w.t, w.s, "elsewhere")
	u := other.user(step{})
	u.Fields, u.Keys.UserName = mapping.Fields{mapping.UserName: "elsewhere"}, "elsewhere"
	w.must(w.s.CreateUser(ctx, u, other.entry(history.UserCreate, "User", u.ID, "elsewhere")))
}

func outcome(err error) string {
	var taken *provisioning.NameTakenError
	if errors.As(err, &taken) {
		return "taken"
	}
	if errors.Is(err, provisioning.ErrNoMember) {
		return "no member" // which one is told by its id
	}
	return fmt.Sprint(err)
}

// dump tells all that is in the instance, in words without ids.
func (w *town) dump() []string {
	ctx := context.Background()
	names := map[string]string{"": "-"}
	for n, id := range w.ids {
		names[id] = fmt.Sprint("person ", n)
	}
	for n, id := range w.groups {
		names[id] = fmt.Sprint("group ", n)
	}
	plain := func(text string) string {
		text = strings.ReplaceAll(text, w.tag, "TAG")
		for id, name := range names {
			for _, form := range []string{
				id, strings.ToUpper(id), strings.ReplaceAll(id, "-", ""),
			} {
				if id != "" {
					text = strings.ReplaceAll(text, form, name)
				}
			}
		}
		return text
	}
	users, _, err := w.s.Users(ctx,
		provisioning.Query{InstanceID: w.i.ID, Limit: 100, Groups: true})
	w.must(err)
	var list []string
	for _, u := range users {
		if names[u.ID] == "" {
			names[u.ID] = "another " + strings.ReplaceAll(u.UserName(), w.tag, "TAG")
		}
	}
	for _, u := range users {
		var in []string
		for _, m := range u.Groups {
			in = append(in, fmt.Sprint(m.Display, m.Direct))
		}
		list = append(list,
			plain(fmt.Sprintf("%s: %s v%d ext %q manager %q → %s %q in %v", u.ID, u.UserName(),
				u.Version, u.Keys.ExternalID, u.Manager.Ref, names[u.Manager.ID],
				u.Manager.DisplayName, in)))
	}
	for _, id := range w.groups {
		g, err := w.s.Group(ctx, w.i.ID, id)
		w.must(err)
		list = append(list, fmt.Sprintf("%s v%d", g.DisplayName, g.Version))
	}
	slices.Sort(list)
	c, err := w.s.Chain(ctx, w.i.ID)
	w.must(err)
	v := history.NewVerifier(c)
	var rows []string
	w.must(w.s.Sealed(ctx, w.i.ID, func(r history.Sealed) error {
		rows = append(rows,
			plain(fmt.Sprintf("%d %s %s %s %s", r.Seq, r.Action, r.Target.Name, r.Outcome,
				r.Detail)))
		return v.Check(r)
	}))
	v.End(c)
	if len(v.Problems) > 0 || v.Unsealed > 0 {
		w.t.Fatalf("the chain: %q, %d unsealed", v.Problems, v.Unsealed)
	}
	return append(list, rows...)
}
