package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/patch"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
	"muster/server/store"
	"muster/server/store/pgtest"
)

// TestServersTogether lets two servers change the same instance at the same
// moment, in every way: afterwards nobody waits for a manager who is there,
// each acknowledged change has its row, and the chain is whole.
func TestServersTogether(t *testing.T) {
	for name, database := range map[string]func(*testing.T) string{
		"SQLite": func(t *testing.T) string {
			return "sqlite:" + filepath.Join(t.TempDir(), "m.db")
		},
		"PostgreSQL": func(t *testing.T) string { return pgtest.Open(t) },
	} {
		t.Run(name, func(t *testing.T) {
			name := database(t)
			serversTogether(t, open(t, name), open(t, name))
			oddManagers(t, open(t, name))
		})
	}
}

// oddManagers has managers that look like an id to some and not to others: it
// is what a provider calls somebody who may yet come, and nothing fails.
func oddManagers(t *testing.T, s *store.Store) {
	actor := history.Actor{Kind: history.KeyActor, Name: "sync", KeyID: "k"}
	i, err := instance.NewService(s, s, nil).Create(t.Context(), instance.Instance{Slug: "odd"},
		actor)
	if err != nil {
		t.Fatal(err)
	}
	users, err := provisioning.NewService(s, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	sc := provisioning.Scope{Instance: i, Actor: actor, Policy: tolerance.New(false)}
	const id = "01a21f1d-b802-7283-8341-35734cfbbe9a"
	for n, ref := range []string{
		"urn:uuid:" + id, "{" + id + "}", strings.ToUpper(id), strings.ReplaceAll(id, "-", ""), id,
		id + "0",
	} {
		person := func(name string) schema.Resource {
			return schema.Resource{
				"userName": fmt.Sprint(name, n),
				"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": map[string]any{
					"manager": map[string]any{"value": ref},
				},
			}
		}
		u, err := users.CreateUser(t.Context(), sc, person("odd"))
		if err != nil || u.Manager.Ref != ref || u.Manager.ID != "" {
			t.Errorf("%s: %+v, %v", ref, u, err)
		}
		list := []*provisioning.Newcomer{{Resource: person("imported")}}
		users.Describe(sc, provisioning.Provisioned, list)
		if err := users.Import(t.Context(), sc, list); err != nil || list[0].Err != nil {
			t.Errorf("import with %s: %v, %v", ref, err, list[0].Err)
		}
		e, err := filter.Parse(
			fmt.Sprintf(
				`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq %q`,
				ref), sc.Policy)
		if err != nil {
			t.Fatal(err)
		}
		node, err := filter.Bind(users.UserType(i), e, sc.Policy)
		if err != nil {
			t.Fatal(err)
		}
		if found, _, err := users.Users(t.Context(), sc,
			provisioning.Query{Filter: node, Limit: 10}); err != nil || len(found) != 2 {
			t.Errorf("filter by %s: %d, %v", ref, len(found), err)
		}
	}
}

// crowd is an instance that several servers change.
type crowd struct {
	t       *testing.T
	servers []*provisioning.Service
	sc      provisioning.Scope
	// done counts what was acknowledged.
	done atomic.Int64
}

func serversTogether(t *testing.T, stores ...*store.Store) {
	actor := history.Actor{Kind: history.KeyActor, Name: "sync", KeyID: "k", RequestID: "r"}
	i, err := instance.NewService(stores[0], stores[0], nil).Create(t.Context(),
		instance.Instance{Slug: "crowd"}, actor)
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{
		t: t, sc: provisioning.Scope{Instance: i, Actor: actor, Policy: tolerance.New(false)},
	}
	for _, s := range stores {
		service, err := provisioning.NewService(s, slog.New(slog.DiscardHandler), nil)
		if err != nil {
			t.Fatal(err)
		}
		c.servers = append(c.servers, service)
	}
	g, err := c.servers[0].CreateGroup(t.Context(), c.sc,
		schema.Resource{"displayName": "Everybody"})
	if err != nil {
		t.Fatal(err)
	}
	c.done.Add(1)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			chance := rand.New(rand.NewPCG(uint64(worker), 1))
			for n := range 25 {
				c.step(c.servers[(worker+n)%len(c.servers)], chance, g.ID)
			}
		})
	}
	wg.Wait()
	c.check(stores[0])
}

// step does one thing with one of thirty people.
func (c *crowd) step(s *provisioning.Service, chance *rand.Rand, groupID string) {
	ctx := c.t.Context()
	name := fmt.Sprint("person", chance.IntN(30))
	u, err := s.UserByName(ctx, c.sc, name)
	if err != nil && scim.AsError(err) == nil && !errors.Is(err, instance.ErrNotFound) {
		c.t.Error(err)
		return
	}
	manager := fmt.Sprint("Person", chance.IntN(30))
	r := schema.Resource{
		"userName": name,
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": map[string]any{
			"manager": map[string]any{"value": manager},
		},
	}
	switch what := chance.IntN(4); {
	case u == nil:
		_, err = s.CreateUser(ctx, c.sc, r)
	case what == 0:
		err = s.DeleteUser(ctx, c.sc, u.ID, nil)
	case what == 1:
		var changed bool
		if _, changed, err = s.ReplaceUser(ctx, c.sc, u.ID, r, nil); err == nil && !changed {
			return
		}
	default:
		var changed bool
		if changed, err = c.join(s, groupID, u.ID, what == 2); err == nil && !changed {
			return
		}
	}
	if err == nil || scim.AsError(err) != nil { // a refusal has a row, too
		c.done.Add(1)
		return
	}
	c.t.Error(err)
}

func (c *crowd) join(
	s *provisioning.Service, groupID, userID string, joins bool,
) (changed bool, err error) {
	operation := `{"op":"remove","path":"members[value eq \"` + userID + `\"]"}`
	if joins {
		operation = `{"op":"add","path":"members","value":[{"value":"` + userID + `"}]}`
	}
	body, err := scim.DecodeObject(
		[]byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` +
			operation + `]}`))
	if err != nil {
		return false, err
	}
	ops, err := patch.Parse(s.GroupType(), body, c.sc.Policy)
	if err != nil {
		return false, err
	}
	_, changed, err = s.PatchGroup(c.t.Context(), c.sc, groupID, ops, nil)
	return changed, err
}

// check counts what is left.
func (c *crowd) check(s *store.Store) {
	t := c.t
	users, _, err := c.servers[0].Users(t.Context(), c.sc, provisioning.Query{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]string)
	for _, u := range users {
		names[u.Keys.UserName] = u.ID
	}
	for _, u := range users {
		if want := names[schema.UserNameKey(u.Manager.Ref)]; u.Manager.ID != want {
			t.Errorf("%s: the manager %q is %q, and linked is %q", u.UserName(), u.Manager.Ref,
				want, u.Manager.ID)
		}
	}
	v, err := c.servers[0].VerifyHistory(t.Context(), c.sc, nil)
	if err != nil || len(v.Problems) > 0 || v.Unsealed > 0 {
		t.Errorf("the chain: %v, %q, %d unsealed", err, v.Problems, v.Unsealed)
	}
	var rows int64
	ids := make(map[string]bool)
	err = s.History(t.Context(), history.Query{InstanceID: c.sc.Instance.ID},
		func(e *history.Entry) error {
			ids[e.ID] = true
			if e.Actor.Kind != history.System && e.Action != history.InstanceCreate {
				rows++
			}
			return nil
		})
	if err != nil || rows != c.done.Load() || len(ids) != v.Rows {
		t.Errorf("%v: %d rows of %d changes and refusals, %d ids in %d rows", err, rows,
			c.done.Load(), len(ids), v.Rows)
	}
}

// TestInstancesApart holds the chain of one instance, as a writer does that
// the database keeps waiting: another instance is written meanwhile.
func TestInstancesApart(t *testing.T) {
	name := pgtest.Open(t)
	s := open(t, name)
	actor := history.Actor{Kind: history.Administrator, Name: "root"}
	instances := instance.NewService(s, s, nil)
	held, err := instances.Create(t.Context(), instance.Instance{Slug: "held"}, actor)
	if err != nil {
		t.Fatal(err)
	}
	free, err := instances.Create(t.Context(), instance.Instance{Slug: "free"}, actor)
	if err != nil {
		t.Fatal(err)
	}
	holder, err := pgx.Connect(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close(context.WithoutCancel(t.Context()))
	for _, query := range []string{
		"BEGIN", "SELECT 1 FROM history_chains WHERE instance_id = '" + held.ID + "' FOR UPDATE",
	} {
		if _, err := holder.Exec(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	note := func(ctx context.Context, id string) error {
		return s.AppendHistory(ctx,
			history.New(id, time.Now(), actor, history.UserDelete, history.Target{}))
	}
	waits := make(chan error, 3)
	for range 3 {
		go func() { waits <- note(context.WithoutCancel(t.Context()), held.ID) }()
	}
	// One who gives up is gone, and leaves the others alone.
	impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	time.Sleep(50 * time.Millisecond)
	if err := note(impatient, held.ID); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the impatient one: %v", err)
	}
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := note(ctx, free.ID); err != nil {
			t.Errorf("another instance: %v", err)
		}
		cancel()
	}
	select {
	case err := <-waits:
		t.Errorf("nothing is held: %v", err)
	default:
	}
	if _, err := holder.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := <-waits; err != nil {
			t.Error(err)
		}
	}
	n := 0
	err = s.History(t.Context(), history.Query{InstanceID: held.ID},
		func(*history.Entry) error { n++; return nil })
	if err != nil || n != 4 {
		t.Errorf("%d rows, want 4 (one of the creation); %v", n, err)
	}
}
