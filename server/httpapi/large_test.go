package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"muster/server/provisioning"
)

// largeGroup makes a group whose text is longer than what is sent at once,
// and returns its path.
func (f *fixture) largeGroup(n int) string {
	f.t.Helper()
	list := make([]*provisioning.Newcomer, n)
	members := make([]string, n)
	for i := range list {
		list[i] = &provisioning.Newcomer{
			Resource: map[string]any{
				"userName":    fmt.Sprintf("member%d@acme.example", i),
				"displayName": fmt.Sprint("Member ", i),
			},
		}
	}
	f.users.Describe(f.scopes["acme"], provisioning.Provisioned, list)
	fatal(f.t, f.users.Import(f.t.Context(), f.scopes["acme"], list))
	for i := range members {
		u, err := f.users.UserByName(f.t.Context(), f.scopes["acme"],
			fmt.Sprintf("member%d@acme.example", i))
		fatal(f.t, err)
		members[i] = `{"value":"` + u.ID + `"}`
	}
	a := f.send("POST", "/scim/v2/Groups?attributes=id",
		`{"displayName":"Large","members":[`+strings.Join(members, ",")+`]}`)
	if a.status != 201 {
		f.t.Fatalf("got %d %s", a.status, a.text)
	}
	return "/scim/v2/Groups/" + a.body["id"].(string)
}

// TestLargeAnswers: what is long is sent in parts, and is whole.
func TestLargeAnswers(t *testing.T) {
	f := newFixture(t, false)
	f.send("POST", "/scim/v2/Groups", `{"displayName":"Empty"}`)
	path := f.largeGroup(3000)
	for _, c := range []struct {
		query string
		keys  int // of a member
	}{
		{"", 4},
		{"?attributes=members.value", 1},
		{"?excludedAttributes=members.$ref", 3},
		{"?attributes=members", 4},
	} {
		a := f.send("GET", path+c.query, "")
		members, _ := a.body["members"].([]any)
		if len(members) != 3000 || len(members[2999].(map[string]any)) != c.keys {
			t.Errorf("%q: got %d members, the last one %v; want 3000 with %d attributes", c.query,
				len(members), members[len(members)-1], c.keys)
		}
		if long := len(a.text) > 256<<10; long == (a.header.Get("Content-Length") != "") {
			t.Errorf("%q: an answer of %d bytes has Content-Length %q", c.query, len(a.text),
				a.header.Get("Content-Length"))
		}
		if a.header.Get("ETag") == "" || a.body["id"] == nil {
			t.Errorf("%q: no ETag or no id in %.200s", c.query, a.text)
		}
	}
	if a := f.send("GET", path+"?excludedAttributes=members", ""); a.body["members"] != nil ||
		a.header.Get("Content-Length") == "" {
		t.Errorf("got %.200s", a.text)
	}
	a := f.send("GET", "/scim/v2/Groups?sortBy=displayName&sortOrder=descending", "")
	list, _ := a.body["Resources"].([]any)
	if len(list) != 2 || len(list[0].(map[string]any)["members"].([]any)) != 3000 ||
		list[1].(map[string]any)["members"] != nil {
		t.Errorf("got %.200s", a.text)
	}
}

// brokenMembers fails behind some members.
type brokenMembers struct{ provisioning.Store }

func (s brokenMembers) Members(
	ctx context.Context, ids []string, yield func(string, provisioning.Member) error,
) error {
	n := 0
	return s.Store.Members(ctx, ids, func(id string, m provisioning.Member) error {
		if n++; n == 2500 {
			return errors.New("the disk is gone")
		}
		return yield(id, m)
	})
}

// TestBrokenAnswer: a client never takes a part of an answer for the whole.
func TestBrokenAnswer(t *testing.T) {
	f := newFixtureOn(t, false,
		func(s provisioning.Store) provisioning.Store { return brokenMembers{s} })
	path := f.largeGroup(3000)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+path, nil)
	fatal(t, err)
	r.Header.Set("Authorization", "Bearer "+f.keys["acme"])
	res, err := f.Client().Do(r)
	fatal(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || len(text) == 0 {
		t.Errorf("the client read %d bytes, and then: %v; want an unexpected EOF", len(text), err)
	}
	if log := f.log.String(); !strings.Contains(log, "the disk is gone") ||
		!strings.Contains(log, "status=200") {
		t.Errorf("the log says nothing of it: %s", log)
	}
}
