package report

import (
	"encoding/json"
	"slices"
	"strings"

	"muster/simulator/cycle"
	"muster/simulator/rollout"
)

// timeline is what happened to one user, wave by wave.
type timeline struct {
	key   string
	User  string
	Steps []step
}

type step struct {
	Wave int
	cycle.Item
}

// Last returns the last outcome.
func (t timeline) Last() cycle.Outcome { return t.Steps[len(t.Steps)-1].Outcome }

// Requests returns how many requests were sent for the user.
func (t timeline) Requests() int {
	n := 0
	for _, s := range t.Steps {
		n += len(s.Exchanges)
	}
	return n
}

// keyOf returns what a person is known by.
func keyOf(item cycle.Item) string {
	if item.Key == "" {
		return item.User
	}
	return item.Key
}

// timelines returns what happened to each user, sorted by user name.
func timelines(r *rollout.Result) []timeline {
	at := make(map[string]int)
	var list []timeline
	for _, w := range r.Waves {
		if w.Cycle == nil {
			continue
		}
		for _, item := range w.Cycle.Items {
			key := keyOf(item)
			i, ok := at[key]
			if !ok {
				i = len(list)
				at[key] = i
				list = append(list, timeline{key: key})
			}
			list[i].User = item.User
			list[i].Steps = append(list[i].Steps, step{w.Position, item})
		}
	}
	slices.SortFunc(list, func(a, b timeline) int { return strings.Compare(a.User, b.User) })
	return list
}

// pretty indents a body if it is JSON.
func pretty(body string) string {
	var v any
	if json.Unmarshal([]byte(body), &v) != nil {
		return body
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return body
	}
	return string(text)
}

// bar is a part of the chart of a wave.
type bar struct {
	Outcome cycle.Outcome
	N       int
	Class   string
}

// bars returns the parts of the chart of a wave.
func bars(c *cycle.Report) []bar {
	classes := map[cycle.Outcome]string{
		cycle.PickedUp: "pick", cycle.Created: "make", cycle.Conflict: "bad", cycle.Failed: "bad",
		cycle.Drifted: "bad", cycle.Deleted: "gone", cycle.Suspended: "gone",
		cycle.Released: "gone",
	}
	var list []bar
	for _, o := range cycle.Outcomes() {
		if n := c.Count(o); n > 0 {
			class := classes[o]
			if class == "" {
				class = "rest"
			}
			list = append(list, bar{o, n, class})
		}
	}
	return list
}
