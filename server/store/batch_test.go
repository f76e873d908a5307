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
	"muster/server/mapping"
	"muster/server/provisioning"
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
