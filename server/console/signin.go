package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"muster/screen"
	"muster/server/instance"
)

// LinkURL returns the address at which a link signs in. Its secret stands in the query,
// which no log has.
func LinkURL(publicURL, secret string) string {
	return strings.TrimSuffix(publicURL, "/") + Base + "/sign-in/link?" +
		url.Values{"secret": {secret}}.Encode()
}

// signIn says how to sign in.
func (c *Console) signIn(v *screen.Visit) error {
	if v.Person != "" {
		return v.Go(Base+"/", "")
	}
	page := struct{ OpenID, To string }{To: v.FormValue("to")}
	if c.OpenID != nil {
		page.OpenID = c.OpenID.Name
	}
	return v.Show("sign-in", "Sign in", page)
}

// showLink asks whether to use a link: a program that looks at links must not do so.
func (c *Console) showLink(v *screen.Visit) error {
	p, err := c.Admin.Instances.SignInLink(v.Context(), v.FormValue("secret"))
	if err != nil {
		return err
	}
	return v.Show("link", "Sign in", p)
}

// useLink signs in by a link.
func (c *Console) useLink(v *screen.Visit) error {
	p, err := c.Admin.Instances.SignIn(v.Context(), v.PostFormValue("secret"))
	if err != nil {
		return err
	}
	return c.begin(v, p, "by a link", Base+"/")
}

// begin signs a person in, and leads to a page.
func (c *Console) begin(v *screen.Visit, p instance.Person, how, to string) error {
	err := c.site.Begin(v, p.Name,
		map[string]string{roleValue: string(p.Role), instanceValue: p.Instance})
	if err != nil {
		return err
	}
	ctx := begin(v.Context())
	if _, _, err := c.site.Sessions.Commit(ctx); err != nil {
		return err
	}
	from := c.actor(v)
	c.Log.InfoContext(ctx, "signed in to the console", "person", p.Name, "role", p.Role,
		"instance", p.Instance, "how", how, "address", from.Address, "requestId", from.RequestID)
	return v.Go(to, "")
}

// begin returns a context in which a session is begun when it is written.
func begin(ctx context.Context) context.Context {
	return context.WithValue(ctx, begins{}, true)
}

// own returns a path of the console that a page asked to be led back to, or its first
// page: never an address of somebody else's.
func own(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, Base+"/") ||
		strings.Contains(to, `\`) {
		return Base + "/"
	}
	return u.RequestURI()
}

// signOut ends the session, or all of the person's.
func (c *Console) signOut(v *screen.Visit) error {
	name := v.Person
	if v.PostFormValue("everywhere") != "" {
		n, err := c.Admin.Instances.SignOut(v.Context(), name)
		if err != nil {
			return err
		}
		c.Log.InfoContext(v.Context(), "signed out of the console everywhere", "person", name,
			"sessions", n)
	}
	if err := c.site.Sessions.Destroy(v.Context()); err != nil {
		return err
	}
	http.Redirect(v.Answer, v.Request, Base+"/sign-in?out=1", http.StatusSeeOther)
	return nil
}
