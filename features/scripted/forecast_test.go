package scripted_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// outcomesOf runs a command that prints a report as JSON, whatever its end, and
// returns what came of whom.
func (p *provider) outcomesOf(args string) map[string]string {
	p.t.Helper()
	out, _ := p.cmd(append(strings.Fields(args), "--json")...).Output()
	var r struct {
		Items []struct{ Key, Outcome string }
		Waves []struct {
			Items []struct{ Key, Outcome string }
		}
	}
	if err := json.Unmarshal(out, &r); err != nil {
		p.t.Fatalf("%s: %v\n%s", args, err, out)
	}
	got := make(map[string]string)
	for _, w := range r.Waves {
		r.Items = append(r.Items, w.Items...)
	}
	for _, item := range r.Items {
		got[item.Key] = item.Outcome
	}
	return got
}

// TestForecastsComeTrue looks for people who come, leave, are renamed, suspended
// and hired again, for whom a dry run foretells something else than what the
// cycle then does.
func TestForecastsComeTrue(t *testing.T) {
	onEach(t, func(t *testing.T, at, _ *target) {
		random := rand.New(rand.NewPCG(16, 2026))
		p := newProvider(t, at, "id,username,roles\n")
		for round := range 25 {
			p.account("Acme",
				"      when_deleted: "+[]string{"delete", "suspend", "do_nothing"}[random.IntN(3)])
			p.users(randomPeople(random))
			arrivals := p.outcomesOf("preflight --account account.yaml --app acme")
			foretold := p.outcomesOf("sync --dry-run")
			if happened := p.outcomesOf("sync --concurrency 3"); !maps.Equal(foretold, happened) {
				t.Errorf("round %d: foretold %v, and happened %v, of\n%s", round, foretold,
					happened, read(t, p, "users.csv"))
			}
			for key, outcome := range arrivals {
				if foretold[key] != outcome {
					t.Errorf("round %d: preflight foretold that %s is %s, and happened %s, of\n%s",
						round, key, outcome, foretold[key], read(t, p, "users.csv"))
				}
			}
			if again := p.outcomesOf("sync"); hasOther(again, "conflict", "failed") {
				t.Errorf("round %d: a second cycle does %v", round, again)
			}
		}
	})
}

// TestFixesLeadThere: what a preflight tells one to do leads to a pickup; a name
// that the file of the users cannot hold is not told to be put there.
func TestFixesLeadThere(t *testing.T) {
	onEach(t, func(t *testing.T, at, _ *target) {
		for _, name := range []string{"an-na@acme.example", "ben@acme.example "} {
			at.send("POST", "/Users", map[string]any{
				"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": name,
			})
		}
		people := "id,username,roles\n1,anna@acme.example,Staff\n2,ben@acme.example,Staff\n"
		p := newProvider(t, at, people)
		p.run(1, "preflight --account account.yaml --app acme",
			"id 1: set the username to an-na@acme.example",
			"rename the account 'ben@acme.example ' at the application to 'ben@acme.example'")
		p.users(strings.Replace(people, "anna@", "an-na@", 1))
		_, ids := at.users()
		at.send("PATCH", "/Users/"+ids["ben@acme.example "], map[string]any{
			"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
			"Operations": []any{
				map[string]any{"op": "replace", "path": "userName", "value": "ben@acme.example"},
			},
		})
		if got := p.outcomes("sync"); got["picked up"] != 2 || len(got) != 1 {
			t.Errorf("got %v", got)
		}
	})
}

func hasOther(outcomes map[string]string, allowed ...string) bool {
	for _, o := range outcomes {
		if !slices.Contains(allowed, o) {
			return true
		}
	}
	return false
}

// randomPeople draws some of eight people, with user names that they pass on to
// each other.
func randomPeople(random *rand.Rand) string {
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	random.Shuffle(len(names), func(i, j int) {
		if random.IntN(3) == 0 {
			names[i], names[j] = names[j], names[i]
		}
	})
	var b strings.Builder
	b.WriteString("id,username,title,status,roles\n")
	for i, name := range names {
		if random.IntN(4) == 0 {
			continue // not there
		}
		status, role := "1", "Staff"
		if random.IntN(6) == 0 {
			status = "2"
		}
		if random.IntN(8) == 0 {
			role = ""
		}
		fmt.Fprintf(&b, "%d,%s@acme.example,T%d,%s,%s\n", i+1, name, random.IntN(3), status, role)
	}
	return b.String()
}
