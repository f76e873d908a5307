package client

import (
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Profile is how one identity provider speaks SCIM: what is known of the
// requests that it sends. The zero value is no profile; see [ProfileNamed].
type Profile struct {
	// Name is how commands and accounts call it, Title how people do.
	Name  string `json:"name"`
	Title string `json:"title"`
	// UserAgent, Accept and ContentType are its headers.
	UserAgent   string `json:"userAgent"`
	Accept      string `json:"accept"`
	ContentType string `json:"contentType"`
	// LookupTail follows the filter when a user is looked up, PutTail the
	// path of a user who is replaced.
	LookupTail string `json:"-"`
	PutTail    string `json:"-"`
	// Update is how a user is changed, and Deactivate how one is suspended
	// or taken up again.
	Update     Method `json:"update"`
	Deactivate Method `json:"deactivate"`
	// NeverDeletes: who leaves is deactivated, and stays.
	NeverDeletes bool `json:"neverDeletes"`
	// ListsGroups: all groups are read, page by page. Others are looked up
	// by name.
	ListsGroups bool `json:"listsGroups"`
	// GroupsHaveMembers: a group is created with its first member, never
	// empty.
	GroupsHaveMembers bool `json:"groupsHaveMembers"`
	// QuarantineShare, in percent of at least QuarantineFailures, is when the
	// provider stops provisioning an app by itself; 0 is never.
	QuarantineShare    int `json:"quarantineShare,omitempty"`
	QuarantineFailures int `json:"quarantineFailures,omitempty"`

	operation func(op string) string
	user      func(body map[string]any) map[string]any
	create    func(body map[string]any)
	group     func(displayName string) map[string]any
	members   func(p *Profile, op, userID string) map[string]any
}

// Method is how a change of a user is sent.
type Method string

// The methods.
const (
	// Put replaces the user by what the template gives.
	Put Method = "put"
	// ReadAndPut reads the user and replaces him or her by what was read,
	// with the changes in it.
	ReadAndPut Method = "read and put"
	// PatchValues sends an operation for each value that changes.
	PatchValues Method = "patch values"
	// PatchAttributes sends a replace operation for each attribute that
	// changes, with its whole value.
	PatchAttributes Method = "patch attributes"
	// PatchActive sends {"active": …} in an operation without a path.
	PatchActive Method = "patch active"
)

// EnterpriseUser is the extension that has the manager, Section 4.3 of RFC
// 7643.
const EnterpriseUser = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

const (
	coreUser  = "urn:ietf:params:scim:schemas:core:2.0:User"
	coreGroup = "urn:ietf:params:scim:schemas:core:2.0:Group"
	patchOp   = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

	bothTypes = "application/scim+json, application/json"
	scimType  = "application/scim+json"
)

// Profiles returns all profiles. The first is the default.
func Profiles() []*Profile {
	same := func(s string) string { return s }
	return []*Profile{
		{
			Name: "onelogin", Title: "OneLogin (SCIM 2.0)",
			UserAgent: "muster-simulator (OneLogin)", Accept: bothTypes,
			ContentType: "application/json",
			LookupTail:  "&", Update: Put, Deactivate: Put, ListsGroups: true,
			operation: same, user: maps.Clone[map[string]any], group: newGroup,
			members: memberObjects,
		},
		{
			Name: "onelogin-1.1", Title: "OneLogin (SCIM 1.1)",
			UserAgent: "muster-simulator (OneLogin)", Accept: "application/json",
			ContentType: "application/json",
			LookupTail:  "&", PutTail: "?", Update: Put, Deactivate: Put, ListsGroups: true,
			operation: same, user: oneLogin11, group: group11, members: members11,
		},
		{
			Name: "okta", Title: "Okta", UserAgent: "Okta SCIM Client 1.0.0", Accept: scimType,
			ContentType: scimType + "; charset=utf-8",
			LookupTail:  "&startIndex=1&count=100", Update: ReadAndPut, Deactivate: PatchActive,
			NeverDeletes: true,
			operation:    same, user: booleans, create: oktaCreate, group: oktaGroup,
			members: oktaMembers,
		},
		{
			Name: "entra", Title: "Microsoft Entra ID", UserAgent: "muster-simulator (Entra ID)",
			Accept: scimType, ContentType: scimType,
			Update: PatchValues, Deactivate: PatchValues, QuarantineShare: 40,
			QuarantineFailures: 5000,
			operation:          capital, user: entra, group: entraGroup, members: entraMembers,
		},
		{
			Name: "jumpcloud", Title: "JumpCloud", UserAgent: "muster-simulator (JumpCloud)",
			Accept: bothTypes, ContentType: "application/json",
			Update: PatchAttributes, Deactivate: PatchAttributes, GroupsHaveMembers: true,
			operation: same, user: booleans, group: newGroup, members: bareMembers,
		},
	}
}

// ProfileNamed returns the profile of that name; no name is OneLogin's.
func ProfileNamed(name string) (*Profile, error) {
	all := Profiles()
	if name == "" {
		return all[0], nil
	}
	names := make([]string, len(all))
	for i, p := range all {
		if p.Name == name {
			return p, nil
		}
		names[i] = p.Name
	}
	return nil, fmt.Errorf("there is no profile %q; use one of %s", name, strings.Join(names, ", "))
}

func capital(op string) string { return strings.ToUpper(op[:1]) + op[1:] }

// truth reads what a template may give for "active".
func truth(v any) (value, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		switch strings.ToLower(v) {
		case "true", "1":
			return true, true
		case "false", "0", "2", "3":
			return false, true
		}
	}
	return false, false
}

// booleans gives "active" its type.
func booleans(body map[string]any) map[string]any {
	body = maps.Clone(body)
	if active, ok := truth(body["active"]); ok {
		body["active"] = active
	}
	return body
}

// oneLogin11 gives a user the shape of OneLogin's SCIM 1.1 connectors.
func oneLogin11(body map[string]any) map[string]any {
	const extension = "urn:scim:schemas:extension:enterprise:1.0"
	body = maps.Clone(body)
	schemas := []any{"urn:scim:schemas:core:1.0"}
	if e, ok := body[EnterpriseUser].(map[string]any); ok {
		e = maps.Clone(e)
		if m, ok := e["manager"].(map[string]any); ok {
			e["manager"] = map[string]any{"managerId": m["value"], "displayName": ""}
		}
		delete(body, EnterpriseUser)
		body[extension] = e
		schemas = append(schemas, extension)
	}
	body["schemas"] = schemas
	if list, ok := body["emails"].([]any); ok && len(list) == 1 {
		body["emails"] = list[0]
	}
	if active, ok := truth(body["active"]); ok {
		body["active"] = map[bool]string{true: "1", false: "2"}[active]
	}
	return body
}

// entra gives a user the shape that Entra ID sends.
func entra(body map[string]any) map[string]any {
	body = maps.Clone(body)
	if active, ok := truth(body["active"]); ok {
		body["active"] = map[bool]string{true: "True", false: "False"}[active]
	}
	if e, ok := body[EnterpriseUser].(map[string]any); ok {
		if m, ok := e["manager"].(map[string]any); ok {
			e = maps.Clone(e)
			e["manager"] = m["value"]
			body[EnterpriseUser] = e
		}
	}
	return body
}

// oktaCreate adds what Okta sends with a new user.
func oktaCreate(body map[string]any) {
	body["password"] = rand.Text()
	body["groups"] = []any{}
}

func newGroup(name string) map[string]any {
	return map[string]any{"schemas": []any{coreGroup}, "displayName": name}
}

func group11(name string) map[string]any {
	return map[string]any{"schemas": []any{"urn:scim:schemas:core:1.0"}, "displayName": name}
}

func oktaGroup(name string) map[string]any {
	g := newGroup(name)
	g["members"] = []any{}
	return g
}

func entraGroup(name string) map[string]any {
	g := newGroup(name)
	g["schemas"] = []any{
		coreGroup, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group",
	}
	return g
}

// patch returns a PATCH message.
func patch(operations ...any) map[string]any {
	return map[string]any{"schemas": []any{patchOp}, "Operations": operations}
}

func memberValues(p *Profile, op string, values ...any) map[string]any {
	return patch(map[string]any{"op": p.operation(op), "path": "members", "value": values})
}

func memberObjects(p *Profile, op, id string) map[string]any {
	return memberValues(p, op, map[string]any{"value": id})
}

func bareMembers(p *Profile, op, id string) map[string]any { return memberValues(p, op, id) }

func entraMembers(p *Profile, op, id string) map[string]any {
	return memberValues(p, op, map[string]any{"$ref": nil, "value": id})
}

func oktaMembers(p *Profile, op, id string) map[string]any {
	if op == "remove" {
		return patch(map[string]any{"op": op, "path": fmt.Sprintf("members[value eq %q]", id)})
	}
	return memberObjects(p, op, id)
}

func members11(_ *Profile, op, id string) map[string]any {
	m := map[string]any{"value": id}
	if op == "remove" {
		m["operation"] = "delete"
	}
	return map[string]any{"schemas": []any{"urn:scim:schemas:core:1.0"}, "members": []any{m}}
}

// values returns an operation for each value that differs. What was sent
// before and is sent no more is removed.
func (p *Profile) values(before, after map[string]any) []any {
	old, now := flat(before), flat(after)
	var operations []any
	whole := make(map[string]bool) // attributes whose values no path can tell apart
	add := func(op, path string, value any) {
		if i := strings.IndexByte(path, '['); i >= 0 && !strings.HasPrefix(path[i:], "[type eq ") {
			if top := path[:i]; !whole[top] {
				whole[top] = true
				operations = append(operations,
					map[string]any{"op": p.operation("replace"), "path": top, "value": after[top]})
			}
			return
		}
		o := map[string]any{"op": p.operation(op), "path": path}
		if op != "remove" {
			o["value"] = value
		}
		operations = append(operations, o)
	}
	for _, path := range slices.Sorted(maps.Keys(now)) {
		was, there := old[path]
		switch {
		case isSchemas(path) || strings.HasSuffix(path, "].type") || there &&
			fmt.Sprint(was) == fmt.Sprint(now[path]):
		case there:
			add("replace", path, now[path])
		default:
			add("add", path, now[path])
		}
	}
	for _, path := range slices.Sorted(maps.Keys(old)) {
		_, stays := now[path]
		if !stays && !isSchemas(path) && !strings.HasSuffix(path, "].type") &&
			!strings.HasSuffix(path, "].primary") {
			add("remove", path, nil)
		}
	}
	return operations
}

// attributes returns a replace operation for each attribute that differs.
func (p *Profile) attributes(before, after map[string]any) []any {
	var operations []any
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if name == "schemas" || equal(before[name], after[name]) {
			continue
		}
		extension, ok := after[name].(map[string]any)
		if !ok || !strings.HasPrefix(name, "urn:") {
			operations = append(operations,
				map[string]any{"op": p.operation("replace"), "path": name, "value": after[name]})
			continue
		}
		was, _ := before[name].(map[string]any)
		for _, part := range slices.Sorted(maps.Keys(extension)) {
			if !equal(was[part], extension[part]) {
				operations = append(operations, map[string]any{
					"op": p.operation("replace"), "path": name + ":" + part,
					"value": extension[part],
				})
			}
		}
		for _, part := range slices.Sorted(maps.Keys(was)) {
			if extension[part] == nil {
				operations = append(operations,
					map[string]any{"op": p.operation("remove"), "path": name + ":" + part})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, stays := after[name]; !stays && name != "schemas" {
			operations = append(operations,
				map[string]any{"op": p.operation("remove"), "path": name})
		}
	}
	return operations
}

// equal compares values of JSON by what they look like: "true" is true.
func equal(a, b any) bool {
	return maps.Equal(texts(a), texts(b))
}

func texts(v any) map[string]string {
	values, list := make(map[string]any), make(map[string]string)
	flatten(values, "", v)
	for path, x := range values {
		list[path] = fmt.Sprint(x)
	}
	return list
}
