package console

import (
	"context"
	"fmt"
	"time"

	"muster/screen"
	"muster/server/administration"
	"muster/server/history"
	"muster/server/instance"
)

// showInstances lists the instances that the person looks after.
func (v *visit) showInstances() error {
	if v.person.Instance != "" {
		v.scope.Instance = &instance.Instance{Slug: v.person.Instance}
		return v.Go(v.first(), "")
	}
	list, err := v.console.Admin.ListInstances(v.Context())
	if err != nil {
		return err
	}
	return v.Show("instances", "Instances", struct {
		Instances []administration.Instance
		First     string
	}{list, map[bool]string{true: "", false: "/history"}[v.person.Role.May(reader)]})
}

// first is the first page of the instance that the person may see.
func (v *visit) first() string {
	if v.person.Role.May(reader) {
		return v.path("")
	}
	return v.path("history")
}

// showAccount shows who is signed in, and asks whether everywhere is to be signed out.
func (v *visit) showAccount() error {
	return v.Show("account", "Your sessions", v.person)
}

// wants is something that wants attention.
type wants struct {
	Text, Cure, URL string
}

type overview struct {
	administration.Instance
	BaseURL   string
	Suspended int
	Pending   int
	Wants     []wants
	// LastUsed and LastAddress are of the API key that was used last.
	LastUsed    *time.Time
	LastAddress string
	Latest      []*history.Entry
	Path        string
}

// showOverview shows how an instance is, and what wants attention.
func (v *visit) showOverview() error {
	ctx, admin := v.Context(), v.console.Admin
	d, err := admin.ShowInstance(ctx, v.scope)
	if err != nil {
		return err
	}
	o := overview{Instance: d, BaseURL: v.console.SCIM, Path: v.path("")}
	for _, count := range []struct {
		look administration.Look
		to   *int
	}{
		{administration.Look{State: "suspended"}, &o.Suspended},
		{administration.Look{Pending: true}, &o.Pending},
	} {
		if *count.to, err = admin.CountUsers(ctx, v.scope, count.look); err != nil {
			return err
		}
	}
	keys, err := admin.ListKeys(ctx, v.scope)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.LastUsed != nil && (o.LastUsed == nil || k.LastUsed.After(*o.LastUsed)) {
			o.LastUsed, o.LastAddress = k.LastUsed, k.LastAddress
		}
	}
	rows, _, err := admin.HistoryPage(ctx, v.scope, administration.HistoryQuery{Limit: looked})
	if err != nil {
		return err
	}
	if o.Wants, err = v.wants(ctx, &o, keys, failedRules(rows)); err != nil {
		return err
	}
	o.Latest = rows[:min(latest, len(rows))]
	return v.Show("overview", "Overview", o)
}

// recent is how far back what went wrong wants attention.
const recent = 7 * 24 * time.Hour

// wants returns what wants attention, with what to do about it; rulesFailed is for how
// many of the latest changes rules could not do their work.
func (v *visit) wants(
	ctx context.Context, o *overview, held []administration.Key, rulesFailed int,
) (list []wants, err error) {
	add := func(url, cure, format string, args ...any) {
		list = append(list, wants{fmt.Sprintf(format, args...), cure, url})
	}
	if !o.SCIM {
		add("", "Another edition has it.", "The edition %s has no user provisioning.", o.Edition)
	}
	from := time.Now().Add(-recent).UTC().Format(time.RFC3339)
	for _, outcome := range []string{"refused", "failed"} {
		rows, more, err := v.console.Admin.HistoryPage(ctx, v.scope,
			administration.HistoryQuery{Outcome: outcome, From: from, Limit: 99})
		if err != nil {
			return nil, err
		}
		if n := len(rows); n > 0 {
			add(v.path("history")+"?outcome="+outcome, "See why.", "%s %s within the last week.",
				requests(n, more != ""), outcome)
		}
	}
	if rulesFailed > 0 {
		add(v.path("rules"), "See the rules; add what is missing under Objects.",
			"Workflow rules could not do their work for %d of the latest changes.", rulesFailed)
	}
	if o.Pending > 0 {
		add(v.path("users")+"?pending=yes", "They are linked when the manager arrives.",
			"%s for a manager who is not here.", verb(o.Pending, "user waits", "users wait"))
	}
	valid := 0
	keys := func(id ...string) string { // who may not see it is not led there
		if !v.person.Role.May(administrator) {
			return ""
		}
		return v.path("keys", id...)
	}
	for _, k := range held {
		if k.State != "valid" {
			continue
		}
		valid++
		if left := time.Until(k.Expires); left < administration.ExpiryWindow {
			add(keys(k.ID), "An owner rotates it.", "The API key %s of %s expires on %s.", k.ID,
				k.User, k.Expires.UTC().Format(time.DateOnly))
		}
	}
	if valid == 0 {
		add(keys(), "An owner creates one.", "There is no valid API key: no provider can reach "+
			"this instance.")
	}
	last, err := v.console.Admin.Verified(ctx, v.scope)
	switch {
	case err != nil:
		return nil, err
	case last == nil:
		add(v.path("history/verify"), "Verify it.", "The change history was never verified.")
	case time.Since(last.Time) > 4*recent:
		add(v.path("history/verify"), "Verify it.", "The change history was verified last on %s.",
			last.Time.Format(time.DateOnly))
	}
	return list, nil
}

// Of the history the overview shows the latest rows, and looks at more of them for rules
// that failed: what a rule could not do stands in the row of the change that fired it.
const latest, looked = 8, 200

func failedRules(rows []*history.Entry) (n int) {
	for _, e := range rows {
		if e.Target.Type == "User" && e.Outcome == history.Done && ruleFailed(e) {
			n++
		}
	}
	return n
}

func requests(n int, more bool) string {
	switch {
	case more:
		return fmt.Sprintf("More than %d requests were", n)
	case n == 1:
		return "1 request was"
	}
	return fmt.Sprintf("%d requests were", n)
}

func verb(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// showSettings is the guide's page Settings → Extensions.
func (v *visit) showSettings() error {
	v.Trail = []screen.Link{{Text: "Settings"}, {Text: "Extensions"}}
	return v.Show("settings", "Extensions", struct {
		Path string
		Role instance.AdminRole
	}{v.path(""), v.person.Role})
}
