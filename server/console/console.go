// Package console is the application's console in a browser: what the guide shows as
// screens, under Settings → Extensions → User Provisioning and beside it. It is a thin
// face of package administration, as the commands and the admin API are, and no rule
// lives in it.
package console

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"muster/screen"
	"muster/server/administration"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
	"muster/server/scim"
)

//go:embed pages/*.html
var files embed.FS

// Base is the path below which the console is.
const Base = "/console"

// Config is what a console is made of.
type Config struct {
	Admin    *administration.Service
	Sessions SessionStore
	// PublicURL is where browsers reach the server, without Base; SCIM is the base URL
	// that a provider needs.
	PublicURL, SCIM string
	// OpenID is how people sign in besides by a link; nil if they do not.
	OpenID *OpenID
	Log    *slog.Logger
}

// Console serves the console.
type Console struct {
	Config
	site    *screen.Site
	handler http.Handler
}

// fromKey is where the context of a request has where it came from.
type fromKey struct{}

// New returns a console.
func New(c Config) (*Console, error) {
	below, err := fs.Sub(files, "pages")
	if err != nil {
		return nil, err
	}
	pages, err := screen.NewPages(below, Base)
	if err != nil {
		return nil, err
	}
	made := &Console{Config: c}
	sessions := screen.NewSessions("muster_console", Base,
		strings.HasPrefix(c.PublicURL, "https://"))
	sessions.Store = sessionStore{c.Sessions}
	sessions.ErrorFunc = made.sessionFailed
	made.site = &screen.Site{
		Pages: pages, Sessions: sessions, Log: c.Log, SignIn: Base + "/sign-in",
		Frame: made.frame, Explain: explain,
	}
	mux := http.NewServeMux()
	made.routes(mux)
	made.handler = made.site.Guard(mux)
	return made, nil
}

// ServeConsole answers a request that came from there.
func (c *Console) ServeConsole(w http.ResponseWriter, r *http.Request, from history.Actor) {
	c.handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), fromKey{}, from)))
}

func (c *Console) sessionFailed(w http.ResponseWriter, r *http.Request, err error) {
	c.Log.ErrorContext(r.Context(), "a session of the console failed", "error", err)
	http.Error(w, "The database does not answer; try again in a moment.",
		http.StatusServiceUnavailable)
}

// explain makes of an error what a person can do about it.
func explain(err error) *screen.ProblemError {
	var p *screen.ProblemError
	var refused *instance.RefusedError
	switch e := scim.AsError(err); {
	case err == nil:
		return nil
	case errors.As(err, &p):
		return p
	case e != nil:
		return &screen.ProblemError{Status: e.Status, Text: sentence(e.Detail)}
	case errors.Is(err, provisioning.ErrNotFound):
		return &screen.ProblemError{Status: http.StatusNotFound, Text: "There is none of that id."}
	case !errors.As(err, &refused):
		return nil
	}
	status := http.StatusUnprocessableEntity
	switch {
	case errors.Is(err, instance.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, instance.ErrChanged):
		status = http.StatusConflict
	}
	return &screen.ProblemError{Status: status, Text: sentence(refused.Reason)}
}

// sentence makes a sentence of what an error says.
func sentence(text string) string {
	if text == "" {
		return "It was refused."
	}
	if first, _, _ := strings.Cut(text, " "); strings.ToLower(first) == first { // no userName
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	if strings.ContainsAny(text[len(text)-1:], ".!?`") {
		return text
	}
	return text + "."
}

// visit is one request about an instance.
type visit struct {
	*screen.Visit
	console *Console
	person  instance.Person
	// scope is the instance, with the person as the actor; it has none on the pages
	// that are about none.
	scope provisioning.Scope
	// takes is the role that it takes to change what the page shows.
	takes instance.AdminRole
}

// path returns the path of a page of the instance. Parts behind the first are escaped.
func (v *visit) path(page string, parts ...string) string {
	p := Base + "/instances/" + v.scope.Instance.Slug
	if page != "" {
		p += "/" + page
	}
	for _, part := range parts {
		p += "/" + url.PathEscape(part)
	}
	return p
}

// May reports whether the person has a role that may change what the page shows.
func (v *visit) May() bool { return v.person.Role.May(v.takes) }

// person returns who is signed in.
func (c *Console) person(v *screen.Visit) instance.Person {
	get := func(name string) string { return c.site.Sessions.GetString(v.Context(), name) }
	return instance.Person{
		Name: v.Person, Role: instance.AdminRole(get(roleValue)), Instance: get(instanceValue),
	}
}

// actor is who does what the person at a page asks for.
func (c *Console) actor(v *screen.Visit) history.Actor {
	from, _ := v.Context().Value(fromKey{}).(history.Actor)
	from.Kind, from.Name = history.Administrator, v.Person
	return from
}

// page makes a handler of a page about an instance, which it takes a role to see.
func (c *Console) page(sees instance.AdminRole, show func(*visit) error) http.HandlerFunc {
	return c.site.Form(c.in(sees, instance.Owner, show), func(*screen.Visit) error {
		return &screen.ProblemError{
			Status: http.StatusMethodNotAllowed, Text: "There is nothing to send here.",
		}
	})
}

// form makes a handler of a page with a form, and of what it sends, which takes a role.
func (c *Console) form(
	sees, takes instance.AdminRole, show, send func(*visit) error,
) http.HandlerFunc {
	return c.site.Form(c.in(sees, takes, show), c.in(takes, takes, send))
}

// in finds the instance of a page, and refuses who may not see it.
func (c *Console) in(
	needs, takes instance.AdminRole, f func(*visit) error,
) func(*screen.Visit) error {
	return func(sv *screen.Visit) error {
		v := &visit{Visit: sv, console: c, person: c.person(sv), takes: takes}
		slug := sv.PathValue("instance")
		if slug == "" {
			return f(v)
		}
		if v.person.Instance != "" && v.person.Instance != slug {
			// Whether there is such an instance is none of this person's business.
			return screen.NotFound("You look after the instance %s only.", v.person.Instance)
		}
		scope, err := c.Admin.Scope(sv.Context(), slug, c.actor(sv))
		if err != nil {
			return err
		}
		v.scope = scope
		sv.Request = sv.WithContext(instance.WithTenant(sv.Context(), scope.Instance.ID))
		if !v.person.Role.May(needs) {
			return c.deny(v, needs)
		}
		return f(v)
	}
}

// deny refuses what a person may not do, and writes that to the history.
func (c *Console) deny(v *visit, needs instance.AdminRole) error {
	reason := v.Method + " " + strings.TrimPrefix(v.URL.EscapedPath(), Base) + ": it takes the " +
		"role " + string(needs) + ", and " + v.person.Name + " has the role " +
		string(v.person.Role)
	err := c.Admin.Instances.DenyAdministrator(v.Context(), v.scope.Instance,
		&instance.AdminToken{ID: "console", Name: v.person.Name}, reason, v.scope.Actor)
	var refused *instance.KeyError
	if !errors.As(err, &refused) {
		return err
	}
	return screen.Forbidden("This takes the role %s, and yours is %s.", needs, v.person.Role)
}
