package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/buildinfo"
)

// TestWrongSettings: each is refused with its name, its value, and the cure.
func TestWrongSettings(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  []string // name, value
		want []string
	}{
		{
			[]string{"--listen", "8080"},
			nil,
			[]string{"--listen", `"8080"`, "such as 127.0.0.1:8080"},
		},
		{
			nil,
			[]string{"MUSTER_LISTEN", "localhost:http-alt"},
			[]string{"MUSTER_LISTEN", "localhost:http-alt", "address and port"},
		},
		{
			nil,
			[]string{"MUSTER_PUBLIC_URL", "scim.example.com"},
			[]string{"MUSTER_PUBLIC_URL", "scim.example.com", "https://scim.example.com"},
		},
		{
			[]string{"--trusted-proxies", "10.0.0.1,proxy"},
			nil,
			[]string{"--trusted-proxies", `"proxy"`, "10.0.0.7,192.168.0.0/16"},
		},
		{
			nil,
			[]string{"MUSTER_RATE_PER_KEY", "many"},
			[]string{"MUSTER_RATE_PER_KEY", "many", "a number of requests a second"},
		},
		{
			nil,
			[]string{"MUSTER_RATE_PER_ADDRESS", "NaN"},
			[]string{"MUSTER_RATE_PER_ADDRESS", "a number of requests a second"},
		},
		{
			nil,
			[]string{"MUSTER_MAX_REQUESTS", "-1"},
			[]string{"MUSTER_MAX_REQUESTS", "-1", "0 for no limit"},
		},
		{
			nil,
			[]string{"MUSTER_DATABASE_CONNECTIONS", "1"},
			[]string{"MUSTER_DATABASE_CONNECTIONS", `"1"`, "2 or more"},
		},
		{
			nil,
			[]string{"MUSTER_STRICT", "sure"},
			[]string{"MUSTER_STRICT", "sure", "true or false"},
		},
		{
			nil,
			[]string{"MUSTER_LOG_FORMAT", "xml"},
			[]string{"MUSTER_LOG_FORMAT", "xml", "text or json"},
		},
		{
			nil,
			[]string{"MUSTER_SMTP", "mail.example.com:secret"},
			[]string{"MUSTER_SMTP", "smtp://USER:PASSWORD@HOST:PORT"},
		},
		{
			nil,
			[]string{"MUSTER_SMTP_FILE", "/nowhere/smtp"},
			[]string{"MUSTER_SMTP_FILE", "/nowhere/smtp"},
		},
		{
			nil,
			[]string{"MUSTER_LISTEN_FILE", "/run/listen"},
			[]string{"MUSTER_LISTEN_FILE", "holds no secret"},
		},
		{
			nil,
			[]string{"MUSTER_SMTP", "smtp://a", "MUSTER_SMTP_FILE", "/run/smtp"},
			[]string{"MUSTER_SMTP and MUSTER_SMTP_FILE are both set"},
		},
		{
			[]string{"--tls-cert", "x.crt"},
			nil,
			[]string{"--tls-cert and --tls-key belong together"},
		},
		{
			[]string{"--tls-cert", "/nowhere/x.crt", "--tls-key", "/nowhere/x.key"},
			nil,
			[]string{"--tls-cert", "/nowhere/x.crt"},
		},
		// both at once
		{
			nil,
			[]string{"MUSTER_LISTEN", "x", "MUSTER_STRICT", "y"},
			[]string{"MUSTER_LISTEN", "MUSTER_STRICT"},
		},
	} {
		t.Run(strings.Join(append(c.args, c.env...), " "), func(t *testing.T) {
			for i := 0; i < len(c.env); i += 2 {
				t.Setenv(c.env[i], c.env[i+1])
			}
			_, err := runCommand(t, "sqlite:"+filepath.Join(t.TempDir(), "m.db"),
				append([]string{"serve"}, c.args...)...)
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
			if err != nil && strings.Contains(err.Error(), "secret\"") {
				t.Errorf("a secret is shown: %v", err)
			}
		})
	}
}

// TestSecretsInFiles: a secret can lie in a file, and is never shown.
func TestSecretsInFiles(t *testing.T) {
	dir := t.TempDir()
	database := "sqlite:" + filepath.Join(dir, "from-file.db")
	file := filepath.Join(dir, "database")
	if err := os.WriteFile(file, []byte(database+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MUSTER_DATABASE_FILE", file)
	c := newRoot()
	var out strings.Builder
	c.SetOut(&out)
	c.SetArgs([]string{"instance", "create", "acme"})
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "from-file.db")); err != nil {
		t.Errorf("the database in the file was not used: %v", err)
	}
	out.Reset()
	c = newRoot()
	c.SetOut(&out)
	c.SetArgs([]string{"settings"})
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "MUSTER_DATABASE_FILE") ||
		strings.Contains(out.String(), "from-file.db") {
		t.Errorf("got %s", out.String())
	}
}

// TestSettingsInDocuments: the table in docs/operate.md is that of the code.
func TestSettingsInDocuments(t *testing.T) {
	readme, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), settingsTable()) {
		t.Error(
			"docs/operate.md has another table of settings than this one; put it in: " +
				"muster-server settings --markdown")
	}
}

func TestUnknownVariables(t *testing.T) {
	got := unknownVariables([]string{
		"MUSTER_LISTEN=x", "MUSTER_PUBLICURL=x", "MUSTER_DATABASE_FILE=x", "HOME=/",
		"MUSTER_TEST_REPORTS=x", "MUSTER_TOKEN=x",
	})
	if len(got) != 1 || got[0] != "MUSTER_PUBLICURL" {
		t.Errorf("got %v", got)
	}
}

// TestCheck: what would keep the server from its work fails, and nothing is
// changed.
func TestCheck(t *testing.T) {
	results := func(database string, args ...string) (map[string]string, error) {
		t.Helper()
		out, err := runCommand(t, database,
			append([]string{"check", "--json", "--listen", "127.0.0.1:0"}, args...)...)
		var list []finding
		if jsonErr := json.Unmarshal([]byte(out), &list); jsonErr != nil {
			t.Fatalf("%v: %s", jsonErr, out)
		}
		got := make(map[string]string)
		for _, f := range list {
			got[f.Check] = f.Result
		}
		return got, err
	}
	dir := t.TempDir()
	missing := "sqlite:" + filepath.Join(dir, "none.db")
	if got, err := results(missing); err != nil || got["database"] != "warn" {
		t.Errorf("no file: %v, %v", got, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("check has made %v", entries)
	}
	db := setUp(t)
	if got, err := results(db); err != nil || got["database"] != "ok" ||
		got["migrations"] != "ok" || got["tls"] != "skip" {
		t.Errorf("a good one: %v, %v", got, err)
	}
	if got, err := results("postgres://nobody@127.0.0.1:1/none"); err == nil ||
		got["database"] != "fail" {
		t.Errorf("a database that is not there: %v, %v", got, err)
	}
	for until, want := range map[time.Duration]string{
		-time.Hour: "fail", time.Hour: "warn", 1000 * time.Hour: "ok",
	} {
		cert, key, _ := certify(t, t.TempDir(), until)
		got, err := results(db, "--tls-cert", cert, "--tls-key", key, "--public-url",
			"https://scim.example.com")
		if got["tls"] != want || (err != nil) != (want == "fail") {
			t.Errorf("a certificate that is good for %v: %v, %v", until, got, err)
		}
	}
	cert, key, _ := certify(t, t.TempDir(), 1000*time.Hour)
	if got, err := results(db, "--tls-cert", cert, "--tls-key", key, "--public-url",
		"https://other.example.com"); err == nil || got["tls"] != "fail" {
		t.Errorf("a certificate of another name: %v, %v", got, err)
	}
}

func TestVersionAndMan(t *testing.T) {
	db := "sqlite:" + filepath.Join(t.TempDir(), "m.db")
	var b buildinfo.Info
	if err := json.Unmarshal([]byte(must(t, db, "version", "--json")), &b); err != nil ||
		b.Go == "" {
		t.Errorf("got %+v, %v", b, err)
	}
	dir := t.TempDir()
	must(t, db, "man", dir)
	page, err := os.ReadFile(filepath.Join(dir, "muster-server-serve.1"))
	if err != nil || !strings.Contains(string(page), "MUSTER_TRUSTED_PROXIES") {
		t.Errorf("the page of serve: %v, %.200s", err, page)
	}
	if out := must(t, db, "completion", "bash"); !strings.Contains(out, "__start_muster-server") {
		t.Errorf("no completion: %.200s", out)
	}
	if _, err := runCommand(t, db, "man", filepath.Join(dir, "none")); err == nil {
		t.Error("a directory that is not there was accepted")
	}
}
