package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/cucumber/godog"

	"muster/features/harness"
)

// sandbox is muster-simulator sandbox as a process.
type sandbox struct {
	process               *exec.Cmd
	dir                   string
	portal, console, base string
}

var sandboxLine = regexp.MustCompile(`^(Portal of|Console of|Base URL).*?(http://\S+)`)

// startSandbox starts a sandbox of the scenario's own.
func (w *world) startSandbox(ctx context.Context) error {
	dir := filepath.Join(w.dir, "sandbox")
	if err := w.c.fill(ctx, w.h, dir); err != nil {
		return err
	}
	return w.open(ctx, dir)
}

// open starts a sandbox in a directory, and waits for the links that it prints.
func (w *world) open(ctx context.Context, dir string) error {
	b := &sandbox{dir: dir}
	b.process = exec.CommandContext(context.WithoutCancel(ctx),
		filepath.Join(w.h.Dir, "muster-simulator"), "sandbox", "--dir", b.dir)
	b.process.Stderr = os.Stderr
	out, err := b.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := b.process.Start(); err != nil {
		return err
	}
	w.sandbox, w.plain = b, true
	lines := bufio.NewScanner(out)
	for lines.Scan() && b.base == "" {
		m := sandboxLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		switch m[1] {
		case "Portal of":
			b.portal = m[2]
		case "Console of":
			b.console = m[2]
		default:
			b.base = m[2]
		}
	}
	go func() {
		for lines.Scan() { // it must not wait for a reader
		}
	}()
	if b.base == "" {
		return errors.New("the sandbox did not start")
	}
	return nil
}

// fill makes the directory of a sandbox: a copy of one that was filled once, which takes
// a dozen commands.
func (c *chromium) fill(ctx context.Context, h *harness.Harness, dir string) error {
	c.filling.Do(func() {
		c.filled = filepath.Join(h.Dir, "filled")
		first := &world{c: c, h: h, dir: h.Dir}
		c.fillErr = first.open(ctx, c.filled)
		if c.fillErr == nil {
			c.fillErr = first.sandbox.stop()
		}
	})
	if c.fillErr != nil {
		return c.fillErr
	}
	return os.CopyFS(dir, os.DirFS(c.filled))
}

// stop ends the sandbox, and its server with it.
func (b *sandbox) stop() error {
	if err := b.process.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	return b.process.Wait()
}

func (w *world) registerSandbox(sc *godog.ScenarioContext) {
	sc.Step(`^a sandbox$`, w.startSandbox)
	// A sandbox in which the application acme is set up already, as the walk does it.
	sc.Step(`^a sandbox with the sample's application$`, w.startPrepared)
	sc.Step(`^(\w+) signs in to the (portal|console) of the sandbox$`, func(who, what string) error {
		t, err := w.window(who)
		if err != nil {
			return err
		}
		link := w.sandbox.portal
		if what == "console" {
			link = w.sandbox.console
		}
		if err := t.visit(link); err != nil {
			return err
		}
		return t.click("button", "Sign in", "")
	})
	sc.Step(`^(\w+) opens the portal without its link$`, func(who string) error {
		t, err := w.window(who)
		if err != nil {
			return err
		}
		site, _, _ := strings.Cut(w.sandbox.portal, "/sign-in")
		return t.visit(site + "/")
	})
	sc.Step(`^s?he remembers the key$`, func() error {
		return w.now.script(`document.querySelector("#key").textContent`, &w.key)
	})
	sc.Step(`^s?he enters the (key|base URL) as "([^"]*)"$`, func(what, name string) error {
		text := w.key
		if what == "base URL" {
			text = w.sandbox.base
		}
		return w.now.enter(name, text, "")
	})
	sc.Step(`^s?he waits until it is done$`, func() error {
		end := time.Now().Add(2 * time.Minute)
		for {
			text, err := w.now.text()
			if err == nil && strings.Contains(text, "It took") {
				return w.now.settle(false)
			}
			if time.Now().After(end) {
				return fmt.Errorf("it is not done: %s", text)
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	sc.Step(`^the file "([^"]*)" of the sandbox has( not)? "(.*)"$`, func(name, not, want string) error {
		text, err := os.ReadFile(filepath.Join(w.sandbox.dir, name))
		if err == nil && strings.Contains(string(text), want) != (not == "") {
			err = fmt.Errorf("it is:\n%.4000s", text)
		}
		return err
	})
	sc.Step(`^somebody changes "([^"]*)" to "([^"]*)" in the file "([^"]*)"$`,
		func(from, to, name string) error {
			path := filepath.Join(w.sandbox.dir, name)
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			changed := strings.Replace(string(text), from, to, 1)
			if changed == string(text) {
				return errors.New("it is not there")
			}
			return os.WriteFile(path, []byte(changed), 0o600)
		})
	sc.Step(`^s?he follows the address "([^"]*)" of the site$`, func(path string) error {
		address, err := w.now.address()
		if err != nil {
			return err
		}
		site := regexp.MustCompile(`^http://[^/]*`).FindString(address)
		return w.now.visit(site + path)
	})
	sc.Step(`^s?he chooses the file "([^"]*)" with:$`, func(name string, text *godog.DocString) error {
		path := filepath.Join(w.dir, name)
		if err := os.WriteFile(path, []byte(text.Content+"\n"), 0o600); err != nil {
			return err
		}
		return w.now.run(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{path}))
	})
}

// startPrepared starts a sandbox and gives the account the sample's application, with a
// key of its instance.
func (w *world) startPrepared(ctx context.Context) error {
	if err := w.startSandbox(ctx); err != nil {
		return err
	}
	database := "sqlite:" + filepath.Join(w.sandbox.dir, "muster.db")
	o, err := w.h.Run(ctx, "muster-server", w.dir, nil, "key", "create", "--instance", "acme",
		"--user", "scim-sync-acme", "--json", "--database", database)
	if err != nil {
		return err
	}
	var key struct{ Key string }
	if err := json.Unmarshal([]byte(o.Out), &key); err != nil {
		return err
	}
	path := filepath.Join(w.sandbox.dir, "account.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	token := filepath.Join(w.sandbox.dir, "acme.token")
	if err := os.WriteFile(token, []byte(key.Key+"\n"), 0o600); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strings.Replace(string(text), "apps: []", `apps:
  # The application of the scenario.
  - name: acme
    configuration:
      base_url: `+w.sandbox.base+`
      bearer_token: {file: acme.token}
      instance: acme # and no other
    provisioning:
      enabled: true
      require_approval: {create: false, update: false, delete: false}
    parameters:
      groups: {included: true}
    rules:
      - name: A group for each team
        set_groups_from_roles: "Team .*"
    access:
      roles: [Pilot]`, 1)), 0o600)
}
