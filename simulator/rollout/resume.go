package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"muster/simulator/cycle"
	"muster/simulator/state"
)

// note has a cycle note what it does, as it does it.
func (r *Rehearsal) note(c *cycle.Cycle, position int) {
	name := r.Rollout.Name
	c.Keep = func(ctx context.Context, s *state.Snapshot) error {
		return r.State.Keep(ctx, name, position, s)
	}
	c.Note = func(ctx context.Context, item cycle.Item) error {
		return r.State.Note(ctx, name, position, state.ItemNote, item.Key, item)
	}
	c.Making = func(ctx context.Context, group string, made bool) error {
		if !made {
			return r.State.DropNote(ctx, name, position, state.GroupNote, group)
		}
		return r.State.Note(ctx, name, position, state.GroupNote, group, true)
	}
}

// earlier reads what earlier runs of a wave did, whether they ended or were
// killed. It reports whether one of them ended.
func (r *Rehearsal) earlier(
	ctx context.Context, position int, w *WaveResult,
) (known bool, err error) {
	if known, err = r.State.Wave(ctx, r.Rollout.Name, position, w); err != nil {
		return known, err
	}
	killed, err := r.killed(ctx, position)
	if err != nil || killed.Cycle == nil {
		return known, err
	}
	merge(killed.Cycle, w.Cycle)
	killed.Forecast.goOn(w.Forecast)
	w.Cycle, w.Forecast = killed.Cycle, killed.Forecast
	return known, nil
}

// killed returns what was noted of a run of a wave that did not end; its Cycle
// is nil if there was none.
func (r *Rehearsal) killed(ctx context.Context, position int) (*WaveResult, error) {
	w := &WaveResult{Forecast: &Forecast{}}
	err := r.State.Notes(ctx, r.Rollout.Name, position, state.ForecastNote,
		func(_ string, data []byte) error {
			w.Cycle = &cycle.Report{App: r.Rollout.App.Name}
			return json.Unmarshal(data, w.Forecast)
		})
	if err != nil || w.Cycle == nil {
		return w, err
	}
	err = r.State.Notes(ctx, r.Rollout.Name, position, state.ItemNote,
		func(_ string, data []byte) error {
			var item cycle.Item
			err := json.Unmarshal(data, &item)
			w.Cycle.Items = append(w.Cycle.Items, item)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("what was noted of the wave cannot be read: %w", err)
	}
	err = r.State.Notes(ctx, r.Rollout.Name, position, state.GroupNote,
		func(group string, _ []byte) error {
			w.Cycle.GroupsCreated = append(w.Cycle.GroupsCreated, group)
			return nil
		})
	return w, err
}

// goOn adds to a forecast what was foretold before an earlier run of the wave
// of those who are provisioned since.
func (f *Forecast) goOn(earlier *Forecast) {
	if earlier == nil {
		return
	}
	known := make(map[string]bool, len(f.Items))
	for _, x := range f.Items {
		known[x.Key] = true
	}
	for _, old := range earlier.Items {
		if !known[old.Key] {
			f.Items = append(f.Items, old)
		}
	}
}

// still leaves of surprises those that are there yet: of an account that was
// created beside one of nearly the same name, both are.
func (c *content) still(list []Surprise) []Surprise {
	there := make(map[string]bool, len(c.users))
	for _, u := range c.users {
		there[fold(u.UserName())] = true
	}
	return slices.DeleteFunc(list,
		func(s Surprise) bool { return s.NearMiss != "" && !there[fold(s.NearMiss)] })
}

// merge adds to a report what an earlier run of the same wave did.
func merge(now, earlier *cycle.Report) {
	if earlier == nil {
		return
	}
	at := make(map[string]int, len(now.Items))
	for i, item := range now.Items {
		at[item.Key] = i
	}
	for _, old := range earlier.Items {
		i, again := at[old.Key]
		arrived := old.Outcome == cycle.Created || old.Outcome == cycle.PickedUp
		switch {
		case !again && old.Outcome != cycle.Conflict && old.Outcome != cycle.Failed &&
			old.Outcome != cycle.Waiting:
			now.Items = append(now.Items, old)
		case again && arrived && now.Items[i].Outcome == cycle.Updated:
			now.Items[i].Outcome, now.Items[i].Action = old.Outcome, old.Action
		}
	}
	now.GroupsCreated = union(now.GroupsCreated, earlier.GroupsCreated)
	now.GroupsMatched = slices.DeleteFunc(union(now.GroupsMatched, earlier.GroupsMatched),
		func(name string) bool {
			return slices.Contains(now.GroupsCreated, name)
		})
	now.Requests += earlier.Requests
	now.Seconds += earlier.Seconds
}

func union(a, b []string) []string {
	list := slices.Concat(a, b)
	slices.Sort(list)
	return slices.Compact(list)
}
