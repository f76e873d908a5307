package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cucumber/godog"
)

// registerApplication adds the steps about the application's own side, which
// its administrators do with muster-server.
func (w *world) registerApplication(sc *registry) {
	sc.Step(`^an instance "([^"]*)"$`, w.anInstance)
	// Makes two instances of one deployment.
	sc.Step(`^the instances "([^"]*)" and "([^"]*)"$`,
		func(ctx context.Context, a, b string) error {
			return errors.Join(w.anInstance(ctx, a), w.anInstance(ctx, b))
		})
	// Makes an instance of an edition, with an integration user and a key.
	sc.Step(`^an instance "([^"]*)" of the (\w+) edition$`, w.anInstanceOfEdition)
	// Adds a custom field to User.
	sc.Step(`^"([^"]*)" has the custom field "([^"]*)" of the type ([\w-]+)$`,
		func(ctx context.Context, instance, field, kind string) error {
			return w.server(ctx, nil, "field", "create", field, "--instance", w.slug(instance),
				"--type", kind)
		})
	sc.Step(`^"([^"]*)" has these users, made by hand:$`, w.usersByHand)
	// Makes an account with nothing but a user name.
	sc.Step(`^"([^"]*)" has the user "([^"]*)", made by hand$`, w.userByHand)
	// Makes a group without members.
	sc.Step(`^"([^"]*)" has the group "([^"]*)", made by hand$`,
		func(ctx context.Context, instance, group string) error {
			return w.groupByHand(ctx, instance, group, "")
		})
	// Makes a group with one member.
	sc.Step(`^"([^"]*)" has the group "([^"]*)", made by hand, with the member "([^"]*)"$`,
		w.groupByHand)
	// Tries to make an instance, which may be refused.
	sc.Step(`^somebody makes an instance of the (\w+) edition$`,
		func(ctx context.Context, edition string) error {
			return w.tryServer(ctx, "instance", "create", w.slug("new"), "--edition", edition)
		})
	// Counts the invitations that were written, sent ones too.
	sc.Step(`^the outbox of "([^"]*)" has (\d+) invitations?$`,
		func(ctx context.Context, instance string, n int) error {
			var list []struct{ To string }
			if err := w.server(ctx, &list, "outbox", "list", "--instance",
				w.slug(instance)); err != nil {
				return err
			}
			return expect("invitations", len(list), n)
		})
	// Changes an account at the application, past the provider.
	sc.Step(`^an administrator (suspends|reactivates|deletes) "([^"]*)" in "([^"]*)" by hand$`,
		w.administratorDoes)
}

// registerKeys adds the steps about API keys, and on whose behalf they are.
func (w *world) registerKeys(sc *registry) {
	// Revokes the key that the instance's apps have.
	sc.Step(`^the (?:API )?key of "([^"]*)" is revoked$`, w.keyIsRevoked)
	// Makes a new key; the old one works until the overlap ends.
	sc.Step(`^the key of "([^"]*)" is rotated with an overlap of (\w+)$`,
		func(ctx context.Context, instance, overlap string) error {
			var key struct{ Key string }
			err := w.server(ctx, &key, "key", "rotate", w.keyIDs[instance], "--instance",
				w.slug(instance), "--overlap", overlap)
			w.newKeys[instance] = key.Key
			return err
		})
	// Makes another integration user.
	sc.Step(`^"([^"]*)" has an integration user with the role ([\w-]+)$`,
		func(ctx context.Context, instance, role string) error {
			return w.server(ctx, nil, "user", "create", w.name("another"), "--instance",
				w.slug(instance), "--integration", "--role", role)
		})
	// Tries to make a key for that integration user.
	sc.Step(`^an administrator makes a key for that user$`,
		func(ctx context.Context) error { return w.makeKey(ctx, "another") })
	// Tries to make a key for a user.
	sc.Step(`^an administrator makes a key for "([^"]*)"$`, w.makeKey)
	// Makes a key for one job, on behalf of the integration user; the client
	// has it.
	sc.Step(`^the client has a key of "([^"]*)" with the access "([^"]*)"$`,
		func(ctx context.Context, instance, access string) error {
			var key struct{ Key string }
			err := w.server(ctx, &key, "key", "create", "--instance", w.slug(instance), "--user",
				w.integrationUserOf(instance), "--access", access)
			if err != nil {
				return err
			}
			c, err := w.client(ctx)
			if err == nil {
				c.token = key.Key
			}
			return err
		})
	// The attempt of the step before succeeded.
	sc.Step(`^the key is made$`, func() error { return expect("exit code", w.last.Code, 0) })
	// The attempt of the step before was refused, with this in the reason.
	sc.Step(`^the key is refused, because "([^"]*)"$`, func(reason string) error {
		if !strings.Contains(w.last.Errors, reason) {
			return fmt.Errorf("got %s", w.last)
		}
		return expect("exit code", w.last.Code, 1)
	})
	sc.Step(`^the client sends (GET|DELETE) for the integration user of "([^"]*)"$`,
		w.forIntegrationUser)
	// Changes the integration user on whose behalf the key was made.
	sc.Step(
		`^the integration user of "([^"]*)" (is suspended|is deleted|loses the role lite admin|gets the role lite admin)$`,
		w.integrationUser)
}

// anInstance makes an instance of the enterprise edition with an integration
// user who is lite admin, and an API key.
func (w *world) anInstance(ctx context.Context, name string) error {
	return w.anInstanceOfEdition(ctx, name, "enterprise")
}

// forIntegrationUser sends a request for the integration user by the id that
// the application's administrators see.
func (w *world) forIntegrationUser(ctx context.Context, method, instance string) error {
	var u appUser
	if err := w.server(ctx, &u, "user", "show", w.integrationUserOf(instance), "--instance",
		w.slug(instance)); err != nil {
		return err
	}
	c, err := w.client(ctx)
	if err != nil {
		return err
	}
	c.token = w.keys[instance]
	return w.send(ctx, method, "/Users/"+u.ID, "")
}

// integrationUserOf names the integration user of an instance.
func (w *world) integrationUserOf(instance string) string { return w.name("scim-sync-" + instance) }

func (w *world) anInstanceOfEdition(ctx context.Context, name, edition string) error {
	if w.scimOnly() && edition == "enterprise" {
		return w.remoteInstance(name)
	}
	if w.h.Foreign == nil {
		return w.newInstance(ctx, name, map[string]any{"edition": edition})
	}
	slug := w.slug(name)
	if err := w.server(ctx, nil, "instance", "create", slug, "--edition", edition); err != nil {
		return err
	}
	user := w.integrationUserOf(name)
	if err := w.server(ctx, nil, "user", "create", user, "--instance", slug, "--integration",
		"--role", "lite-admin"); err != nil {
		return err
	}
	var key struct{ Key, ID string }
	if err := w.server(ctx, &key, "key", "create", "--instance", slug, "--user", user); err != nil {
		return err
	}
	w.keys[name], w.keyIDs[name] = key.Key, key.ID
	w.bases[name] = w.h.Foreign.BaseURL
	return nil
}

// newInstance makes an instance at our own server by the admin API: three
// commands for each scenario took a third of all that the suite takes.
func (w *world) newInstance(ctx context.Context, name string, as map[string]any) error {
	path, user := "/instances/"+w.slug(name), w.integrationUserOf(name)
	var key struct{ Key, ID string }
	as["instance"] = w.slug(name)
	err := w.h.Administer(ctx, "/instances", as, nil)
	if err == nil {
		err = w.h.Administer(ctx, path+"/users",
			map[string]any{"userName": user, "integration": true, "role": "lite-admin"}, nil)
	}
	if err == nil {
		err = w.h.Administer(ctx, path+"/keys", map[string]any{"user": user}, &key)
	}
	w.keys[name], w.keyIDs[name] = key.Key, key.ID
	return err
}

// usersByHand makes accounts from a table with the columns User Name, First
// Name, Last Name, Email, Job Title and Office Phone, of which only the
// first is needed.
func (w *world) usersByHand(ctx context.Context, instance string, t *godog.Table) error {
	for _, row := range rows(t) {
		if w.scimOnly() {
			if err := w.remoteUserByHand(ctx, instance, row); err != nil {
				return err
			}
			continue
		}
		args := []string{"user", "create", w.name(row["User Name"]), "--instance", w.slug(instance)}
		for column, value := range row {
			if column != "User Name" && value != "" {
				args = append(args, "--"+strings.ReplaceAll(strings.ToLower(column), " ", "-"),
					value)
			}
		}
		if err := w.server(ctx, nil, args...); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) userByHand(ctx context.Context, instance, userName string) error {
	if w.scimOnly() {
		return w.remoteUserByHand(ctx, instance, map[string]string{"User Name": userName})
	}
	return w.server(ctx, nil, "user", "create", w.name(userName), "--instance", w.slug(instance))
}

func (w *world) groupByHand(ctx context.Context, instance, group, member string) error {
	if w.scimOnly() {
		return w.remoteGroupByHand(ctx, instance, group, member)
	}
	args := []string{"group", "create", group, "--instance", w.slug(instance)}
	if member != "" {
		args = append(args, "--member", w.name(member))
	}
	return w.server(ctx, nil, args...)
}

func (w *world) keyIsRevoked(ctx context.Context, instance string) error {
	return w.server(ctx, nil, "key", "revoke", w.keyIDs[instance], "--instance", w.slug(instance))
}

func (w *world) integrationUser(ctx context.Context, instance, what string) error {
	args := map[string][]string{
		"is suspended":              {"suspend"},
		"is deleted":                {"delete"},
		"loses the role lite admin": {"set-role"},
		"gets the role lite admin":  {"set-role"},
	}[what]
	args = append([]string{"user"}, append(args, w.integrationUserOf(instance))...)
	switch what {
	case "loses the role lite admin":
		args = append(args, "user")
	case "gets the role lite admin":
		args = append(args, "lite-admin")
	}
	return w.server(ctx, nil, append(args, "--instance", w.slug(instance))...)
}

func (w *world) makeKey(ctx context.Context, user string) error {
	return w.tryServer(ctx, "key", "create", "--instance", w.slug("acme"), "--user", w.name(user),
		"--json")
}

func (w *world) administratorDoes(ctx context.Context, what, userName, instance string) error {
	if w.scimOnly() {
		return w.remoteDoes(ctx, what, userName, instance)
	}
	return w.server(ctx, nil, "user", strings.TrimSuffix(what, "s"), w.name(userName), "--instance",
		w.slug(instance))
}

// appUser is a user as `muster-server user list --json` shows it.
type appUser struct {
	ID, UserName, State, Source string
	Integration                 bool
	Fields                      map[string]string
	ManagerID                   string
	Objects                     map[string]string
	Groups                      []string
	Version                     int64
}

// appUsers returns the users of an instance without the integration users.
func (w *world) appUsers(ctx context.Context, instance string) ([]appUser, error) {
	if w.scimOnly() {
		return w.remoteUsers(ctx, instance)
	}
	var list []appUser
	if err := w.server(ctx, &list, "user", "list", "--instance", w.slug(instance)); err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(u appUser) bool { return u.Integration })
	for i := range list {
		list[i].UserName = w.plain(list[i].UserName)
	}
	return list, nil
}

// appUser returns the user of that name, in any letter case; nil if there is
// none.
func (w *world) appUser(ctx context.Context, instance, userName string) (*appUser, error) {
	list, err := w.appUsers(ctx, instance)
	if err != nil {
		return nil, err
	}
	for _, u := range list {
		if strings.EqualFold(u.UserName, userName) {
			return &u, nil
		}
	}
	return nil, nil
}

// theUser returns a user who must be there.
func (w *world) theUser(ctx context.Context, instance, userName string) (*appUser, error) {
	u, err := w.appUser(ctx, instance, userName)
	if err == nil && u == nil {
		err = fmt.Errorf("%q has no account in %q", userName, instance)
	}
	return u, err
}

// appGroup is a group as `muster-server group list --json` shows it.
type appGroup struct {
	ID, DisplayName, Source string
	Members                 []appMember
}

type appMember struct{ Name, Type string }

func (w *world) appGroups(ctx context.Context, instance string) ([]appGroup, error) {
	if w.scimOnly() {
		return w.remoteGroups(ctx, instance)
	}
	var list []appGroup
	err := w.server(ctx, &list, "group", "list", "--instance", w.slug(instance))
	return list, err
}
