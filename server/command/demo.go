package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"muster/server/httpapi"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
)

const (
	demoInstance = "demo"
	// User names are unique across instances: "scim-sync" is what others take.
	demoUser = "scim-sync-demo"
)

// demo makes the instance demo with an API key, and a few accounts that were
// made by hand. If the instance is there already, it stays as it is; one that
// could not be finished is. The key comes last.
// public is where the server is reached; database is the value of the flag.
func (a *application) demo(ctx context.Context, public, database string) error {
	base := public + httpapi.Base
	i, err := a.admin.Instances.BySlug(ctx, demoInstance)
	if errors.Is(err, instance.ErrNotFound) {
		i, err = a.admin.Instances.Create(ctx,
			instance.Instance{
				Slug: demoInstance, Name: "Demonstration", Environment: instance.Sandbox,
			}, administrator())
	}
	if err != nil {
		return err
	}
	keys, err := a.admin.Instances.Keys(ctx, i)
	if err != nil {
		return err
	}
	link, err := a.signInURL(ctx, public, instance.Person{Name: administrator().Name})
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return a.finishDemo(ctx, i, base, link)
	}
	valid := 0
	for _, k := range keys {
		if k.State(time.Now()) == "valid" {
			valid++
		}
	}
	if !strings.HasPrefix(database, "sqlite:") {
		database = `"$MUSTER_DATABASE"` // a URL may hold a password
	}
	return a.line(`Base URL   %s
Instance   %s, as it was left; %d valid API key(s)
Console    %s
           (this link signs you in once, within ten minutes)

A key is shown once only. For a new one:
  %s key create --instance %s --user %s --database %s
`, base, i.Slug, valid, link, os.Args[0], i.Slug, demoUser, database)
}

// finishDemo makes what the instance does not have yet.
func (a *application) finishDemo(
	ctx context.Context, i *instance.Instance, base, link string,
) error {
	sc := provisioning.Scope{Instance: i, Actor: administrator()}
	accounts := []provisioning.Account{
		{
			Fields: mapping.Fields{mapping.UserName: demoUser}, Integration: true,
			Role: instance.LiteAdmin,
		},
		{Fields: mapping.Fields{
			mapping.UserName: "ada@demo.example", mapping.DisplayName: "Ada Lovelace",
			mapping.FirstName: "Ada", mapping.LastName: "Lovelace",
			mapping.Email: "ada@demo.example", mapping.ScimSyncJobTitle: "Analyst",
		}, Role: instance.PlainUser},
		{Fields: mapping.Fields{
			mapping.UserName: "chinua@demo.example", mapping.DisplayName: "Chinua Achebe",
			mapping.FirstName: "Chinua", mapping.LastName: "Achebe",
			mapping.Email: "chinua@demo.example", mapping.DirectManager: "ada@demo.example",
		}, Role: instance.PlainUser},
	}
	var ids []string
	for _, account := range accounts {
		u, err := a.admin.Users.UserByName(ctx, sc, account.Fields[mapping.UserName])
		if errors.Is(err, instance.ErrNotFound) {
			u, err = a.admin.Users.AddUser(ctx, sc, account)
		}
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		if !account.Integration {
			ids = append(ids, u.ID)
		}
	}
	_, err := a.admin.ShowGroup(ctx, sc, "Analysts")
	if errors.Is(err, instance.ErrNotFound) {
		_, err = a.admin.Users.AddGroup(ctx, sc, "Analysts", ids[:1])
	}
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	_, key, err := a.admin.Instances.CreateKey(ctx, i, instance.KeyRequest{UserName: demoUser},
		sc.Actor)
	if err != nil {
		return err
	}
	return a.line(`Base URL   %s
Instance   %s (%s edition, %s)
API key    %s
Console    %s
           (this link signs you in once, within ten minutes)

The key is shown this once. Try it:
  curl -H 'Authorization: Bearer %s' '%s/Users'
`, base, i.Slug, i.Edition, i.Environment, key, link, key, base)
}
