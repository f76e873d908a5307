package conformance_test

import (
	"net/http"
	"testing"

	"github.com/google/go-github/v88/github"

	"muster/features/peers"
)

// TestForeignClient: a client that others made, for another server, creates,
// finds, reads and deletes users here, and lists groups.
func TestForeignClient(t *testing.T) {
	t.Parallel()
	client, stop, err := peers.GitHub(startMuster(t).instance(t, "acme"))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	c := client.SCIM
	ctx := t.Context()

	created, _, err := c.ProvisionAndInviteSCIMUser(ctx, "acme", &github.SCIMUserAttributes{
		UserName: "anna@acme.example", DisplayName: github.Ptr("Anna Novák"),
		ExternalID: github.Ptr("ext-1"), Active: github.Ptr(true),
		Name: github.SCIMUserName{GivenName: "Anna", FamilyName: "Novák"},
		Emails: []*github.SCIMUserEmail{
			{Value: "anna@acme.example", Primary: github.Ptr(true), Type: github.Ptr("work")},
		},
		Groups: []string{}, Schemas: []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
	})
	if err != nil || created.ID == nil || created.UserName != "anna@acme.example" ||
		created.Name.FamilyName != "Novák" || *created.Meta.ResourceType != "User" {
		t.Fatalf("create: %+v, %v", created, err)
	}
	found, _, err := c.ListSCIMProvisionedIdentities(ctx, "acme",
		&github.ListSCIMProvisionedIdentitiesOptions{
			Filter: github.Ptr(`userName eq "ANNA@acme.example"`),
		})
	if err != nil || *found.TotalResults != 1 || *found.Resources[0].ID != *created.ID ||
		*found.StartIndex != 1 {
		t.Fatalf("find: %+v, %v", found, err)
	}
	none, _, err := c.ListSCIMProvisionedIdentities(ctx, "acme",
		&github.ListSCIMProvisionedIdentitiesOptions{Filter: github.Ptr(`userName eq "nobody"`)})
	if err != nil || *none.TotalResults != 0 {
		t.Fatalf("find nobody: %+v, %v", none, err)
	}
	read, _, err := c.GetSCIMProvisioningInfoForUser(ctx, "acme", *created.ID)
	if err != nil || *read.DisplayName != "Anna Novák" || *read.ExternalID != "ext-1" ||
		read.Emails[0].Value != "anna@acme.example" || !*read.Active {
		t.Fatalf("read: %+v, %v", read, err)
	}
	groups, _, err := client.Enterprise.ListProvisionedSCIMGroups(ctx, "acme", nil)
	if err != nil || *groups.TotalResults != 0 {
		t.Fatalf("groups: %+v, %v", groups, err)
	}
	if _, err := c.DeleteSCIMUserFromOrg(ctx, "acme", *created.ID); err != nil {
		t.Fatalf("delete: %v", err)
	}
	if _, res, err := c.GetSCIMProvisioningInfoForUser(ctx, "acme", *created.ID); err == nil ||
		res.StatusCode != http.StatusNotFound {
		t.Fatalf("read what is deleted: %v", err)
	}
}
