package report_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"muster/simulator/client"
	"muster/simulator/cycle"
	"muster/simulator/directory"
	"muster/simulator/report"
	"muster/simulator/rollout"
)

var update = flag.Bool("update", false, "write the golden files anew")

// result is a rehearsal that went wrong in its second wave. The names hold
// what must be escaped on a page.
func result() *rollout.Result {
	return &rollout.Result{
		Rollout: "A <small> rollout", Account: "Acme", App: "acme",
		BaseURL: "http://127.0.0.1:8080/scim/v2", Instance: "acme",
		Began: time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC), Seconds: 1.25, People: 5, Planned: 3,
		Waves: []*rollout.WaveResult{
			{
				Position: 1, Name: "Pilot", People: 2, Passed: true, Problems: []string{},
				Cycle: &cycle.Report{
					App: "acme", Seconds: 0.5, Requests: 9, GroupsCreated: []string{"Team A"},
					GroupsMatched: []string{"Board"},
					Items: []cycle.Item{
						{
							User: "anna@acme.example", Action: cycle.Provision,
							Outcome: cycle.PickedUp, Detail: "assigned to the app",
							Joined: []string{"Board"},
						},
						{
							User: "o'brien@acme.example", Action: cycle.Provision,
							Outcome: cycle.Created, Detail: "assigned to the app",
							Joined: []string{"Team A"}, Exchanges: exchanges(),
						},
					},
				},
				Expectations: []rollout.Expectation{
					{What: "picked up", Expected: "1", Got: "1", Met: true},
				},
				Check: &rollout.Check{
					Users: 3, Groups: 2, Compared: 2, Memberships: 2, Untouched: 1,
					Problems: []string{},
					Assertions: []rollout.Expectation{
						{
							What: "state of anna@acme.example", Expected: "active", Got: "active",
							Met: true,
						},
					},
				},
				Forecast: forecast(),
				Surprises: []rollout.Surprise{
					{
						User: "o'brien@acme.example", Foretold: cycle.Created,
						Happened: cycle.Created, NearMiss: "obrien",
					},
				},
			},
			{
				Position: 2, Name: "Everybody <else>", People: 5,
				Problems: []string{"conflict: <b>@acme.example: 409 uniqueness: taken"},
				Cycle: &cycle.Report{
					App: "acme", Seconds: 0.75, Requests: 20,
					Items: []cycle.Item{
						{
							User: "<b>@acme.example", Action: cycle.Provision,
							Outcome: cycle.Conflict,
							Detail: "409 uniqueness: userName is taken: a user of another " +
								"instance has it; choose another, or have the other " +
								"instance give it up",
						},
						{
							User: "carl@acme.example", Action: cycle.Suspend,
							Outcome: cycle.Suspended, Detail: "suspended in the provider",
							Left: []string{"Team A"},
						},
					},
				},
				Expectations: []rollout.Expectation{{What: "created", Expected: "1", Got: "0"}},
				Check: &rollout.Check{
					Users: 4, Groups: 2, Compared: 3, Memberships: 1, Untouched: 1,
				},
			},
		},
		Problems: []string{
			"wave 2, Everybody <else>: conflict: <b>@acme.example: 409 uniqueness: taken",
			"stopped after wave 2 of 3; put it right and go on with --resume",
		},
	}
}

// exchanges are requests with what must not become markup.
func exchanges() []client.Exchange {
	at := time.Date(2026, 11, 24, 9, 30, 0, 5e6, time.UTC)
	return []client.Exchange{
		{
			At: at, Method: "POST", Path: "/Users",
			Request: `{"userName":"o'brien@acme.example",` +
				`"displayName":"</pre><script>alert(1)</script>"}`,
			Status: 201, Answer: `{"id":"7"}`, Milliseconds: 3.25,
		},
		{At: at, Method: "PATCH", Path: "/Groups/1", Error: "connection refused", Milliseconds: 1},
	}
}

func forecast() *rollout.Forecast {
	return &rollout.Forecast{
		Wave: "Pilot", Position: 1, People: 2, PickedUp: 1, Created: 1,
		GroupsMatched: []string{"Board"}, GroupsCreated: []string{"Team A"},
		Items: []rollout.Foretold{
			{Key: "1", User: "anna@acme.example", Outcome: cycle.PickedUp},
			{Key: "2", User: "o'brien@acme.example", Outcome: cycle.Created, NearMiss: "obrien"},
		},
		Findings: []rollout.Finding{
			{
				Severity: rollout.Note, Kind: "manager",
				Text: "1 people have a manager who does not arrive with them",
			},
			{
				Severity: rollout.Problem, Kind: "near miss", User: "o'brien@acme.example",
				Text: "there is an account 'obrien'",
				Fix:  "rename it:\nmuster-server user update-field",
			},
		},
		Expectations: []rollout.Expectation{{What: "picked up", Expected: "2", Got: "1"}},
	}
}

func TestGolden(t *testing.T) {
	planned := result()
	planned.Waves, planned.Planned, planned.Problems, planned.AsPlanned = planned.Waves[:1], 1, nil,
		true
	dry := &cycle.Report{App: "acme", DryRun: true, Seconds: 0.1, Requests: 2, Items: []cycle.Item{{
		User: "anna@acme.example", Action: cycle.Update, Outcome: cycle.Updated,
		Detail: "changed in the provider",
		Changes: []client.Difference{
			{Path: "title", New: "Analyst"}, {Path: "name.familyName", Old: "Nowak", New: "Novák"},
		},
	}}}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"stopped.txt":  func(b *bytes.Buffer) error { return report.Rehearsal(b, result()) },
		"planned.txt":  func(b *bytes.Buffer) error { return report.Rehearsal(b, planned) },
		"stopped.html": func(b *bytes.Buffer) error { return report.HTML(b, result()) },
		"stopped.md":   func(b *bytes.Buffer) error { return report.Markdown(b, result()) },
		"stopped.xml":  func(b *bytes.Buffer) error { return report.JUnit(b, result()) },
		"preflight.txt": func(b *bytes.Buffer) error {
			return report.Preflight(b, &rollout.Preflight{
				Rollout: "A rollout", App: "acme", Profile: "onelogin",
				BaseURL: "http://127.0.0.1:8080/scim/v2", Instance: "acme", Users: 3, Groups: 1,
				Seconds: 0.02,
				Findings: []rollout.Finding{
					{Severity: rollout.Warning, Kind: "attribute", Text: "title is blank\x1b[31m"},
				}, Waves: []*rollout.Forecast{forecast()},
			})
		},
		"rollback.txt": func(b *bytes.Buffer) error {
			return report.RolledBack(b, &rollout.RolledBack{
				Rollout: "A rollout", Position: 1, Wave: "Pilot", Seconds: 0.1,
				Deleted: []string{"a", "b"}, Problems: []string{"c: 500: oops"},
			})
		},
		"drift.txt": func(b *bytes.Buffer) error {
			return report.Cycle(b,
				&cycle.Report{
					App: "acme", Unchanged: 7, Unsupported: []string{"members of groups"},
					Quarantine: "5 of 6 users failed", Items: []cycle.Item{{
						User: "anna@acme.example", Action: cycle.Reapply, Outcome: cycle.Corrected,
						Detail: "changed at the application", Joined: []string{"Board"},
						Changes: []client.Difference{{Path: "title", Old: "Boss", New: "Analyst"}},
					}},
				})
		},
		"list.csv": func(b *bytes.Buffer) error { return report.List(b, result()) },
		"held.txt": func(b *bytes.Buffer) error {
			return report.Cycle(b,
				&cycle.Report{
					App: "acme", Held: 12, Limit: 10, Stopped: "401: the token is another one",
					Items: []cycle.Item{
						{User: "anna@acme.example", Action: cycle.Delete, Outcome: cycle.Waiting},
						{
							User: "ben@acme.example", Action: cycle.Update, Outcome: cycle.Drifted,
							Detail: "it is called otherwise",
						},
					},
				})
		},
		"imported.txt": func(b *bytes.Buffer) error {
			return report.Imported(b, report.Import{
				From: "hr.csv",
				Found: &directory.Found{
					Encoding: "UTF-16", Delimiter: "tab", Preset: "Okta", Custom: []string{"Shoe"},
					Notes: []string{"the column is odd"},
				},
				Into: "users.csv", Before: 3, DryRun: true, Changes: []directory.Change{
					{
						Kind: directory.Changed, Key: "1", User: "anna",
						Fields: []directory.FieldChange{{Field: "title", Old: "T1"}},
					}, {Kind: directory.Added, Key: "2", User: "ben"},
				},
			})
		},
		"profiles.txt": func(b *bytes.Buffer) error {
			return report.Profiles(b, client.Profiles())
		},
		"stopped.json": func(b *bytes.Buffer) error { return report.JSON(b, result()) },
		"cycle.txt": func(b *bytes.Buffer) error {
			return report.Cycle(b, result().Waves[1].Cycle)
		},
		"dry-run.txt": func(b *bytes.Buffer) error { return report.Cycle(b, dry) },
		"empty.txt": func(b *bytes.Buffer) error {
			return report.Cycle(b, &cycle.Report{App: "acme", Instance: "acme"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := write(&got); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("differs from %s; look at it with go test ./simulator/report -update, "+
					"and git diff", path)
			}
		})
	}
}

// TestCycleJSON: written an item at a time, it is the same.
func TestCycleJSON(t *testing.T) {
	for _, r := range []*cycle.Report{
		result().Waves[0].Cycle, result().Waves[1].Cycle, {App: "<items>", Items: []cycle.Item{}},
	} {
		var streamed, whole bytes.Buffer
		if err := errors.Join(report.CycleJSON(&streamed, r), report.JSON(&whole, r)); err != nil {
			t.Fatal(err)
		}
		if streamed.String() != whole.String() {
			t.Errorf("got\n%s\nwant\n%s", streamed.String(), whole.String())
		}
	}
}
