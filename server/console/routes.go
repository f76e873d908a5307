package console

import (
	"net/http"
	"strings"

	"muster/screen"
	"muster/server/instance"
)

// The roles, as they stand in the routes.
const (
	owner         = instance.Owner
	administrator = instance.Administrator
	lite          = instance.LiteAdministrator
	reader        = instance.Reader
	auditor       = instance.Auditor
)

// inInstance is the path of an instance.
const inInstance = Base + "/instances/{instance}"

func (c *Console) routes(mux *http.ServeMux) {
	open := func(path string, f func(*screen.Visit) error) { mux.HandleFunc(path, c.site.Open(f)) }
	open("GET "+Base+"/sign-in", c.signIn)
	open("GET "+Base+"/sign-in/link", c.showLink)
	open("POST "+Base+"/sign-in/link", c.useLink)
	open("GET "+wayPath, c.toProvider)
	open("GET "+wayPath+"/back", c.fromProvider)
	open(Base+"/", func(*screen.Visit) error { return screen.NotFound("There is no such page.") })
	mux.HandleFunc("GET "+c.site.AssetsPath(), c.site.ServeAssets)
	mux.HandleFunc("GET "+Base, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, Base+"/", http.StatusSeeOther)
	})
	mux.HandleFunc("GET "+Base+"/{$}", c.page(auditor, (*visit).showInstances))
	account := c.form(auditor, auditor, (*visit).showAccount,
		func(v *visit) error { return c.signOut(v.Visit) })
	mux.HandleFunc("GET "+Base+"/account", account)
	mux.HandleFunc("POST "+Base+"/account", account)

	page := func(path string, sees instance.AdminRole, f func(*visit) error) {
		mux.HandleFunc("GET "+inInstance+path, c.page(sees, f))
	}
	form := func(path string, sees, takes instance.AdminRole, show, send func(*visit) error) {
		handler := c.form(sees, takes, show, send)
		mux.HandleFunc("GET "+inInstance+path, handler)
		mux.HandleFunc("POST "+inInstance+path, handler)
	}
	page("", reader, (*visit).showOverview)
	page("/settings", reader, (*visit).showSettings)
	form("/provisioning", reader, administrator, (*visit).showMapping, (*visit).sendMapping)
	form("/provisioning/restore", administrator, administrator, (*visit).showRestore,
		(*visit).sendRestore)
	form("/provisioning/apply", administrator, administrator, (*visit).showApply,
		(*visit).sendApply)
	page("/users", reader, (*visit).showUsers)
	form("/users/new", lite, lite, (*visit).showNewUser, (*visit).sendNewUser)
	form("/users/{id}", reader, lite, (*visit).showUser, (*visit).sendUser)
	form("/users/{id}/delete", lite, lite, (*visit).showDeleteUser, (*visit).sendDeleteUser)
	page("/groups", reader, (*visit).showGroups)
	form("/groups/new", lite, lite, (*visit).showNewGroup, (*visit).sendNewGroup)
	page("/groups/{id}", reader, (*visit).showGroup)
	form("/keys", administrator, owner, (*visit).showKeys, (*visit).sendKey)
	form("/keys/{id}", administrator, owner, (*visit).showKey, (*visit).sendKeyChange)
	form("/clients", administrator, owner, (*visit).showClients, (*visit).sendClient)
	form("/feeds", administrator, owner, (*visit).showFeeds, (*visit).sendFeed)
	form("/feeds/{feed}", administrator, owner, (*visit).showFeed, (*visit).sendFeedChange)
	form("/fields", reader, administrator, (*visit).showFields, (*visit).sendField)
	form("/objects", reader, lite, (*visit).showObjects, (*visit).sendObject)
	form("/rules", reader, administrator, (*visit).showRules, (*visit).sendRule)
	form("/update-field", lite, lite, (*visit).showUpdateField, (*visit).sendUpdateField)
	page("/history", auditor, (*visit).showHistory)
	page("/history/export", auditor, (*visit).exportHistory)
	form("/history/verify", auditor, auditor, (*visit).showVerify, (*visit).sendVerify)
	page("/history/{id}", auditor, (*visit).showEntry)
}

// frame is what stands around a page.
func (c *Console) frame(v *screen.Visit) screen.Frame {
	f := screen.Frame{Site: "Muster", Home: Base + "/", SignOut: Base + "/account"}
	slug := v.PathValue("instance")
	p := c.person(v)
	if p.Name == "" || slug == "" || p.Instance != "" && p.Instance != slug {
		return f
	}
	i, err := c.Admin.Instances.BySlug(v.Context(), slug)
	if err != nil {
		return f // the page itself tells
	}
	f.Place, f.Mark = i.Name, string(i.Environment)
	base := Base + "/instances/" + slug
	links := func(title string, list ...link) {
		s := screen.Section{Title: title}
		for _, l := range list {
			if p.Role.May(l.sees) {
				s.Links = append(s.Links, screen.Link{
					Text: l.text, URL: base + l.path, Current: v.URL.Path == base+l.path ||
						l.path != "" && strings.HasPrefix(v.URL.Path, base+l.path+"/"),
				})
			}
		}
		if len(s.Links) > 0 {
			f.Nav = append(f.Nav, s)
		}
	}
	links(i.Name, link{"Overview", "", reader}, link{"Users", "/users", reader},
		link{"Groups", "/groups", reader})
	links("Settings", link{"Extensions", "/settings", reader},
		link{"User Provisioning", "/provisioning", reader},
		link{"Custom fields", "/fields", reader}, link{"Objects", "/objects", reader},
		link{"Workflow rules", "/rules", reader}, link{"Update a field", "/update-field", lite},
		link{"API keys", "/keys", administrator}, link{"OAuth clients", "/clients", administrator},
		link{"Feeds of events", "/feeds", administrator},
		link{"Change History", "/history", auditor})
	return f
}

// link is one of the navigation, for whom it is.
type link struct {
	text, path string
	sees       instance.AdminRole
}
