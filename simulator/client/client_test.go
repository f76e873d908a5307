package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"muster/simulator/client"
)

const token = "the-secret-token"

// serve returns a client of a server that answers the nth request with f.
func serve(t *testing.T, f func(n int, w http.ResponseWriter, r *http.Request)) *client.Client {
	t.Helper()
	return serveAs(t, "onelogin", f)
}

// serveAs returns one with a profile.
func serveAs(
	t *testing.T, profile string, f func(n int, w http.ResponseWriter, r *http.Request),
) *client.Client {
	t.Helper()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f(int(n.Add(1)), w, r)
	}))
	t.Cleanup(s.Close)
	p, err := client.ProfileNamed(profile)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Options{
		BaseURL: s.URL + "/scim/v2/", Token: token, Tries: 4, Wait: time.Millisecond, Profile: p,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fail answers with a SCIM error.
func fail(w http.ResponseWriter, status int, detail string) {
	w.WriteHeader(status)
	fmt.Fprintf(w,
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"%d","detail":%q}`,
		status, detail)
}

func TestRetries(t *testing.T) {
	for name, breaks := range map[string]func(w http.ResponseWriter){
		"503": func(w http.ResponseWriter) { fail(w, 503, "busy") },
		"500": func(w http.ResponseWriter) { fail(w, 500, "oops") },
		"429 with Retry-After": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "1")
			fail(w, 429, "slow down")
		},
		"a dropped line": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"a page instead": func(w http.ResponseWriter) { fmt.Fprint(w, "<html>") },
		"half an answer": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"Resources":[`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			c := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
				if n == 1 || n == 2 && !strings.HasPrefix(name, "429") {
					breaks(w)
					return
				}
				fmt.Fprint(w, `{"totalResults":1,"Resources":[{"id":"1","userName":"anna"}]}`)
			})
			u, err := c.FindUser(t.Context(), "anna")
			if err != nil || u.ID() != "1" {
				t.Errorf("got %v, %v", u, err)
			}
			if strings.HasPrefix(name, "429") && time.Since(began) < time.Second {
				t.Error("Retry-After was not honored")
			}
		})
	}
}

func TestGivesUp(t *testing.T) {
	c := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) { fail(w, 503, "busy") })
	_, err := c.FindUser(t.Context(), "anna")
	var down *client.DownError
	if !errors.As(err, &down) || c.Requests() != 4 || client.Status(err) != 503 {
		t.Errorf("got %v after %d requests", err, c.Requests())
	}
}

func TestFinalErrors(t *testing.T) {
	for _, status := range []int{400, 401, 403, 409, 412, 307} {
		c := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
			// must not be followed: it would get the token
			w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
			fail(w, status, "no")
		})
		_, err := c.CreateUser(t.Context(), map[string]any{"userName": "anna"})
		var answer *client.Error
		detail := "no"
		if status == 307 {
			detail = "elsewhere"
		}
		if !errors.As(err, &answer) || answer.Status != status ||
			!strings.Contains(answer.Detail, detail) || c.Requests() != 1 ||
			strings.Contains(err.Error(), token) {
			t.Errorf("%d: got %v after %d requests", status, err, c.Requests())
		}
		if answer.Refused() != (status == 401 || status == 403) {
			t.Errorf("%d: Refused is %v", status, answer.Refused())
		}
		if client.Stops(err) != (status == 401 || status == 403 || status == 307) {
			t.Errorf("%d: Stops is %v", status, client.Stops(err))
		}
	}
}

func TestRequests(t *testing.T) {
	var got []string
	c := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, strings.TrimSpace(r.Method+" "+r.RequestURI+" "+string(body)))
		if r.Header.Get("Authorization") != "Bearer "+token || len(body) > 0 &&
			r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("headers: %v", r.Header)
		}
		w.Header().Set("X-Muster-Instance", "acme")
		if r.Method == http.MethodDelete {
			fail(w, 404, "not found")
			return
		}
		fmt.Fprint(w, `{"id":"7","totalResults":0,"Resources":[]}`)
	})
	ctx := t.Context()
	_, err := c.TestConnection(ctx)
	errs := []error{err}
	_, err = c.FindUser(ctx, `o"b\c`)
	errs = append(errs, err)
	_, err = c.CreateGroup(ctx, "Team", "8")
	errs = append(errs, err, c.AddMember(ctx, "7", "8"), c.RemoveMember(ctx, "7", "8"),
		c.ReplaceUser(ctx, "a/b", map[string]any{"userName": "x"}),
		c.DeleteUser(ctx, "8"))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`GET /scim/v2/Users?filter=userName+eq+%22never-existing-user%22`,
		`GET /scim/v2/Users?filter=userName+eq+%22o%5C%22b%5C%5Cc%22&`,
		`POST /scim/v2/Groups {"displayName":"Team",` +
			`"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]}`,
		`PATCH /scim/v2/Groups/7 {"Operations":[{"op":"add","path":"members",` +
			`"value":[{"value":"8"}]}],` +
			`"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`,
		`PATCH /scim/v2/Groups/7 {"Operations":[{"op":"remove","path":"members",` +
			`"value":[{"value":"8"}]}],` +
			`"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`,
		`PUT /scim/v2/Users/a%2Fb {"userName":"x"}`,
		`DELETE /scim/v2/Users/8`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if c.Instance() != "acme" {
		t.Errorf("instance %q", c.Instance())
	}
}

func TestOddServers(t *testing.T) {
	several := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w,
			`{"totalResults":2,"Resources":[{"id":"1","userName":"ANNA","displayName":"ANNA"},`+
				`{"id":"2","userName":"Anna","displayName":"Anna"}]}`)
	})
	if _, err := several.FindUser(t.Context(), "anna"); err == nil ||
		!strings.Contains(err.Error(), "found 2 of that name") {
		t.Errorf("several: got %v", err)
	}
	if u, err := several.FindUser(t.Context(), "Anna"); err != nil || u.ID() != "2" {
		t.Errorf("the one that is spelled so: got %v, %v", u, err)
	}
	if g, err := several.FindGroup(t.Context(), "anna"); err == nil ||
		!strings.Contains(err.Error(), "found 2 of that name") {
		t.Errorf("several groups: got %v, %v", g, err)
	}
	if g, err := several.FindGroup(t.Context(), "Anna"); err != nil || g.ID != "2" {
		t.Errorf("the group that is spelled so: got %v, %v", g, err)
	}
	if u, err := several.FindUser(t.Context(), "аnna"); err == nil ||
		!strings.Contains(err.Error(), "U+0430") {
		t.Errorf("one that looks the same: got %v, %v", u, err)
	}
	if g, err := several.FindGroup(t.Context(), "Staff"); g != nil || err != nil {
		t.Errorf("the filter is ignored, and no group has the name: got %v, %v", g, err)
	}
	if _, err := several.CreateUser(t.Context(), map[string]any{"userName": "ben"}); err == nil ||
		!strings.Contains(err.Error(), "no id") {
		t.Errorf("a creation that is answered with a list: got %v", err)
	}
	if _, err := several.TestConnection(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "ignore the filter") {
		t.Errorf("a filter that is ignored: got %v", err)
	}
	none := serve(t,
		func(_ int, w http.ResponseWriter, _ *http.Request) { fail(w, 404, "no such user") })
	if u, err := none.FindUser(t.Context(), "anna"); u != nil || err != nil {
		t.Errorf("404 for nobody: got %v, %v", u, err)
	}
	another := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"id":"7","userName":"root","displayName":"Domain Admins"}`)
	})
	if _, err := another.CreateUser(t.Context(), map[string]any{"userName": "anna"}); err == nil ||
		!strings.Contains(err.Error(), `answered with "root"`) {
		t.Errorf("another user than the one who was sent: got %v", err)
	}
	if _, err := another.CreateGroup(t.Context(), "Team", ""); err == nil ||
		!strings.Contains(err.Error(), "Domain Admins") {
		t.Errorf("another group than the one that was sent: got %v", err)
	}
	noID := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{}`) })
	if _, err := noID.CreateUser(t.Context(), nil); err == nil ||
		!strings.Contains(err.Error(), "no id") {
		t.Errorf("no id: got %v", err)
	}
}

func TestPages(t *testing.T) {
	c := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if want := fmt.Sprint((n-1)*2 + 1); r.URL.Query().Get("startIndex") != want {
			t.Errorf("page %d begins at %s", n, r.URL.Query().Get("startIndex"))
		}
		if n == 3 {
			fmt.Fprint(w, `{"totalResults":5,"Resources":[{"id":"5"}]}`)
			return
		}
		fmt.Fprintf(w, `{"totalResults":5,"Resources":[{"id":"%d"},{"id":"%d"}]}`, 2*n-1, 2*n)
	})
	var ids []string
	err := c.Users(t.Context(), func(u client.User) error { ids = append(ids, u.ID()); return nil })
	if err != nil || strings.Join(ids, "") != "12345" {
		t.Errorf("got %v, %v", ids, err)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, o := range []client.Options{
		{BaseURL: "", Token: "x"},
		{BaseURL: "scim.example.com", Token: "x"},
		{BaseURL: "ftp://h/scim", Token: "x"},
		{BaseURL: "http://h/scim?x=1", Token: "x"},
		{BaseURL: "http://h/scim"},
		{BaseURL: "http://h/scim", Token: "a b"},
	} {
		if _, err := client.New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}
