package steps

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cucumber/godog"
	"github.com/goccy/go-yaml"
)

// registerPortal adds the steps about what an administrator of the provider
// sets and clicks in the portal, beside what provider.go has.
func (w *world) registerPortal(sc *registry) {
	// Assigns everybody who has the role, now or later.
	sc.Step(`^the role "([^"]*)" has access to the app "([^"]*)"$`, func(role, name string) error {
		a, err := w.app(name)
		if err == nil {
			a.roles = append(a.roles, role)
		}
		return err
	})
	sc.Step(`^the app "([^"]*)" has the rule:$`, w.theRule)
	// Sends the requests that another provider is known to send.
	sc.Step(
		`^the app "([^"]*)" is provisioned as (OneLogin 1\.1|OneLogin|Okta|Entra|JumpCloud) does$`,
		w.profile)
	// Changes of parameters, rules and template wait for a re-apply.
	sc.Step(`^changes of the app "([^"]*)" need a re-apply$`,
		w.provisioningIs("changes_need_reapply", true))
	// A cycle with more deletions asks for approval of all of them.
	sc.Step(`^the app "([^"]*)" holds more than (\d+) deletions? for approval$`,
		func(name string, n int) error {
			return w.provisioningIs("max_deletes", n)(name)
		})
	// The limits at which the app stops by itself.
	sc.Step(`^the app "([^"]*)" goes into quarantine when (\d+) users and (\d+) percent fail$`,
		func(name string, n, share int) error {
			return w.provisioningIs("quarantine",
				map[string]any{"failures": n, "share": share})(name)
		})
	// No cycle of the app runs until it is enabled again.
	sc.Step(`^an administrator clicks Disable in the app "([^"]*)"$`,
		func(ctx context.Context, name string) error {
			return w.simulate(ctx, "disable", "--app", name)
		})
}

// registerReapply adds the steps about accounts that are not as they should be.
func (w *world) registerReapply(sc *registry) {
	// Compares every account with what it should be, and corrects it.
	sc.Step(`^an administrator re-applies the mappings of the app "([^"]*)"$`,
		func(ctx context.Context, name string) error {
			return w.runs(ctx, "reapply", name)
		})
	// Compares every account with what it should be, and writes nothing.
	sc.Step(`^an administrator looks for drift in the app "([^"]*)"$`,
		func(ctx context.Context, name string) error {
			return w.runs(ctx, "drift", name)
		})
	// Reads the groups of the application.
	sc.Step(`^an administrator refreshes the entitlements of the app "([^"]*)"$`,
		func(ctx context.Context, name string) error {
			return w.simulate(ctx, "refresh", "--app", name)
		})
	// Asks for something that is not supported.
	sc.Step(`^an administrator asks OneLogin to (import users|import groups|sync passwords?)$`,
		func(ctx context.Context, what string) error {
			return w.simulate(ctx,
				strings.TrimSuffix(strings.ReplaceAll(what, " ", "-"),
					"s")+map[bool]string{true: "s"}[strings.HasPrefix(what, "import")])
		})
	// How many accounts a re-apply found in order.
	sc.Step(`^(\d+) accounts? (?:is|are) as (?:it|they) should be$`,
		func(n int) error { return expect("unchanged", w.cycle.Unchanged, n) })
	sc.Step(`^for "([^"]*)" "([^"]*)" (?:is|was) "([^"]*)" instead of "([^"]*)"$`, w.differs)
	// A re-apply found, or foretold, that the user is to be put into the group.
	sc.Step(`^"([^"]*)" (?:is missing in|misses) the group "([^"]*)"$`,
		func(user, group string) error { return w.groupDiffers(user, group, true) })
	// A re-apply found, or foretold, that the user is to be taken out of the group.
	sc.Step(`^"([^"]*)" is in the group "([^"]*)" too much$`,
		func(user, group string) error { return w.groupDiffers(user, group, false) })
}

// registerActivity adds the steps about the list of apps and the log.
func (w *world) registerActivity(sc *registry) {
	// How the list of apps shows the API connection.
	sc.Step(`^the app "([^"]*)" is shown as "([^"]*)"$`,
		func(ctx context.Context, name, connection string) error {
			a, err := w.shown(ctx, name)
			if err == nil && !strings.HasPrefix(a.Connection, connection) {
				err = fmt.Errorf("got %+v", *a)
			}
			return err
		})
	// How many users the list of apps shows in a state.
	sc.Step(`^the app "([^"]*)" is shown with (\d+) (\w+) users?$`,
		func(ctx context.Context, name string, n int, status string) error {
			a, err := w.shown(ctx, name)
			if err == nil {
				err = expect(status+" users", a.Users[status], n)
			}
			return err
		})
	// The log of the app has such a row about the user.
	sc.Step(`^the log of the app "([^"]*)" has "([^"]*)" for "([^"]*)"$`, w.logHas)
}

// registerRequests adds the steps about the requests that a cycle sent.
func (w *world) registerRequests(sc *registry) {
	sc.Step(`^these requests were sent:$`, w.requestsWere)
	// A request since the last cycle began has this in its body.
	sc.Step(`^a request was sent with "(.*)"$`, w.requestHad)
	// No request since the last cycle began has this in its body.
	sc.Step(`^no request was sent with "(.*)"$`, func(text string) error {
		if w.requestHad(text) == nil {
			return fmt.Errorf("a request had %s", text)
		}
		return nil
	})
	// Counts the requests since the last cycle began.
	sc.Step(`^(\d+) requests were sent$`,
		func(n int) error { return expect("requests", len(w.recorder.Exchanges()), n) })
	// The last cycle failed, and said this.
	sc.Step(`^the cycle ends with "([^"]*)"$`, func(text string) error {
		if !strings.Contains(w.synced.Errors, text) {
			return fmt.Errorf("got %s", w.synced)
		}
		return expect("exit code", w.synced.Code, 1)
	})
	// Runs a cycle over a line that is broken on purpose.
	sc.Step(
		`^OneLogin runs a provisioning cycle of the app "([^"]*)" with the faults "([^"]*)" and the seed (\d+)$`,
		func(ctx context.Context, app, faults string, seed int) error {
			return w.sync(ctx, app, "--fault", faults, "--fault-seed", fmt.Sprint(seed), "--tries",
				"30", "--wait", "1ms")
		})
	// Runs a cycle that keeps the requests for each user.
	sc.Step(`^OneLogin traces a provisioning cycle of the app "([^"]*)"$`,
		func(ctx context.Context, app string) error {
			return w.sync(ctx, app, "--trace")
		})
	// Compares the requests for a user, by a table of methods and paths.
	sc.Step(`^the trace of "([^"]*)" is:$`, w.traceIs)
	sc.Step(`^managers came before those who report to them$`, w.managersFirst)
}

// shownApp is an app as `muster-simulator apps --json` shows it.
type shownApp struct {
	Name, Connection string
	Users            map[string]int
}

func (w *world) shown(ctx context.Context, name string) (*shownApp, error) {
	var list []shownApp
	if err := w.simulator(ctx, &list, "apps"); err != nil {
		return nil, err
	}
	for _, a := range list {
		if a.Name == name {
			return &a, nil
		}
	}
	return nil, fmt.Errorf("got %+v", list)
}

// theRule adds a rule, as it stands in account.yaml.
func (w *world) theRule(app string, text *godog.DocString) error {
	a, err := w.app(app)
	if err != nil {
		return err
	}
	rule := make(map[string]any)
	if err := yaml.Unmarshal([]byte(text.Content), &rule); err != nil {
		return err
	}
	a.rules = append(a.rules, rule)
	return nil
}

func (w *world) profile(app, name string) error {
	a, err := w.app(app)
	if err == nil {
		a.configuration["profile"] = strings.ReplaceAll(strings.ToLower(name), " ", "-")
	}
	return err
}

func (w *world) provisioningIs(name string, value any) func(app string) error {
	return func(app string) error {
		a, err := w.app(app)
		if err == nil {
			a.provisioning[name] = value
		}
		return err
	}
}

// differs looks into the last cycle, which was foretold or re-applied.
func (w *world) differs(userName, path, old, now string) error {
	for _, item := range w.cycle.Items {
		if !strings.EqualFold(w.plain(item.User), userName) {
			continue
		}
		for _, c := range item.Changes {
			if c.Path == path {
				return expect(path, c.Old+" → "+c.New, old+" → "+now)
			}
		}
		return fmt.Errorf("%s of %s does not differ: %+v", path, userName, item)
	}
	return fmt.Errorf("there is nothing about %q", userName)
}

func (w *world) groupDiffers(userName, group string, missing bool) error {
	for _, item := range w.cycle.Items {
		list := item.Left
		if missing {
			list = item.Joined
		}
		if strings.EqualFold(w.plain(item.User), userName) &&
			slices.Contains(list, w.group(group)) {
			return nil
		}
	}
	return fmt.Errorf("there is nothing about %q and %q: %+v", userName, group, w.cycle.Items)
}

func (w *world) logHas(ctx context.Context, app, outcome, userName string) error {
	var list []struct{ User, Outcome string }
	if err := w.simulator(ctx, &list, "log", "--app", app); err != nil {
		return err
	}
	for _, e := range list {
		if strings.EqualFold(w.plain(e.User), userName) && e.Outcome == outcome {
			return nil
		}
	}
	return fmt.Errorf("the log has %+v", list)
}

// requestsWere compares methods and paths of the last cycle, in their order;
// ids are shown as {id}.
func (w *world) requestsWere(t *godog.Table) error {
	var got, want []string
	for _, e := range w.recorder.Exchanges() {
		got = append(got, e.Method+" "+w.path(e.Path))
	}
	for _, r := range t.Rows {
		want = append(want, r.Cells[0].Value+" "+r.Cells[1].Value)
	}
	return expect("requests", strings.Join(got, "\n"), strings.Join(want, "\n"))
}

// path makes a path comparable: it has no id and no tag.
func (w *world) path(s string) string {
	s, query, ok := strings.Cut(strings.TrimPrefix(s, "/scim/v2"), "?")
	parts := strings.Split(s, "/")
	if len(parts) > 2 {
		parts[2] = "{id}"
	}
	s = strings.Join(parts, "/")
	if ok {
		s += "?" + query
	}
	return w.plain(s)
}

func (w *world) requestHad(text string) error {
	var all []string
	for _, e := range w.recorder.Exchanges() {
		if strings.Contains(w.plain(e.Request), text) {
			return nil
		}
		all = append(all, e.Method+" "+e.Path+" "+e.Request)
	}
	return fmt.Errorf("no request had %s:\n%s", text, strings.Join(all, "\n"))
}

func (w *world) traceIs(userName string, t *godog.Table) error {
	for _, item := range w.cycle.Items {
		if !strings.EqualFold(w.plain(item.User), userName) {
			continue
		}
		var got, want []string
		for _, e := range item.Exchanges {
			got = append(got, e.Method+" "+w.path(e.Path))
			for _, a := range w.account.apps {
				if strings.Contains(e.Request+e.Answer, a.token) {
					return fmt.Errorf("the trace holds the token: %+v", e)
				}
			}
		}
		for _, r := range t.Rows {
			want = append(want, r.Cells[0].Value+" "+r.Cells[1].Value)
		}
		return expect("trace", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return fmt.Errorf("there is nothing about %q", userName)
}

// managersFirst looks at the order of the creations in the last cycle.
func (w *world) managersFirst() error {
	created := make(map[string]bool)
	managers := make(map[string]string)
	for _, u := range w.account.users {
		managers[w.name(u["username"])] = u["manager"]
	}
	n := 0
	for _, e := range w.recorder.Exchanges() {
		if e.Method != http.MethodPost || !strings.HasSuffix(e.Path, "/Users") {
			continue
		}
		name := valueOf(e.Request, "userName")
		if m := managers[name]; m != "" && !created[w.name(m)] {
			return fmt.Errorf("%s was created before the manager %s", name, m)
		}
		created[name] = true
		n++
	}
	if n == 0 {
		return fmt.Errorf("nobody was created")
	}
	return nil
}

// byHand changes something at the application over SCIM with the instance's
// key, past the provider.
func (w *world) byHand(ctx context.Context, instance, path, operation string) error {
	c, err := w.client(ctx)
	if err != nil {
		return err
	}
	c.token = w.keys[instance]
	body := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` +
		operation + `]}`
	if err := w.send(ctx, "PATCH", path, body); err != nil {
		return err
	}
	if c.answer.status/100 != 2 {
		return fmt.Errorf("the answer is %d", c.answer.status)
	}
	return nil
}

func (w *world) titleByHand(ctx context.Context, userName, instance, title string) error {
	u, err := w.theUser(ctx, instance, userName)
	if err != nil {
		return err
	}
	return w.byHand(ctx, instance, "/Users/"+u.ID,
		fmt.Sprintf(`{"op":"replace","path":"title","value":%q}`, title))
}

func (w *world) outOfGroup(ctx context.Context, userName, group, instance string) error {
	u, err := w.theUser(ctx, instance, userName)
	if err != nil {
		return err
	}
	list, err := w.appGroups(ctx, instance)
	if err != nil {
		return err
	}
	for _, g := range list {
		if w.plain(g.DisplayName) == group {
			return w.byHand(ctx, instance, "/Groups/"+g.ID,
				fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\"]"}`, u.ID))
		}
	}
	return fmt.Errorf("there is no group %q", group)
}
