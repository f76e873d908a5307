package report_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"muster/simulator/client"
	"muster/simulator/cycle"
	"muster/simulator/report"
	"muster/simulator/rollout"
)

var update = flag.Bool("update", false, "write the golden files anew")

// result is a rehearsal that went wrong in its second wave. The names hold
// what must be escaped on a page.
func result() *rollout.Result {
	return &rollout.Result{
		Rollout: "A <small> rollout", Account: "Acme", App: "acme", BaseURL: "http://127.0.0.1:8080/scim/v2", Instance: "acme",
		Began: time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC), Seconds: 1.25, People: 5, Planned: 3,
		Waves: []*rollout.WaveResult{
			{
				Position: 1, Name: "Pilot", People: 2, Passed: true, Problems: []string{},
				Cycle: &cycle.Report{
					App: "acme", Seconds: 0.5, Requests: 9, GroupsCreated: []string{"Team A"}, GroupsMatched: []string{"Board"},
					Items: []cycle.Item{
						{User: "anna@acme.example", Action: cycle.Provision, Outcome: cycle.PickedUp, Detail: "assigned to the app", Joined: []string{"Board"}},
						{User: "o'brien@acme.example", Action: cycle.Provision, Outcome: cycle.Created, Detail: "assigned to the app", Joined: []string{"Team A"}},
					},
				},
				Expectations: []rollout.Expectation{{What: "picked up", Expected: "1", Got: "1", Met: true}},
				Check:        &rollout.Check{Users: 3, Groups: 2, Compared: 2, Memberships: 2, Untouched: 1},
			},
			{
				Position: 2, Name: "Everybody <else>", People: 5, Problems: []string{"conflict: <b>@acme.example: 409 uniqueness: taken"},
				Cycle: &cycle.Report{
					App: "acme", Seconds: 0.75, Requests: 20,
					Items: []cycle.Item{
						{User: "<b>@acme.example", Action: cycle.Provision, Outcome: cycle.Conflict, Detail: "409 uniqueness: userName is taken: a user of another instance has it; choose another, or have the other instance give it up"},
						{User: "carl@acme.example", Action: cycle.Suspend, Outcome: cycle.Suspended, Detail: "suspended in the provider", Left: []string{"Team A"}},
					},
				},
				Expectations: []rollout.Expectation{{What: "created", Expected: "1", Got: "0"}},
				Check:        &rollout.Check{Users: 4, Groups: 2, Compared: 3, Memberships: 1, Untouched: 1},
			},
		},
		Problems: []string{"wave 2, Everybody <else>: conflict: <b>@acme.example: 409 uniqueness: taken", "stopped after wave 2 of 3; put it right and go on with --resume"},
	}
}

func TestGolden(t *testing.T) {
	planned := result()
	planned.Waves, planned.Planned, planned.Problems, planned.AsPlanned = planned.Waves[:1], 1, nil, true
	dry := &cycle.Report{App: "acme", DryRun: true, Seconds: 0.1, Requests: 2, Items: []cycle.Item{{
		User: "anna@acme.example", Action: cycle.Update, Outcome: cycle.Updated, Detail: "changed in the provider",
		Changes: []client.Difference{{Path: "title", New: "Analyst"}, {Path: "name.familyName", Old: "Nowak", New: "Novák"}},
	}}}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"stopped.txt":  func(b *bytes.Buffer) error { return report.Rehearsal(b, result()) },
		"planned.txt":  func(b *bytes.Buffer) error { return report.Rehearsal(b, planned) },
		"stopped.html": func(b *bytes.Buffer) error { return report.HTML(b, result()) },
		"stopped.json": func(b *bytes.Buffer) error { return report.JSON(b, result()) },
		"cycle.txt":    func(b *bytes.Buffer) error { return report.Cycle(b, result().Waves[1].Cycle) },
		"dry-run.txt":  func(b *bytes.Buffer) error { return report.Cycle(b, dry) },
		"empty.txt":    func(b *bytes.Buffer) error { return report.Cycle(b, &cycle.Report{App: "acme", Instance: "acme"}) },
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
				t.Errorf("differs from %s; look at it with -update and git diff:\n%s", path, got.String())
			}
		})
	}
}
