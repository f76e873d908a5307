package listener

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"muster/secevent"
)

// try offers an event, and reports what the listener does.
func try(t *rapid.T, l *Listener, id string, version int) (answer string) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			answer = "lost"
		default:
			panic(p)
		}
	}()
	err := l.take(t.Context(), &secevent.Token{
		ID: id, Subject: secevent.Subject{URI: "/Users/1"},
		Events: map[string]json.RawMessage{"x": json.RawMessage(fmt.Sprintf(`{"version":"W/\"%d\""}`, version))},
	})
	var refused *secevent.Error
	switch {
	case errors.As(err, &refused):
		return "refused"
	case err != nil:
		return "busy"
	}
	return "taken"
}

// TestFaults: however a listener behaves, an event that comes often enough is shown once
// or was refused when it came first, and the counts are those of what was answered.
func TestFaults(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		shown := make(map[string]int)
		l := &Listener{
			Faults: Faults{
				Refuse: rapid.Float64Range(0, 1).Draw(rt, "refuse"),
				Busy:   rapid.Float64Range(0, 0.4).Draw(rt, "busy"),
				Lose:   rapid.Float64Range(0, 0.4).Draw(rt, "lose"),
				Delay:  0.1, Longest: time.Microsecond, Seed: rapid.Uint64().Draw(rt, "seed"),
			},
			Show: func(t *secevent.Token) { shown[t.ID]++ },
		}
		answers := make(map[string]int)
		n := rapid.IntRange(1, 10).Draw(rt, "events")
		for i := range n {
			id := fmt.Sprint("e", i)
			for attempt := range 1000 {
				a := try(rt, l, id, i+1)
				answers[a]++
				if a == "refused" && attempt > 0 {
					rt.Fatalf("%s is refused when it comes again", id)
				}
				if a == "taken" || a == "refused" {
					break
				}
			}
		}
		c := l.Counts()
		if c.Events != len(shown) || c.Refused != answers["refused"] || c.Busy != answers["busy"] ||
			c.Lost != answers["lost"] || len(shown)+answers["refused"] != n || c.Older != 0 {
			rt.Fatalf("of %d events %+v, shown %v, answered %v", n, c, shown, answers)
		}
		for id, times := range shown {
			if times != 1 {
				rt.Fatalf("%s is shown %d times", id, times)
			}
		}
	})
}
