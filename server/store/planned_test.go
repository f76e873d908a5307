package store

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/filter"
	"muster/server/scim/patch"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

// planned is a store whose statements are noted.
type planned struct {
	t  *testing.T
	s  *Store
	sc provisioning.Scope

	users     *provisioning.Service
	instances *instance.Service
	ids       []string

	mu   sync.Mutex
	seen map[string][]any
}

func (f *planned) observe(query string, args []any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen[query] = slices.Clone(args)
}

// explain returns the plan that serves whatever the parameters are.
func (f *planned) explain(c *pgx.Conn, name, query string) string {
	f.t.Helper()
	d, err := c.Prepare(f.t.Context(), name, query)
	if err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
	nulls := strings.TrimSuffix(strings.Repeat("NULL, ", len(d.ParamOIDs)), ", ")
	if nulls != "" {
		nulls = "(" + nulls + ")"
	}
	// No parameters go with an EXECUTE, and the plan does not depend on them.
	rows, err := c.Query(f.t.Context(), "EXPLAIN EXECUTE "+d.Name+nulls,
		pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
	return strings.Join(lines, "\n")
}

// instance makes an instance, which is the one that is worked on from then on.
func (f *planned) instance(slug string) {
	var err error
	f.users, err = provisioning.NewService(f.s, slog.New(slog.DiscardHandler), nil)
	f.must(err)
	f.instances = instance.NewService(f.s, f.s, nil)
	actor := history.Actor{Kind: history.KeyActor, Name: "sync", KeyID: "k", RequestID: "r"}
	i, err := f.instances.Create(f.t.Context(), instance.Instance{
		Slug: slug, Name: "Acme", Edition: instance.Enterprise, Environment: instance.Sandbox,
	}, actor)
	f.must(err)
	f.sc = provisioning.Scope{Instance: i, Actor: actor, Policy: tolerance.New(false)}
}

// patch changes a group.
func (f *planned) patch(ctx context.Context, id, operations string) {
	f.t.Helper()
	body, err := scim.DecodeObject(
		[]byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` +
			operations + `]}`))
	f.must(err)
	ops, err := patch.Parse(f.users.GroupType(), body, tolerance.New(false))
	f.must(err)
	_, changed, err := f.users.PatchGroup(ctx, f.sc, id, ops, nil)
	f.must(err)
	if !changed {
		f.t.Error("nothing changed")
	}
}

func (f *planned) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// fill makes many instances with a thousand users each.
func (f *planned) fill() {
	ctx := f.t.Context()
	for n := range 20 {
		f.instance(fmt.Sprint("acme", n))
		newcomers := make([]*provisioning.Newcomer, 600)
		for u := range newcomers {
			name := fmt.Sprintf("user%d@acme%d.example", u, n)
			newcomers[u] = &provisioning.Newcomer{Resource: schema.Resource{
				"userName": name, "displayName": name, "externalId": fmt.Sprint("e", u),
				"title": "Engineer",
				"name": map[string]any{
					"familyName": fmt.Sprint("Family", u%150), "givenName": "Given",
				},
			}}
		}
		f.users.Describe(f.sc, provisioning.Provisioned, newcomers)
		f.must(f.users.Import(ctx, f.sc, newcomers))
		f.ids = nil
		page, _, err := f.users.Users(ctx, f.sc, provisioning.Query{Limit: 1000})
		f.must(err)
		for _, u := range page {
			f.ids = append(f.ids, u.ID)
		}
		var groups []string
		for g := range 40 {
			var members []any
			for m := range 50 {
				members = append(members, map[string]any{"value": f.ids[(g*15+m)%600]})
			}
			for _, id := range groups[max(0, len(groups)-20):] {
				members = append(members, map[string]any{"value": id})
			}
			group, err := f.users.CreateGroup(ctx, f.sc,
				schema.Resource{"displayName": fmt.Sprint("Group ", g), "members": members})
			f.must(err)
			groups = append(groups, group.ID)
		}
	}
}

func (f *planned) filter(rt *schema.ResourceType, text string) filter.Node {
	f.t.Helper()
	e, err := filter.Parse(text, tolerance.New(false))
	f.must(err)
	n, err := filter.Bind(rt, e, tolerance.New(false))
	f.must(err)
	return n
}
