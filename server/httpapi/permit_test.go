package httpapi_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"muster/server/history"
	"muster/server/httpapi"
	"muster/server/instance"
	"muster/server/scim"
	"muster/spec"
)

// refusals returns the entries of an instance that tell of a refusal.
func (f *fixture) refusals(slug string) (list []string) {
	f.t.Helper()
	q := history.Query{InstanceID: f.scopes[slug].Instance.ID, Outcome: history.Refused}
	fatal(f.t, f.users.History(f.t.Context(), q, func(e *history.Entry) error {
		list = append(list,
			fmt.Sprintf("%s %s %d %s: %s", e.Actor.Name, e.Action, e.Status, e.Target.Type,
				e.Detail))
		return nil
	}))
	return list
}

// adminOperation is one of the admin API.
type adminOperation struct{ id, method, path string }

func adminOperations(t *testing.T) (list []adminOperation) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(spec.OpenAPI())
	fatal(t, err)
	for path, item := range doc.Paths.Map() {
		if !strings.HasPrefix(path, httpapi.AdminBase) {
			continue
		}
		for method, o := range item.Operations() {
			concrete := strings.ReplaceAll(path, "{instance}", "acme")
			list = append(list, adminOperation{
				o.OperationID, method, pathParameter.ReplaceAllString(concrete, "nothing"),
			})
		}
	}
	return list
}

// TestAdminRoles sends each operation of the admin API with a token of each
// role, of this instance and of another: it is refused or not as the role
// says, and each refusal is in the history of the instance that it was about.
func TestAdminRoles(t *testing.T) {
	owners := []string{
		"createInstance", "createKey", "revokeKey", "rotateKey", "createClient", "revokeClient",
		"pruneHistory", "createFeed", "pauseFeed", "deleteFeed", "rewindFeed", "dropParkedEvents",
	}
	auditors := []string{"listHistory", "exportHistory", "streamHistory", "verifyHistory"}
	lites := []string{
		"listInstances", "getInstance", "listFields", "listOutbox", "getMapping", "listRules",
		"listObjects", "createObject", "listMappableAttributes", "listAccounts", "createAccount",
		"getAccount", "changeAccount", "deleteAccount", "updateField", "listTeams", "createTeam",
		"getTeam",
	}
	f := newFixture(t, false)
	operations := adminOperations(t)
	for _, id := range slices.Concat(owners, auditors, lites) {
		if !slices.ContainsFunc(operations, func(o adminOperation) bool { return o.id == id }) {
			t.Fatalf("there is no operation %s", id)
		}
	}
	for _, of := range []string{"", "acme", "globex"} {
		for _, role := range []instance.AdminRole{
			instance.Owner, instance.Administrator, instance.LiteAdministrator, instance.Auditor,
		} {
			name := string(role) + " of " + of
			_, token, err := f.instances.CreateAdminToken(t.Context(),
				instance.AdminToken{Name: name, Role: role, Instance: of}, time.Hour)
			fatal(t, err)
			for _, o := range operations {
				about := strings.Contains(o.path, "/acme")
				may := role == instance.Owner || slices.Contains(auditors, o.id) ||
					role == instance.Administrator && !slices.Contains(owners, o.id) ||
					role == instance.LiteAdministrator && slices.Contains(lites, o.id)
				may = may && (of == "" || about && of == "acme" || !about && o.method == "GET")
				where := of
				if about {
					where = "acme"
				}
				if may && o.id == "streamHistory" {
					continue // it would not end; TestHistoryStream reads one
				}
				before := 0
				if where != "" {
					before = len(f.refusals(where))
				}
				a := f.send(o.method, o.path, "", "Authorization", "Bearer "+token)
				if denied := a.status == 403; denied == may {
					t.Errorf("%s, %s: got %d %.200s", name, o.id, a.status, a.text)
					continue
				}
				if may {
					continue
				}
				wantError(t, a, 403, "", "the token is")
				if where == "" {
					if !strings.Contains(f.log.String(), "refused to an administrator") {
						t.Errorf("%s, %s: nothing is in the log", name, o.id)
					}
					continue
				}
				told := f.refusals(where)
				if len(told) != before+1 ||
					!strings.HasPrefix(told[before],
						name+" authenticate 403 AdminToken: "+o.method+" ") {
					t.Errorf("%s, %s: the history tells %q", name, o.id, told[before:])
				}
			}
		}
	}
	a := f.send("GET", "/admin/v1/instances", "", "Authorization", "Bearer "+f.adminToken)
	if n := len(a.body["items"].([]any)); n != 2 {
		t.Errorf("all see %d instances", n)
	}
	_, token, err := f.instances.CreateAdminToken(t.Context(),
		instance.AdminToken{Name: "of one", Instance: "globex"}, time.Hour)
	fatal(t, err)
	if a := f.send("GET", "/admin/v1/instances", "", "Authorization",
		"Bearer "+token); strings.Contains(a.text, "acme") || !strings.Contains(a.text, "globex") {
		t.Errorf("one of globex sees %s", a.text)
	}
	list, err := f.instances.AdminTokens(t.Context())
	fatal(t, err)
	for _, token := range list {
		if used := token.Name == "ada" ||
			strings.Contains(token.Name, " "); used != !token.LastUsed.IsZero() || used &&
			token.LastAddress != "127.0.0.1" {
			t.Errorf("%s was used at %v from %q", token.Name, token.LastUsed, token.LastAddress)
		}
	}
	for _, wrong := range []instance.AdminToken{
		{Name: "x", Role: "root"},
		{Name: "x", Role: "Owner"},
		{Name: " "},
		{Name: "x", Instance: "none"},
	} {
		if _, _, err := f.instances.CreateAdminToken(t.Context(), wrong, time.Hour); err == nil {
			t.Errorf("%+v was made", wrong)
		}
	}
}

// key makes a key of acme with a permit.
func (f *fixture) key(access string, networks ...string) string {
	f.t.Helper()
	p, err := instance.NewPermit(access, networks)
	fatal(f.t, err)
	_, key, err := f.instances.CreateKey(f.t.Context(), f.scopes["acme"].Instance,
		instance.KeyRequest{UserName: "scim-acme", Permit: p}, f.scopes["acme"].Actor)
	fatal(f.t, err)
	return key
}

// TestAccess sends each operation of SCIM with a key for users only, and one
// for reading only: each refusal is in the history.
func TestAccess(t *testing.T) {
	f := newFixture(t, false)
	anna := f.createAnna()
	group := f.send("POST", "/scim/v2/Groups",
		`{"schemas":["`+scim.GroupURN+`"],"displayName":"Staff"}`).body["id"].(string)
	doc, err := openapi3.NewLoader().LoadFromData(spec.OpenAPI())
	fatal(t, err)
	tried := 0
	for _, access := range []string{"users", "read"} {
		key := f.key(access)
		for path, item := range doc.Paths.Map() {
			if !strings.HasPrefix(path, httpapi.Base) || strings.HasSuffix(path, "/Me") {
				continue
			}
			for method := range item.Operations() {
				tried++
				denied := access == "read" && method != "GET" &&
					!strings.HasSuffix(path, "/.search") ||
					access == "users" &&
						(strings.Contains(path, "/Groups") || path == httpapi.Base ||
							path == httpapi.Base+"/.search")
				id := anna
				if strings.Contains(path, "/Groups") {
					id = group
				}
				before := len(f.refusals("acme"))
				a := f.send(method, strings.ReplaceAll(path, "{id}", id), "{}", "Authorization",
					"Bearer "+key)
				if (a.status == 403) != denied {
					t.Errorf("%s, %s %s: got %d %.200s", access, method, path, a.status, a.text)
				}
				if !denied {
					continue
				}
				wantError(t, a, 403, "", "the API key is for")
				if told := f.refusals("acme"); len(told) != before+1 ||
					!strings.HasPrefix(told[before], "scim-acme ") ||
					!strings.Contains(told[before], " 403 ") {
					t.Errorf("%s, %s %s: the history tells %q", access, method, path, told[before:])
				}
			}
		}
	}
	if tried < 40 {
		t.Errorf("only %d were tried", tried)
	}
	for _, path := range []string{"/Users/" + anna, "/Groups/" + group} {
		if a := f.send("GET", "/scim/v2"+path, ""); a.status != 200 && path != "/Users/"+anna {
			t.Errorf("%s is gone: %d", path, a.status)
		}
	}
	a := f.send("POST", "/scim/v2/Bulk",
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[
		{"method":"POST","path":"/Users","bulkId":"u","data":{"schemas":["`+scim.UserURN+
			`"],"userName":"bulk"}},
		{"method":"POST","path":"/Groups","bulkId":"g","data":{"schemas":["`+scim.GroupURN+
			`"],"displayName":"No"}},
		{"method":"DELETE","path":"/Groups/`+group+`"}]}`, "Authorization",
		"Bearer "+f.key("users"))
	var statuses []string
	for _, o := range a.body["Operations"].([]any) {
		statuses = append(statuses, o.(map[string]any)["status"].(string))
	}
	if strings.Join(statuses, " ") != "201 403 403" {
		t.Errorf("in a bulk request: %v", statuses)
	}
	if a := f.send("GET", "/scim/v2/Groups/"+group, ""); a.status != 200 {
		t.Errorf("the group is gone: %d", a.status)
	}
}

// TestNetworks: a key is taken from its networks only, whether it was used a
// moment ago from another one or not; a key that takes its place is like it.
func TestNetworks(t *testing.T) {
	f := newFixtureWith(t, direct,
		func(c *httpapi.Config) {
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		})
	key := f.key("full", "192.0.2.0/24", "2001:db8::1")
	id := strings.Split(key, "_")[2]
	_, rotated, err := f.instances.RotateKey(t.Context(), f.scopes["acme"].Instance, id, time.Hour,
		time.Hour, f.scopes["acme"].Actor)
	fatal(t, err)
	for _, key := range []string{key, rotated} {
		for from, want := range map[string]int{
			"192.0.2.7": 200, "203.0.113.7": 403, "2001:db8::1": 200, "2001:db8::2": 403,
			"::ffff:192.0.2.9": 200, "": 403,
		} {
			before := len(f.refusals("acme"))
			a := f.send("GET", "/scim/v2/Users", "", "Authorization", "Bearer "+key,
				"X-Forwarded-For", from)
			if a.status != want {
				t.Errorf("from %q: got %d %s", from, a.status, a.text)
			}
			told := f.refusals("acme")[before:]
			if refused := want == 403; refused != (len(told) == 1) || refused &&
				!strings.Contains(told[0], "is not taken from") {
				t.Errorf("from %q: the history tells %q", from, told)
			}
		}
	}
}

// TestRateOfAll: two servers together let a key through no more often than one
// would, but for what each lets through by itself; and who was held back is
// written where both keep it.
func TestRateOfAll(t *testing.T) {
	const perSecond = 80
	var second string
	told := &recorder{}
	f := newFixtureWith(t, direct, func(c *httpapi.Config) {
		c.Limits.PerKey, c.Limits.Shared, c.Metrics = perSecond, bucketOf(c), told
		second = serveSecond(t, *c)
	})
	began := time.Now()
	var mu sync.Mutex
	counts := make(map[int]int)
	var all sync.WaitGroup
	for _, base := range []string{f.URL, second} {
		for range 4 {
			all.Go(func() {
				for range 100 {
					a := f.sendTo(base, "GET", "/scim/v2/ServiceProviderConfig", "")
					mu.Lock()
					counts[a.status]++
					mu.Unlock()
					if a.status == 429 {
						wantLimited(t, a, 429)
					}
				}
			})
		}
	}
	all.Wait()
	took := time.Since(began).Seconds()
	// What the bucket holds, what comes into it, and the same once more for an
	// eighth of it that each of the two lets through by itself.
	most := (2*perSecond+perSecond*took)*(1+2./8) + 20
	if counts[200] < 2*perSecond || float64(counts[200]) > most || counts[200]+counts[429] != 800 {
		t.Errorf("in %.2f s: %v, of which at most %.0f should pass", took, counts, most)
	}
}
