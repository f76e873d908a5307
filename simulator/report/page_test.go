package report_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"muster/simulator/client"
	"muster/simulator/cycle"
	"muster/simulator/report"
	"muster/simulator/rollout"
)

// large is a rollout of a company in two waves, in which everybody was created, but
// for some who conflict, and some who were foretold otherwise.
func large(people, conflicts, surprises int) *rollout.Result {
	r := &rollout.Result{Rollout: "Large", People: people, AsPlanned: false}
	body := `{"userName":"x","name":{"givenName":"` + strings.Repeat("a", 1500) + `"}}`
	for position := range 2 {
		w := &rollout.WaveResult{
			Position: position + 1, Name: fmt.Sprint("wave ", position+1), Passed: true,
			Cycle: &cycle.Report{Requests: int64(people)}, Forecast: &rollout.Forecast{},
		}
		for n := position * people / 2; n < (position+1)*people/2; n++ {
			name := fmt.Sprintf("person%06d@large.example", n)
			item := cycle.Item{
				Key: fmt.Sprint(n), User: name, Outcome: cycle.Created,
				Exchanges: []client.Exchange{
					{
						Method: "POST", Path: "/Users", Request: body, Answer: body, Status: 201,
						At: time.Now(),
					},
				},
			}
			if n%(people/conflicts) == 0 {
				item.Outcome, item.Detail = cycle.Conflict, "409 uniqueness: taken"
				w.Forecast.Findings = append(w.Forecast.Findings, rollout.Finding{
					Severity: rollout.Problem, Kind: "conflict", User: name, Fix: "rename " + name,
				})
			}
			if n%(people/surprises) == 1 {
				w.Surprises = append(w.Surprises, rollout.Surprise{User: name})
			}
			w.Cycle.Items = append(w.Cycle.Items, item)
		}
		r.Waves = append(r.Waves, w)
	}
	return r
}

// TestLargePage: of 100,000 people the page has less than 5 MB, and in it everybody
// for whom something was not as it should be, or not as foretold.
func TestLargePage(t *testing.T) {
	r := large(100_000, 150, 100)
	var b bytes.Buffer
	if err := report.HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if b.Len() > 5_000_000 {
		t.Errorf("the page has %d bytes", b.Len())
	}
	lines := strings.Count(text, `<details class="user">`)
	if lines < 250 || !strings.Contains(text, fmt.Sprintf("Of 100000 people these %d", lines)) {
		t.Errorf("%d timelines are on the page", lines)
	}
	_, list, _ := strings.Cut(text, `<div id="list">`)
	for _, w := range r.Waves {
		for _, item := range w.Cycle.Items {
			if item.Outcome.Wrong() && !strings.Contains(list, "<summary>"+item.User) {
				t.Fatalf("%s conflicts, and is not on the page", item.User)
			}
		}
		for _, s := range w.Surprises {
			if !strings.Contains(list, "<summary>"+s.User) {
				t.Fatalf("%s was foretold otherwise, and is not on the page", s.User)
			}
		}
	}
	todo, waves := strings.Index(text, "What you must still do"), strings.Index(text,
		"What happened in each wave")
	if todo < 0 || waves < todo || !strings.Contains(text[todo:waves], "rename person000000") {
		t.Error("what is to be done does not come first, with what to do")
	}
	if !strings.Contains(text[waves:], `<th scope="row">All waves</th>`) ||
		!strings.Contains(text, `<td class="n">151</td>`) {
		t.Error("there are no totals")
	}
}

// TestWorstPage: even if everybody conflicts, the page is small.
func TestWorstPage(t *testing.T) {
	var b bytes.Buffer
	if err := report.HTML(&b, large(100_000, 100_000, 50_000)); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 5_000_000 || !strings.Contains(b.String(), "… and 99800 more") {
		t.Errorf("the page has %d bytes", b.Len())
	}
}
