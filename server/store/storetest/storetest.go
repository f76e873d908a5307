// Package storetest is the one suite that every engine of the store must
// pass. It uses the store through the interfaces of its consumers only.
package storetest

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"muster/server/asynchronous"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/patch"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

// Store is everything that a store must do.
type Store interface {
	instance.Store
	instance.ExpiryStore
	provisioning.Store
	asynchronous.Store
	sessions
}

// Run runs the suite on a store. Every test has an instance of its own.
func Run(t *testing.T, s Store) {
	for _, test := range []struct {
		name string
		f    func(*testing.T, *suite)
	}{
		{"instances", testInstances},
		{"custom fields", testFields},
		{"keys", testKeys},
		{"keys are rotated", testRotation},
		{"keys that end soon", testExpiringKeys},
		{"users", testUsers},
		{"user names are unique in the deployment", testUserNames},
		{"parallel creations of one name", testParallelCreations},
		{"versions", testVersions},
		{"a lost update is not possible", testParallelUpdates},
		{"managers", testManagers},
		{"parallel managers", testParallelManagers},
		{"groups", testGroups},
		{"members", testMembers},
		{"members who are not named stay", testMembersKept},
		{"parallel members", testParallelMembers},
		{"groups within groups", testNestedGroups},
		{"deletion", testDeletion},
		{"pages and order", testPages},
		{"pages by cursor", testCursors},
		{"filters", testFilters},
		{"filters equal evaluation", testFilterProperty},
		{"history", testHistory},
		{"history in parts", testHistoryParts},
		{"buckets are shared", testBuckets},
		{"who was held back", testHeld},
		{"instances are apart", testIsolation},
		{"imports", testImport},
		{"large groups", testLargeGroups},
		{"users are counted", testCounts},
		{"a change of the instance is noticed", testStale},
		{"sessions of the console", testSessions},
		{"links that sign in", testSignInLinks},
		{"users are chosen", testChoices},
		{"rows of the history are chosen", testHistoryChoices},
		{"requests are kept until they are done", testRequests},
		{"nobody writes for a request that was taken over", testClaims},
	} {
		t.Run(test.name, func(t *testing.T) { test.f(t, newSuite(t, s)) })
	}
}

var instances atomic.Int64

// suite is a store with an instance, and the services on it.
type suite struct {
	store     Store
	instances *instance.Service
	users     *provisioning.Service
	scope     provisioning.Scope
	// tag makes user names unique in the deployment.
	tag string
}

var administrator = history.Actor{Kind: history.Administrator, Name: "root"}

func newSuite(t *testing.T, s Store) *suite {
	t.Helper()
	x := &suite{store: s, instances: instance.NewService(s, s, nil)}
	var err error
	x.users, err = provisioning.NewService(s, slog.New(slog.NewTextHandler(io.Discard, nil)), nil)
	fatal(t, err)
	x.tag = fmt.Sprintf("t%d-%d", instances.Add(1), time.Now().UnixNano()%1e9)
	x.scope = x.newInstance(t, x.tag)
	return x
}

// newInstance makes an instance, and the scope of a provider in it.
func (x *suite) newInstance(t *testing.T, slug string) provisioning.Scope {
	t.Helper()
	i, err := x.instances.Create(t.Context(), instance.Instance{Slug: slug}, administrator)
	fatal(t, err)
	return provisioning.Scope{
		Instance: i,
		Actor:    history.Actor{Kind: history.KeyActor, Name: "sync", KeyID: "k", RequestID: "r1"},
	}
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// name returns a user name that no other test has.
func (x *suite) name(s string) string { return s + "@" + x.tag + ".example" }

// resource reads a resource from JSON without its schemas.
func (x *suite) resource(t *testing.T, rt *schema.ResourceType, text string) schema.Resource {
	t.Helper()
	raw, err := scim.DecodeObject([]byte(text))
	fatal(t, err)
	raw, err = tolerance.Resource(rt, raw, tolerance.New(false))
	fatal(t, err)
	r, err := rt.Resource(raw)
	fatal(t, err)
	return r
}

// user creates a user over SCIM; more is the rest of its JSON.
func (x *suite) user(t *testing.T, name, more string) *provisioning.User {
	t.Helper()
	u, err := x.createUser(t, x.scope, name, more)
	fatal(t, err)
	return u
}

func (x *suite) createUser(
	t *testing.T, sc provisioning.Scope, name, more string,
) (*provisioning.User, error) {
	t.Helper()
	return x.users.CreateUser(t.Context(), sc,
		x.resource(t, x.users.UserType(x.scope.Instance),
			fmt.Sprintf(`{"userName":%q%s}`, x.name(name), more)))
}

func (x *suite) group(t *testing.T, name string, members ...string) *provisioning.Group {
	t.Helper()
	g, err := x.users.AddGroup(t.Context(), x.scope, name, members)
	fatal(t, err)
	return g
}

// patchUser applies operations, a JSON array, to a user.
func (x *suite) patchUser(t *testing.T, id, operations string) (*provisioning.User, bool, error) {
	t.Helper()
	sc, ops := x.operations(t, x.users.UserType(x.scope.Instance), operations)
	return x.users.PatchUser(t.Context(), sc, id, ops, nil)
}

func (x *suite) patchGroup(t *testing.T, id, operations string) (*provisioning.Group, bool, error) {
	t.Helper()
	sc, ops := x.operations(t, x.users.GroupType(), operations)
	return x.users.PatchGroup(t.Context(), sc, id, ops, nil)
}

// operations reads operations, and returns the scope of the request that has
// them.
func (x *suite) operations(
	t *testing.T, rt *schema.ResourceType, text string,
) (provisioning.Scope, []patch.Operation) {
	t.Helper()
	sc, p := x.scope, tolerance.New(false)
	sc.Policy = p
	raw, err := scim.DecodeObject([]byte(`{"Operations":` + text + `}`))
	fatal(t, err)
	raw, err = tolerance.Patch(rt, raw, p)
	fatal(t, err)
	ops, err := patch.Parse(rt, raw, p)
	fatal(t, err)
	return sc, ops
}

func addMember(id string) string {
	return `[{"op":"add","path":"members","value":[{"value":"` + id + `"}]}]`
}

func removeMember(id string) string {
	return `[{"op":"remove","path":"members[value eq \"` + id + `\"]"}]`
}

// members returns the display of each member of a group.
func (x *suite) members(t *testing.T, id string) []string {
	t.Helper()
	var list []string
	fatal(t,
		x.users.Members(t.Context(), []string{id}, func(_ string, m provisioning.Member) error {
			list = append(list, m.Display)
			return nil
		}))
	return list
}

// history returns the entries of the instance as short texts.
func (x *suite) history(t *testing.T, q history.Query) []*history.Entry {
	t.Helper()
	q.InstanceID = x.scope.Instance.ID
	var list []*history.Entry
	fatal(t, x.users.History(t.Context(), q, func(e *history.Entry) error {
		list = append(list, e)
		return nil
	}))
	return list
}

func wantError(t *testing.T, err error, status int, typ scim.Type, detail string) {
	t.Helper()
	if e := scim.AsError(err); e == nil || e.Status != status || e.Type != typ ||
		!strings.Contains(e.Detail, detail) {
		t.Errorf("got %v, want %d %s with %q", err, status, typ, detail)
	}
}
