package scripted_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"muster/features/harness/scripted"
)

const twoPeople = `id,username,firstname,lastname,title,roles
1,anna@acme.example,Anna,Novak,Analyst,Staff
2,ben@acme.example,Ben,Smith,Boss,Staff
`

// TestAnotherServer: what is remembered of one server is not used at another,
// where the ids are other people's.
func TestAnotherServer(t *testing.T) {
	onEach(t, func(t *testing.T, first, second *target) {
		for _, name := range []string{"ceo", "cfo"} {
			second.send("POST", "/Users", map[string]any{
				"schemas":  []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
				"userName": name + "@globex.example", "title": "Chief",
			})
		}
		p := newProvider(t, first, twoPeople)
		if got := p.outcomes("sync"); got["created"] != 2 {
			t.Fatalf("first: %v", got)
		}
		p.at = second
		p.users(strings.Replace(twoPeople, "Analyst", "Senior Analyst", 1))
		for _, command := range []string{
			"sync", "sync --dry-run", "sync --force", "drift", "reapply",
			"preflight --account account.yaml --app acme",
		} {
			p.run(1, command, "remembers 2 accounts", "--state FILE",
				"muster-simulator forget --app acme")
		}
		second.has("ceo@globex.example Chief active", "cfo@globex.example Chief active")
		// The same server goes on, and after forget the other one does.
		p.at = first
		if got := p.outcomes("sync"); got["updated"] != 1 || len(got) != 1 {
			t.Errorf("the first server goes on: %v", got)
		}
		p.run(0, "forget", "2 people")
		p.at = second
		p.run(0, "sync --dry-run")
		second.has("ceo@globex.example Chief active", "cfo@globex.example Chief active")
	})
}

// TestAnotherAccount: the state file of one account does not make another one
// delete its people.
func TestAnotherAccount(t *testing.T) {
	onEach(t, func(t *testing.T, at, _ *target) {
		p := newProvider(t, at, twoPeople)
		p.outcomes("sync")
		p.account("Globex", "")
		p.users("id,username,roles\n7,zoe@globex.example,Staff\n")
		p.run(1, "sync", `belongs to the account "Acme"`, "--state FILE")
		at.has("anna@acme.example Analyst active", "ben@acme.example Boss active")
		p.run(0, "sync --state globex.state.db")
		at.has("anna@acme.example Analyst active", "ben@acme.example Boss active",
			"zoe@globex.example active")
	})
}

// TestRenamedAccount: an id whose account is called otherwise than when it was
// written last is somebody else's, perhaps; it is not written without --force.
func TestRenamedAccount(t *testing.T) {
	onEach(t, func(t *testing.T, at, _ *target) {
		p := newProvider(t, at, twoPeople)
		p.outcomes("sync")
		_, ids := at.users()
		at.send("PATCH", "/Users/"+ids["anna@acme.example"], map[string]any{
			"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
			"Operations": []any{
				map[string]any{"op": "replace", "path": "userName", "value": "root@acme.example"},
			},
		})
		changed := strings.Replace(strings.Replace(twoPeople, "Analyst", "Lead", 1), "Boss",
			"Chief", 1)
		p.users(changed)
		if got := p.outcomes("sync --dry-run"); got["drifted"] != 1 || got["updated"] != 1 {
			t.Errorf("dry run: %v", got)
		}
		p.run(1, "sync", "drifted", "root@acme.example", "--force")
		at.has("ben@acme.example Chief active", "root@acme.example Analyst active")
		// Neither is it deleted, nor suspended, for the person of before.
		p.users(strings.Join(strings.Split(changed, "\n")[:1],
			"") + "\n" + strings.Split(changed, "\n")[2] + "\n")
		p.run(1, "sync", "drifted")
		at.has("ben@acme.example Chief active", "root@acme.example Analyst active")
		p.users(changed)
		p.run(0, "sync --force")
		at.has("anna@acme.example Lead active", "ben@acme.example Chief active")
	})
}

// TestNamesAreComparedByThePage: the comparison takes no request a person.
func TestNamesAreComparedByThePage(t *testing.T) {
	onEach(t, func(t *testing.T, at, _ *target) {
		people := func(title string) string {
			var b strings.Builder
			b.WriteString("id,username,title,roles\n")
			for i := range 120 {
				fmt.Fprintf(&b, "%d,p%d@acme.example,%s,Staff\n", i, i, title)
			}
			return b.String()
		}
		p := newProvider(t, at, people("Old"))
		p.outcomes("sync")
		p.users(people("New"))
		out := p.run(0, "sync --trace --json")
		if n := strings.Count(out, `"requests": 124`) + strings.Count(out,
			`"requests":124`); n != 1 {
			t.Errorf("120 updates, three pages of names and the server's configuration take other "+
				"than 124 requests:\n%s", out[:min(len(out), 400)])
		}
	})
}

// TestOneProcessAtATime: a second cycle on the same state file is refused while
// the first one runs, and told who holds it; one that was killed holds nothing.
func TestOneProcessAtATime(t *testing.T) {
	at := newScripted(t)
	begun, goOn := make(chan bool, 8), make(chan bool)
	at.script.Answer = func(_ http.ResponseWriter, r *http.Request, _ scripted.Resource) bool {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/Users") {
			begun <- true
			select {
			case <-goOn:
			case <-r.Context().Done():
			}
		}
		return false
	}
	p := newProvider(t, at, twoPeople)
	first := p.cmd("sync", "--concurrency", "1")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	<-begun
	p.run(1, "sync", "in use by", fmt.Sprintf("process %d", first.Process.Pid), "since")
	p.run(1, "forget", "in use by")
	p.run(0, "users") // looking is possible
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	close(goOn)
	time.Sleep(100 * time.Millisecond)
	p.run(0, "sync")
	at.has("anna@acme.example Analyst active", "ben@acme.example Boss active")
}

// TestHiredAgain: somebody who left and comes back under another id takes the
// account over; nothing later is done to it for the person who had left.
func TestHiredAgain(t *testing.T) {
	onEach(t, func(t *testing.T, at, _ *target) {
		p := newProvider(t, at, twoPeople)
		p.account("Acme", "      when_deleted: suspend")
		p.outcomes("sync")
		lines := strings.SplitAfter(twoPeople, "\n")
		p.users(lines[0] + lines[2])
		if got := p.outcomes("sync"); got["suspended"] != 1 {
			t.Fatalf("left: %v", got)
		}
		p.users(lines[0] + lines[2] + strings.Replace(lines[1], "1,", "9,", 1))
		if got := p.outcomes("sync"); got["picked up"] != 1 {
			t.Fatalf("back: %v", got)
		}
		p.account("Acme", "      when_deleted: delete")
		if got := p.outcomes("sync"); len(got) != 0 {
			t.Errorf("nothing is to be done: %v", got)
		}
		at.has("anna@acme.example Analyst active", "ben@acme.example Boss active")
	})
}

// TestIDsAreAdded: a file that gives ids to people who are known without, and
// one that spells user names otherwise, makes nobody a new person.
func TestIDsAreAdded(t *testing.T) {
	onEach(t, func(t *testing.T, at, _ *target) {
		without := "username,title,roles\n" +
			"anna@acme.example,Analyst,Staff\nben@acme.example,Boss,Staff\n"
		p := newProvider(t, at, without)
		p.outcomes("sync")
		_, before := at.users()
		p.users(strings.Replace(without, "anna@", "Anna@", 1))
		for _, command := range []string{"sync --dry-run", "sync"} {
			if got := p.outcomes(command); got["updated"] != 1 || len(got) != 1 {
				t.Errorf("another letter case, %s: %v", command, got)
			}
		}
		p.users(strings.Replace(twoPeople, "anna@", "Anna@", 1))
		for _, command := range []string{"sync --dry-run", "sync"} {
			if got := p.outcomes(command); got["created"]+got["deleted"]+got["picked up"] != 0 {
				t.Errorf("ids added, %s: %v", command, got)
			}
		}
		_, after := at.users()
		if len(after) != 2 || after["ben@acme.example"] != before["ben@acme.example"] ||
			after["Anna@acme.example"] != before["anna@acme.example"] {
			t.Errorf("the accounts were %v and are %v", before, after)
		}
	})
}

// TestRenames: a chain of renames is done in the order in which it succeeds, a
// ring by way of a name of its own, and both are foretold; what cannot be done
// is foretold as a conflict.
func TestRenames(t *testing.T) {
	onEach(t, func(t *testing.T, at, _ *target) {
		people := func(names ...string) string {
			var b strings.Builder
			b.WriteString("id,username,title,roles\n")
			for i, name := range names {
				fmt.Fprintf(&b, "%d,%s@acme.example,T%d,Staff\n", i+1, name, i+1)
			}
			return b.String()
		}
		p := newProvider(t, at, people("a", "b", "c", "d", "e", "f"))
		p.outcomes("sync")
		_, ids := at.users()
		holds := func(names ...string) {
			t.Helper()
			_, now := at.users()
			for i, name := range names {
				if before := string(rune('a' + i)); now[name+"@acme.example"] != ids[before+
					"@acme.example"] {
					t.Errorf("%s is not the account that was %s", name, before)
				}
			}
			if len(now) != len(names) {
				t.Errorf("there are %v", now)
			}
		}
		// a takes b's name, b takes c's, and c a free one; d, e and f swap in a ring.
		p.users(people("b", "c", "g", "e", "f", "d"))
		for _, command := range []string{"sync --dry-run", "sync"} {
			if got := p.outcomes(command); got["updated"] != 6 || len(got) != 1 {
				t.Errorf("%s: %v", command, got)
			}
		}
		holds("b", "c", "g", "e", "f", "d")
		// Two swap; a third wants a name that nobody gives up.
		p.users(people("c", "b", "g", "e", "f", "e"))
		p.run(1, "sync --dry-run", "is that of line") // no two people have one name
		at.send("POST", "/Users", map[string]any{
			"schemas":  []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
			"userName": "z@acme.example",
		})
		p.users(people("c", "b", "z", "e", "f", "d"))
		p.run(0, "sync --dry-run", "conflict", "which nobody gives up")
		p.run(1, "sync --concurrency 8", "conflict")
		_, now := at.users()
		delete(now, "z@acme.example")
		if now["c@acme.example"] != ids["a@acme.example"] ||
			now["b@acme.example"] != ids["b@acme.example"] ||
			now["g@acme.example"] != ids["c@acme.example"] {
			t.Errorf("there are %v", now)
		}
		for name := range now {
			if strings.HasPrefix(name, "moving-") {
				t.Errorf("%s is left behind", name)
			}
		}
	})
}

// TestTheSameServer: the same server by another spelling of its base URL is
// the same server.
func TestTheSameServer(t *testing.T) {
	at := newScripted(t)
	p := newProvider(t, at, twoPeople)
	p.outcomes("sync")
	spelled := *at
	spelled.base = strings.Replace(at.base, "http://", "HTTP://", 1) + "/"
	p.at = &spelled
	if got := p.outcomes("sync"); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	// What an older version has remembered, without a target, is taken over.
	if writes := at.script.Writes(); len(writes) != 5 {
		t.Errorf("two people and a group take %v", writes)
	}
	if _, err := os.Stat(p.dir + "/account.state.db"); err != nil {
		t.Error(err)
	}
	if n := len(maps.Collect(maps.All(at.script.All("Users")))); n != 2 {
		t.Errorf("%d users", n)
	}
}
