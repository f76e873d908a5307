package console_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// ids are the parts of a path that are another one each time.
var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27,}|/[a-z]+-?[a-z0-9]{8}(?:/|$)`)

// look looks at a page of a kind once for what keeps somebody from using it: how it is
// called by a screen reader, its contrast in light and dark, and whether it fits on a
// telephone. What a script did wrong is told at each page.
func (t *tab) look() error {
	var page struct{ URL, Path, Kind string }
	err := t.script(`(() => { const has = (e) => document.querySelector(e) ? e : "";
		return { URL: location.href, Path: location.protocol === "http:" ? location.pathname : "",
			Kind: ["h1", ".notice", ".problem", ".hint", "tbody", ".empty", "#result", "form"].map(
				(e) => e === "h1" ? (document.querySelector(e) || {}).className : has(e)).join() }
		})()`, &page)
	if err != nil || page.Path == "" {
		return err
	}
	var list []string
	kind := ids.ReplaceAllString(page.Path, "/*") + page.Kind
	if _, before := t.of.looked.LoadOrStore(kind, true); !before {
		if list, err = t.lookWhole(); err != nil {
			return fmt.Errorf("%s: %w", page.URL, err)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if list = append(list, t.faults...); len(list) > 0 {
		return fmt.Errorf("%s: %s", page.URL, strings.Join(list, "; "))
	}
	return nil
}

// lookWhole looks closely at a page that stays while it is looked at: one that follows its
// own progress may be read again meanwhile, and is looked at again then.
func (t *tab) lookWhole() (list []string, err error) {
	for range 5 {
		if err = t.script(`window.musterLooked = true`, nil); err != nil {
			return nil, err
		}
		// The tree is made after the page: it is asked for again for a while.
		err = t.named()
		for n := 0; err != nil && n < 40; n++ {
			time.Sleep(50 * time.Millisecond)
			err = t.named()
		}
		if err == nil {
			list, err = t.lookClosely()
		}
		var state struct {
			Same  bool
			Ready string
		}
		if wrong := until(func() error {
			wrong := t.script(`({Same: !!window.musterLooked, Ready: document.readyState})`, &state)
			if wrong == nil && state.Ready != "complete" {
				wrong = fmt.Errorf("the page is %s", state.Ready)
			}
			return wrong
		}); wrong != nil {
			return nil, wrong
		}
		if state.Same {
			break
		}
	}
	return list, err
}

func (t *tab) faultsNow(function string) (list []string, err error) {
	return list, t.eval(&list, function)
}

// lookClosely looks at a page in light and dark, and as narrow as a telephone.
func (t *tab) lookClosely() (list []string, err error) {
	light, err := t.faultsNow("musterFaults")
	if err != nil {
		return nil, err
	}
	if err := t.scheme("dark"); err != nil {
		return nil, err
	}
	if list, err = t.faultsNow("musterFaults"); err != nil {
		return nil, err
	}
	for n := range list {
		list[n] += " (dark)"
	}
	if err := t.scheme("light"); err != nil {
		return nil, err
	}
	if err := t.run(chromedp.EmulateViewport(390, 844)); err != nil {
		return nil, err
	}
	wide, err := t.faultsNow("musterWide")
	if err != nil {
		return nil, err
	}
	return slices.Concat(light, list, wide), t.run(chromedp.EmulateViewport(width, height))
}

// scheme has the page shown in light or dark.
func (t *tab) scheme(name string) error {
	_, err := call(t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
	return err
}

// named checks that all that can be used has a name for a screen reader.
func (t *tab) named() error {
	tree, err := call(t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		return err
	}
	uses := map[string]bool{
		"button": true, "link": true, "textbox": true, "searchbox": true, "combobox": true,
		"checkbox": true, "image": true, "navigation": true, "progressindicator": false,
	}
	landmarks := make(map[string]int)
	for _, n := range tree.Nodes {
		if n.Ignored || n.Role == nil {
			continue
		}
		role, name := value(n.Role), value(n.Name)
		landmarks[role]++
		if uses[role] && strings.TrimSpace(name) == "" {
			return fmt.Errorf("a %s has no name for a screen reader (node %d)", role,
				n.BackendDOMNodeID)
		}
	}
	for _, role := range []string{"main", "banner"} {
		if landmarks[role] != 1 {
			return fmt.Errorf("the page has %d landmarks %q", landmarks[role], role)
		}
	}
	return nil
}

func value(v *accessibility.Value) (text string) {
	if v != nil {
		_ = json.Unmarshal([]byte(v.Value), &text)
	}
	return text
}
