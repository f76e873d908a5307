package command

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
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
)

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
		"scim-sync", "--days", "10"))[0]
	if out := must(t, db, "check"); !strings.Contains(out, "keys that end within 30 days: ") {
		t.Errorf("check says nothing of the key that ends in 10 days:\n%s", out)
	}
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
		`muster_key_expiry_timestamp_seconds{key="`, "muster_history_unsealed_age_seconds", "go_sql_in_use_connections", "muster_build_info",
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

// TestSlowClient: who begins a request and does not go on is cut off.
func TestSlowClient(t *testing.T) {
	if testing.Short() {
		t.Skip("the client is slow for ten seconds")
	}
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
