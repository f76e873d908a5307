package command

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/mailtest"
)

// TestServerTells: a server tells by mail of a key that ends soon, and writes what it
// does into the audit log; at the level warn it logs no requests.
func TestServerTells(t *testing.T) {
	mail, err := mailtest.Start(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mail.Close() })
	db, audit := setUp(t), filepath.Join(t.TempDir(), "audit.jsonl")
	key := strings.Fields(must(t, db, "key", "create", "--user", "scim-sync", "--days", "2"))[0]
	log := serving(t, db, "--smtp", "smtp://"+mail.Address, "--smtp-from", "no-reply@acme.example",
		"--notify", "ops@acme.example, ada@acme.example", "--audit-log", audit)
	base := log.find(t, `url=(http://\S+/scim/v2)`)
	if status, text := fetch(t, http.DefaultClient, base+"/Users/x", "Authorization",
		"Bearer "+key); status != http.StatusNotFound {
		t.Errorf("got %d %s", status, text)
	}
	waitUntil(t, "two mails", func() bool { return len(mail.Messages()) == 2 })
	for _, m := range mail.Messages() {
		if !strings.Contains(m, "muster-server key rotate ") ||
			!strings.Contains(m, "The API key of acme ends on ") {
			t.Errorf("the mail says %s", m)
		}
	}
	history := strings.Count(must(t, db, "history", "list", "--all", "--json"), "\n")
	waitUntil(t, "the audit log", func() bool {
		text, err := os.ReadFile(audit)
		return err == nil && strings.Count(string(text), "\n") == history
	})
	text, err := os.ReadFile(audit)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var event struct {
			Class string `json:"class_name"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil ||
			event.Class != "Account Change" {
			t.Errorf("%v: %s", err, line)
		}
	}
	log.find(t, `(msg=request )`)

	quiet := serving(t, db, "--log-level", "warn", "--metrics-listen", "127.0.0.1:0")
	time.Sleep(300 * time.Millisecond)
	quiet.mu.Lock()
	defer quiet.mu.Unlock()
	if said := quiet.b.String(); strings.Contains(said, "level=INFO") ||
		!strings.Contains(said, "nobody is told by mail") {
		t.Errorf("at the level warn it says %s", said)
	}
}

// waitUntil waits for something to come true.
func waitUntil(t *testing.T, what string, come func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(
		10 * time.Millisecond) {
		if come() {
			return
		}
	}
	t.Fatalf("%s did not come", what)
}
