package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// User is a user as the server returns it: any SCIM attributes.
type User map[string]any

// ID returns the id.
func (u User) ID() string { return text(u["id"]) }

// UserName returns the userName.
func (u User) UserName() string { return text(u["userName"]) }

// Active reports whether the user is not suspended.
func (u User) Active() bool { return u["active"] != false }

// Version returns the version in meta.
func (u User) Version() string {
	meta, _ := u["meta"].(map[string]any)
	return text(meta["version"])
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// Group is a group as the server returns it.
type Group struct {
	ID          string   `json:"id"`
	DisplayName string   `json:"displayName"`
	Members     []Member `json:"members"`
}

// Member is a member of a group.
type Member struct {
	Value string `json:"value"`
}

type list[T any] struct {
	TotalResults int `json:"totalResults"`
	Resources    []T `json:"Resources"`
}

// TestConnection does what OneLogin does when an administrator clicks
// Enable: it looks up a user who does not exist. An empty list passes, and
// so does 404; found is false then, because a wrong base URL gives the same.
// Nothing is written.
func (c *Client) TestConnection(ctx context.Context) (found bool, err error) {
	var answer list[User]
	err = c.do(ctx, http.MethodGet, "/Users?filter="+url.QueryEscape(`userName eq "never-existing-user"`), nil, &answer)
	if Status(err) == http.StatusNotFound {
		return false, nil
	}
	if err == nil && len(answer.Resources) > 0 {
		err = errors.New("the server found a user who does not exist: it seems to ignore the filter, and lookups would go wrong")
	}
	return err == nil, err
}

// FindUser looks a user up by userName, and returns nil if there is none.
func (c *Client) FindUser(ctx context.Context, userName string) (User, error) {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(userName)
	var found list[User]
	// The trailing & is OneLogin's.
	err := c.do(ctx, http.MethodGet, "/Users?filter="+url.QueryEscape(`userName eq "`+quoted+`"`)+"&", nil, &found)
	switch {
	case Status(err) == http.StatusNotFound:
		return nil, nil
	case err != nil:
		return nil, err
	case len(found.Resources) > 1:
		return nil, fmt.Errorf("the lookup of %q found %d users; a User Name must be unique", userName, len(found.Resources))
	case len(found.Resources) == 0:
		return nil, nil
	}
	return found.Resources[0], nil
}

// CreateUser creates a user.
func (c *Client) CreateUser(ctx context.Context, body map[string]any) (User, error) {
	var u User
	if err := c.do(ctx, http.MethodPost, "/Users", body, &u); err != nil {
		return nil, err
	}
	if u.ID() == "" {
		return nil, errors.New("the server created a user, and its answer has no id")
	}
	return u, nil
}

// ReplaceUser replaces a user.
func (c *Client) ReplaceUser(ctx context.Context, id string, body map[string]any) error {
	return c.do(ctx, http.MethodPut, "/Users/"+url.PathEscape(id), body, nil)
}

// DeleteUser deletes a user. One that is not there is no error.
func (c *Client) DeleteUser(ctx context.Context, id string) error {
	err := c.do(ctx, http.MethodDelete, "/Users/"+url.PathEscape(id), nil, nil)
	if Status(err) == http.StatusNotFound {
		return nil
	}
	return err
}

// CreateGroup creates a group without members.
func (c *Client) CreateGroup(ctx context.Context, displayName string) (*Group, error) {
	var g Group
	err := c.do(ctx, http.MethodPost, "/Groups", map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": displayName,
	}, &g)
	if err == nil && g.ID == "" {
		err = errors.New("the server created a group, and its answer has no id")
	}
	return &g, err
}

// AddMember adds a user to a group, and RemoveMember takes one out.
func (c *Client) AddMember(ctx context.Context, groupID, userID string) error {
	return c.patchMembers(ctx, groupID, "add", userID)
}

// RemoveMember takes a user out of a group.
func (c *Client) RemoveMember(ctx context.Context, groupID, userID string) error {
	return c.patchMembers(ctx, groupID, "remove", userID)
}

func (c *Client) patchMembers(ctx context.Context, groupID, op, userID string) error {
	return c.do(ctx, http.MethodPatch, "/Groups/"+url.PathEscape(groupID), map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []any{
			map[string]any{"op": op, "path": "members", "value": []any{map[string]any{"value": userID}}},
		},
	}, nil)
}

// pageSize is how many resources OneLogin asks for at once.
const pageSize = 100

// Users calls yield with every user of the server.
func (c *Client) Users(ctx context.Context, yield func(User) error) error {
	return pages(ctx, c, "/Users", yield)
}

// Groups calls yield with every group of the server, its members included:
// OneLogin's refresh of entitlements leaves nothing out.
func (c *Client) Groups(ctx context.Context, yield func(Group) error) error {
	return pages(ctx, c, "/Groups", yield)
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
