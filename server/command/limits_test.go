package command

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestLimits: who was held back by a server can be seen, also after it has
// ended.
func TestLimits(t *testing.T) {
	db := setUp(t)
	if out := must(t, db, "limits"); !strings.Contains(out, "nobody was held back") {
		t.Errorf("before: %s", out)
	}
	made := strings.Fields(must(t, db, "key", "create", "--instance", "acme", "--user",
		"scim-sync"))
	t.Run("a server", func(t *testing.T) {
		base := serving(t, db, "--rate-per-key", "0.01").find(t, `url=(http://\S+/scim/v2)`)
		for n, want := range []int{200, 429, 429} {
			status, text := fetch(t, http.DefaultClient, base+"/Users", "Authorization",
				"Bearer "+made[0])
			if status != want {
				t.Errorf("request %d: got %d %s", n, status, text)
			}
		}
	})
	var list []struct {
		Limit, Instance, Key string
		Times                int
	}
	if err := json.Unmarshal([]byte(must(t, db, "limits", "--json", "--instance", "acme")),
		&list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].Limit != "key" || list[0].Instance != "acme" ||
		list[0].Times != 2 || !strings.Contains(made[0], list[0].Key) {
		t.Errorf("got %+v", list)
	}
	if out := must(t, db, "limits"); !strings.Contains(out, "LIMIT") ||
		!strings.Contains(out, list[0].Key) {
		t.Errorf("the table: %s", out)
	}
	for _, args := range [][]string{
		{"--instance", "none"}, {"--since", "-1h"}, {"--since", "soon"}, {"more"},
	} {
		if _, err := runCommand(t, db, append([]string{"limits"}, args...)...); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}

// TestPermits: keys and tokens are made for one job, and lists show it.
func TestPermits(t *testing.T) {
	db := setUp(t)
	must(t, db, "key", "create", "--instance", "acme", "--user", "scim-sync", "--access", "read",
		"--network", "192.0.2.7", "--network", "2001:db8::/32")
	out := must(t, db, "key", "list", "--instance", "acme")
	for _, want := range []string{"ACCESS", "read", "192.0.2.7/32, 2001:db8::/32"} {
		if !strings.Contains(out, want) {
			t.Errorf("the list has no %s: %s", want, out)
		}
	}
	if out := must(t, db, "history", "list", "--instance", "acme"); !strings.Contains(out,
		"access read, from 192.0.2.7/32") {
		t.Errorf("the history does not tell of it: %s", out)
	}
	must(t, db, "admin-token", "create", "revision", "--role", "auditor", "--instance", "acme")
	out = must(t, db, "admin-token", "list")
	for _, want := range []string{"ROLE", "auditor", "acme", "LAST USED"} {
		if !strings.Contains(out, want) {
			t.Errorf("the list has no %s: %s", want, out)
		}
	}
	for _, args := range [][]string{
		{"key", "create", "--instance", "acme", "--user", "scim-sync", "--access", "all"},
		{"key", "create", "--instance", "acme", "--user", "scim-sync", "--network", "office"},
		{"admin-token", "create", "x", "--role", "king"},
		{"admin-token", "create", "x", "--instance", "none"},
	} {
		if _, err := runCommand(t, db, args...); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}
