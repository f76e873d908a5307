package client_test

import (
	"encoding/json"
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

const before = `{"schemas":["x"],"userName":"anna","active":"true","title":"Analyst",` +
	`"name":{"givenName":"Anna"},` +
	`"emails":[{"value":"a@x","type":"work","primary":true}],"photos":[{"value":"p"}],` +
	`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"IT",` +
	`"manager":{"value":"ben"}}}`

const after = `{"schemas":["x"],"userName":"anna","active":"false","name":{"givenName":"Ann",` +
	`"familyName":"Novak"},` +
	`"emails":[{"value":"b@x","type":"work","primary":true}],"photos":[{"value":"q"}],` +
	`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"carl"}}}`

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestUpdates: what each profile sends for the same change.
func TestUpdates(t *testing.T) {
	const extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	const head, tail = `PATCH /scim/v2/Users/7 {"Operations":[`,
		`],"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`
	for name, want := range map[string][]string{
		"onelogin": {"PUT /scim/v2/Users/7 " + canonical(t, after)},
		"okta": {
			"GET /scim/v2/Users/7",
			`PUT /scim/v2/Users/7 {"active":false,"emails":[{"primary":true,"type":"work",` +
				`"value":"b@x"}],"id":"7","locale":"de","name":{"familyName":"Novak",` +
				`"givenName":"Ann"},` +
				`"photos":[{"value":"q"}],"schemas":["x"],"` + extension +
				`":{"manager":{"value":"carl"}},"userName":"anna"}`,
		},
		"entra": {head + strings.Join([]string{
			`{"op":"Replace","path":"active","value":"False"}`,
			`{"op":"Replace","path":"emails[type eq \"work\"].value","value":"b@x"}`,
			`{"op":"Add","path":"name.familyName","value":"Novak"}`,
			`{"op":"Replace","path":"name.givenName","value":"Ann"}`,
			`{"op":"Replace","path":"photos","value":[{"value":"q"}]}`,
			`{"op":"Replace","path":"` + extension + `:manager","value":"carl"}`,
			`{"op":"Remove","path":"title"}`,
			`{"op":"Remove","path":"` + extension + `:department"}`,
		}, ",") + tail},
		"jumpcloud": {head + strings.Join([]string{
			`{"op":"replace","path":"active","value":false}`,
			`{"op":"replace","path":"emails","value":[{"primary":true,"type":"work",` +
				`"value":"b@x"}]}`,
			`{"op":"replace","path":"name","value":{"familyName":"Novak","givenName":"Ann"}}`,
			`{"op":"replace","path":"photos","value":[{"value":"q"}]}`,
			`{"op":"replace","path":"` + extension + `:manager","value":{"value":"carl"}}`,
			`{"op":"remove","path":"` + extension + `:department"}`,
			`{"op":"remove","path":"title"}`,
		}, ",") + tail},
		"onelogin-1.1": {
			`PUT /scim/v2/Users/7? {"active":"2","emails":{"primary":true,"type":"work",` +
				`"value":"b@x"},"name":{"familyName":"Novak","givenName":"Ann"},` +
				`"photos":[{"value":"q"}],` +
				`"schemas":["urn:scim:schemas:core:1.0",` +
				`"urn:scim:schemas:extension:enterprise:1.0"],` +
				`"urn:scim:schemas:extension:enterprise:1.0":{"manager":{"displayName":"",` +
				`"managerId":"carl"}},"userName":"anna"}`,
		},
	} {
		var got []string
		c := serveAs(t, name, func(_ int, w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got = append(got, strings.TrimSpace(r.Method+" "+r.RequestURI+" "+string(body)))
			fmt.Fprint(w, `{"id":"7","userName":"anna","title":"Analyst","locale":"de"}`)
		})
		if err := c.UpdateUser(t.Context(), "7", object(t, before), object(t, after)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"),
				strings.Join(want, "\n"))
		}
		got = nil
		if err := c.UpdateUser(t.Context(), "7", object(t, after), object(t, after)); err != nil {
			t.Errorf("%s: no change: %v", name, err)
		}
		if patches := name == "entra" || name == "jumpcloud"; patches && got != nil {
			t.Errorf("%s: no change, and it sent %v", name, got)
		}
	}
}

func canonical(t *testing.T, text string) string {
	t.Helper()
	b, err := json.Marshal(object(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestProfileNamed(t *testing.T) {
	if p, err := client.ProfileNamed(""); err != nil || p.Name != "onelogin" {
		t.Errorf("got %v, %v", p, err)
	}
	if _, err := client.ProfileNamed("ping"); err == nil ||
		!strings.Contains(err.Error(), "onelogin, onelogin-1.1, okta, entra, jumpcloud") {
		t.Errorf("got %v", err)
	}
}

// TestCircuit: a server that is down is left alone, and asked by one request
// at a time until it is up again.
func TestCircuit(t *testing.T) {
	var up atomic.Bool
	c := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			fail(w, 503, "down")
			return
		}
		fmt.Fprint(w, `{"totalResults":0,"Resources":[]}`)
	})
	for range 10 {
		if _, err := c.FindUser(t.Context(), "anna"); err == nil {
			t.Fatal("the server is down")
		}
	}
	if c.Opened() == 0 || c.Requests() >= 40 {
		t.Errorf("opened %d times, %d of 40 requests reached the server", c.Opened(), c.Requests())
	}
	up.Store(true)
	for deadline := time.Now().Add(10 * time.Second); ; {
		if _, err := c.FindUser(t.Context(), "anna"); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the circuit stays open")
		}
	}
}

// TestBusy: a server that is busy is not down.
func TestBusy(t *testing.T) {
	c := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) { fail(w, 429, "slow down") })
	for range 5 {
		_, _ = c.FindUser(t.Context(), "anna")
	}
	if c.Opened() != 0 || c.Requests() != 20 {
		t.Errorf("opened %d times, %d requests", c.Opened(), c.Requests())
	}
}

func TestRetryAfterDate(t *testing.T) {
	began := time.Now()
	c := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.Header().Set("Retry-After",
				time.Now().Add(2*time.Second).UTC().Format(http.TimeFormat))
			fail(w, 503, "later")
			return
		}
		fmt.Fprint(w, `{"totalResults":0,"Resources":[]}`)
	})
	if _, err := c.FindUser(t.Context(), "anna"); err != nil || time.Since(began) < time.Second {
		t.Errorf("got %v after %v", err, time.Since(began))
	}
}

// TestTrace: what is kept of the requests has no secret in it.
func TestTrace(t *testing.T) {
	c := serveAs(t, "okta", func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, `{"id":"7","userName":"anna","note":"%s","password":"hunter2 \"quoted\""}`,
			token)
	})
	var trace client.Trace
	if _, err := c.CreateUser(client.WithTrace(t.Context(), &trace),
		map[string]any{"userName": "anna"}); err != nil {
		t.Fatal(err)
	}
	list := trace.Exchanges()
	if len(list) != 2 || list[0].Error == "" || list[0].Status != 0 || list[1].Status != 200 ||
		list[1].Method != http.MethodPost || list[1].Path != "/Users" {
		t.Fatalf("got %+v", list)
	}
	text := fmt.Sprint(list)
	if strings.Contains(text, token) || strings.Contains(text, "hunter2") ||
		strings.Contains(text, "quoted") ||
		!strings.Contains(list[1].Request, `"password":"…"`) ||
		!strings.Contains(list[1].Request, `"userName":"anna"`) {
		t.Errorf("got %s", text)
	}
}

// TestFinalAnswers: what a server does not support it will not support later.
func TestFinalAnswers(t *testing.T) {
	for _, status := range []int{501, 405, 505} {
		c := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) { fail(w, status, "no") })
		if err := c.AddMember(t.Context(), "1", "2"); client.Status(err) != status ||
			c.Requests() != 1 {
			t.Errorf("%d: got %v after %d requests", status, err, c.Requests())
		}
	}
}

// TestHeaders: custom headers are sent, and may replace what the profile
// sends; the token stays.
func TestHeaders(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, want := range map[string]string{
			"X-Tenant": "7", "Content-Type": "application/scim+json",
			"Authorization": "Bearer " + token, "User-Agent": "muster-simulator (OneLogin)",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		fmt.Fprint(w, `{"id":"7","userName":"anna"}`)
	}))
	defer s.Close()
	c, err := client.New(client.Options{BaseURL: s.URL, Token: token, Headers: map[string]string{
		"X-Tenant": "7", "Content-Type": "application/scim+json", "Authorization": "Basic x",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateUser(t.Context(), map[string]any{"userName": "anna"}); err != nil {
		t.Error(err)
	}
}
