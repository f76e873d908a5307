package portal

import (
	"net/http"
	"strings"

	"muster/screen"
)

func (p *Portal) routes(mux *http.ServeMux) {
	page := func(path string, f func(*visit) error) {
		mux.HandleFunc("GET "+path, p.site.Form(p.in(f), func(*screen.Visit) error {
			return screen.NotFound("There is nothing to send here.")
		}))
	}
	form := func(path string, show, send func(*visit) error) {
		h := p.site.Form(p.in(show), p.in(send))
		mux.HandleFunc("GET "+path, h)
		mux.HandleFunc("POST "+path, h)
	}
	mux.HandleFunc("GET /sign-in", p.site.Open(p.signIn))
	mux.HandleFunc("POST /sign-in", p.site.Open(p.signIn))
	mux.HandleFunc("GET "+p.site.AssetsPath(), p.site.ServeAssets)
	mux.HandleFunc("/", p.site.Open(func(*screen.Visit) error {
		return screen.NotFound("There is no such page.")
	}))
	form("/sign-out", (*visit).showApps, p.signOut)
	page("/{$}", (*visit).showApps)
	form("/add", (*visit).showAdd, (*visit).sendAdd)
	form("/apps/{app}", (*visit).showConfiguration, (*visit).sendConfiguration)
	form("/apps/{app}/parameters", (*visit).showParameters, (*visit).sendParameters)
	form("/apps/{app}/rules", (*visit).showRules, (*visit).sendRules)
	form("/apps/{app}/provisioning", (*visit).showProvisioning, (*visit).sendProvisioning)
	form("/apps/{app}/access", (*visit).showAccess, (*visit).sendAccess)
	form("/apps/{app}/users", (*visit).showMembers, (*visit).sendMembers)
	page("/apps/{app}/users/{key}", (*visit).showMember)
	form("/apps/{app}/cycle", (*visit).showCycle, (*visit).sendCycle)
	page("/apps/{app}/activity", (*visit).showActivity)
	page("/users", (*visit).showPeople)
	form("/users/new", (*visit).showNewPerson, (*visit).sendNewPerson)
	form("/users/import", (*visit).showImport, (*visit).sendImport)
	form("/users/{key}", (*visit).showPerson, (*visit).sendPerson)
	form("/rollout", (*visit).showRollout, (*visit).sendRollout)
	page("/rollout/report", (*visit).showReport)
	form("/job", (*visit).showJob, (*visit).sendJob)
	page("/job/events", (*visit).jobEvents)
	page("/changes", (*visit).showChanges)
}

// frame is what stands around a page.
func (p *Portal) frame(v *screen.Visit) screen.Frame {
	f := screen.Frame{Site: "Muster Portal", Home: "/", SignOut: "/sign-out"}
	if v.Person == "" {
		return f
	}
	a, _, err := p.Files.Load()
	if err == nil {
		f.Place = a.Name
	}
	link := func(text, url string) screen.Link {
		return screen.Link{
			Text: text, URL: url,
			Current: v.URL.Path == url || url != "/" && strings.HasPrefix(v.URL.Path, url+"/") ||
				url == "/" && (strings.HasPrefix(v.URL.Path, "/apps/") || v.URL.Path == "/add"),
		}
	}
	f.Nav = []screen.Section{{Title: "Provider", Links: []screen.Link{
		link("Applications", "/"), link("Users", "/users"),
	}}}
	if p.rolloutExists() {
		f.Nav[0].Links = append(f.Nav[0].Links, link("Rollout", "/rollout"))
	}
	f.Nav[0].Links = append(f.Nav[0].Links, link("Under way", "/job"),
		link("Changes of the files", "/changes"))
	return f
}
