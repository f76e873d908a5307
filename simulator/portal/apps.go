package portal

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"muster/screen"
	"muster/simulator/account"
	"muster/simulator/administration"
	"muster/simulator/client"
	"muster/simulator/report"
)

// showApps lists the applications of the account.
func (v *visit) showApps() error {
	list := make([]report.App, len(v.account.Apps))
	for n, app := range v.account.Apps {
		var err error
		if list[n], err = administration.Describe(v.Context(), app, v.portal.State); err != nil {
			return err
		}
	}
	return v.Show("apps", "Applications", list)
}

// showAdd is the guide's Add Application: search, and add.
func (v *visit) showAdd() error {
	v.Trail = []screen.Link{{Text: "Applications", URL: "/"}}
	return v.Show("add", "Add Application", struct {
		Version string
		Found   bool
	}{v.version, found(v.FormValue("search"))})
}

// found reports whether a search finds the application that there is.
func found(search string) bool {
	const known = "clarizen scim muster"
	return strings.Contains(known, strings.ToLower(strings.TrimSpace(search)))
}

// sendAdd adds an application to the account's file.
func (v *visit) sendAdd() error {
	name := strings.TrimSpace(v.PostFormValue("name"))
	if name == "" {
		return screen.Fail("Give the application a name.")
	}
	if strings.ContainsAny(name, `/\:`) || strings.HasPrefix(name, ".") {
		return screen.Fail("The name %s is none: leave out slashes, colons and a dot in front.",
			name)
	}
	err := v.portal.Files.Change(v.sent(), administration.Edit{
		Path: []any{"apps", len(v.account.Apps)},
		Value: yaml.MapSlice{
			{Key: "name", Value: name},
			{Key: "configuration", Value: yaml.MapSlice{
				{Key: "base_url", Value: "https://scim.example.com/scim/v2"},
				{Key: "bearer_token", Value: yaml.MapSlice{{Key: "file", Value: name + ".token"}}},
			}},
			{Key: "provisioning", Value: yaml.MapSlice{{Key: "enabled", Value: false}}},
			{Key: "access", Value: yaml.MapSlice{{Key: "roles", Value: []string{}}}},
		},
	})
	if err != nil {
		return err
	}
	v.app = &account.App{Name: name}
	return v.Go(v.path(""), "%s is added. Enter the base URL and the token, and enable it.", name)
}

type configuration struct {
	BaseURL, Token string
	// Given says from where the base URL and the token are taken, if not from the file
	// itself.
	BaseGiven, TokenGiven string
	Profiles              []*client.Profile
	Described             report.App
}

// given says where a text is taken from.
func given(s account.Source) string {
	switch {
	case s.Env != "":
		return "the variable " + s.Env
	case s.File != "":
		return "the file " + filepath.Base(s.File)
	}
	return ""
}

// showConfiguration is the tab Configuration.
func (v *visit) showConfiguration() error {
	c := v.app.Configuration
	page := configuration{
		BaseGiven: given(c.BaseURL), TokenGiven: given(c.BearerToken), Profiles: client.Profiles(),
	}
	var err error
	if page.Described, err = administration.Describe(v.Context(), v.app,
		v.portal.State); err != nil {
		return err
	}
	if text, err := c.BaseURL.Read("base_url"); err == nil {
		page.BaseURL = text
	}
	if _, err := c.BearerToken.Read("bearer_token"); err != nil {
		page.Token = err.Error()
	}
	return v.tab("configuration", "Configuration", page)
}

// sendConfiguration saves the tab, or enables or disables the API connection.
func (v *visit) sendConfiguration() error {
	switch v.PostFormValue("do") {
	case "enable":
		return v.enable()
	case "disable":
		if err := administration.Disable(v.Context(), v.app.Name, v.portal.State); err != nil {
			return err
		}
		return v.Go(v.path(""),
			"The API connection is disabled: no cycle runs until it is enabled.")
	}
	c := v.app.Configuration
	get := func(name string) string { return strings.TrimSpace(v.PostFormValue(name)) }
	var edits []administration.Edit
	set := func(key string, value any) {
		edits = append(edits, administration.Edit{
			Path: []any{"configuration", key}, Value: value,
		})
	}
	if now, _ := c.BaseURL.Read("base_url"); get("base") != now {
		u, err := url.Parse(get("base"))
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return screen.Fail("The base URL %s is none: it begins with https:// and ends in "+
				"/scim/v2.", get("base"))
		}
		set("base_url", get("base"))
	}
	for _, key := range []struct{ form, yaml, now string }{
		{"instance", "instance", c.Instance}, {"profile", "profile", c.Profile},
	} {
		switch value := get(key.form); value {
		case key.now:
		case "":
			set(key.yaml, nil)
		default:
			set(key.yaml, value)
		}
	}
	if token := get("token"); token != "" {
		// The version is looked at before the secret is written.
		if v.sent() != v.version {
			return administration.ErrStale
		}
		name, err := v.portal.Files.SaveToken(v.app.Name, token)
		if err != nil {
			return err
		}
		set("bearer_token", yaml.MapSlice{{Key: "file", Value: name}})
	}
	if err := v.change(edits...); err != nil {
		return err
	}
	if v.PostFormValue("do") == "save-enable" {
		return v.again((*visit).enable)
	}
	return v.Go(v.path(""), "The configuration is saved.")
}

// again goes on with the account as it is after a change.
func (v *visit) again(f func(*visit) error) error {
	var err error
	if v.account, v.version, err = v.portal.Files.Load(); err != nil {
		return err
	}
	n := slices.IndexFunc(v.account.Apps,
		func(a *account.App) bool { return a.Name == v.app.Name })
	if n < 0 {
		return screen.NotFound("The account has no application %s any more.", v.app.Name)
	}
	v.app, v.number = v.account.Apps[n], n
	return f(v)
}

// enable tests the connection, as the button Enable does.
func (v *visit) enable() error {
	l, err := administration.Connect(v.app, v.portal.Line)
	if err != nil {
		return err
	}
	found, err := l.Cycle(v.account, v.app, v.portal.State).Enable(v.Context())
	if err != nil {
		return screen.Fail("%s is not connected: %s", v.app.Name,
			sentence(administration.Explain(err)))
	}
	text := "Connected"
	if found.Instance != "" {
		text += " to the instance " + found.Instance
	}
	if found.Note != "" {
		text += "; " + found.Note
	}
	return v.Go(v.path(""), "%s.", text)
}
