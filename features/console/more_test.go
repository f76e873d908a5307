package console_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/chromedp/chromedp"
	"github.com/cucumber/godog"
	"github.com/go-jose/go-jose/v4"
)

// registerLooking adds the steps that look closer than at a text.
func (w *world) registerLooking(sc *godog.ScenarioContext) {
	sc.Step(`^(\w+) opens a window$`, func(who string) error {
		_, err := w.window(who)
		return err
	})
	sc.Step(`^(\w+) takes over the link of (\w+)$`, func(who, of string) error {
		w.links[who] = w.links[of]
		return nil
	})
	sc.Step(`^there is no link "([^"]*)"$`, func(name string) error {
		var there bool
		err := w.now.eval(&there, `((a) => [...document.querySelectorAll("a")]
			.some((e) => e.textContent.trim() === a))`, name)
		if err == nil && there {
			err = errors.New("there is one")
		}
		return err
	})
	sc.Step(`^the page is marked as production$`, func() error {
		var marked bool
		err := w.now.script(`document.body.classList.contains("production")`, &marked)
		if err == nil && !marked {
			err = errors.New("it is not")
		}
		return err
	})
	sc.Step(`^there is no field "([^"]*)"$`, func(name string) error {
		if err := w.now.eval(nil, "musterFind", "field", name); err == nil {
			return errors.New("there is one")
		}
		return nil
	})
	sc.Step(`^"([^"]*)" cannot be chosen as "([^"]*)"$`, func(option, name string) error {
		err := w.now.eval(nil, "musterChoose", name, option)
		if err == nil || !strings.Contains(err.Error(), "cannot be chosen") {
			return fmt.Errorf("it was chosen: %w", err)
		}
		return nil
	})
	sc.Step(`^the field "([^"]*)" holds "([^"]*)"$`, func(name, want string) error {
		return until(func() error {
			var got string
			err := w.now.eval(&got, `((a) => musterFind("field", a).value)`, name)
			if err == nil && got != w.tagged(want) {
				err = fmt.Errorf("it holds %q", got)
			}
			return err
		})
	})
	sc.Step(`^s?he is asked to fill "([^"]*)"$`, func(name string) error {
		var valid bool
		err := w.now.eval(&valid, `((a) => musterFind("field", a).checkValidity())`, name)
		if err == nil && valid {
			err = errors.New("it may be empty")
		}
		return err
	})
	sc.Step(`^s?he sees only "([^"]*)" of "([^"]*)"$`, func(want, of string) error {
		return until(func() error {
			var text string
			err := w.now.script(`[...document.querySelectorAll("#found td:first-child")].map((e) => e.innerText).join()`,
				&text)
			for name := range strings.SplitSeq(of, ", ") {
				if err == nil && strings.Contains(text, name) != (name == want) {
					err = fmt.Errorf("about %q: %s", name, text)
				}
			}
			return err
		})
	})
	sc.Step(`^the address has "([^"]*)"$`, func(want string) error {
		return until(func() error {
			address, err := w.now.address()
			if err == nil && !strings.Contains(address, want) {
				err = errors.New("it is " + address)
			}
			return err
		})
	})
	sc.Step(`^the file behind "([^"]*)" has( not)? "([^"]*)"$`, w.fileHas)
	sc.Step(`^a page of another site sends a form that suspends "([^"]*)"$`, w.sendFromElsewhere)
}

// fileHas reads what a link leads to, with the cookies of the page.
func (w *world) fileHas(name, not, want string) error {
	var text string
	body, err := get(w.now, chromedp.Evaluate[[]byte](fmt.Sprintf(
		`fetch(musterFind("link", %q).href).then((r) => r.text())`, name),
		chromedp.EvalAwaitPromise))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, &text); err != nil {
		return err
	}
	if strings.Contains(text, want) != (not == "") {
		return fmt.Errorf("it is:\n%s", text)
	}
	return nil
}

// sendFromElsewhere has a page of another origin send a form to the console, as a
// trap would: the browser sends the cookies as far as the site itself lets it.
func (w *world) sendFromElsewhere(ctx context.Context, userName string) error {
	out, err := w.run(ctx, "user", "show", w.tagged(userName), "--instance", w.instance(), "--json")
	if err != nil {
		return err
	}
	var user struct{ ID string }
	if err := json.Unmarshal([]byte(out), &user); err != nil {
		return err
	}
	trap := httptest.NewServer(http.HandlerFunc(func(a http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(a, `<!doctype html><html lang="en"><title>x</title><main id="main"><h1>x</h1>
			<form method="post" action="http://%s/console/instances/%s/users/%s">
			<button name="do" value="suspend">Win</button></form></main><header></header>`,
			w.h.Server.Address, w.instance(), user.ID)
	}))
	defer trap.Close()
	// By a name, so that it is another site to the browser, too.
	if err := w.now.visit(strings.Replace(trap.URL, "127.0.0.1", "localhost", 1)); err != nil {
		return err
	}
	return w.now.click("button", "Win", "")
}

// registerKeys adds the steps about API keys.
func (w *world) registerKeys(sc *godog.ScenarioContext) {
	var key, id string
	read := func(ctx context.Context) (int, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet,
			"http://"+w.h.Server.Address+"/scim/v2/Users", nil)
		if err != nil {
			return 0, err
		}
		r.Header.Set("Authorization", "Bearer "+key)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err
		}
		defer answer.Body.Close()
		_, err = io.Copy(io.Discard, answer.Body)
		return answer.StatusCode, err
	}
	sc.Step(`^the key that is shown reads the users over SCIM$`, func(ctx context.Context) error {
		if err := w.now.script(`document.querySelector("#key").textContent`, &key); err != nil {
			return err
		}
		status, err := read(ctx)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("the answer is %d", status)
		}
		return err
	})
	sc.Step(`^the key that was shown reads nothing over SCIM$`, func(ctx context.Context) error {
		status, err := read(ctx)
		if err == nil && status != http.StatusUnauthorized {
			err = fmt.Errorf("the answer is %d", status)
		}
		return err
	})
	sc.Step(`^s?he reads the list of keys again$`, func() error {
		return w.now.visit("http://" + w.h.Server.Address + "/console/instances/" + w.instance() +
			"/keys")
	})
	sc.Step(`^s?he opens the newest key$`, func() error {
		if err := w.now.script(`document.querySelector("tbody a").textContent.trim()`,
			&id); err != nil {
			return err
		}
		return w.now.click("link", id, "")
	})
	sc.Step(`^s?he enters the id of the key as "([^"]*)"$`, func(name string) error {
		return w.now.enter(name, id, "")
	})
	sc.Step(`^s?he enters a key set as "([^"]*)"$`, func(name string) error {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
			{Key: private.Public(), KeyID: "one", Algorithm: "ES256", Use: "sig"},
		}})
		if err != nil {
			return err
		}
		return w.now.enter(name, string(text), "")
	})
}
