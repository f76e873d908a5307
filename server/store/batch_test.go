package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim/schema"
	"muster/server/store/pgtest"
)

// TestBatchIsSequence draws changes of an instance, does them one after the
// other in one instance, and in one batch in another: each must end alike, and
// leave the same users, links, groups, versions and history.
func TestBatchIsSequence(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		s, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "m.db"))
		batchIsSequence(t, s, err)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		s, err := Open(t.Context(), pgtest.Open(t))
		batchIsSequence(t, s, err)
	})
}

func batchIsSequence(t *testing.T, s *Store, err error) {
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		w := drawWork(t)
		one := newTown(t, s, fmt.Sprint("one-", n))
		all := newTown(t, s, fmt.Sprint("all-", n))
		for _, p := range []*town{one, all} {
			p.prepare(w.before)
		}
		var alone []string
		for _, f := range one.jobs(w.work) {
			alone = append(alone, outcome(f()))
		}
		together := all.together(all.jobs(w.work))
		if !slices.Equal(alone, together) {
			t.Fatalf("%+v\none by one %q\ntogether   %q", w.work, alone, together)
		}
		if a, b := one.dump(), all.dump(); !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v\none by one\n%s\ntogether\n%s", w.work, strings.Join(a, "\n"),
				strings.Join(b, "\n"))
		}
	})
}

// step is one change, by the numbers of people and groups.
type step struct {
	What           string
	Who, Name, Ext int // the person, the name and the external id he or she gets
	Manager        string
	Group          int
	Add, Remove    []int
	Exact          bool
}

type work struct{ before, work []step }

// people are how many there are at the most, and how many names for them.
const people, groupsOfTown = 5, 2

func drawWork(t *rapid.T) work {
	who := rapid.IntRange(0, people-1)
	some := rapid.SliceOfN(who, 0, 3)
	manager := rapid.SampledFrom([]string{
		"", "name 0", "name 1", "name 2", "NAME 1", "ext 0", "ext 1", "id 0", "id 1", "nobody",
		uuid.Nil.String(),
		"urn:uuid:" + uuid.Nil.String(), "{" + uuid.Nil.String() + "}", "ID 0", "hex 1",
	})
	draw := func(kinds ...string) *rapid.Generator[step] {
		return rapid.Custom(func(t *rapid.T) step {
			return step{
				What: rapid.SampledFrom(kinds).Draw(t, "what"), Who: who.Draw(t, "who"),
				Name: who.Draw(t, "name"), Ext: rapid.IntRange(0, 2).Draw(t, "ext"),
				Manager: manager.Draw(t, "manager"),
				Group:   rapid.IntRange(0, groupsOfTown-1).Draw(t, "group"),
				Add:     some.Draw(t, "add"), Remove: some.Draw(t, "remove"),
				Exact: rapid.Bool().Draw(t, "exact"),
			}
		})
	}
	return work{
		before: rapid.SliceOfN(draw("create", "create", "members"), 0, 6).Draw(t, "before"),
		work: rapid.SliceOfN(draw("create", "create", "update", "rename", "delete", "members",
			"members", "refuse", "elsewhere", "nest"), 1, 8).Draw(t, "work"),
	}
}

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

// jobs returns what does the steps, which all know the state of now.
func (w *town) jobs(steps []step) []func() error {
	ctx := context.Background()
	var list []func() error
	for _, st := range steps {
		list = append(list, w.job(ctx, st))
	}
	return list
}

func (w *town) job(ctx context.Context, st step) func() error {
	known, err := w.s.User(ctx, w.i.ID, w.ids[st.Who], false)
	if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
		w.must(err)
	}
	u := w.user(st)
	switch st.What {
	case "create":
		e := w.entry(history.UserCreate, "User", u.ID, u.UserName())
		if known != nil || w.made[st.Who] {
			u.ID = uuid.Must(uuid.NewV7()).String() // another person
		}
		w.made[st.Who] = true
		return func() error { return w.s.CreateUser(ctx, u, e) }
	case "elsewhere": // a name that another instance has
		u.Fields = mapping.Fields{mapping.UserName: "elsewhere"}
		u.Keys.UserName, u.ID = "elsewhere", uuid.Must(uuid.NewV7()).String()
		w.elsewhere(ctx)
		return func() error {
			return w.s.CreateUser(ctx, u, w.entry(history.UserCreate, "User", u.ID, "elsewhere"))
		}
	case "refuse":
		return func() error {
			return w.s.AppendHistory(ctx, w.entry(history.UserDelete, "User", "", "nobody"))
		}
	case "members", "nest":
		return w.members(ctx, st)
	}
	if known == nil {
		known = u // who is not there
	}
	before := known.Version
	if st.What == "delete" {
		return func() error {
			return w.s.DeleteUser(ctx, known, before,
				w.entry(history.UserDelete, "User", known.ID, known.UserName()))
		}
	}
	u.ID, u.Version = known.ID, before+1
	if st.What == "update" {
		u.Fields, u.Keys = known.Fields, known.Keys
		if u.Keys.Search == nil {
			u.Keys.Search = []byte("{}")
		}
	}
	if u.Manager.Ref == known.Manager.Ref {
		u.Manager = known.Manager
	}
	renamed := u.Keys.UserName != known.Keys.UserName || u.Keys.ExternalID != known.Keys.ExternalID
	e := w.entry(history.UserUpdate, "User", u.ID, known.UserName())
	return func() error {
		return w.s.UpdateUser(ctx,
			provisioning.UserUpdate{User: u, Version: before, Renamed: renamed, Entry: e})
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

func (w *town) members(ctx context.Context, st step) func() error {
	g, err := w.s.Group(ctx, w.i.ID, w.groups[st.Group])
	w.must(err)
	ids := func(list []int) (out []string) {
		for _, n := range list {
			out = append(out, w.ids[n])
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	c := provisioning.MemberChange{Add: ids(st.Add)}
	if st.What == "nest" {
		c.Add = append(c.Add, w.groups[(st.Group+1)%groupsOfTown])
	}
	c.Remove = difference(ids(st.Remove), c.Add)
	g.Modified = w.clock
	return func() error {
		changed, err := w.s.UpdateGroup(ctx,
			provisioning.GroupUpdate{
				Group: g, Exact: st.Exact, Members: c,
				Entry: func(added, removed []provisioning.Member) *history.Entry {
					e := w.entry(history.GroupUpdate, "Group", g.ID, g.DisplayName)
					names := func(list []provisioning.Member) (out []string) {
						for _, m := range list {
							out = append(out, m.Name)
						}
						slices.Sort(out)
						return out
					}
					e.Detail = fmt.Sprint("+", names(added), "-", names(removed))
					return e
				},
			})
		if err == nil {
			err = fmt.Errorf("changed %t, version %d", changed, g.Version)
		}
		return err
	}
}

// together does jobs in one batch: they come while another job is at work.
func (w *town) together(jobs []func() error) []string {
	ctx := context.Background()
	begun, end, over := make(chan bool), make(chan bool), make(chan error, 1)
	go func() {
		over <- w.s.change(ctx, w.i.ID, func(*tx) error {
			close(begun)
			<-end
			return nil
		})
	}()
	<-begun
	outcomes := make([]string, len(jobs))
	done := make(chan bool)
	q := w.s.writers.of(w.i.ID)
	for n, f := range jobs {
		go func() {
			outcomes[n] = outcome(f())
			done <- true
		}()
		for q.Len() <= n {
			time.Sleep(10 * time.Microsecond)
		}
	}
	close(end)
	for range jobs {
		<-done
	}
	w.must(<-over)
	return outcomes
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
