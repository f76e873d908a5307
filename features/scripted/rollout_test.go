package scripted_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"muster/features/harness/scripted"
)

const oneWave = `rollout: All
account: account.yaml
app: acme
waves:
  - name: Everybody
    users: {everybody: true}
`

// rehearsal is what the tests look at of a report.
type rehearsal struct {
	AsPlanned bool
	Problems  []string
	Waves     []struct {
		Passed, Resumed bool
		Cycle           struct {
			Items         []struct{ User, Outcome string }
			GroupsCreated []string
		}
	}
}

// rehearse runs a rehearsal, and reads its report.
func (p *provider) rehearse(code int, args string) rehearsal {
	p.t.Helper()
	path := filepath.Join(p.dir, "report.json")
	p.run(code, "rehearse --report "+path+" "+args)
	text, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	var r rehearsal
	if err := json.Unmarshal(text, &r); err != nil {
		p.t.Fatal(err)
	}
	return r
}

func (r rehearsal) count(outcome string) int {
	n := 0
	for _, item := range r.Waves[0].Cycle.Items {
		if item.Outcome == outcome {
			n++
		}
	}
	return n
}

// TestGateStaysShut: to resume with nothing mended opens no gate. It opens when
// the finding is gone, or accepted by name.
func TestGateStaysShut(t *testing.T) {
	onEach(t, func(t *testing.T, at, _ *target) {
		near := at.send("POST", "/Users", map[string]any{
			"schemas":  []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
			"userName": "an.na@acme.example",
		})
		p := newProvider(t, at, twoPeople)
		p.write("rollout.yaml", oneWave)
		for _, args := range []string{"", "--resume", "--resume"} {
			r := p.rehearse(1, args)
			if r.AsPlanned || r.Waves[0].Passed || len(r.Problems) == 0 ||
				!strings.Contains(r.Problems[0], "there is an.na@acme.example") {
				t.Errorf("rehearse %s: %+v", args, r)
			}
			if r.count("created") != 2 {
				t.Errorf("rehearse %s: the wave created %d, want 2", args, r.count("created"))
			}
		}
		p.write("rollout.yaml", oneWave+"    expect: {near_misses: [anna@acme.example]}\n")
		if r := p.rehearse(0, "--resume"); !r.AsPlanned || !r.Waves[0].Resumed {
			t.Errorf("accepted by name: %+v", r)
		}
		p.run(0, "rollback")
		p.write("rollout.yaml", oneWave)
		p.rehearse(1, "")
		at.send("DELETE", "/Users/"+near["id"].(string), nil)
		if r := p.rehearse(0, "--resume"); !r.AsPlanned {
			t.Errorf("the other account is gone: %+v", r)
		}
	})
}

// TestKilledInAWave: whenever the provider is killed, the wave that is resumed
// tells all that it did, and a rollback takes all of it back.
func TestKilledInAWave(t *testing.T) {
	people := "id,username,title,roles\n1,anna@x,A,Staff;Team A\n2,ben@x,B,Staff;Team " +
		"B\n3,carl@x,C,Staff;Team C\n"
	for _, after := range []bool{false, true} {
		for writes := int64(1); writes <= 11; writes++ {
			at := newScripted(t)
			at.script.Add("Users",
				scripted.Resource{"userName": "carl@x", "title": "Old", "active": true})
			p := newProvider(t, at, people)
			p.write("account.yaml",
				strings.Replace(read(t, p, "account.yaml"), "[Staff]\n",
					"[Staff, Team A, Team B, Team C]\n", 1))
			p.write("rollout.yaml", oneWave)
			at.killAt(p.cmd("rehearse", "--concurrency", "1"), writes, after)
			r := p.rehearse(0, "--resume")
			if r.count("created") != 2 || r.count("picked up") != 1 ||
				len(r.Waves[0].Cycle.Items) != 3 {
				t.Errorf("killed at write %d (after %v): %+v", writes, after, r.Waves[0].Cycle)
			}
			if len(r.Waves[0].Cycle.GroupsCreated) != 4 {
				t.Errorf("killed at write %d (after %v): groups created: %v", writes, after,
					r.Waves[0].Cycle.GroupsCreated)
			}
			p.run(0, "rollback")
			if groups := at.script.All("Groups"); len(groups) != 0 {
				t.Errorf("killed at write %d (after %v): the rollback leaves %v", writes, after,
					groups)
			}
			at.has("carl@x Old active")
		}
	}
}

// TestRollbackAfterAKill: what a killed wave did is taken back without being
// resumed.
func TestRollbackAfterAKill(t *testing.T) {
	for writes := int64(1); writes <= 5; writes++ {
		at := newScripted(t)
		p := newProvider(t, at, twoPeople)
		p.write("rollout.yaml", oneWave)
		at.killAt(p.cmd("rehearse", "--concurrency", "1"), writes, true)
		p.run(0, "rollback")
		if users, groups := at.script.All("Users"), at.script.All("Groups"); len(users)+
			len(groups) != 0 {
			t.Errorf("killed after write %d: the rollback leaves %v and %v", writes, users, groups)
		}
	}
}

// TestPreflightKnowsLimits: what an application hardly takes is found before it
// is sent, and expectations that cannot be met.
func TestPreflightKnowsLimits(t *testing.T) {
	onEach(t, func(t *testing.T, at, _ *target) {
		p := newProvider(t, at,
			"id,username,email,title,roles\n1,anna@x.example,not an address,T,Staff\n"+
				"2,"+strings.Repeat("b",
				300)+
				"@x.example,b@x.example,T,Staff\n3,carl@x.example,carl@x.example,\"a\tb\",Staff\n")
		p.write("rollout.yaml", oneWave+"    expect: {created: 5}\n")
		p.run(1, "preflight", "is no e-mail address", "has 310 characters", "control character",
			"5 are expected", "3 people of the wave")
		p.users("id,username,email,title,roles\n1,anna@x.example,anna@x.example,T,Staff\n")
		p.write("rollout.yaml", oneWave)
		p.run(0, "preflight", "Nothing stands in the way")
	})
}

// TestKilledInASwap: two people who swap their names have the right accounts
// whenever the provider is killed, and goes on.
func TestKilledInASwap(t *testing.T) {
	for _, after := range []bool{false, true} {
		for writes := int64(1); writes <= 3; writes++ {
			at := newScripted(t)
			p := newProvider(t, at, twoPeople)
			p.outcomes("sync")
			_, ids := at.users()
			p.users(
				"id,username,firstname,lastname,title,roles\n" +
					"1,ben@acme.example,Anna,Novak,Analyst,Staff\n" +
					"2,anna@acme.example,Ben,Smith,Boss,Staff\n")
			at.killAt(p.cmd("sync", "--concurrency", "1"), writes, after)
			p.run(0, "sync")
			at.has("anna@acme.example Boss active", "ben@acme.example Analyst active")
			if _, now := at.users(); now["ben@acme.example"] != ids["anna@acme.example"] ||
				now["anna@acme.example"] != ids["ben@acme.example"] {
				t.Errorf("killed at write %d (after %v): the accounts were %v and are %v", writes,
					after, ids, now)
			}
		}
	}
}

// killAt has a target kill a process at a write: before the server acts, or after
// it has.
func (x *target) killAt(c *exec.Cmd, write int64, after bool) {
	var n atomic.Int64
	x.script.Answer = func(w http.ResponseWriter, r *http.Request, body scripted.Resource) bool {
		if r.Method == http.MethodGet || n.Add(1) != write {
			return false
		}
		if after {
			x.script.Do(w, r, body)
		}
		_ = c.Process.Kill()
		<-r.Context().Done() // the connection has gone with it
		return true
	}
	if err := c.Start(); err != nil {
		x.t.Fatal(err)
	}
	_ = c.Wait()
	x.script.Answer = nil
}

func read(t *testing.T, p *provider, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
