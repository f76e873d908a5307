package console

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/screen"
	"muster/server/administration"
	"muster/server/instance"
	"muster/server/oauth"
)

// keysPage shows API keys. Made is the new one: it is shown this once, on the answer to
// the form that made it, and is in no session.
type keysPage struct {
	Keys    []administration.Key
	Holders []administration.User
	Made    *administration.NewKey
	BaseURL string
	Path    string
	May     bool
	Slug    string
}

func (v *visit) showKeys() error { return v.keys(nil) }

func (v *visit) keys(made *administration.NewKey) error {
	p := keysPage{
		Made: made, BaseURL: v.console.SCIM, Path: v.path("keys"), May: v.May(),
		Slug: v.scope.Instance.Slug,
	}
	var err error
	if p.Keys, err = v.console.Admin.ListKeys(v.Context(), v.scope); err != nil {
		return err
	}
	slices.Reverse(p.Keys) // the newest first
	if p.Holders, err = v.console.Admin.Holders(v.Context(), v.scope); err != nil {
		return err
	}
	v.Trail = []screen.Link{{Text: "Settings"}, {Text: "API keys"}}
	return v.Show("keys", "API keys", p)
}

// days reads a number of days, or returns the usual one.
func (v *visit) days() (int, error) {
	text := cmp.Or(strings.TrimSpace(v.PostFormValue("days")),
		strconv.Itoa(int(instance.DefaultKeyLife/(24*time.Hour))))
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, screen.Fail("%s days: give a number.", text)
	}
	return n, nil
}

func (v *visit) permit() administration.Permit {
	return administration.Permit{
		Access: v.PostFormValue("access"), Networks: lines(strings.ReplaceAll(
			v.PostFormValue("networks"), ",", "\n")),
	}
}

// sendKey creates a key.
func (v *visit) sendKey() error {
	days, err := v.days()
	if err != nil {
		return err
	}
	made, err := v.console.Admin.CreateKey(v.Context(), v.scope, v.PostFormValue("user"), days,
		v.permit())
	if err != nil {
		return err
	}
	v.Form = nil
	return v.keys(&made)
}

// showKey shows a key, and what can be done with it.
func (v *visit) showKey() error {
	k, err := v.key()
	if err != nil {
		return err
	}
	v.Trail = []screen.Link{{Text: "API keys", URL: v.path("keys")}}
	return v.Show("key", "API key "+k.ID, struct {
		administration.Key
		May  bool
		Path string
		Slug string
	}{k, v.May(), v.path(""), v.scope.Instance.Slug})
}

func (v *visit) key() (administration.Key, error) {
	keys, err := v.console.Admin.ListKeys(v.Context(), v.scope)
	if err != nil {
		return administration.Key{}, err
	}
	n := slices.IndexFunc(keys,
		func(k administration.Key) bool { return k.ID == v.PathValue("id") })
	if n < 0 {
		return administration.Key{}, screen.NotFound("There is no API key %s here.",
			v.PathValue("id"))
	}
	return keys[n], nil
}

// sendKeyChange rotates or revokes a key.
func (v *visit) sendKeyChange() error {
	k, err := v.key()
	if err != nil {
		return err
	}
	switch v.PostFormValue("do") {
	case "rotate":
		days, err := v.days()
		if err != nil {
			return err
		}
		hours, err := strconv.Atoi(cmp.Or(strings.TrimSpace(v.PostFormValue("overlap")), "24"))
		if err != nil {
			return screen.Fail("%s hours: give a number.", v.PostFormValue("overlap"))
		}
		made, err := v.console.Admin.RotateKey(v.Context(), v.scope, k.ID,
			time.Duration(hours)*time.Hour, days)
		if err != nil {
			return err
		}
		return v.keys(&made)
	case "revoke":
		if err := v.typed(k.ID); err != nil {
			return err
		}
		_, err := v.console.Admin.Instances.RevokeKey(v.Context(), v.scope.Instance, k.ID,
			v.scope.Actor)
		if err != nil {
			return err
		}
		return v.Go(v.path("keys"), "The API key %s is revoked; it stopped working at once.", k.ID)
	}
	return screen.Fail("Choose what is to be done: rotate or revoke.")
}

// showClients lists OAuth clients.
func (v *visit) showClients() error {
	clients, err := v.console.Admin.ListClients(v.Context(), v.scope)
	if err != nil {
		return err
	}
	holders, err := v.console.Admin.Holders(v.Context(), v.scope)
	if err != nil {
		return err
	}
	v.Trail = []screen.Link{{Text: "Settings"}, {Text: "OAuth clients"}}
	return v.Show("clients", "OAuth clients", struct {
		Clients  []administration.Client
		Holders  []administration.User
		TokenURL string
		May      bool
		Slug     string
	}{
		clients, holders, strings.TrimSuffix(v.console.PublicURL, "/") + oauth.TokenPath, v.May(),
		v.scope.Instance.Slug,
	})
}

// sendClient registers or revokes a client.
func (v *visit) sendClient() error {
	if id := v.PostFormValue("revoke"); id != "" {
		if err := v.typed(id); err != nil {
			return err
		}
		_, err := v.console.Admin.Instances.RevokeClient(v.Context(), v.scope.Instance, id,
			v.scope.Actor)
		if err != nil {
			return err
		}
		return v.Go(v.path("clients"), "The client %s is revoked, with its tokens.", id)
	}
	n := administration.NewClient{
		User: v.PostFormValue("user"), KeySetURL: strings.TrimSpace(v.PostFormValue("jwksURL")),
		Permit: v.permit(),
	}
	if text := strings.TrimSpace(v.PostFormValue("jwks")); text != "" {
		n.KeySet = []byte(text)
	}
	if (n.KeySet == nil) == (n.KeySetURL == "") {
		return screen.Fail("Give either the key set itself, or the address where it is.")
	}
	if err := oauth.CheckKeySet(v.Context(), n.KeySet, n.KeySetURL); err != nil {
		return &screen.ProblemError{
			Status: http.StatusUnprocessableEntity, Text: sentence("the key set: " + err.Error()),
		}
	}
	client, err := v.console.Admin.CreateClient(v.Context(), v.scope, n)
	if err != nil {
		return err
	}
	return v.Go(v.path("clients"), "The client is registered. Its client_id is %s.", client.ID)
}
