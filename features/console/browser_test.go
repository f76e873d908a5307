package console_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"muster/features/harness"
)

//go:embed find.js
var find string

// patience is how long something may take to be seen.
const patience = 30 * time.Second

// The size of a window.
const width, height = 1280, 900

// chromium is the browser of all scenarios.
type chromium struct {
	ctx context.Context
	// looked are the pages that were looked at in dark, and narrow, by path.
	looked sync.Map
	shots  string
	// free are windows of scenarios that have ended: a new one takes most of a second.
	mu   sync.Mutex
	free []*tab

	// filled is the directory of a sandbox that was filled and never used.
	filling sync.Once
	filled  string
	fillErr error
}

// startChromium starts a browser without a window, or leaves the test out where
// there is none.
func startChromium(t *testing.T) *chromium {
	t.Helper()
	path := harness.Chromium()
	if path == "" {
		t.Skip("there is no Chromium: the consoles are not tried in a browser. Install it, " +
			"or name one of its kind in MUSTER_TEST_BROWSER")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.WindowSize(width, height), chromedp.Flag("lang", "en-US"),
		chromedp.DisableGPU,
		// A page takes a third of a second of a processor; without what these switch off
		// it is a fifth less.
		chromedp.Flag("disable-features", "BackForwardCache,ProactivelySwapBrowsingInstance,"+
			"Translate,OptimizationHints,MediaRouter"),
		chromedp.Flag("disable-site-isolation-trials", true),
		chromedp.Flag("process-per-site", true), chromedp.Flag("disable-lcd-text", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true))
	if os.Geteuid() == 0 { // its sandbox needs somebody else
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	c := &chromium{ctx: ctx}
	if dir := os.Getenv("MUSTER_TEST_REPORTS"); dir != "" {
		c.shots = filepath.Join(dir, "screens")
		if err := os.MkdirAll(c.shots, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// tab is a window of a person, who shares no cookies with others.
type tab struct {
	of   *chromium
	ctx  context.Context
	stop context.CancelFunc

	mu sync.Mutex
	// faults are what scripts did wrong, and what the browser did not let a page do.
	faults []string
}

// open opens a window, or takes one that a scenario has left.
func (c *chromium) open() (*tab, error) {
	c.mu.Lock()
	if n := len(c.free); n > 0 {
		t := c.free[n-1]
		c.free = c.free[:n-1]
		c.mu.Unlock()
		return t, nil
	}
	c.mu.Unlock()
	t := &tab{of: c}
	listen := func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			t.fault("script: " + e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			// A page that is refused is told of, too, and is meant to be.
			if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
				t.fault(string(e.Entry.Source) + ": " + e.Entry.Text)
			}
		}
	}
	t.ctx, t.stop = chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext(),
		chromedp.WithListener(listen))
	// This opens it, for longer than one action.
	if err := chromedp.Do(t.ctx, chromedp.EmulateViewport(width, height)); err != nil {
		return nil, err
	}
	_, err := call(t, page.AddScriptToEvaluateOnNewDocument,
		page.AddScriptToEvaluateOnNewDocumentParams{Source: find})
	if err == nil {
		_, err = call(t, log.Enable, cdp.Empty{})
	}
	return t, err
}

// giveBack leaves a window to other scenarios, without what it knew of its person.
func (c *chromium) giveBack(t *tab) {
	t.mu.Lock()
	t.faults = nil
	t.mu.Unlock()
	_, err := call(t, network.ClearBrowserCookies, cdp.Empty{})
	if err == nil {
		err = t.run(chromedp.Navigate("about:blank"))
	}
	if err != nil {
		t.stop()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free = append(c.free, t)
}

// call sends a command of the browser's protocol.
func call[P, R any](t *tab, command cdp.Command[P, R], parameters P) (R, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Call(ctx, command, parameters)
}

func (t *tab) fault(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = append(t.faults, text)
}

// run runs actions within the patience.
func (t *tab) run(actions ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, actions...)
}

// get runs an action that returns something, within the patience.
func get[T any](t *tab, action chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(t.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, action)
}

// script evaluates an expression, and decodes what it is into dest, if that is not nil.
func (t *tab) script(expression string, dest any) error {
	text, err := get(t, chromedp.Evaluate[[]byte](expression))
	for end := time.Now().Add(patience); err != nil && left(err) && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
		text, err = get(t, chromedp.Evaluate[[]byte](expression))
	}
	var thrown *chromedp.ExceptionError
	switch {
	case errors.As(err, &thrown) && thrown.Exception != nil:
		text, _, _ := strings.Cut(thrown.Exception.Description, "\n")
		return errors.New(text)
	case err != nil || dest == nil:
		return err
	}
	return json.Unmarshal(text, dest)
}

// left reports whether the page was left while it was looked at, as one that follows its
// own progress may be.
func left(err error) bool {
	said := err.Error()
	var thrown *chromedp.ExceptionError
	if errors.As(err, &thrown) && thrown.Exception != nil {
		said += thrown.Exception.Description
	}
	for _, sign := range []string{
		"Inspected target navigated", "Cannot find context", "context was destroyed",
		"musterFind is not defined", "is not of type 'Node'", "of null",
	} {
		if strings.Contains(said, sign) {
			return true
		}
	}
	return false
}

// eval evaluates a function of find.js, with texts as its arguments.
func (t *tab) eval(dest any, function string, arguments ...string) error {
	list, err := json.Marshal(append([]string{}, arguments...))
	if err != nil {
		return err
	}
	return t.script(function+"(..."+string(list)+")", dest)
}

// visit opens an address.
func (t *tab) visit(address string) error {
	if err := t.run(chromedp.Navigate(address)); err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return t.settle(false)
}

// until tries something until it works, or for as long as the patience lasts.
func until(f func() error) error {
	end := time.Now().Add(patience)
	for {
		err := f()
		if err == nil || time.Now().After(end) {
			return err
		}
		time.Sleep(40 * time.Millisecond)
	}
}

// settle waits until a page is there: another one than before, if it leads to one.
func (t *tab) settle(another bool) error {
	err := until(func() error {
		var state struct {
			Old   bool
			Ready string
		}
		if err := t.script(`({Old: !!window.musterOld, Ready: document.readyState})`,
			&state); err != nil {
			return err
		}
		if state.Ready != "complete" || another && state.Old {
			return fmt.Errorf("the page is %s", state.Ready)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return t.look()
}

// click clicks at something by its name, within what has a text if one is given.
func (t *tab) click(kind, name, within string) error {
	var point struct {
		X, Y  float64
		Leads bool
	}
	if err := until(func() error {
		return t.eval(&point, "musterPoint", kind, name, within)
	}); err != nil {
		return err
	}
	if err := t.run(chromedp.MouseClickXY(point.X, point.Y)); err != nil {
		return err
	}
	return t.settle(point.Leads)
}

// enter types a text into a field, instead of what stands there.
func (t *tab) enter(name, text, within string) error {
	var kind string
	if err := until(func() error {
		return t.eval(&kind, `((...a) => { const e = musterFind("field", ...a); e.focus();
			if (e.select) e.select(); return e.type })`, name, within)
	}); err != nil {
		return err
	}
	switch kind {
	case "date":
		return t.eval(nil, `((name, text) => { const e = musterFind("field", name);
			e.value = text; e.dispatchEvent(new Event("input", {bubbles: true})) })`, name, text)
	case "checkbox":
		return t.click("field", name, within)
	}
	if text == "" {
		return t.run(chromedp.KeyEvent(kb.Backspace))
	}
	_, err := call(t, input.InsertText, input.InsertTextParams{Text: text})
	return err
}

func (t *tab) choose(name, option, within string) error {
	return until(func() error { return t.eval(nil, "musterChoose", name, option, within) })
}

// text returns what can be read on the page.
func (t *tab) text() (text string, err error) {
	return text, t.eval(&text, "musterText")
}

// sees waits for a text.
func (t *tab) sees(want string) error {
	return until(func() error {
		text, err := t.text()
		if err == nil && !strings.Contains(text, want) {
			err = fmt.Errorf("“%s” is not on the page:\n%s", want, text)
		}
		return err
	})
}

func (t *tab) address() (string, error) { return get(t, chromedp.Location()) }

// shoot keeps a picture of the page, if the run keeps reports.
func (t *tab) shoot(name string) error {
	if t.of.shots == "" {
		return nil
	}
	picture, err := get(t, chromedp.FullScreenshot(100))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(t.of.shots, name+".png"), picture, 0o644)
}

// press presses keys, one after the other.
func (t *tab) press(keys ...string) error {
	for _, k := range keys {
		if err := t.run(chromedp.KeyEvent(k)); err != nil {
			return err
		}
	}
	return nil
}

// focused returns the name of what has the focus.
func (t *tab) focused() (name string, err error) {
	return name, t.script(`(() => { const e = document.activeElement;
		return (e.getAttribute("aria-label") || (e.labels && e.labels[0] &&
			e.labels[0].textContent) || e.textContent || "").replace(/\s+/g, " ").trim() })()`,
		&name)
}
