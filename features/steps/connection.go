package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"muster/features/harness"
)

// connectionReport is what `muster-simulator enable --json` prints.
type connectionReport struct{ App, Status, Instance, Note, Reason string }

// registerConnection adds the steps about the tab Configuration of an app
// and its button Enable.
func (w *world) registerConnection(sc *registry) {
	// Gives the app the key of an instance, perhaps of a wrong one.
	sc.Step(`^the app "([^"]*)" has the key of "([^"]*)"$`, func(name, instance string) error {
		a, err := w.app(name)
		if err == nil {
			a.token = w.keys[instance]
		}
		return err
	})
	// The app knows for which instance its token must be.
	sc.Step(`^the app "([^"]*)" is configured for the instance "([^"]*)"$`,
		func(name, instance string) error {
			if w.scimOnly() {
				return w.lacks("a server that tells for which instance a token is")
			}
			a, err := w.app(name)
			if err == nil {
				a.expects = instance
			}
			return err
		})
	// Gives the app the key that a rotation made.
	sc.Step(`^the app "([^"]*)" has the new key of "([^"]*)"$`, func(name, instance string) error {
		a, err := w.app(name)
		if err == nil {
			a.token = w.newKeys[instance]
		}
		return err
	})
	// A base URL that takes keys of that instance only.
	sc.Step(`^the app "([^"]*)" has the base URL of the instance "([^"]*)"$`,
		func(name, instance string) error {
			a, err := w.app(name)
			if err == nil {
				a.baseURL = w.recorder.URL + "/instances/" + w.slug(instance) + "/scim/v2"
			}
			return err
		})
	sc.Step(`^the app "([^"]*)" has a key that (was never made|is mistyped|is cut off)$`,
		w.brokenKey)
	// Nothing listens there.
	sc.Step(`^the app "([^"]*)" has the base URL of a server that does not run$`,
		func(ctx context.Context, name string) error {
			a, err := w.app(name)
			if err != nil {
				return err
			}
			address, err := harness.ClosedPort(ctx)
			a.baseURL = "http://" + address + "/scim/v2"
			return err
		})
	// Takes a part out of the base URL.
	sc.Step(`^the app "([^"]*)" has a base URL without "([^"]*)"$`, func(name, part string) error {
		a, err := w.app(name)
		if err == nil {
			a.baseURL = strings.Replace(a.baseURL, part, "", 1)
		}
		return err
	})
}

// registerConnectionTest adds the steps about the button Enable, and what it tells.
func (w *world) registerConnectionTest(sc *registry) {
	// Tests the connection, as the button does.
	sc.Step(`^an administrator clicks Enable in the app "([^"]*)"$`,
		func(ctx context.Context, name string) error {
			w.recorder.Forget()
			return w.simulate(ctx, "enable", "--app", name, "--json", "--tries", "2", "--wait",
				"10ms")
		})
	// The connection test passed, at this instance.
	sc.Step(`^the app is connected to "([^"]*)"$`, func(instance string) error {
		c, err := w.connection()
		if err == nil && c.Status != "connected" {
			err = fmt.Errorf("got %+v", c)
		}
		if err != nil {
			return err
		}
		if w.scimOnly() {
			return nil // the instance is whose token it is
		}
		return expect("instance", c.Instance, w.slug(instance))
	})
	// The connection test failed, with this in the reason.
	sc.Step(`^the connection fails, because "([^"]*)"$`, func(reason string) error {
		c, err := w.connection()
		if err == nil && (c.Status != "failed" || !strings.Contains(w.plain(c.Reason), reason)) {
			err = fmt.Errorf("got %+v, want a failure because %q", c, reason)
		}
		return err
	})
	// The connection test passed, and told this.
	sc.Step(`^the connection test notes "([^"]*)"$`, func(note string) error {
		c, err := w.connection()
		if err == nil && !strings.Contains(c.Note, note) {
			err = fmt.Errorf("got %+v, want the note %q", c, note)
		}
		return err
	})
	// The last command of the provider failed, and said this.
	sc.Step(`^OneLogin says "([^"]*)"$`, func(text string) error {
		if said := w.plain(w.last.Out + w.last.Errors); !strings.Contains(said, text) {
			return fmt.Errorf("it said: %s", said)
		}
		return expect("exit code", w.last.Code, 1)
	})
}

func (w *world) connection() (*connectionReport, error) {
	c := &connectionReport{}
	if err := json.Unmarshal([]byte(w.last.Out), c); err != nil {
		return nil, fmt.Errorf("%w: %s", err, w.last)
	}
	return c, expect("exit code", w.last.Code,
		map[string]int{"connected": 0}[c.Status]+map[string]int{"failed": 1}[c.Status])
}

// brokenKey gives an app a key with which something is wrong.
func (w *world) brokenKey(name, how string) error {
	a, err := w.app(name)
	if err != nil {
		return err
	}
	switch how {
	case "was never made":
		// A real key of another deployment: right in itself, and unknown here.
		a.token = "muster_acme_6fr54l3lzi_VFWAx6cijabF40WS3Wa7DOGlEeTGvy0MPv5UTLM3dWM1VzjKs"
	case "is mistyped":
		i := len(a.token) - 10
		a.token = a.token[:i] + flip(a.token[i]) + a.token[i+1:]
	case "is cut off":
		a.token = a.token[:len(a.token)-12]
	}
	return nil
}

// flip returns another letter than c.
func flip(c byte) string {
	if c == 'x' {
		return "y"
	}
	return "x"
}
