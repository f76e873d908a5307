package httpapi_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"muster/server/administration"
	"muster/server/history"
	"muster/server/httpapi"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/store"
)

const benchUser = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User",
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
	"externalId":"e%[1]d","userName":"user%[1]d@bench.example","displayName":"Anna Novak",
	"name":{"givenName":"Anna","familyName":"Novak"},
	"emails":[{"value":"user%[1]d@bench.example","type":"work","primary":true}],
	"phoneNumbers":[{"value":"+15550100","type":"work"}],
	"title":"Engineer","active":true,
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"R&D","employeeNumber":"%[1]d"}}`

// newBench returns a handler on SQLite with an instance, and its key.
func newBench(b *testing.B) (handler http.Handler, key string) {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	s, err := store.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "m.db"))
	must(err)
	b.Cleanup(func() { must(s.Close()) })
	log := slog.New(slog.DiscardHandler)
	users, err := provisioning.NewService(s, log, nil)
	must(err)
	instances := instance.NewService(s, s, nil)
	handler, err = httpapi.New(httpapi.Config{
		Admin:     &administration.Service{Instances: instances, Users: users, Outbox: s},
		PublicURL: "https://scim.example.com", Log: log, Ready: s.Ping,
	})
	must(err)
	actor := history.Actor{Kind: history.Administrator, Name: "bench"}
	i, err := instances.Create(b.Context(),
		instance.Instance{Slug: "bench", Edition: instance.Enterprise}, actor)
	must(err)
	_, err = users.AddUser(b.Context(), provisioning.Scope{Instance: i, Actor: actor},
		provisioning.Account{
			Fields: mapping.Fields{mapping.UserName: "sync"}, Integration: true,
			Role: instance.LiteAdmin,
		})
	must(err)
	_, key, err = instances.CreateKey(b.Context(), i, instance.KeyRequest{UserName: "sync"}, actor)
	must(err)
	return handler, key
}

// BenchmarkRequests measures whole requests without the network: from the
// router to SQLite and back.
func BenchmarkRequests(b *testing.B) {
	handler, key := newBench(b)
	send := func(b *testing.B, method, path, body string, want int) *httptest.ResponseRecorder {
		b.Helper()
		r := httptest.NewRequestWithContext(b.Context(), method, "/scim/v2"+path,
			strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+key)
		if body != "" {
			r.Header.Set("Content-Type", "application/scim+json")
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != want {
			b.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		return w
	}
	n := 0
	id := ""
	for ; n < 200; n++ {
		location := send(b, "POST", "/Users", fmt.Sprintf(benchUser, n),
			http.StatusCreated).Header().Get("Location")
		id = location[strings.LastIndexByte(location, '/')+1:]
	}
	for _, test := range []struct {
		name, method, path string
		body               func(i int) string
		want               int
	}{
		{"get", "GET", "/Users/" + id, nil, 200},
		{"lookup", "GET", "/Users?filter=userName+eq+%22user7%40bench.example%22", nil, 200},
		{"page of 100", "GET", "/Users?count=100", nil, 200},
		{"patch", "PATCH", "/Users/" + id, func(i int) string {
			return fmt.Sprintf(
				`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],`+
					`"Operations":[{"op":"replace","path":"title","value":"T%d"}]}`,
				i)
		}, 200},
		{"put", "PUT", "/Users/" + id, func(i int) string {
			return strings.Replace(fmt.Sprintf(benchUser, n-1), "Engineer", fmt.Sprint("P", i), 1)
		}, 200},
		{
			"create", "POST", "/Users", func(int) string { n++; return fmt.Sprintf(benchUser, n) },
			201,
		},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				body := ""
				if test.body != nil {
					body = test.body(i)
				}
				send(b, test.method, test.path, body, test.want)
			}
		})
	}
}
