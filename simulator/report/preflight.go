package report

import (
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"muster/simulator/client"
	"muster/simulator/rollout"
)

// Profiles lists providers for a person.
func Profiles(w io.Writer, list []*client.Profile) error {
	how := map[client.Method]string{
		client.Put:             "PUT of the whole template",
		client.ReadAndPut:      "GET, then PUT of the whole user",
		client.PatchValues:     "PATCH, an operation for each value",
		client.PatchAttributes: "PATCH, a replace for each attribute",
		client.PatchActive:     `PATCH {"active": …} without a path`,
	}
	rows := make([]table.Row, len(list))
	for i, p := range list {
		leaves := "DELETE"
		if p.NeverDeletes {
			leaves = "deactivates, never deletes"
		}
		rows[i] = table.Row{p.Name, p.Title, how[p.Update], how[p.Deactivate], leaves}
	}
	p := &printer{w: w}
	p.table(table.Row{"Profile", "Provider", "Changes users by", "Suspends by", "Who left"}, rows)
	return p.err
}

// Preflight writes for a person what a rollout would come to.
func Preflight(w io.Writer, r *rollout.Preflight) error {
	p := &printer{w: w}
	at := ""
	if r.Instance != "" {
		at = ", instance " + r.Instance
	}
	p.line("%s: what would happen", r.Rollout)
	p.line("App %s%s at %s, as %s: %s and %s read in %s. Nothing was written.", r.App, at,
		r.BaseURL, r.Profile, count(r.Users, "user"), count(r.Groups, "group"), seconds(r.Seconds))
	rows := make([]table.Row, len(r.Waves))
	rolledOut := 0
	for i, f := range r.Waves {
		planned := "-"
		if f.RolledOut != nil {
			rolledOut++
			planned = "already rolled out, " + f.RolledOut.Local().Format("2006-01-02 15:04")
		}
		if len(f.Expectations) > 0 {
			planned = "as planned"
		}
		for _, e := range f.Expectations {
			if !e.Met {
				planned = e.What + ": planned " + e.Expected
			}
		}
		rows[i] = table.Row{
			f.Wave, f.People, f.PickedUp, f.Created, f.Conflicts, f.Provisioned,
			len(f.GroupsMatched), len(f.GroupsCreated), planned,
		}
	}
	p.line("")
	p.table(table.Row{
		"Wave", "People", "Picked\nup", "Created", "Con-\nflicts", "There\nalready",
		"Groups\nmatched", "Groups\ncreated", "Plan",
	}, rows)
	findings(p, "The app", r.Findings)
	for _, f := range r.Waves {
		findings(p, f.Wave, slices.Concat(f.Findings, unmet(f)))
		withoutAccount(p, f)
	}
	p.line("")
	if rolledOut > 0 {
		p.line("%s of %d already rolled out.", count(rolledOut, "wave"), len(r.Waves))
	}
	if n := r.Problems(); n > 0 {
		p.line("%s to mend before the rollout.", count(n, "problem"))
	} else {
		p.line("Nothing stands in the way.")
	}
	return p.err
}

// unmet returns what the plan of a wave expects and the forecast does not have.
func unmet(f *rollout.Forecast) (list []rollout.Finding) {
	for _, e := range f.Expectations {
		if !e.Met {
			list = append(list, rollout.Finding{
				Severity: rollout.Problem, Kind: "plan",
				Text: e.What + ": planned " + e.Expected + ", foretold " + e.Got,
			})
		}
	}
	return list
}

// withoutAccount lists who of a wave that was rolled out is not provisioned.
func withoutAccount(p *printer, f *rollout.Forecast) {
	if f.RolledOut == nil || len(f.Items) == 0 {
		return
	}
	p.line("\n%s is rolled out; of its %d people these are not provisioned:", f.Wave, f.People)
	for i, item := range f.Items {
		if i == listed {
			p.line("  … and %d more, which --json lists", len(f.Items)-listed)
			break
		}
		p.line("  %s: the next cycle: %s", item.User, string(item.Outcome))
	}
}

// findings lists what was noticed, the worst first, with what to do.
func findings(p *printer, title string, list []rollout.Finding) {
	first := true
	for _, severity := range []rollout.Severity{rollout.Problem, rollout.Warning, rollout.Note} {
		for _, f := range list {
			if f.Severity != severity {
				continue
			}
			if first {
				p.line("\n%s:", title)
				first = false
			}
			who := ""
			if f.User != "" {
				who = f.User + ": "
			}
			p.line("  %-8s %s: %s%s", f.Severity, f.Kind, who, f.Text)
			if f.Fix != "" {
				p.line("           fix: %s", strings.ReplaceAll(f.Fix, "\n", "\n             "))
			}
		}
	}
}

// RolledBack writes for a person how a wave was taken back.
func RolledBack(w io.Writer, r *rollout.RolledBack) error {
	p := &printer{w: w}
	p.line("Wave %d of %s, %s, was taken back in %s:", r.Position, r.Rollout, r.Wave,
		seconds(r.Seconds))
	some := false
	for _, part := range []struct {
		what string
		list []string
	}{
		{"deleted", r.Deleted},
		{"suspended", r.Suspended},
		{"kept", r.Kept},
		{"as they were before", r.Restored},
		{"made again", r.MadeAgain},
		{"groups deleted", r.GroupsDeleted},
	} {
		if len(part.list) > 0 {
			some = true
			p.line("  %-22s %d", part.what, len(part.list))
		}
	}
	if !some {
		p.line("  nothing: the wave had changed nothing")
	}
	for _, problem := range r.Problems {
		p.line("  - %s", problem)
	}
	if len(r.Problems) > 0 {
		p.line("What failed stays to be taken back; run the command again.")
	}
	return p.err
}
