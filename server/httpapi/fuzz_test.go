package httpapi_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"muster/server/administration"
	"muster/server/history"
	"muster/server/httpapi"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/store"
)

// FuzzRequest sends requests of every kind to a whole server: none may be
// answered with a 500, and none may end the process.
func FuzzRequest(f *testing.F) {
	s, err := store.Open(f.Context(), "sqlite:"+filepath.Join(f.TempDir(), "m.db"))
	if err != nil {
		f.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	users, err := provisioning.NewService(s, log, nil)
	if err != nil {
		f.Fatal(err)
	}
	instances := instance.NewService(s, s, nil)
	handler, err := httpapi.New(httpapi.Config{
		Admin:     &administration.Service{Instances: instances, Users: users, Outbox: s},
		PublicURL: "http://h", Log: log, Ready: s.Ping,
	})
	if err != nil {
		f.Fatal(err)
	}
	actor := history.Actor{Kind: history.Administrator, Name: "fuzz"}
	i, err := instances.Create(f.Context(), instance.Instance{Slug: "fuzz"}, actor)
	if err != nil {
		f.Fatal(err)
	}
	sc := provisioning.Scope{Instance: i, Actor: actor}
	if _, err := users.AddUser(f.Context(), sc, provisioning.Account{
		Fields: mapping.Fields{mapping.UserName: "scim"}, Integration: true, Role: instance.Admin,
	}); err != nil {
		f.Fatal(err)
	}
	_, key, err := instances.CreateKey(f.Context(), i, instance.KeyRequest{UserName: "scim"}, actor)
	if err != nil {
		f.Fatal(err)
	}
	u, err := users.AddUser(f.Context(), sc, provisioning.Account{
		Fields: mapping.Fields{mapping.UserName: "anna", mapping.Email: "a@x"},
		Role:   instance.PlainUser,
	})
	if err != nil {
		f.Fatal(err)
	}
	g, err := users.AddGroup(f.Context(), sc, "team", []string{u.ID})
	if err != nil {
		f.Fatal(err)
	}
	routes := []struct{ method, path string }{
		{"POST", "/Users"},
		{"PUT", "/Users/" + u.ID},
		{"PATCH", "/Users/" + u.ID},
		{"POST", "/Groups"},
		{"PUT", "/Groups/" + g.ID},
		{"PATCH", "/Groups/" + g.ID},
		{"POST", "/Bulk"},
		{"POST", "/.search"},
		{"POST", "/Users/.search"},
		{"GET", "/Users"},
		{"GET", "/Groups/" + g.ID},
		{"GET", "/Schemas"},
	}
	patch := `{"schemas":["` + scim.PatchOpURN + `"],"Operations":[`
	for _, seed := range []struct {
		route       uint8
		query, body string
	}{
		{0, "", userBody("ben")},
		{
			1, "attributes=title",
			`{"userName":"anna","emails":[{"value":"b@x","primary":true}],"` +
				scim.EnterpriseUserURN + `":{"manager":"x"}}`,
		},
		{
			2, "",
			patch +
				`{"op":"Add","path":"emails[type eq \"work\"].value","value":"c@x"},` +
				`{"op":"remove","path":"title"}]}`,
		},
		{2, "", patch + `{"op":"replace","value":{"name.givenName":"A","active":"False"}}]}`},
		{4, "", `{"displayName":"team","members":[{"value":"` + u.ID + `"}]}`},
		{5, "", patch + `{"op":"remove","path":"members","value":[{"value":"` + u.ID + `"}]}]}`},
		{5, "", `{"members":[{"value":"` + u.ID + `","operation":"delete"}]}`},
		{
			6, "",
			`{"failOnErrors":1,"Operations":[{"method":"POST","path":"/Users","bulkId":"a",` +
				`"data":{"userName":"x"}},{"method":"DELETE","path":"/Users/bulkId:a"}]}`,
		},
		{7, "", `{"filter":"displayName sw \"t\" or not (title pr)","count":1,"cursor":""}`},
		{8, "", `{"sortBy":"emails","sortOrder":"descending","startIndex":-1}`},
		{
			9,
			"filter=emails[type eq \"work\" and value co \"x\"].value eq " +
				"\"y\"&sortBy=meta.created&cursor", "",
		},
		{10, "excludedAttributes=members", ""},
		{11, "filter=x", ""},
	} {
		f.Add(seed.route, seed.query, seed.body)
	}
	f.Fuzz(func(t *testing.T, n uint8, query, body string) {
		route := routes[int(n)%len(routes)]
		r := httptest.NewRequest(route.method, "/scim/v2"+route.path, strings.NewReader(body))
		r.URL.RawQuery = (&url.URL{RawQuery: query}).RawQuery
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("Content-Type", "application/scim+json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			answer, _ := io.ReadAll(w.Body)
			t.Errorf("%s %s?%s %q: %d %s", route.method, route.path, query, body, w.Code, answer)
		}
	})
}
