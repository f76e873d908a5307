package scripted_test

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"muster/features/harness/scripted"
)

// TestServersThatLie: no answer is believed before it was compared with what
// was asked.
func TestServersThatLie(t *testing.T) {
	t.Run("a filter of groups is ignored", func(t *testing.T) {
		at := newScripted(t)
		boss := at.script.Add("Users", scripted.Resource{"userName": "boss@x"})
		admins := at.script.Add("Groups", scripted.Resource{
			"displayName": "Domain Admins", "members": []any{map[string]any{"value": boss}},
		})
		at.script.IgnoreFilters = true
		p := newProvider(t, at, "id,username,roles\n1,anna@acme.example,Staff\n")
		p.run(1, "sync --profile entra", "seems to ignore the filter")
		at.script.Answer = func(_ http.ResponseWriter, r *http.Request, _ scripted.Resource) bool {
			at.script.IgnoreFilters = strings.HasSuffix(r.URL.Path, "/Groups")
			return false
		}
		p.run(0, "retry --all")
		p.run(0, "sync --profile entra")
		for id, g := range at.script.All("Groups") {
			members, _ := g["members"].([]any)
			if id == admins && len(members) != 1 || g["displayName"] == "Staff" &&
				len(members) != 1 {
				t.Errorf("the group %v has %v", g["displayName"], members)
			}
		}
	})
	t.Run("two groups of one name", func(t *testing.T) {
		at := newScripted(t)
		at.script.Add("Groups", scripted.Resource{"displayName": "STAFF"})
		at.script.Add("Groups", scripted.Resource{"displayName": "staff"})
		p := newProvider(t, at, "id,username,roles\n1,anna@acme.example,Staff\n")
		p.run(1, "sync", "which is meant cannot be told")
		exact := at.script.Add("Groups", scripted.Resource{"displayName": "Staff"})
		p.run(0, "retry --all")
		p.run(0, "sync")
		for id, g := range at.script.All("Groups") {
			if members, _ := g["members"].([]any); (len(members) == 1) != (id == exact) {
				t.Errorf("the group %v has %v", g["displayName"], members)
			}
		}
	})
	t.Run("a creation answers with somebody else", func(t *testing.T) {
		at := newScripted(t)
		root := at.script.Add("Users", scripted.Resource{"userName": "root@x", "title": "Root"})
		at.script.Answer = func(w http.ResponseWriter, r *http.Request, _ scripted.Resource) bool {
			if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/Users") {
				return false
			}
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"id":%q,"userName":"root@x"}`, root)
			return true
		}
		p := newProvider(t, at, "id,username,title,roles\n1,anna@acme.example,T,Staff\n")
		p.run(1, "sync", "look there at what it did")
		p.users("id,username,title,roles\n1,anna@acme.example,U,Staff\n")
		p.run(1, "sync")
		at.has("root@x Root active")
	})
	t.Run("two creations answer with one id", func(t *testing.T) {
		at := newScripted(t)
		at.script.Answer = func(
			w http.ResponseWriter, r *http.Request, body scripted.Resource,
		) bool {
			if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/Users") {
				return false
			}
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"id":"n1","userName":%q}`, body["userName"])
			return true
		}
		p := newProvider(t, at, twoPeople)
		p.run(1, "sync --concurrency 1", "two people")
	})
}

// TestWhatStopsACycle is what the summary says, and nobody is remembered as
// failed for it.
func TestWhatStopsACycle(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter)
		says   string
	}{
		"401": {
			func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) },
			"401: Unauthorized",
		},
		"403": {
			func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }, "403: Forbidden",
		},
		"a page": {
			func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprint(w, "<html>")
			}, "something else than a SCIM server",
		},
		"a redirect": {func(w http.ResponseWriter) {
			w.Header().Set("Location", "https://login.example/x")
			w.WriteHeader(http.StatusFound)
		}, "https://login.example/x"},
	} {
		t.Run(name, func(t *testing.T) {
			at := newScripted(t)
			p := newProvider(t, at, twoPeople)
			p.outcomes("sync")
			at.script.Answer = func(
				w http.ResponseWriter, _ *http.Request, _ scripted.Resource,
			) bool {
				test.answer(w)
				return true
			}
			for _, people := range []string{
				strings.Replace(twoPeople, "Boss", "Chief", 1),
				twoPeople + "3,carl@x,C,C,T,Staff\n",
			} {
				p.users(people)
				out := p.run(1, "sync --tries 1", "it was stopped", test.says)
				if strings.Contains(out, "everything is as it should be") ||
					strings.Contains(out, "*client.") || strings.Contains(out, "*url.") {
					t.Errorf("it says:\n%s", out)
				}
			}
			at.script.Answer = nil
			if got := p.outcomes("sync"); got["created"] != 1 || len(got) != 1 {
				t.Errorf("afterwards: %v", got)
			}
			p.run(0, "disable")
			p.run(1, "sync", "it was stopped: the API connection of the app")
		})
	}
}

// TestCertificates: a certificate that nobody known has signed stops a cycle,
// and --ca-file has it trusted.
func TestCertificates(t *testing.T) {
	at := newScripted(t)
	secure := httptest.NewTLSServer(at.script)
	defer secure.Close()
	plain := at.base
	at.base = secure.URL + "/scim/v2"
	p := newProvider(t, at, twoPeople)
	p.run(1, "sync --tries 1", "it was stopped", "certificate")
	p.write("ca.pem",
		string(pem.EncodeToMemory(&pem.Block{
			Type: "CERTIFICATE", Bytes: secure.Certificate().Raw,
		})))
	p.run(0, "sync --ca-file ca.pem", "created                2")
	p.run(1, "sync --ca-file users.csv", "no certificate in PEM")
	at.base = plain
	at.has("anna@acme.example Analyst active", "ben@acme.example Boss active")
	// A server that answers with another kind of value is told so in its own words.
	at.script.Answer = func(w http.ResponseWriter, _ *http.Request, _ scripted.Resource) bool {
		time.Sleep(200 * time.Millisecond)
		fmt.Fprint(w, `{"totalResults":"many"}`)
		return true
	}
	if out := p.run(1, "enable --tries 1", "totalResults is a string"); strings.Contains(out,
		"client.") {
		t.Errorf("it says %s", out)
	}
	p.run(1, "enable --tries 1 --timeout 50ms", "does not answer")
}

// TestManyDeletions: an emptied file deletes nobody before an administrator has
// looked; and an approval is void once its action is not due any more.
func TestManyDeletions(t *testing.T) {
	onEach(t, func(t *testing.T, at, _ *target) {
		people := func(n int) string {
			var b strings.Builder
			b.WriteString("id,username,title,roles\n")
			for i := range n {
				fmt.Fprintf(&b, "%d,p%d@acme.example,T,Staff\n", i, i)
			}
			return b.String()
		}
		p := newProvider(t, at, people(12))
		p.outcomes("sync")
		p.users(people(0))
		p.run(0, "sync", "waiting for approval   12", "held", "approvals approve --all --app acme",
			"max_deletes")
		if lines, _ := at.users(); len(lines) != 12 {
			t.Fatalf("%d are left", len(lines))
		}
		// It was a mistake, though somebody had approved it already.
		p.run(0, "approvals approve --all")
		p.users(people(12))
		p.outcomes("sync")
		p.users(people(0))
		p.run(0, "sync", "waiting for approval   12")
		if lines, _ := at.users(); len(lines) != 12 {
			t.Fatalf("an approval of before was used: %d are left", len(lines))
		}
		p.users(people(2))
		if got := p.outcomes("sync"); got["deleted"] != 10 {
			t.Errorf("ten of twelve: %v", got)
		}
		p.account("Acme", "      max_deletes: 0")
		p.users(people(0))
		if got := p.outcomes("sync"); got["deleted"] != 2 {
			t.Errorf("any number: %v", got)
		}
	})
}
