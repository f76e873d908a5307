// Package portal is the provider's portal in a browser: what the guide shows as screens
// of OneLogin, Applications with their tabs and Users, and the rollout beside them. It is
// a thin face of the account, its cycles and its rollouts, as the commands are. What is
// changed in it is changed in the account's files.
package portal

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"muster/screen"
	"muster/simulator/account"
	"muster/simulator/administration"
	"muster/simulator/state"
)

//go:embed pages/*.html
var files embed.FS

// Config is what a portal is made of.
type Config struct {
	Files *administration.Files
	State *state.File
	// RolloutFile is the path of the rollout; there may be none.
	RolloutFile string
	// Line is how servers are spoken to.
	Line administration.Line
	Log  *slog.Logger
}

// Portal serves the portal, to who has its secret.
type Portal struct {
	Config
	site    *screen.Site
	handler http.Handler
	secret  string
	jobs    jobs
}

// New returns a portal.
func New(c Config) (*Portal, error) {
	below, err := fs.Sub(files, "pages")
	if err != nil {
		return nil, err
	}
	pages, err := screen.NewPages(below, "/")
	if err != nil {
		return nil, err
	}
	p := &Portal{Config: c, secret: rand.Text() + rand.Text()}
	p.site = &screen.Site{
		Pages: pages, Sessions: screen.NewSessions("muster_portal", "/", false), Log: c.Log,
		SignIn: "/sign-in", Frame: p.frame, Explain: explain,
	}
	mux := http.NewServeMux()
	p.routes(mux)
	p.handler = local(p.site.Guard(mux))
	return p, nil
}

// Handler serves the portal.
func (p *Portal) Handler() http.Handler { return p.handler }

// Link returns the address that signs in, as long as the portal runs.
func (p *Portal) Link(base string) string {
	return base + "/sign-in?" + url.Values{"secret": {p.secret}}.Encode()
}

// Close stops what is being done, and waits for its end.
func (p *Portal) Close() { p.jobs.close() }

// local refuses what was not sent to this machine by its name: the portal has no
// passwords, and a page elsewhere could have a name of its own lead here.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); host != "localhost" &&
			(ip == nil || !ip.IsLoopback()) {
			http.Error(w, "The portal is reached as localhost or 127.0.0.1 only.",
				http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// explain makes of an error what a person can do about it: the errors of the account, of
// a cycle and of a server are written for people.
func explain(err error) *screen.ProblemError {
	var p *screen.ProblemError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		return p
	case errors.Is(err, administration.ErrStale):
		return &screen.ProblemError{Status: http.StatusConflict, Text: sentence(err.Error())}
	case errors.Is(err, context.Canceled):
		return &screen.ProblemError{Status: http.StatusConflict, Text: "It was stopped."}
	}
	return &screen.ProblemError{
		Status: http.StatusUnprocessableEntity, Text: sentence(administration.Explain(err)),
	}
}

func sentence(text string) string {
	if text == "" || strings.ContainsAny(text[len(text)-1:], ".!?`") {
		return text
	}
	return text + "."
}

func (p *Portal) signIn(v *screen.Visit) error {
	secret := v.FormValue("secret")
	right := subtle.ConstantTimeCompare([]byte(secret), []byte(p.secret)) == 1
	switch {
	case v.Method == http.MethodPost && right:
		name := "administrator"
		if err := p.site.Begin(v, name, nil); err != nil {
			return err
		}
		return v.Go("/", "")
	case v.Person != "":
		return v.Go("/", "")
	case secret != "" && !right:
		return screen.Forbidden("This link is not one of this portal: it prints its own when it " +
			"starts.")
	}
	return v.Show("sign-in", "Sign in", struct{ Right bool }{right})
}

func (p *Portal) signOut(v *visit) error {
	if err := p.site.Sessions.Destroy(v.Context()); err != nil {
		return err
	}
	http.Redirect(v.Answer, v.Request, "/sign-in", http.StatusSeeOther)
	return nil
}

// visit is one request.
type visit struct {
	*screen.Visit
	portal  *Portal
	account *account.Account
	version string
	// app and number are the app that the page is about, and its place in the account;
	// nil on other pages.
	app    *account.App
	number int
}

// in loads the account, and finds the app of a page.
func (p *Portal) in(f func(*visit) error) func(*screen.Visit) error {
	return func(sv *screen.Visit) error {
		v := &visit{Visit: sv, portal: p}
		var err error
		if v.account, v.version, err = p.Files.Load(); err != nil {
			return err
		}
		name := sv.PathValue("app")
		if name == "" {
			return f(v)
		}
		for n, app := range v.account.Apps {
			if app.Name == name {
				v.app, v.number = app, n
				v.Trail = []screen.Link{
					{Text: "Applications", URL: "/"}, {Text: name, URL: v.path("")},
				}
				return f(v)
			}
		}
		return screen.NotFound("The account has no application %s.", name)
	}
}

// path returns the path of a tab of the app.
func (v *visit) path(tab string) string {
	return strings.TrimSuffix("/apps/"+url.PathEscape(v.app.Name)+"/"+tab, "/")
}

// sent is the version of the files that a form was made of.
func (v *visit) sent() string { return v.PostFormValue("version") }

// change changes the account's file below the app.
func (v *visit) change(edits ...administration.Edit) error {
	for n := range edits {
		edits[n].Path = append([]any{"apps", v.number}, edits[n].Path...)
	}
	return v.portal.Files.Change(v.sent(), edits...)
}

// tabbed is what each tab of an app has.
type tabbed struct {
	App     *account.App
	Path    string
	Tab     string
	Version string
	// File is the account's, for commands.
	File string
	Page any
}

// tab shows a tab of an app.
func (v *visit) tab(name, title string, page any) error {
	v.Trail = append(v.Trail, screen.Link{Text: title})
	return v.Show(name, v.app.Name+": "+title, tabbed{
		v.app, v.path(""), name, v.version, filepath.Base(v.portal.Files.Path()), page,
	})
}

// exists reports whether there is a rollout.
func (p *Portal) rolloutExists() bool {
	if p.RolloutFile == "" {
		return false
	}
	_, err := os.Stat(p.RolloutFile)
	return err == nil
}
