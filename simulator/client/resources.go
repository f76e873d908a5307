package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"muster/simulator/username"
)

// User is a user as the server returns it: any SCIM attributes.
type User map[string]any

// ID returns the id.
func (u User) ID() string { return text(u["id"]) }

// UserName returns the userName.
func (u User) UserName() string { return text(u["userName"]) }

// Active reports whether the user is not suspended.
func (u User) Active() bool { return u["active"] != false }

// FullName returns the given and the family name, or else the display name.
func (u User) FullName() string {
	name, _ := u["name"].(map[string]any)
	if full := strings.TrimSpace(text(name["givenName"]) + " " +
		text(name["familyName"])); full != "" {
		return full
	}
	return text(u["displayName"])
}

// Email returns the primary e-mail address, or else the first.
func (u User) Email() string {
	list, _ := u["emails"].([]any)
	first := ""
	for _, x := range list {
		m, _ := x.(map[string]any)
		if first == "" {
			first = text(m["value"])
		}
		if m["primary"] == true {
			return text(m["value"])
		}
	}
	return first
}

// Version returns the version in meta.
func (u User) Version() string {
	meta, _ := u["meta"].(map[string]any)
	return text(meta["version"])
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

type list[T any] struct {
	TotalResults int `json:"totalResults"`
	Resources    []T `json:"Resources"`
}

// namesAtOnce is how many user names are asked for by one request.
const namesAtOnce = 40

// UserNames returns the user names of accounts by their ids; one that is not
// there is not in the answer. It asks for many at once, and one by one only at
// a server that does not answer that.
func (c *Client) UserNames(ctx context.Context, ids []string) (map[string]string, error) {
	names := make(map[string]string, len(ids))
	for some := range slices.Chunk(ids, namesAtOnce) {
		terms := make([]string, len(some))
		for i, id := range some {
			terms[i] = equals("id", id)
		}
		var found list[User]
		query := "/Users?attributes=userName&count=" + strconv.Itoa(len(some)) + "&filter=" +
			url.QueryEscape(strings.Join(terms, " or "))
		err := c.do(ctx, http.MethodGet, query, nil, &found)
		var answer *Error
		if err != nil && (!errors.As(err, &answer) || answer.Refused()) {
			return nil, err
		}
		for _, u := range found.Resources {
			if slices.Contains(some, u.ID()) && u.UserName() != "" {
				names[u.ID()] = u.UserName()
			}
		}
		for _, id := range some {
			if names[id] != "" {
				continue
			}
			u, err := c.GetUser(ctx, id)
			if err != nil {
				return nil, err
			}
			if u != nil && u.ID() == id {
				names[id] = u.UserName()
			}
		}
	}
	return names, nil
}

// equals writes a filter.
func equals(attribute, value string) string {
	return attribute + ` eq "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// FindUser looks a user up by userName, and returns nil if there is none.
func (c *Client) FindUser(ctx context.Context, userName string) (User, error) {
	var found list[User]
	err := c.do(ctx, http.MethodGet,
		"/Users?filter="+url.QueryEscape(equals("userName", userName))+c.o.Profile.LookupTail, nil,
		&found)
	switch {
	case Status(err) == http.StatusNotFound:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return theOne("user", userName, found, User.UserName, username.Equal)
}

// theOne returns the resource of a lookup that has the name: exactly, or else
// in a form that is the same. An answer that holds others only comes from a
// server that ignores the filter: whether the name is there, it does not say.
func theOne[T any](
	what, name string, answer list[T], nameOf func(T) string, same func(a, b string) bool,
) (T, error) {
	var none T
	var matches []T
	for _, r := range answer.Resources {
		if nameOf(r) == name {
			return r, nil
		}
		if same(nameOf(r), name) {
			matches = append(matches, r)
		}
	}
	switch {
	case len(matches) == 1:
		return matches[0], nil
	case len(matches) > 1:
		return none, fmt.Errorf("the lookup of the %s %s found %d of that name, and none is "+
			"spelled so: which is meant cannot be told",
			what, username.Quote(name), len(matches))
	case len(answer.Resources) > 0:
		asked, found := username.Differ(name, nameOf(answer.Resources[0]))
		return none, fmt.Errorf("the lookup of the %s %s found %s: %w", what, asked, found,
			ErrFilterIgnored)
	}
	return none, nil
}

// ErrFilterIgnored says that a lookup was answered with something else.
var ErrFilterIgnored = errors.New("the server seems to ignore the filter")

// GetUser reads a user, and returns nil if there is none of that id.
func (c *Client) GetUser(ctx context.Context, id string) (User, error) {
	var u User
	err := c.do(ctx, http.MethodGet, userPath(id), nil, &u)
	if Status(err) == http.StatusNotFound {
		return nil, nil
	}
	return u, err
}

func userPath(id string) string { return "/Users/" + url.PathEscape(id) }

// CreateUser creates a user.
func (c *Client) CreateUser(ctx context.Context, body map[string]any) (User, error) {
	body = c.o.Profile.user(body)
	if c.o.Profile.create != nil {
		c.o.Profile.create(body)
	}
	var u User
	if err := c.do(ctx, http.MethodPost, "/Users", body, &u); err != nil {
		return nil, err
	}
	sent := text(body["userName"])
	switch {
	case u.ID() == "":
		return nil, errors.New("the server created a user, and its answer has no id")
	case !username.Equal(u.UserName(), sent):
		wanted, got := username.Differ(sent, u.UserName())
		return nil, fmt.Errorf("the server was asked to create the user %s, and answered with %s "+
			"(id %s): look there at what it did", wanted, got, u.ID())
	}
	return u, nil
}

// ReplaceUser replaces a user, whatever the profile does.
func (c *Client) ReplaceUser(ctx context.Context, id string, body map[string]any) error {
	return c.do(ctx, http.MethodPut, userPath(id)+c.o.Profile.PutTail, c.o.Profile.user(body), nil)
}

// UpdateUser changes a user from what was there, or was sent before, to what
// the template gives, as the provider does it.
func (c *Client) UpdateUser(ctx context.Context, id string, before, body map[string]any) error {
	return c.change(ctx, c.o.Profile.Update, id, before, body)
}

// SetActive suspends a user or takes one up again, as the provider does it.
// The body is the whole user, with "active" in it.
func (c *Client) SetActive(ctx context.Context, id string, before, body map[string]any) error {
	if _, sent := body["active"]; !sent && c.o.Profile.Deactivate == PatchActive {
		return c.UpdateUser(ctx, id, before, body)
	}
	return c.change(ctx, c.o.Profile.Deactivate, id, before, body)
}

func (c *Client) change(
	ctx context.Context, how Method, id string, before, body map[string]any,
) error {
	p := c.o.Profile
	var operations []any
	switch how {
	case ReadAndPut:
		whole, err := c.GetUser(ctx, id)
		if err != nil {
			return err
		}
		if whole == nil {
			return &Error{
				Method: http.MethodGet, Status: http.StatusNotFound,
				Detail: "there is no user " + id,
			}
		}
		for name := range before {
			if _, stays := body[name]; !stays {
				delete(whole, name)
			}
		}
		maps.Copy(whole, p.user(body))
		return c.do(ctx, http.MethodPut, userPath(id), whole, nil)
	case PatchActive:
		operations = []any{
			map[string]any{
				"op":    p.operation("replace"),
				"value": map[string]any{"active": p.user(body)["active"]},
			},
		}
	case PatchValues:
		operations = p.values(p.user(before), p.user(body))
	case PatchAttributes:
		operations = p.attributes(p.user(before), p.user(body))
	default:
		return c.ReplaceUser(ctx, id, body)
	}
	if len(operations) == 0 {
		return nil
	}
	return c.do(ctx, http.MethodPatch, userPath(id), patch(operations...), nil)
}

// DeleteUser deletes a user. One that is not there is no error.
func (c *Client) DeleteUser(ctx context.Context, id string) error {
	return c.delete(ctx, userPath(id))
}

func (c *Client) delete(ctx context.Context, path string) error {
	err := c.do(ctx, http.MethodDelete, path, nil, nil)
	if Status(err) == http.StatusNotFound {
		return nil
	}
	return err
}

// pageSize is how many resources OneLogin asks for at once.
const pageSize = 100

// Users calls yield with every user of the server.
func (c *Client) Users(ctx context.Context, yield func(User) error) error {
	return pages(ctx, c, "/Users", yield)
}

func pages[T any](ctx context.Context, c *Client, path string, yield func(T) error) error {
	for start := 1; ; {
		var page list[T]
		query := "?count=" + strconv.Itoa(pageSize) + "&startIndex=" + strconv.Itoa(start)
		if err := c.do(ctx, http.MethodGet, path+query, nil, &page); err != nil {
			return err
		}
		for _, r := range page.Resources {
			if err := yield(r); err != nil {
				return err
			}
		}
		start += len(page.Resources)
		if len(page.Resources) == 0 || start > page.TotalResults {
			return nil
		}
	}
}
