package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// rowEvent is an event of the stream of the history.
type rowEvent struct {
	id   string
	name string
}

// stream reads some events of a stream, and hangs up.
func (f *fixture) stream(ctx context.Context, last string, events int) (list []rowEvent) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet,
		f.URL+"/admin/v1/instances/acme/history/stream?text=streamed", nil)
	fatal(f.t, err)
	r.Header.Set("Authorization", "Bearer "+f.adminToken)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := f.Client().Do(r)
	fatal(f.t, err)
	defer answer.Body.Close()
	if kind := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK ||
		kind != "text/event-stream" {
		f.t.Errorf("got %d %s", answer.StatusCode, kind)
	}
	id := ""
	lines := bufio.NewScanner(answer.Body)
	for len(list) < events && lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			id = text
		}
		if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var row struct{ Target struct{ Name string } }
			fatal(f.t, json.Unmarshal([]byte(text), &row))
			list = append(list, rowEvent{id, row.Target.Name})
		}
	}
	return list
}

func (f *fixture) createUser(name string) {
	body := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"` + name + `"}`
	if a := f.send("POST", "/scim/v2/Users", body); a.status != http.StatusCreated {
		f.t.Errorf("got %d %s", a.status, a.text)
	}
}

// TestHistoryStream: a client that is cut off again and again, and comes back with the
// place of the last row, gets each row once, in its order, and no other.
func TestHistoryStream(t *testing.T) {
	f := newFixture(t, false)
	const rows = 40
	// The first row gives the place from which everything is streamed.
	f.createUser("streamed-first")
	first := f.stream(t.Context(), "0", 1)
	if len(first) != 1 || first[0].name != "streamed-first" {
		t.Fatalf("got %+v", first)
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := range rows {
			f.createUser(fmt.Sprint("streamed-", n))
			f.createUser(fmt.Sprint("other-", n))
		}
	})
	got := first
	for len(got) <= rows {
		part := f.stream(t.Context(), got[len(got)-1].id, min(7, rows+1-len(got)))
		if len(part) == 0 {
			t.Fatalf("the stream ended after %d rows", len(got))
		}
		got = append(got, part...)
	}
	writing.Wait()
	// A place of another instance, or of before a restore, would pass rows over.
	for _, ahead := range []string{"100000", "999999999999999999"} {
		wantError(t, f.send("GET", "/admin/v1/instances/acme/history/stream", "", "Authorization",
			"Bearer "+f.adminToken, "Last-Event-ID", ahead), http.StatusBadRequest, "invalidValue",
			"has no row "+ahead+" yet")
	}
	if len(got) != rows+1 {
		t.Fatalf("got %d rows of %d: %+v", len(got), rows+1, got)
	}
	for n, e := range got[1:] {
		if e.name != fmt.Sprint("streamed-", n) {
			t.Errorf("row %d is of %s", n, e.name)
		}
	}
}
