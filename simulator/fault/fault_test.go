package fault_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"muster/simulator/fault"
)

// outcomes sends some requests, and returns what came of each, and how many
// reached the server.
func outcomes(t *testing.T, plan string, seed uint64, order []int) ([]string, int) {
	t.Helper()
	var reached atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Add(1)
		w.Header().Set("Content-Type", "application/scim+json")
		fmt.Fprint(w, `{"id":"1"}`)
	}))
	defer s.Close()
	p, err := fault.Parse(plan)
	if err != nil {
		t.Fatal(err)
	}
	transport := &fault.Transport{Base: http.DefaultTransport, Plan: p, Seed: seed}
	list := make([]string, len(order))
	for _, i := range order {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			s.URL+fmt.Sprintf("/Users/%d", i), strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		a, err := transport.RoundTrip(r)
		if err != nil {
			list[i] = err.Error()
			continue
		}
		text, err := io.ReadAll(a.Body)
		a.Body.Close()
		list[i] = fmt.Sprintf("%d %s %s %v", a.StatusCode, a.Header.Get("Content-Type"), text, err)
	}
	return list, int(reached.Load())
}

func TestEachFault(t *testing.T) {
	for kind, want := range map[string]struct {
		outcome string
		reached int
	}{
		"drop-before":  {"broke off", 0},
		"drop-after":   {"broke off", 1},
		"429":          {"429 application/scim+json", 0},
		"500":          {"500 application/scim+json", 0},
		"503":          {"503 application/scim+json", 0},
		"truncate":     {`200 application/scim+json {"id" unexpected EOF`, 1},
		"content-type": {"200 text/html <html>", 1},
		"latency":      {`200 application/scim+json {"id":"1"} <nil>`, 1},
	} {
		got, reached := outcomes(t, kind+"=99.9999999%", 1, []int{0})
		if !strings.Contains(got[0], want.outcome) || reached != want.reached {
			t.Errorf("%s: got %q, reached %d", kind, got[0], reached)
		}
	}
}

// TestSeed: the order of the requests does not matter, the seed does.
func TestSeed(t *testing.T) {
	up, down := make([]int, 200), make([]int, 200)
	for i := range up {
		up[i], down[i] = i, len(up)-1-i
	}
	const plan = "all=8%:1ms"
	one, _ := outcomes(t, plan, 7, up)
	same, _ := outcomes(t, plan, 7, down)
	other, _ := outcomes(t, plan, 8, up)
	if strings.Join(one, "\n") == strings.Join(other, "\n") {
		t.Error("another seed gave the same faults")
	}
	plain := 0
	for i := range one {
		if one[i] != same[i] {
			t.Errorf("request %d: %q, and in another order %q", i, one[i], same[i])
		}
		if strings.HasSuffix(one[i], `{"id":"1"} <nil>`) {
			plain++
		}
	}
	if plain < 50 || plain > 130 { // 44 % are expected to pass
		t.Errorf("%d of 200 passed", plain)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "has no rate",
		"drop":                    "has no rate",
		"flood=5%":                "no fault",
		"429=5x":                  "no rate",
		"429=120%":                "no rate",
		"429=5%:10ms":             "only latency",
		"latency=5%:soon":         "only latency",
		"all=30%":                 "no request would ever succeed",
		"429=50%,drop-before=50%": "no request would ever succeed",
	} {
		if _, err := fault.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
