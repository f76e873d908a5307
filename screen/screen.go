// Package screen is pages for people in a browser, as package terminal is lines for
// people at a terminal: a frame with navigation, one stylesheet, one script, and what
// keeps a page from being used by another one. The application's console and the
// provider's portal are made of it; it knows neither.
//
// Forms come first: without the script everything works but live progress.
package screen

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed assets/style.css assets/script.js frame.html
var own embed.FS

// Frame is what stands around the content of a page.
type Frame struct {
	// Title is of the page, and Site of all of them.
	Title, Site string
	// Home is where the name of the site leads.
	Home string
	// Place says where one is: the instance, or the account. Mark is a word that
	// tells it from others, such as its environment; a place that is marked
	// "production" looks different from all others.
	Place, Mark string
	// Nav is the navigation; none for who is not signed in.
	Nav []Section
	// Trail leads to the page from above.
	Trail []Link
	// Person is who is signed in, and SignOut where the button leads.
	Person, SignOut string
	// Notice says what came of the last form; Problem why it was refused.
	Notice, Problem string
	// Token goes with each form.
	Token string
	// Assets is the path of the stylesheet and the script.
	Assets string
	// Refresh has a browser without the script read the page again after so many
	// seconds; 0 is never.
	Refresh int
}

// Section is a part of the navigation.
type Section struct {
	Title string
	Links []Link
}

// Link leads to a page.
type Link struct {
	Text, URL string
	// Current says that it is the page that is shown, or the one above it.
	Current bool
}

// Pages are the pages of a site.
type Pages struct {
	pages  map[string]*template.Template
	assets http.Handler
	// base is the path of the site, and version that of what the browser may keep.
	base, version string
}

// NewPages reads the templates of a site below a path: each file defines "main".
// Those whose names begin with an underscore hold what the others share.
func NewPages(files fs.FS, base string) (*Pages, error) {
	p := &Pages{pages: make(map[string]*template.Template), base: base}
	all, err := fs.Glob(files, "*.html")
	if err != nil {
		return nil, err
	}
	shared, err := template.New("frame.html").Funcs(functions()).ParseFS(own, "frame.html")
	if err != nil {
		return nil, err
	}
	for _, name := range all {
		if strings.HasPrefix(name, "_") {
			if shared, err = shared.ParseFS(files, name); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range all {
		if strings.HasPrefix(name, "_") {
			continue
		}
		page, err := shared.Clone()
		if err == nil {
			page, err = page.ParseFS(files, name)
		}
		if err != nil {
			return nil, err
		}
		p.pages[strings.TrimSuffix(name, ".html")] = page
	}
	return p, p.readAssets()
}

// readAssets prepares the stylesheet and the script. Their path has a part that
// changes when they do, so that browsers may keep them.
func (p *Pages) readAssets() error {
	below, err := fs.Sub(own, "assets")
	if err != nil {
		return err
	}
	h := sha256.New()
	for _, name := range []string{"style.css", "script.js"} {
		text, err := fs.ReadFile(below, name)
		if err != nil {
			return err
		}
		h.Write(text)
	}
	p.version = hex.EncodeToString(h.Sum(nil))[:12]
	p.assets = http.StripPrefix(p.AssetsPath(), http.FileServerFS(below))
	return nil
}

// AssetsPath is the path of the stylesheet and the script; it ends in a slash.
func (p *Pages) AssetsPath() string { return path.Join(p.base, "assets", p.version) + "/" }

// ServeAssets serves the stylesheet and the script.
func (p *Pages) ServeAssets(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	p.assets.ServeHTTP(w, r)
}

// render returns a page with its content.
func (p *Pages) render(name string, f Frame, c content) ([]byte, error) {
	page := p.pages[name]
	if page == nil {
		return nil, fmt.Errorf("there is no page %q", name)
	}
	f.Assets = p.AssetsPath()
	var b bytes.Buffer
	err := page.ExecuteTemplate(&b, "frame", struct {
		Frame
		content
	}{f, c})
	return b.Bytes(), err
}

// functions are those that templates have.
func functions() template.FuncMap {
	return template.FuncMap{
		"ago": func(t any) template.HTML { return ago(t, time.Now()) },
		"number": func(n int) string {
			text := fmt.Sprint(n)
			for i := len(text) - 3; i > 0; i -= 3 {
				text = text[:i] + "," + text[i:]
			}
			return text
		},
		"plural": func(n int, one, many string) string {
			if n == 1 {
				return one
			}
			return many
		},
		"command":  command,
		"list":     func(items ...any) []any { return items },
		"pairs":    pairs,
		"join":     strings.Join,
		"progress": func() template.HTML { return place },
	}
}

// pairs makes a map of names and values, for templates that take several.
func pairs(list ...any) (map[string]any, error) {
	if len(list)%2 != 0 {
		return nil, fmt.Errorf("pairs: %d arguments", len(list))
	}
	m := make(map[string]any, len(list)/2)
	for i := 0; i < len(list); i += 2 {
		name, ok := list[i].(string)
		if !ok {
			return nil, fmt.Errorf("pairs: %v is no name", list[i])
		}
		m[name] = list[i+1]
	}
	return m, nil
}

// command renders the command that does the same as what stands above it. Its
// arguments are quoted for a shell: they may be whatever somebody was called.
func command(words ...string) template.HTML {
	for i, word := range words {
		words[i] = quote(word)
	}
	text := template.HTMLEscapeString(strings.Join(words, " "))
	//nolint:gosec // G203: it was escaped
	return template.HTML(`<details class="command"><summary>The same as a command</summary>` +
		`<code>` + text + `</code> <button type="button" class="quiet" data-copy="` + text +
		`">Copy</button></details>`)
}

// quote quotes a word for a shell.
func quote(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@=,+"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// ago renders a time as people say it, with the exact one beside.
func ago(value any, now time.Time) template.HTML {
	var t time.Time
	switch v := value.(type) {
	case time.Time:
		t = v
	case *time.Time:
		if v != nil {
			t = *v
		}
	}
	if t.IsZero() {
		return "never"
	}
	//nolint:gosec // G203: there is nothing but numbers and words in it
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`,
		t.UTC().Format(time.RFC3339Nano), t.UTC().Format("2006-01-02 15:04:05 UTC"),
		relative(t, now)))
}

// relative says how far a time is from now.
func relative(t, now time.Time) string {
	d, before := now.Sub(t), true
	if d < 0 {
		d, before = -d, false
	}
	var text string
	switch {
	case d < 10*time.Second:
		return "just now"
	case d < time.Minute:
		text = count(d, time.Second, "second")
	case d < time.Hour:
		text = count(d, time.Minute, "minute")
	case d < 48*time.Hour:
		text = count(d, time.Hour, "hour")
	default:
		text = count(d, 24*time.Hour, "day")
	}
	if before {
		return text + " ago"
	}
	return "in " + text
}

func count(d, unit time.Duration, name string) string {
	n := int((d + unit/2) / unit)
	if n != 1 {
		name += "s"
	}
	return fmt.Sprintf("%d %s", n, name)
}
