package httpapi_test

import (
	"context"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/server/httpapi"
	"muster/server/limit"
	"muster/server/provisioning"
	"muster/server/scim"
)

func direct(s provisioning.Store) provisioning.Store { return s }

// recorder keeps what it is told.
type recorder struct {
	mu          sync.Mutex
	current     int
	ended       []string
	provisioned []string
	limited     []string
}

func (r *recorder) Begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current++
}

func (r *recorder) End(method, route string, status int, _ time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current--
	r.ended = append(r.ended, method+" "+route+" "+strconv.Itoa(status))
}

func (r *recorder) Provisioned(instance, action string, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.provisioned = append(r.provisioned, instance+" "+action+" "+strconv.Itoa(status))
}

func (r *recorder) Limited(limit, _ string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.limited = append(r.limited, limit)
}

// wantLimited expects an answer that tells when to come again.
func wantLimited(t *testing.T, a answer, status int) {
	t.Helper()
	wantError(t, a, status, "", "")
	if n, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || n < 1 {
		t.Errorf("Retry-After is %q, want a number of seconds", a.header.Get("Retry-After"))
	}
}

// TestRateOfKey: on every route, a key that is used too often is answered 429,
// and nobody else notices.
func TestRateOfKey(t *testing.T) {
	told := &recorder{}
	f := newFixtureWith(t, direct,
		func(c *httpapi.Config) { c.Limits.PerKey, c.Metrics = 0.01, told })
	if a := f.send("GET", "/scim/v2/Users", ""); a.status != 200 {
		t.Fatalf("got %d %s", a.status, a.text)
	}
	for _, route := range []string{
		"GET /Users", "POST /Users", "GET /Groups", "PATCH /Groups/x", "GET /ServiceProviderConfig",
		"GET /Schemas", "POST /Bulk", "GET /Me", "GET /nothing", "DELETE /Users/x", "POST /.search",
	} {
		method, path, _ := strings.Cut(route, " ")
		body := ""
		if method == "POST" || method == "PATCH" {
			body = "{}"
		}
		wantLimited(t, f.send(method, "/scim/v2"+path, body), 429)
	}
	if a := f.send("GET", "/scim/v2/Users", "", "Authorization",
		"Bearer "+f.keys["globex"]); a.status != 200 {
		t.Errorf("another key: got %d", a.status)
	}
	if a := f.send("GET", "/admin/v1/instances", "", "Authorization",
		"Bearer "+f.adminToken); a.status != 200 {
		t.Errorf("an administrator: got %d", a.status)
	}
	if a := f.send("GET", "/healthz", "", "Authorization", ""); a.status != 200 {
		t.Errorf("health: got %d", a.status)
	}
	if len(told.limited) != 11 || told.limited[0] != "key" || told.current != 0 {
		t.Errorf("the metrics were told of %v, and that %d requests go on", told.limited,
			told.current)
	}
}

// TestRateOfAddress: who tries keys is held back before they are looked at.
func TestRateOfAddress(t *testing.T) {
	f := newFixtureWith(t, direct, func(c *httpapi.Config) { c.Limits.PerAddress = 0.01 })
	if a := f.send("GET", "/scim/v2/Users", "", "Authorization", "Bearer wrong"); a.status != 401 {
		t.Fatalf("got %d %s", a.status, a.text)
	}
	wantLimited(t, f.send("GET", "/scim/v2/Users", "", "Authorization", "Bearer wrong"), 429)
	wantLimited(t, f.send("GET", "/scim/v2/Users", ""), 429)
	if a := f.send("GET", "/readyz", ""); a.status != 200 {
		t.Errorf("readiness: got %d", a.status)
	}
}

// slowStore keeps whoever reads a group until it is released.
type slowStore struct {
	provisioning.Store
	entered, release chan struct{}
}

func (s slowStore) Group(ctx context.Context, instanceID, id string) (*provisioning.Group, error) {
	s.entered <- struct{}{}
	<-s.release
	return s.Store.Group(ctx, instanceID, id)
}

// TestOverload: what is too much is refused at once, and health stays green.
func TestOverload(t *testing.T) {
	slow := slowStore{entered: make(chan struct{}), release: make(chan struct{})}
	f := newFixtureWith(t, func(s provisioning.Store) provisioning.Store {
		slow.Store = s
		return slow
	}, func(c *httpapi.Config) { c.Limits.Requests = 1 })
	done := make(chan answer)
	go func() {
		done <- f.send("GET", "/scim/v2/Groups/0190a8a5-0000-7000-8000-000000000000", "")
	}()
	<-slow.entered
	began := time.Now()
	wantLimited(t, f.send("POST", "/scim/v2/Users", userBody("anna")), 503)
	if a := f.send("GET", "/healthz", ""); a.status != 200 {
		t.Errorf("health: got %d", a.status)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("to be refused took %v", took)
	}
	close(slow.release)
	if a := <-done; a.status != 404 {
		t.Errorf("the slow one: got %d", a.status)
	}
	if a := f.send("POST", "/scim/v2/Users", userBody("anna")); a.status != 201 {
		t.Errorf("afterwards: got %d %s", a.status, a.text)
	}
}

// TestForwarded: X-Forwarded-For counts as far as trusted proxies wrote it.
func TestForwarded(t *testing.T) {
	for name, c := range map[string]struct {
		trusted   []string
		forwarded string
		want      string
	}{
		"nobody is trusted":      {nil, "192.0.2.9", "127.0.0.1"},
		"another one is trusted": {[]string{"10.0.0.0/8"}, "192.0.2.9", "127.0.0.1"},
		"a proxy":                {[]string{"127.0.0.1/32"}, "192.0.2.9", "192.0.2.9"},
		"a client who lies to a proxy": {
			[]string{"127.0.0.1/32"}, "203.0.113.1, 192.0.2.9", "192.0.2.9",
		},
		"two proxies": {
			[]string{"127.0.0.0/8", "10.0.0.0/8"}, "203.0.113.1, 192.0.2.9, 10.1.2.3", "192.0.2.9",
		},
		"all of them trusted": {
			[]string{"127.0.0.0/8", "10.0.0.0/8"}, "10.0.0.1, 10.1.2.3", "10.0.0.1",
		},
		"IPv6": {[]string{"127.0.0.0/8"}, "2001:db8::7", "2001:db8::7"},
		"IPv4 within IPv6": {
			[]string{"127.0.0.0/8", "10.0.0.0/8"}, "192.0.2.9, ::ffff:10.1.2.3", "192.0.2.9",
		},
		"no address": {[]string{"127.0.0.0/8"}, "192.0.2.9, unknown", "127.0.0.1"},
		"nothing":    {[]string{"127.0.0.0/8"}, "", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixtureWith(t, direct, func(config *httpapi.Config) {
				for _, p := range c.trusted {
					config.TrustedProxies = append(config.TrustedProxies, netip.MustParsePrefix(p))
				}
			})
			f.send("GET", "/scim/v2/Users", "", "X-Forwarded-For", c.forwarded)
			if log := f.log.String(); !strings.Contains(log, "address="+c.want+" ") {
				t.Errorf("the log has another address than %s: %s", c.want, log)
			}
		})
	}
}

// TestMetrics: each request is told by its route, and each change by its
// outcome, those of a bulk request among them.
func TestMetrics(t *testing.T) {
	told := &recorder{}
	f := newFixtureWith(t, direct, func(c *httpapi.Config) { c.Metrics = told })
	id := f.createAnna()
	f.send("POST", "/scim/v2/Users", userBody("anna"))
	f.send("GET", "/scim/v2/Users/"+id, "")
	f.send("GET", "/scim/v2/whatever", "")
	f.send("POST", "/scim/v2/Bulk",
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],`+
			`"Operations":[{"method":"DELETE","path":"/Users/`+
			id+
			`"}]}`)
	wantEnded := []string{
		"POST /scim/v2/Users 201", "POST /scim/v2/Users 409", "GET /scim/v2/Users/{id} 200",
		"GET  404", "POST /scim/v2/Bulk 200",
	}
	wantChanges := []string{"acme user.create 201", "acme user.create 409", "acme user.delete 204"}
	if got := strings.Join(told.ended, "\n"); got != strings.Join(wantEnded, "\n") {
		t.Errorf("got\n%s", got)
	}
	if got := strings.Join(told.provisioned, "\n"); got != strings.Join(wantChanges, "\n") {
		t.Errorf("got\n%s", got)
	}
}

// bucketOf returns the bucket in the store of a server.
func bucketOf(c *httpapi.Config) limit.Bucket { return c.Admin.Outbox.(limit.Bucket) }

// serveSecond serves what a configuration says once more, on another address.
func serveSecond(t *testing.T, c httpapi.Config) string {
	t.Helper()
	handler, err := httpapi.New(c)
	fatal(t, err)
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

// TestLargeBodiesWait: of one instance, one large body at a time is read; the
// others wait in a line, or are told to come again. Small ones, and those of
// another instance, go on.
func TestLargeBodiesWait(t *testing.T) {
	slow := slowStore{entered: make(chan struct{}), release: make(chan struct{})}
	told := &recorder{}
	f := newFixtureWith(t, func(s provisioning.Store) provisioning.Store {
		slow.Store = s
		return slow
	}, func(c *httpapi.Config) { c.Metrics = told })
	const path = "/scim/v2/Groups/0190a8a5-0000-7000-8000-000000000000"
	large := `{"schemas":["` + scim.GroupURN + `"],"displayName":"` + strings.Repeat("x", 40<<10) +
		`"}`
	const sent = 40
	answers := make(chan int, sent)
	for range sent {
		go func() { answers <- f.send("PUT", path, large).status }()
	}
	<-slow.entered // one is being worked on
	refused := 0
	for refused < sent-33 {
		if status := <-answers; status != 429 {
			t.Fatalf("got %d", status)
		}
		refused++
	}
	if a := f.send("POST", "/scim/v2/Users", userBody("anna")); a.status != 201 {
		t.Errorf("a small body: got %d %s", a.status, a.text)
	}
	if a := f.send("POST", "/scim/v2/Groups", large, "Authorization",
		"Bearer "+f.keys["globex"]); a.status != 201 && a.status != 400 {
		t.Errorf("another instance: got %d %.200s", a.status, a.text)
	}
	go func() {
		for range slow.entered {
		}
	}()
	close(slow.release)
	for range sent - refused {
		if status := <-answers; status != 404 {
			t.Errorf("one that waited: got %d", status)
		}
	}
	close(slow.entered)
	if len(told.limited) != refused || told.limited[0] != "bodies" {
		t.Errorf("the metrics were told of %v", told.limited)
	}
}
