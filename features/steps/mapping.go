package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/cucumber/godog"
)

// registerMapping adds the steps about the attribute mapping, and those in
// which an administrator of the application runs a command.
func (w *world) registerMapping(sc *registry) {
	sc.Step(`^an administrator of "([^"]*)" runs "(.*)"$`, w.administratorRuns)
	sc.Step(`^user names of "([^"]*)" are updated from the e-mail, in lower case$`, w.updateNames)
	// The last command of the application failed, with this in the reason.
	sc.Step(`^it is refused, because "([^"]*)"$`, func(reason string) error {
		if !strings.Contains(w.last.Errors, reason) {
			return fmt.Errorf("got %s", w.last)
		}
		return expect("exit code", w.last.Code, 1)
	})
	// The last command of the application printed no such text.
	sc.Step(`^it does not say "([^"]*)"$`, func(text string) error {
		if strings.Contains(w.plain(w.last.Out), text) {
			return fmt.Errorf("got %s", w.last)
		}
		return expect("exit code", w.last.Code, 0)
	})
	// The last command of the application printed this.
	sc.Step(`^it says "(.*)"$`, func(text string) error {
		if !strings.Contains(w.plain(w.last.Out), text) {
			return fmt.Errorf("got %s", w.last)
		}
		return expect("exit code", w.last.Code, 0)
	})
	// Looks at the objects that the user is linked to.
	sc.Step(`^"([^"]*)" is linked to the ([\w-]+) "([^"]*)" in "([^"]*)"$`, w.linkedTo)
	// The user is linked to no object of the type.
	sc.Step(`^"([^"]*)" is linked to no ([\w-]+) in "([^"]*)"$`,
		func(ctx context.Context, user, kind, instance string) error {
			return w.linkedTo(ctx, user, kind, "", instance)
		})
	// Compares all rows of the attribute mapping, by a table of attributes and fields.
	sc.Step(`^the mapping of "([^"]*)" is:$`, w.mappingIs)
	sc.Step(`^a provider sends "([^"]*)" the user "([^"]*)" with:$`, w.providerSends)
	// Looks at a custom field of the account.
	sc.Step(`^the account of "([^"]*)" in "([^"]*)" has the custom field "([^"]*)" of "([^"]*)"$`,
		w.customFieldIs)
	// There is a change of the mapping with the old and the new attribute.
	sc.Step(
		`^the change history of "([^"]*)" shows that the mapping of "([^"]*)" changed from "([^"]*)" to "([^"]*)"$`,
		w.mappingChanged)
	// No row of the history is about the mapping.
	sc.Step(`^the change history of "([^"]*)" has no change of the mapping$`,
		func(ctx context.Context, instance string) error {
			list, err := w.history(ctx, instance)
			for _, r := range list {
				if r.Action == "mapping.update" {
					return fmt.Errorf("there is %+v", r)
				}
			}
			return err
		})
}

// administratorRuns runs a muster-server command on an instance. Words in
// quotation marks are one; within a word _ stands for a space.
func (w *world) administratorRuns(ctx context.Context, instance, command string) error {
	var args []string
	quoted := false
	for i, part := range strings.Split(command, " ") {
		switch {
		case i > 0 && quoted:
			args[len(args)-1] += " " + part
		default:
			args = append(args, part)
		}
		if strings.Count(part, `"`)%2 == 1 {
			quoted = !quoted
		}
	}
	for i, a := range args {
		if strings.HasPrefix(a, `"`) && strings.HasSuffix(a, `"`) {
			a = strings.Trim(a, `"`)
		}
		if strings.Contains(a, "[") {
			a = strings.ReplaceAll(a, "_", " ")
		}
		if i > 0 && args[i-1] == "--user" || i == 2 && args[0] == "user" &&
			args[1] != "update-field" {
			a = w.name(a)
		}
		args[i] = w.fill(a)
	}
	return w.tryServer(ctx, append(args, "--instance", w.slug(instance))...)
}

func (w *world) mappingIs(ctx context.Context, instance string, t *godog.Table) error {
	var list []struct {
		Attribute, Field string
		ReadOnly         bool
	}
	if err := w.server(ctx, &list, "mapping", "list", "--instance", w.slug(instance)); err != nil {
		return err
	}
	want := rows(t)
	if len(list) != len(want) {
		return fmt.Errorf("got %+v", list)
	}
	for i, row := range want {
		if list[i].Attribute != row["SCIM attribute"] || list[i].Field != row["Field"] ||
			list[i].ReadOnly != (row["Read-only"] == "yes") {
			return fmt.Errorf("row %d: got %+v, want %v", i+1, list[i], row)
		}
	}
	return nil
}

// updateNames gives users the names of their e-mail addresses, and these the
// scenario's tag, without which they would not be names of this scenario.
func (w *world) updateNames(ctx context.Context, instance string) error {
	if err := w.administratorRuns(ctx, instance,
		"user update-field email --domain acme.example."+w.tag+" --apply"); err != nil {
		return err
	}
	return w.administratorRuns(ctx, instance,
		"user update-field userName --from email --lower --apply")
}

func (w *world) linkedTo(ctx context.Context, userName, kind, name, instance string) error {
	var u appUser
	if err := w.server(ctx, &u, "user", "show", w.name(userName), "--instance",
		w.slug(instance)); err != nil {
		return err
	}
	return expect(kind+" of "+userName, u.Objects[kind], name)
}

// providerSends creates a user over SCIM.
// providerSends creates a user over SCIM from a table of attributes, as the
// mapping names them, and their values.
func (w *world) providerSends(
	ctx context.Context, instance, userName string, t *godog.Table,
) error {
	c, err := w.client(ctx)
	if err != nil {
		return err
	}
	c.token = w.keys[instance]
	user := map[string]any{"schemas": []string{userURN}, "userName": w.name(userName)}
	for _, r := range t.Rows {
		setAt(user, r.Cells[0].Value, r.Cells[1].Value)
	}
	body, err := json.Marshal(user)
	if err != nil {
		return err
	}
	if err := w.send(ctx, "POST", "/Users", string(body)); err != nil {
		return err
	}
	return w.answerIs(201, "")
}

// valuePath is a path such as phoneNumbers[type eq "work"].value.
var valuePath = regexp.MustCompile(`^(\w+)\[type eq "(\w+)"\]\.(\w+)$`)

// setAt sets the value at a path.
func setAt(user map[string]any, path, value string) {
	if m := valuePath.FindStringSubmatch(path); m != nil {
		list, _ := user[m[1]].([]any)
		user[m[1]] = append(list, map[string]any{"type": m[2], m[3]: value})
		return
	}
	user[path] = value
}

func (w *world) customFieldIs(ctx context.Context, userName, instance, field, want string) error {
	u, err := w.theUser(ctx, instance, userName)
	if err != nil {
		return err
	}
	return expect(field, u.Fields[field], want)
}

func (w *world) mappingChanged(ctx context.Context, instance, field, from, to string) error {
	list, err := w.history(ctx, instance)
	if err != nil {
		return err
	}
	for _, r := range list {
		for _, c := range r.Changes {
			if r.Action == "mapping.update" && c.Field == field && c.Old == from && c.New == to {
				return nil
			}
		}
	}
	return fmt.Errorf("no row shows it: %+v", list)
}
