package steps

import (
	"context"
	"fmt"
	"slices"
)

// registerApproval adds the steps about the approval queue of the provider.
func (w *world) registerApproval(sc *registry) {
	// Ticks a box "Require admin approval before this action is performed".
	sc.Step(`^the app "([^"]*)" requires admin approval before it (creates|updates|deletes) users$`,
		func(name, what string) error {
			a, err := w.app(name)
			if err != nil {
				return err
			}
			need, ok := a.provisioning["require_approval"].(map[string]any)
			if !ok {
				need = make(map[string]any)
				a.provisioning["require_approval"] = need
			}
			need[what[:len(what)-1]] = true
			return nil
		})
	// Looks into the approval queue of the app.
	sc.Step(
		`^the (provision|update|suspend|reactivate|delete|release) of "([^"]*)" waits for approval in the app "([^"]*)"$`,
		w.waits)
	// The approval queue of the app is empty.
	sc.Step(`^nothing waits for approval in the app "([^"]*)"$`,
		func(ctx context.Context, app string) error {
			list, err := w.queue(ctx, app)
			if err != nil {
				return err
			}
			return expect("waiting actions", len(list), 0)
		})
	// Decides about one action in the queue.
	sc.Step(
		`^an administrator of OneLogin (approves|skips) the action for "([^"]*)" in the app "([^"]*)"$`,
		func(ctx context.Context, what, user, app string) error {
			return w.decide(ctx, what, app, "--user", w.name(user))
		})
	// Decides about the whole queue at once.
	sc.Step(`^an administrator of OneLogin (approves|skips) all actions in the app "([^"]*)"$`,
		func(ctx context.Context, what, app string) error {
			return w.decide(ctx, what, app, "--all")
		})
}

// waiting is an action as `muster-simulator approvals list --json` shows it.
type waiting struct {
	UserName string
	Waiting  struct{ Action string }
}

func (w *world) queue(ctx context.Context, app string) ([]waiting, error) {
	var list []waiting
	err := w.simulator(ctx, &list, "approvals", "list", "--app", app)
	return list, err
}

func (w *world) waits(ctx context.Context, action, userName, app string) error {
	list, err := w.queue(ctx, app)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list,
		func(x waiting) bool {
			return w.plain(x.UserName) == userName && x.Waiting.Action == action
		}) {
		return fmt.Errorf("the queue holds %+v", list)
	}
	return nil
}

func (w *world) decide(ctx context.Context, what, app string, who ...string) error {
	verb := map[string]string{"approves": "approve", "skips": "skip"}[what]
	if err := w.simulate(ctx,
		append([]string{"approvals", verb, "--app", app}, who...)...); err != nil {
		return err
	}
	if w.last.Code != 0 {
		return fmt.Errorf("the command failed: %s", w.last)
	}
	return nil
}
