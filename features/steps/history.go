package steps

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cucumber/godog"
)

// registerHistory adds the steps about the change history, where the guide
// sends an administrator "to monitor/debug the user provisioning process".
func (w *world) registerHistory(sc *registry) {
	sc.Step(`^the change history of "([^"]*)" has these rows about "([^"]*)":$`, w.historyHas)
	// There is a change of the field with the old and the new value.
	sc.Step(
		`^the change history of "([^"]*)" shows that "([^"]*)" changed for "([^"]*)" from "([^"]*)" to "([^"]*)"$`,
		w.historyChange)
	// Each row of the history has the key and the request's id.
	sc.Step(`^every change of "([^"]*)" by SCIM names the API key and the request$`,
		w.historyNamesKey)
}

// historyRow is a row as `muster-server history list --json` prints it.
type historyRow struct {
	Actor                           struct{ Kind, Name, KeyID, RequestID string }
	Action, Outcome, Detail, Reason string
	Target                          struct{ Type, Name string }
	Changes                         []struct{ Field, Attribute, Old, New string }
}

func (w *world) history(ctx context.Context, instance string) ([]historyRow, error) {
	if err := w.tryServer(ctx, "history", "list", "--all", "--instance", w.slug(instance),
		"--json"); err != nil {
		return nil, err
	}
	if w.last.Code != 0 {
		return nil, fmt.Errorf("the command failed: %s", w.last)
	}
	var list []historyRow
	lines := bufio.NewScanner(strings.NewReader(w.plain(w.last.Out)))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r historyRow
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("%w: %s", err, lines.Text())
		}
		list = append(list, r)
	}
	return list, lines.Err()
}

func (w *world) historyAbout(ctx context.Context, instance, name string) ([]historyRow, error) {
	all, err := w.history(ctx, instance)
	var list []historyRow
	for _, r := range all {
		if strings.EqualFold(r.Target.Name, name) {
			list = append(list, r)
		}
	}
	return list, err
}

// historyHas compares all rows about a user or a group with a table of the
// columns Action, Outcome and Detail, in which a part of the detail is enough.
func (w *world) historyHas(ctx context.Context, instance, name string, t *godog.Table) error {
	list, err := w.historyAbout(ctx, instance, name)
	if err != nil {
		return err
	}
	want := rows(t)
	if len(list) != len(want) {
		return fmt.Errorf("got %d rows, want %d: %+v", len(list), len(want), list)
	}
	for i, row := range want {
		if list[i].Action != row["Action"] || list[i].Outcome != row["Outcome"] ||
			!strings.Contains(list[i].Detail, row["Detail"]) {
			return fmt.Errorf("row %d: got %+v, want %v", i+1, list[i], row)
		}
	}
	return nil
}

func (w *world) historyChange(ctx context.Context, instance, field, name, from, to string) error {
	list, err := w.historyAbout(ctx, instance, name)
	if err != nil {
		return err
	}
	for _, r := range list {
		for _, c := range r.Changes {
			if (c.Field == field || c.Attribute == field) && c.Old == from && c.New == to {
				return nil
			}
		}
	}
	return fmt.Errorf("no row shows it: %+v", list)
}

func (w *world) historyNamesKey(ctx context.Context, instance string) error {
	list, err := w.history(ctx, instance)
	if err != nil {
		return err
	}
	n := 0
	for _, r := range list {
		if r.Actor.Kind != "key" {
			continue
		}
		n++
		if r.Actor.KeyID != w.keyIDs[instance] || r.Actor.RequestID == "" || r.Actor.Name == "" {
			return fmt.Errorf("the row names too little: %+v", r)
		}
	}
	if n == 0 {
		return fmt.Errorf("there is no change by SCIM")
	}
	return nil
}
