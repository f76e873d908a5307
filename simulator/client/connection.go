package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
)

// Probe looks up a user who does not exist, as OneLogin does when an
// administrator clicks Enable. An empty list passes, and so does 404; found
// is false then, because a wrong base URL gives the same. Nothing is written.
func (c *Client) Probe(ctx context.Context) (found bool, err error) {
	return c.probe(ctx, "never-existing-user")
}

func (c *Client) probe(ctx context.Context, userName string) (found bool, err error) {
	var answer list[User]
	err = c.do(ctx, http.MethodGet, "/Users?filter="+url.QueryEscape(equals("userName", userName)),
		nil, &answer)
	if Status(err) == http.StatusNotFound {
		return false, nil
	}
	if err == nil && len(answer.Resources) > 0 {
		err = errors.New("the server found a user who does not exist: it seems to ignore the " +
			"filter, and lookups would go wrong")
	}
	return err == nil, err
}

// TestConnection does what the provider does when an administrator enables
// an app. All but JumpCloud only look up who does not exist; JumpCloud
// creates a user and a group, and deletes them.
func (c *Client) TestConnection(ctx context.Context) (found bool, err error) {
	switch c.o.Profile.Name {
	case "entra":
		if found, err = c.probe(ctx, uuid.NewString()); err == nil {
			_, err = c.FindGroup(ctx, uuid.NewString())
		}
		return found, err
	case "jumpcloud":
		return true, c.tryOut(ctx)
	}
	return c.Probe(ctx)
}

// tryOut creates a user and a group and deletes them.
func (c *Client) tryOut(ctx context.Context) error {
	name := "jumpcloud-test-" + uuid.NewString()
	u, err := c.CreateUser(ctx, map[string]any{
		"schemas": []any{coreUser}, "userName": name + "@jumpcloud.example", "active": true,
		"name": map[string]any{"givenName": "Test", "familyName": "User"},
	})
	if err != nil {
		return err
	}
	g, err := c.CreateGroup(ctx, name, u.ID())
	if err == nil {
		err = c.DeleteGroup(ctx, g.ID)
	}
	return errors.Join(err, c.DeleteUser(ctx, u.ID()))
}

// Self returns what the server calls itself: the instance that it names in
// its answers, or else the location of its configuration (Section 5 of RFC
// 7643); empty if it says neither.
func (c *Client) Self(ctx context.Context) (string, error) {
	var config struct {
		Meta struct {
			Location string `json:"location"`
		} `json:"meta"`
	}
	err := c.do(ctx, http.MethodGet, "/ServiceProviderConfig", nil, &config)
	var answer *Error
	switch {
	case c.Instance() != "":
		return "instance " + c.Instance(), nil
	case errors.As(err, &answer) && !answer.Refused():
		return "", nil // it has none
	}
	return config.Meta.Location, err
}

// Schemas returns the paths of all attributes that the server publishes, in
// lower case, such as name.givenname, and those of extensions behind their
// URN and a colon; and with true those that it requires.
func (c *Client) Schemas(ctx context.Context) (map[string]bool, error) {
	type attribute struct {
		Name          string
		Required      bool
		Mutability    string
		SubAttributes []struct{ Name string }
	}
	var found list[struct {
		ID         string
		Attributes []attribute
	}]
	if err := c.do(ctx, http.MethodGet, "/Schemas", nil, &found); err != nil {
		return nil, err
	}
	paths := map[string]bool{"schemas": false, "externalid": false, "id": false}
	for _, schema := range found.Resources {
		prefix := ""
		if !strings.HasPrefix(schema.ID, "urn:ietf:params:scim:schemas:core:") {
			prefix = strings.ToLower(schema.ID) + ":"
		}
		for _, a := range schema.Attributes {
			name := prefix + strings.ToLower(a.Name)
			paths[name] = a.Required && a.Mutability != "readOnly" && schema.ID == coreUser
			for _, sub := range a.SubAttributes {
				paths[name+"."+strings.ToLower(sub.Name)] = false
			}
		}
	}
	return paths, nil
}
