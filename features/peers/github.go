package peers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"

	"muster/features/harness"

	"github.com/google/go-github/v88/github"
)

const gitHubModule = "github.com/google/go-github/v88"

// GitHub returns the SCIM client of go-github, unmodified. It was written for
// another server, whose paths begin otherwise: a proxy maps those, and nothing
// else, until stop is called.
func GitHub(target harness.Target) (c *github.Client, stop func(), err error) {
	u, err := url.Parse(target.BaseURL)
	if err != nil {
		return nil, nil, err
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(&url.URL{Scheme: u.Scheme, Host: u.Host})
		for _, prefix := range []string{
			"/api/v3/scim/v2/organizations/acme", "/api/v3/scim/v2/enterprises/acme",
		} {
			if rest, ok := strings.CutPrefix(p.In.URL.Path, prefix); ok {
				p.Out.URL.Path = u.Path + rest
			}
		}
	}})
	c, err = github.NewClient(github.WithAuthToken(target.Token),
		github.WithEnterpriseURLs(proxy.URL, proxy.URL))
	return c, proxy.Close, err
}

// gitHub tries one call after the other, and counts what is there after each.
type gitHub struct {
	*Suite
	c           *github.Client
	user, group string
}

func runGitHub(ctx context.Context, target harness.Target) (*Suite, error) {
	m, err := find(ctx, gitHubModule)
	if err != nil {
		return nil, err
	}
	c, stop, err := GitHub(target)
	if err != nil {
		return nil, err
	}
	defer stop()
	g := &gitHub{
		Suite: &Suite{Name: "go-github's SCIM client", Module: m.Path, Version: m.Version}, c: c,
	}
	for _, call := range []struct {
		name string
		f    func(context.Context) error
	}{
		{"ProvisionSCIMUser", g.createUser},
		{"ListProvisionedSCIMUsers", g.listUsers},
		{"SetProvisionedSCIMUser", g.setUser},
		{"UpdateSCIMUserAttribute", g.updateUser},
		{"ProvisionSCIMGroup", g.createGroup},
		{"ListProvisionedSCIMGroups", g.listGroups},
		{"UpdateSCIMGroupAttribute", g.updateGroup},
		{"SetProvisionedSCIMGroup", g.setGroup},
		{"DeleteSCIMGroup", g.deleteGroup},
		{"DeleteSCIMUser", g.deleteUser},
		{"ProvisionAndInviteSCIMUser", g.organization},
	} {
		g.add(call.name, call.f(ctx))
	}
	for _, name := range []string{"UpdateProvisionedOrgMembership", "UpdateAttributeForSCIMUser"} {
		g.Cases = append(g.Cases, Case{
			Name: name, LeftOut: "the client sends no body: it puts the attributes into the URL",
		})
	}
	return g.Suite, nil
}

var userSchemas = []string{github.SCIMSchemasURINamespacesUser}

func (g *gitHub) createUser(ctx context.Context) error {
	u, _, err := g.c.Enterprise.ProvisionSCIMUser(ctx, "acme", github.SCIMEnterpriseUserAttributes{
		UserName: "peer-gh@acme.example", DisplayName: "Peer", ExternalID: "peer-gh", Active: true,
		Schemas: userSchemas,
		Name:    &github.SCIMEnterpriseUserName{GivenName: "Pe", FamilyName: "Er"},
		Emails: []*github.SCIMEnterpriseUserEmail{
			{Value: "peer-gh@acme.example", Primary: true, Type: "work"},
		},
		Roles: []*github.SCIMEnterpriseUserRole{{Value: "user", Primary: github.Ptr(false)}},
	})
	if err != nil {
		return err
	}
	g.user = *u.ID
	return want(u.UserName == "peer-gh@acme.example" && u.Name.FamilyName == "Er" &&
		len(u.Emails) == 1 && len(u.Roles) == 1, "got %+v", u)
}

func (g *gitHub) listUsers(ctx context.Context) error {
	for filter, n := range map[string]int{
		`userName eq "PEER-GH@acme.example"`: 1, `externalId eq "peer-gh"`: 1,
		`externalId eq "PEER-GH"`: 0,
	} {
		list, _, err := g.c.Enterprise.ListProvisionedSCIMUsers(ctx, "acme",
			&github.ListProvisionedSCIMUsersEnterpriseOptions{
				Filter: &filter, Count: github.Ptr(30),
			})
		if err == nil {
			err = want(*list.TotalResults == n && len(list.Resources) == n, "%s finds %d", filter,
				len(list.Resources))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *gitHub) setUser(ctx context.Context) error {
	u, _, err := g.c.Enterprise.SetProvisionedSCIMUser(ctx, "acme", g.user,
		github.SCIMEnterpriseUserAttributes{
			UserName: "peer-gh@acme.example", DisplayName: "Peer II", ExternalID: "peer-gh",
			Active: true, Schemas: userSchemas,
			Name: &github.SCIMEnterpriseUserName{GivenName: "Pe", FamilyName: "Two"},
			Emails: []*github.SCIMEnterpriseUserEmail{
				{Value: "two@acme.example", Primary: true, Type: "work"},
			},
		})
	if err != nil {
		return err
	}
	return want(u.DisplayName == "Peer II" && len(u.Emails) == 1 &&
		u.Emails[0].Value == "two@acme.example" && len(u.Roles) == 0, "got %+v", u)
}

func (g *gitHub) updateUser(ctx context.Context) error {
	_, _, err := g.c.Enterprise.UpdateSCIMUserAttribute(ctx, "acme", g.user,
		github.SCIMEnterpriseAttribute{
			Schemas: []string{github.SCIMSchemasURINamespacesPatchOp},
			Operations: []*github.SCIMEnterpriseAttributeOperation{
				{
					Op: "replace", Path: github.Ptr("emails[type eq 'work'].value"),
					Value: "three@acme.example",
				},
			},
		})
	var refused *github.ErrorResponse
	if !errors.As(err, &refused) || refused.Response.StatusCode != http.StatusBadRequest {
		return fmt.Errorf("single quotes are no JSON string, and are taken: %w", err)
	}
	u, _, err := g.c.Enterprise.UpdateSCIMUserAttribute(ctx, "acme", g.user,
		github.SCIMEnterpriseAttribute{
			Schemas: []string{github.SCIMSchemasURINamespacesPatchOp},
			Operations: []*github.SCIMEnterpriseAttributeOperation{
				{Op: "replace", Path: github.Ptr("active"), Value: false},
				{Op: "replace", Path: github.Ptr("name.givenName"), Value: "Pat"},
			},
		})
	if err != nil {
		return err
	}
	return want(!u.Active && u.Name.GivenName == "Pat" && u.Name.FamilyName == "Two" &&
		len(u.Emails) == 1, "got %+v", u)
}

func (g *gitHub) createGroup(ctx context.Context) error {
	created, _, err := g.c.Enterprise.ProvisionSCIMGroup(ctx, "acme",
		github.SCIMEnterpriseGroupAttributes{
			DisplayName: github.Ptr("Peers"), ExternalID: github.Ptr("peers"),
			Schemas: []string{github.SCIMSchemasURINamespacesGroups},
			Members: []*github.SCIMEnterpriseDisplayReference{
				{Value: g.user, Display: github.Ptr("Peer II")},
			},
		})
	if err != nil {
		return err
	}
	g.group = *created.ID
	return g.members(ctx, 1)
}

func (g *gitHub) listGroups(ctx context.Context) error {
	list, _, err := g.c.Enterprise.ListProvisionedSCIMGroups(ctx, "acme",
		&github.ListProvisionedSCIMGroupsEnterpriseOptions{
			Filter: github.Ptr(`displayName eq "peers"`), ExcludedAttributes: github.Ptr("members"),
		})
	if err != nil {
		return err
	}
	return want(len(list.Resources) == 1 && *list.Resources[0].ID == g.group &&
		len(list.Resources[0].Members) == 0, "got %+v", list)
}

// members counts the members of the group.
func (g *gitHub) members(ctx context.Context, n int) error {
	read, _, err := g.c.Enterprise.GetProvisionedSCIMGroup(ctx, "acme", g.group, nil)
	if err != nil {
		return err
	}
	return want(len(read.Members) == n, "the group has %d members, want %d", len(read.Members), n)
}

func (g *gitHub) updateGroup(ctx context.Context) error {
	member := []any{map[string]any{"value": g.user}}
	for _, change := range []struct {
		operation github.SCIMEnterpriseAttributeOperation
		members   int
	}{
		{
			github.SCIMEnterpriseAttributeOperation{
				Op: "remove", Path: github.Ptr("members"), Value: member,
			}, 0,
		},
		{
			github.SCIMEnterpriseAttributeOperation{
				Op: "add", Path: github.Ptr("members"), Value: member,
			}, 1,
		},
		{
			github.SCIMEnterpriseAttributeOperation{
				Op: "replace", Path: github.Ptr("displayName"), Value: "Peers II",
			}, 1,
		},
	} {
		_, _, err := g.c.Enterprise.UpdateSCIMGroupAttribute(ctx, "acme", g.group,
			github.SCIMEnterpriseAttribute{
				Schemas:    []string{github.SCIMSchemasURINamespacesPatchOp},
				Operations: []*github.SCIMEnterpriseAttributeOperation{&change.operation},
			})
		if err == nil {
			err = g.members(ctx, change.members)
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", change.operation.Op, *change.operation.Path, err)
		}
	}
	return nil
}

func (g *gitHub) setGroup(ctx context.Context) error {
	_, _, err := g.c.Enterprise.SetProvisionedSCIMGroup(ctx, "acme", g.group,
		github.SCIMEnterpriseGroupAttributes{
			DisplayName: github.Ptr("Peers III"),
			Schemas:     []string{github.SCIMSchemasURINamespacesGroups},
		})
	if err != nil {
		return err
	}
	return g.members(ctx, 0)
}

func (g *gitHub) deleteGroup(ctx context.Context) error {
	if _, err := g.c.Enterprise.DeleteSCIMGroup(ctx, "acme", g.group); err != nil {
		return err
	}
	_, res, err := g.c.Enterprise.GetProvisionedSCIMGroup(ctx, "acme", g.group, nil)
	return want(err != nil && res.StatusCode == http.StatusNotFound, "the group is still there: %v",
		err)
}

func (g *gitHub) deleteUser(ctx context.Context) error {
	if _, err := g.c.Enterprise.DeleteSCIMUser(ctx, "acme", g.user); err != nil {
		return err
	}
	_, res, err := g.c.Enterprise.GetProvisionedSCIMUser(ctx, "acme", g.user)
	return want(err != nil && res.StatusCode == http.StatusNotFound, "the user is still there: %v",
		err)
}

// organization is the older part of the client.
func (g *gitHub) organization(ctx context.Context) error {
	u, _, err := g.c.SCIM.ProvisionAndInviteSCIMUser(ctx, "acme", &github.SCIMUserAttributes{
		UserName: "peer-org@acme.example", Schemas: userSchemas, Groups: []string{},
		Name: github.SCIMUserName{GivenName: "Or", FamilyName: "G"},
		Emails: []*github.SCIMUserEmail{
			{Value: "peer-org@acme.example", Primary: github.Ptr(true), Type: github.Ptr("work")},
		},
	})
	if err != nil {
		return err
	}
	read, _, err := g.c.SCIM.GetSCIMProvisioningInfoForUser(ctx, "acme", *u.ID)
	if err != nil {
		return err
	}
	if _, err := g.c.SCIM.DeleteSCIMUserFromOrg(ctx, "acme", *u.ID); err != nil {
		return err
	}
	return want(read.Name.GivenName == "Or" && *read.Active && len(read.Emails) == 1, "got %+v",
		read)
}

func want(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}
