package steps

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cucumber/godog"
)

// At a server of somebody else, the application's side of a scenario is what
// SCIM shows of it: accounts "made by hand" are made over SCIM, and looked at
// over SCIM. What needs more is left out.

// lacks leaves a scenario out, because the server or its administrators would
// have to offer something.
func (w *world) lacks(what string) error {
	w.unsupported = what
	return godog.ErrSkip
}

// scimOnly reports whether the application's side is what SCIM shows of it.
func (w *world) scimOnly() bool { return w.h.Foreign != nil && w.h.Admin == "" }

const administration = "the application's administration"

// remoteInstance gives a scenario one of the targets.
func (w *world) remoteInstance(name string) error {
	n := len(w.keys)
	if n >= len(w.h.Instances) {
		return w.lacks("a second instance: MUSTER_TARGET_2 and MUSTER_TOKEN_2")
	}
	w.keys[name], w.bases[name] = w.h.Instances[n].Token, w.h.Instances[n].BaseURL
	return nil
}

// remote sends a request to the target of an instance, past the recorder.
func (w *world) remote(
	ctx context.Context, instance, method, path string, body any,
) (map[string]any, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, w.bases[instance]+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/scim+json")
	r.Header.Set("Authorization", "Bearer "+w.keys[instance])
	if body != nil {
		r.Header.Set("Content-Type", "application/scim+json")
	}
	res, err := w.h.HTTP.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var answer map[string]any
	err = json.NewDecoder(res.Body).Decode(&answer)
	if res.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: the answer is %d: %v", method, path, res.StatusCode, answer)
	}
	if res.StatusCode == http.StatusNoContent {
		return nil, nil
	}
	return answer, err
}

// remotePages calls yield with each resource.
func (w *world) remotePages(
	ctx context.Context, instance, path string, yield func(map[string]any),
) error {
	for start := 1; ; {
		page, err := w.remote(ctx, instance, http.MethodGet,
			path+"?count=100&startIndex="+strconv.Itoa(start), nil)
		if err != nil {
			return err
		}
		list, _ := page["Resources"].([]any)
		for _, v := range list {
			if r, ok := v.(map[string]any); ok {
				yield(r)
			}
		}
		start += len(list)
		if total, _ := page["totalResults"].(float64); len(list) == 0 || start > int(total) {
			return nil
		}
	}
}

// remoteUsers returns the scenario's own users.
func (w *world) remoteUsers(ctx context.Context, instance string) ([]appUser, error) {
	var list []appUser
	err := w.remotePages(ctx, instance, "/Users", func(u map[string]any) {
		name, _ := u["userName"].(string)
		if !strings.Contains(strings.ToLower(name), w.tag) {
			return
		}
		x := appUser{
			ID: fmt.Sprint(u["id"]), UserName: w.plain(name), State: "active",
			Fields: map[string]string{
				"userName": name, "displayName": textAt(u, "displayName"),
				"firstName":        textAt(u, "name", "givenName"),
				"lastName":         textAt(u, "name", "familyName"),
				"email":            typed(u, "emails", "work"),
				"officePhone":      typed(u, "phoneNumbers", "work"),
				"mobilePhone":      typed(u, "phoneNumbers", "mobile"),
				"scimSyncJobTitle": textAt(u, "title"),
			},
		}
		if u["active"] == false {
			x.State = "suspended"
		}
		x.ManagerID = textAt(u, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
			"manager", "value")
		list = append(list, x)
	})
	return list, err
}

func textAt(v map[string]any, path ...string) string {
	for _, name := range path[:len(path)-1] {
		v, _ = v[name].(map[string]any)
	}
	s, _ := v[path[len(path)-1]].(string)
	return s
}

// typed returns the value of a type in a multi-valued attribute.
func typed(u map[string]any, attribute, kind string) string {
	list, _ := u[attribute].([]any)
	for _, v := range list {
		if m, ok := v.(map[string]any); ok && m["type"] == kind {
			return textAt(m, "value")
		}
	}
	return ""
}

// group returns the name of a group, or of a role that gives one, as it is in the
// files and at the server: at somebody else's it has the scenario's tag, so that
// no group of theirs is ever taken for the scenario's.
func (w *world) group(name string) string {
	if w.scimOnly() {
		return w.name(name)
	}
	return name
}

// roles does so for those of a person, which semicolons separate.
func (w *world) roles(list string) string {
	names := strings.Split(list, ";")
	for i, name := range names {
		if name != "" {
			names[i] = w.group(name)
		}
	}
	return strings.Join(names, ";")
}

// rule returns a rule of an app with the groups and roles in it as [world.group]
// has them.
func (w *world) rule(rule map[string]any) map[string]any {
	if !w.scimOnly() {
		return rule
	}
	rule = maps.Clone(rule)
	if pattern, ok := rule["set_groups_from_roles"].(string); ok {
		rule["set_groups_from_roles"] = "(?:" + pattern + ")" + regexp.QuoteMeta(w.name(""))
	}
	if names, ok := rule["set_groups"].([]any); ok {
		tagged := make([]any, len(names))
		for i, name := range names {
			tagged[i] = w.group(fmt.Sprint(name))
		}
		rule["set_groups"] = tagged
	}
	conditions, _ := rule["if"].([]any)
	conditions = slices.Clone(conditions)
	for i, c := range conditions {
		condition, _ := c.(map[string]any)
		condition = maps.Clone(condition)
		for _, key := range []string{"role", "not_role"} {
			if name, ok := condition[key].(string); ok {
				condition[key] = w.group(name)
			}
		}
		conditions[i] = condition
	}
	if len(conditions) > 0 {
		rule["if"] = conditions
	}
	return rule
}

// remoteGroups returns the groups that the scenario made.
func (w *world) remoteGroups(ctx context.Context, instance string) ([]appGroup, error) {
	users, err := w.remoteUsers(ctx, instance)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string)
	for _, u := range users {
		names[u.ID] = u.Fields["userName"]
	}
	var list []appGroup
	err = w.remotePages(ctx, instance, "/Groups", func(g map[string]any) {
		id := fmt.Sprint(g["id"])
		if !w.made[id] && !w.recorder.MadeGroup(id) {
			return // somebody else's, made before or meanwhile
		}
		x := appGroup{ID: id, DisplayName: textAt(g, "displayName")}
		members, _ := g["members"].([]any)
		for _, v := range members {
			if m, ok := v.(map[string]any); ok {
				x.Members = append(x.Members,
					appMember{Name: names[textAt(m, "value")], Type: "User"})
			}
		}
		list = append(list, x)
	})
	return list, err
}

// remoteUserByHand makes an account from the columns of usersByHand.
func (w *world) remoteUserByHand(
	ctx context.Context, instance string, row map[string]string,
) error {
	u := map[string]any{"schemas": []string{userURN}, "userName": w.name(row["User Name"])}
	name := make(map[string]any)
	for column, value := range row {
		switch {
		case value == "" || column == "User Name":
		case column == "First Name":
			name["givenName"] = value
		case column == "Last Name":
			name["familyName"] = value
		case column == "Email":
			u["emails"] = []any{map[string]any{"value": value, "type": "work", "primary": true}}
		case column == "Job Title":
			u["title"] = value
		case column == "Office Phone":
			u["phoneNumbers"] = []any{map[string]any{"value": value, "type": "work"}}
		default:
			return w.lacks(administration)
		}
	}
	if len(name) > 0 {
		u["name"] = name
	}
	_, err := w.remote(ctx, instance, http.MethodPost, "/Users", u)
	return err
}

func (w *world) remoteGroupByHand(ctx context.Context, instance, group, member string) error {
	g := map[string]any{"schemas": []string{groupURN}, "displayName": w.group(group)}
	if member != "" {
		u, err := w.theUser(ctx, instance, member)
		if err != nil {
			return err
		}
		g["members"] = []any{map[string]any{"value": u.ID}}
	}
	answer, err := w.remote(ctx, instance, http.MethodPost, "/Groups", g)
	if err == nil {
		w.made[textAt(answer, "id")] = true
	}
	return err
}

// remoteDoes suspends, reactivates or deletes an account past the provider.
func (w *world) remoteDoes(ctx context.Context, what, userName, instance string) error {
	u, err := w.theUser(ctx, instance, userName)
	if err != nil {
		return err
	}
	path := "/Users/" + u.ID
	if what == "deletes" {
		_, err = w.remote(ctx, instance, http.MethodDelete, path, nil)
		return err
	}
	whole, err := w.remote(ctx, instance, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	delete(whole, "meta")
	delete(whole, "groups")
	whole["active"] = what == "reactivates"
	_, err = w.remote(ctx, instance, http.MethodPut, path, whole)
	return err
}

// remoteCleanUp deletes what a scenario left at its instances.
func (w *world) remoteCleanUp(ctx context.Context) {
	if !w.scimOnly() {
		return // the instances are the scenario's own
	}
	w.recorder.Wait()
	for instance := range w.keys {
		groups, err := w.remoteGroups(ctx, instance)
		if err == nil {
			for _, g := range groups {
				_, _ = w.remote(ctx, instance, http.MethodDelete, "/Groups/"+g.ID, nil)
			}
		}
		users, err := w.remoteUsers(ctx, instance)
		if err == nil {
			for _, u := range users {
				_, _ = w.remote(ctx, instance, http.MethodDelete, "/Users/"+u.ID, nil)
			}
		}
	}
}
