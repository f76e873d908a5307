package steps

import (
	"context"
	"fmt"
)

// registerAdministration adds the steps about the admin API. {new} stands for
// the name of an instance of the scenario's own that is not there yet.
func (w *world) registerAdministration(sc *registry) {
	// Makes a token by command; the next requests carry it.
	sc.Step(`^the client has a token of the admin API$`,
		func(ctx context.Context) error { return w.adminToken(ctx) })
	// Makes a token with a role, of one instance only.
	sc.Step(`^the client has a token of an? (owner|administrator|lite-administrator|reader|auditor) of "([^"]*)"$`,
		func(ctx context.Context, role, instance string) error {
			return w.adminToken(ctx, "--role", role, "--instance", w.slug(instance))
		})
	// Revokes the token of the step before.
	sc.Step(`^that token is revoked$`, func(ctx context.Context) error {
		return w.server(ctx, nil, "admin-token", "revoke", w.ids["token"])
	})
	// The next requests to the admin API carry an API key, which it must refuse.
	sc.Step(`^the client uses the key of "([^"]*)" there$`, func(instance string) error {
		w.scim.token = w.keys[instance]
		return nil
	})
	// The key that stands in the answer becomes the instance's.
	sc.Step(`^the key that it shows is the one of "([^"]*)"$`, func(instance string) error {
		key, err := w.value("/key")
		w.keys[instance] = fmt.Sprint(key)
		return err
	})
}

// adminToken makes a token, which the next requests carry.
func (w *world) adminToken(ctx context.Context, flags ...string) error {
	var token struct{ Key, ID string }
	if err := w.server(ctx, &token,
		append([]string{"admin-token", "create", "ada"}, flags...)...); err != nil {
		return err
	}
	w.scim = &scimClient{
		headers: make(map[string]string), base: w.recorder.URL + "/admin/v1", token: token.Key,
	}
	w.ids["token"], w.ids["new"] = token.ID, w.slug("new")
	for name := range w.keys {
		w.ids[name] = w.slug(name)
	}
	return nil
}
