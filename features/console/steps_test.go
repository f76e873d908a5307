package console_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/cucumber/godog"

	"muster/features/harness"
)

// world is what one scenario works on. Its instance and its people carry a tag of
// their own, so that scenarios share a database without meeting.
type world struct {
	h    *harness.Harness
	c    *chromium
	tag  string
	dir  string
	tabs map[string]*tab // by the name of the person
	now  *tab
	// links are those that sign in, by the person.
	links map[string]string
	name  string
	// sandbox is one that the scenario started for itself; plain says that what is in
	// it carries no tag. key is the API key that was remembered.
	sandbox *sandbox
	plain   bool
	key     string
}

// register adds the steps to a scenario.
func register(h *harness.Harness, c *chromium, sc *godog.ScenarioContext) {
	w := &world{h: h, c: c}
	sc.Before(func(ctx context.Context, s *godog.Scenario) (context.Context, error) {
		w.tag, w.tabs, w.links = strings.ToLower(rand.Text()[:8]), make(map[string]*tab),
			make(map[string]string)
		w.name, w.sandbox, w.plain = s.Name, nil, false
		var err error
		w.dir, err = os.MkdirTemp(h.Dir, "scenario")
		return ctx, err
	})
	sc.After(func(ctx context.Context, _ *godog.Scenario, err error) (context.Context, error) {
		if err != nil && w.now != nil {
			_ = w.now.shoot("failed: " + w.name)
		}
		for _, t := range w.tabs {
			c.giveBack(t)
		}
		if w.sandbox != nil {
			return ctx, w.sandbox.stop()
		}
		return ctx, nil
	})
	w.registerApplication(sc)
	w.registerBrowser(sc)
	w.registerLooking(sc)
	w.registerKeys(sc)
	w.registerSandbox(sc)
}

// tagged adds the tag of the scenario to what must be of its own.
func (w *world) tagged(text string) string {
	if w.plain {
		return text
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "acme.example", "acme-"+w.tag+".example"),
		"{acme}", "acme-"+w.tag)
}

func (w *world) instance() string { return "acme-" + w.tag }

// run runs a command of the server, and returns what it printed.
func (w *world) run(ctx context.Context, args ...string) (string, error) {
	o, err := w.h.Run(ctx, "muster-server", w.dir, nil,
		append(args, "--database", w.h.Database)...)
	if err == nil && o.Code != 0 {
		err = errors.New(o.String())
	}
	return o.Out, err
}

func (w *world) registerApplication(sc *godog.ScenarioContext) {
	// Begins an instance with an integration user, and people who were made by hand.
	sc.Step(`^an instance with these people, made by hand:$`, w.makeInstance)
	// Opens a window, and signs somebody in by a link.
	sc.Step(`^(\w+) is signed in to the console(?: as ([\w-]+))?$`, w.signIn)
	sc.Step(`^(\w+) is signed in to the console of all instances$`,
		func(ctx context.Context, who string) error {
			if err := w.makeLinkFor(ctx, who, "owner", ""); err != nil {
				return err
			}
			return w.useLink(who)
		})
	sc.Step(`^there is a link that signs (\w+) in(?: as ([\w-]+))?$`, w.makeLink)
	sc.Step(`^(\w+) opens the link$`, w.openLink)
	sc.Step(`^(\w+) signs in by the link$`, w.useLink)
	sc.Step(`^(\w+) is signed out by a command$`, func(ctx context.Context, who string) error {
		_, err := w.run(ctx, "console", "sign-out", "--user", who+"-"+w.tag)
		return err
	})
	sc.Step(`^somebody runs "muster-server ([^"]*)"$`, func(ctx context.Context, line string) error {
		_, err := w.run(ctx, strings.Fields(w.tagged(line))...)
		return err
	})
	sc.Step(`^the change history has an? "([^"]*)" of "([^"]*)" by (\w+)$`, w.historyHas)
	sc.Step(`^"muster-server ([^"]*)" prints "([^"]*)"$`,
		func(ctx context.Context, line, want string) error {
			out, err := w.run(ctx, strings.Fields(w.tagged(line))...)
			if err == nil && !strings.Contains(out, w.tagged(want)) {
				err = fmt.Errorf("it printed %s", out)
			}
			return err
		})
}

func (w *world) makeInstance(ctx context.Context, people *godog.Table) error {
	if _, err := w.run(ctx, "instance", "create", w.instance(), "--edition", "enterprise",
		"--environment", "sandbox"); err != nil {
		return err
	}
	if _, err := w.run(ctx, "user", "create", "scim-sync-"+w.tag, "--instance", w.instance(),
		"--integration", "--role", "lite-admin"); err != nil {
		return err
	}
	var b strings.Builder
	for _, row := range people.Rows {
		for n, cell := range row.Cells {
			if n > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "%q", w.tagged(cell.Value))
		}
		b.WriteByte('\n')
	}
	path := filepath.Join(w.dir, "people.csv")
	text := strings.ReplaceAll(b.String(), `\"`, `""`)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	_, err := w.run(ctx, "import", path, "--instance", w.instance())
	return err
}

func (w *world) makeLink(ctx context.Context, who, role string) error {
	if role == "" {
		role = "owner"
	}
	return w.makeLinkFor(ctx, who, role, w.instance())
}

// makeLinkFor makes a link for an instance, or for all.
func (w *world) makeLinkFor(ctx context.Context, who, role, instance string) error {
	out, err := w.run(ctx, "console", "link", "--user", who+"-"+w.tag, "--role", role,
		"--instance", instance, "--url", "http://"+w.h.Server.Address, "--json")
	if err != nil {
		return err
	}
	var link struct{ URL string }
	if err := json.Unmarshal([]byte(out), &link); err != nil {
		return err
	}
	w.links[who] = link.URL
	return nil
}

// window brings the window of a person to the front.
func (w *world) window(who string) (*tab, error) {
	if w.tabs[who] == nil {
		t, err := w.c.open()
		if err != nil {
			return nil, err
		}
		w.tabs[who] = t
	}
	w.now = w.tabs[who]
	return w.now, nil
}

func (w *world) openLink(who string) error {
	t, err := w.window(who)
	if err != nil {
		return err
	}
	return t.visit(w.links[who])
}

func (w *world) useLink(who string) error {
	if err := w.openLink(who); err != nil {
		return err
	}
	return w.now.click("button", "Sign in", "")
}

func (w *world) signIn(ctx context.Context, who, role string) error {
	if err := w.makeLink(ctx, who, role); err != nil {
		return err
	}
	return w.useLink(who)
}

func (w *world) historyHas(ctx context.Context, action, name, who string) error {
	out, err := w.run(ctx, "history", "list", "--instance", w.instance(), "--action", action,
		"--json")
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		var e struct {
			Target struct{ Name string }
			Actor  struct{ Name string }
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return err
		}
		of := e.Target.Name == w.tagged(name) || e.Target.Name == name+"-"+w.tag
		if of && e.Actor.Name == who+"-"+w.tag {
			return nil
		}
	}
	return fmt.Errorf("there is none: %s", out)
}

func (w *world) registerBrowser(sc *godog.ScenarioContext) {
	in := func(f func(t *tab, texts ...string) error) func(texts ...string) error {
		return func(texts ...string) error {
			for n := range texts {
				texts[n] = w.tagged(texts[n])
			}
			return f(w.now, texts...)
		}
	}
	one := func(pattern string, f func(t *tab, a string) error) {
		sc.Step(pattern, func(a string) error {
			return in(func(t *tab, x ...string) error { return f(t, x[0]) })(a)
		})
	}
	two := func(pattern string, f func(t *tab, a, b string) error) {
		sc.Step(pattern, func(a, b string) error {
			return in(func(t *tab, x ...string) error { return f(t, x[0], x[1]) })(a, b)
		})
	}
	three := func(pattern string, f func(t *tab, a, b, c string) error) {
		sc.Step(pattern, func(a, b, c string) error {
			return in(func(t *tab, x ...string) error { return f(t, x[0], x[1], x[2]) })(a, b, c)
		})
	}
	sc.Step(`^(\w+) is at the window again$`, func(who string) error {
		_, err := w.window(who)
		return err
	})
	one(`^s?he opens "([^"]*)"$`, func(t *tab, path string) error {
		for name := range strings.SplitSeq(path, " → ") {
			if err := t.click("link", name, ""); err != nil {
				return err
			}
		}
		return nil
	})
	one(`^s?he clicks "([^"]*)"$`, func(t *tab, name string) error {
		return t.click("button", name, "")
	})
	two(`^s?he clicks "([^"]*)" beside "([^"]*)"$`, func(t *tab, name, beside string) error {
		return t.click("button", name, beside)
	})
	two(`^s?he enters "(.*)" as "([^"]*)"$`, func(t *tab, text, name string) error {
		return t.enter(name, text, "")
	})
	three(`^s?he enters "(.*)" as "([^"]*)" beside "([^"]*)"$`,
		func(t *tab, text, name, beside string) error { return t.enter(name, text, beside) })
	sc.Step(`^s?he enters as "([^"]*)":$`, func(name string, text *godog.DocString) error {
		return w.now.enter(name, w.tagged(text.Content), "")
	})
	two(`^s?he chooses "([^"]*)" as "([^"]*)"$`, func(t *tab, option, name string) error {
		return t.choose(name, option, "")
	})
	three(`^s?he chooses "([^"]*)" as "([^"]*)" beside "([^"]*)"$`,
		func(t *tab, option, name, beside string) error { return t.choose(name, option, beside) })
	one(`^s?he ticks "([^"]*)"$`, func(t *tab, name string) error { return t.click("field", name, "") })
	one(`^s?he sees "([^"]*)"$`, func(t *tab, text string) error { return t.sees(text) })
	two(`^s?he sees "([^"]*)" beside "([^"]*)"$`, func(t *tab, text, beside string) error {
		return until(func() error {
			var row string
			err := t.eval(&row, `((a) => musterFind("row", a).textContent.replace(/\s+/g, " "))`, beside)
			if err != nil { // a row need not begin with it
				err = t.eval(&row, `((a) => { const r = [...document.querySelectorAll("tr, li")]
					.find((e) => e.textContent.includes(a)); if (!r) throw new Error("no row " + a);
					return r.textContent.replace(/\s+/g, " ") })`, beside)
			}
			if err == nil && !strings.Contains(row, text) {
				err = fmt.Errorf("beside “%s” is: %s", beside, row)
			}
			return err
		})
	})
	one(`^s?he does not see "([^"]*)"$`, func(t *tab, text string) error {
		page, err := t.text()
		if err == nil && strings.Contains(page, text) {
			err = fmt.Errorf("it is there:\n%s", page)
		}
		return err
	})
	one(`^there is no button "([^"]*)"$`, func(t *tab, name string) error {
		var there bool
		if err := t.eval(&there, `((a) => { try { musterFind("button", a); return true }
			catch { return false } })`, name); err != nil {
			return err
		}
		if there {
			return errors.New("there is one")
		}
		return nil
	})
	sc.Step(`^s?he reads the page again$`, func() error {
		if err := w.now.run(chromedp.Reload()); err != nil {
			return err
		}
		return w.now.settle(false)
	})
	one(`^s?he goes to the page "([^"]*)"$`, func(t *tab, path string) error {
		return t.visit("http://" + w.h.Server.Address + path)
	})
	sc.Step(`^a picture "([^"]*)" is taken$`, func(name string) error { return w.now.shoot(name) })
	w.registerKeyboard(sc)
}

// tabs is how often the key is pressed at the most until something has the focus.
const mostTabs = 120

func (w *world) registerKeyboard(sc *godog.ScenarioContext) {
	sc.Step(`^s?he goes to "([^"]*)" by the Tab key$`, func(name string) error {
		var seen []string
		for range mostTabs {
			if err := w.now.press(kb.Tab); err != nil {
				return err
			}
			focused, err := w.now.focused()
			if err != nil {
				return err
			}
			if focused == w.tagged(name) {
				var visible bool
				err := w.now.script(
					`getComputedStyle(document.activeElement).outlineStyle !== "none"`, &visible)
				if err == nil && !visible {
					err = errors.New("it is not seen that it has the focus")
				}
				return err
			}
			seen = append(seen, focused)
		}
		return fmt.Errorf("the key leads to: %s", strings.Join(seen, " | "))
	})
	sc.Step(`^s?he types "([^"]*)"$`, func(text string) error {
		return w.now.press(strings.Split(w.tagged(text), "")...)
	})
	sc.Step(`^s?he presses Enter$`, func() error {
		if err := w.now.script(`window.musterOld = true`, nil); err != nil {
			return err
		}
		if err := w.now.press(kb.Enter); err != nil {
			return err
		}
		return w.now.settle(true)
	})
}
