package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"muster/simulator/username"
)

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

func groupPath(id string) string { return "/Groups/" + url.PathEscape(id) }

// FindGroup looks a group up by its name, without its members. It returns
// nil if there is none.
func (c *Client) FindGroup(ctx context.Context, displayName string) (*Group, error) {
	var found list[Group]
	err := c.do(ctx, http.MethodGet,
		"/Groups?excludedAttributes=members&filter="+url.QueryEscape(equals("displayName",
			displayName)), nil, &found)
	if Status(err) == http.StatusNotFound || err == nil && len(found.Resources) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	g, err := theOne("group", displayName, found, func(g Group) string { return g.DisplayName },
		sameGroup)
	if errors.Is(err, ErrFilterIgnored) {
		return c.searchGroup(ctx, displayName)
	}
	if err != nil || g.ID == "" {
		return nil, err
	}
	return &g, nil
}

func sameGroup(a, b string) bool { return username.Fold(a) == username.Fold(b) }

// searchGroup looks for a group among all, at a server that ignores filters.
func (c *Client) searchGroup(ctx context.Context, displayName string) (*Group, error) {
	var found list[Group]
	err := c.Groups(ctx, func(g Group) error {
		if sameGroup(g.DisplayName, displayName) {
			found.Resources = append(found.Resources, g)
		}
		return nil
	})
	if err != nil || len(found.Resources) == 0 {
		return nil, err
	}
	g, err := theOne("group", displayName, found, func(g Group) string { return g.DisplayName },
		sameGroup)
	if err != nil {
		return nil, err
	}
	return &g, nil
}

// CreateGroup creates a group. The first member is in it only if the provider
// creates no empty groups.
func (c *Client) CreateGroup(ctx context.Context, displayName, firstMember string) (*Group, error) {
	body := c.o.Profile.group(displayName)
	if c.o.Profile.GroupsHaveMembers {
		body["members"] = []any{map[string]any{"value": firstMember}}
	}
	var g Group
	if err := c.do(ctx, http.MethodPost, "/Groups", body, &g); err != nil {
		return nil, err
	}
	switch {
	case g.ID == "":
		return nil, errors.New("the server created a group, and its answer has no id")
	case g.DisplayName != "" && !sameGroup(g.DisplayName, displayName):
		wanted, got := username.Differ(displayName, g.DisplayName)
		return nil, fmt.Errorf("the server was asked to create the group %s, and answered with %s "+
			"(id %s): look there at what it did", wanted, got, g.ID)
	}
	return &g, nil
}

// DeleteGroup deletes a group. One that is not there is no error.
func (c *Client) DeleteGroup(ctx context.Context, id string) error {
	return c.delete(ctx, groupPath(id))
}

// AddMember adds a user to a group.
func (c *Client) AddMember(ctx context.Context, groupID, userID string) error {
	return c.do(ctx, http.MethodPatch, groupPath(groupID),
		c.o.Profile.members(c.o.Profile, "add", userID), nil)
}

// RemoveMember takes a user out of a group.
func (c *Client) RemoveMember(ctx context.Context, groupID, userID string) error {
	return c.do(ctx, http.MethodPatch, groupPath(groupID),
		c.o.Profile.members(c.o.Profile, "remove", userID), nil)
}

// Groups calls yield with every group of the server, its members included:
// OneLogin's refresh of entitlements leaves nothing out.
func (c *Client) Groups(ctx context.Context, yield func(Group) error) error {
	return pages(ctx, c, "/Groups", yield)
}
