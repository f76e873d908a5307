package command

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
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

// TestSettingsInREADME: the README's table is that of the code.
func TestSettingsInREADME(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), settingsTable()) {
		t.Error(
			"the README has another table of settings than this one; put it in: muster-server " +
				"settings --markdown")
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

// certify writes a certificate of 127.0.0.1 that is good for a time.
func certify(
	t *testing.T, dir string, until time.Duration,
) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "muster"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"scim.example.com"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(until), IsCA: true,
		BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(err)
	certFile, keyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	must(os.WriteFile(certFile, text, 0o600))
	must(os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		0o600))
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return certFile, keyFile, pool
}

// lockedBuffer is what a server logs into.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// find waits for a part of the log.
func (b *lockedBuffer) find(t *testing.T, pattern string) string {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(
		10 * time.Millisecond) {
		b.mu.Lock()
		m := regexp.MustCompile(pattern).FindStringSubmatch(b.b.String())
		b.mu.Unlock()
		if m != nil {
			return m[1]
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t.Fatalf("%s is not in the log: %s", pattern, b.b.String())
	return ""
}

// serving serves until the test ends.
func serving(t *testing.T, database string, args ...string) *lockedBuffer {
	t.Helper()
	log := &lockedBuffer{}
	c := newRoot()
	c.SetOut(log)
	c.SetErr(log)
	c.SetArgs(append([]string{"serve", "--listen", "127.0.0.1:0", "--database", database}, args...))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- c.ExecuteContext(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return log
}

func fetch(t *testing.T, client *http.Client, url string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// TestServeTLS: the server speaks TLS by itself, HTTP/2 too, and tells
// Prometheus what it did on an address of its own.
func TestServeTLS(t *testing.T) {
	db := setUp(t)
	key := strings.Fields(must(t, db, "key", "create", "--instance", "acme", "--user",
		"scim-sync"))[0]
	cert, private, pool := certify(t, t.TempDir(), time.Hour)
	log := serving(t, db, "--tls-cert", cert, "--tls-key", private, "--metrics-listen",
		"127.0.0.1:0")
	base := log.find(t, `url=(https://\S+/scim/v2)`)
	metrics := log.find(t, `url=(http://\S+/metrics)`)
	for _, h2 := range []bool{false, true} {
		client := &http.Client{
			Transport: &http.Transport{
				TLSClientConfig:   &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
				ForceAttemptHTTP2: h2,
			},
		}
		status, text := fetch(t, client, base+"/Users", "Authorization", "Bearer "+key)
		if status != 200 || !strings.Contains(text, `"totalResults":0`) {
			t.Errorf("got %d %s", status, text)
		}
		client.CloseIdleConnections()
	}
	status, text := fetch(t, http.DefaultClient, metrics)
	for _, want := range []string{
		`muster_http_requests_total{code="200",method="GET",route="/scim/v2/Users"} 2`,
		"muster_history_unsealed_age_seconds", "go_sql_in_use_connections", "muster_build_info",
	} {
		if status != 200 || !strings.Contains(text, want) {
			t.Errorf("the metrics have no %s", want)
		}
	}
}

// TestNotify: systemd hears that the server is ready once it is, and that it
// stops.
func TestNotify(t *testing.T) {
	address := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"}
	systemd, err := net.ListenUnixgram(address.Net, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = systemd.Close() })
	t.Setenv("NOTIFY_SOCKET", address.Name)
	hear := func(t *testing.T, want string) {
		t.Helper()
		message := make([]byte, 100)
		if err := systemd.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := systemd.Read(message); err != nil || string(message[:n]) != want {
			t.Errorf("heard %q, %v, want %s", message[:n], err, want)
		}
	}
	t.Run("while it serves", func(t *testing.T) {
		log := serving(t, setUp(t))
		hear(t, "READY=1")
		if status, text := fetch(t, http.DefaultClient,
			log.find(t, `url=(http://[^/\s]+)`)+"/readyz"); status != 200 {
			t.Errorf("ready, and yet %d %s", status, text)
		}
	})
	hear(t, "STOPPING=1")
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

// TestSlowClient: who begins a request and does not go on is cut off.
func TestSlowClient(t *testing.T) {
	t.Parallel()
	log := serving(t, setUp(t))
	address := log.find(t, `address=(127\S+)`)
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\nX-Slow: ")); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(c); err != nil {
		t.Errorf("after 20 seconds the connection is still open: %v", err)
	}
}
