package certificate_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/server/certificate"
)

// issue writes a certificate of a name that it signs itself.
func issue(t *testing.T, dir, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fatal(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		DNSNames:  []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	fatal(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	fatal(t, err)
	certFile, keyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	fatal(t,
		os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
			0o600))
	fatal(t,
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
			0o600))
	return certFile, keyFile
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// name dials and returns the name in the certificate that it is shown.
func name(t *testing.T, address string, version uint16) (string, error) {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
	if err != nil {
		return "", err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

// TestFiles: a certificate that was renewed is used at once, one that is
// broken is not, and nobody gets in with an old TLS.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	cert, key := issue(t, dir, "one.example")
	var log bytes.Buffer
	f, err := certificate.Load(cert, key, slog.New(slog.NewTextHandler(&log, nil)))
	fatal(t, err)
	l, err := tls.Listen("tcp", "127.0.0.1:0", f.Config())
	fatal(t, err)
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func(c net.Conn) {
				_, _ = io.Copy(io.Discard, c) // which shakes hands
				_ = c.Close()
			}(c)
		}
	}()
	want := func(wanted string) {
		t.Helper()
		got, err := name(t, l.Addr().String(), tls.VersionTLS13)
		fatal(t, err)
		if got != wanted {
			t.Errorf("the certificate is of %s, want %s", got, wanted)
		}
	}
	want("one.example")
	if _, err := name(t, l.Addr().String(), tls.VersionTLS11); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	if got, err := name(t, l.Addr().String(), tls.VersionTLS12); err != nil ||
		got != "one.example" {
		t.Errorf("TLS 1.2: %q, %v", got, err)
	}

	time.Sleep(1100 * time.Millisecond) // the files are looked at once a second
	issue(t, dir, "two.example")
	want("two.example")

	time.Sleep(1100 * time.Millisecond)
	fatal(t, os.WriteFile(cert, []byte("not yet written"), 0o600))
	want("two.example")
	if !strings.Contains(log.String(), "still used") {
		t.Errorf("the log says nothing of it: %s", log.String())
	}

	time.Sleep(1100 * time.Millisecond)
	issue(t, dir, "three.example")
	want("three.example")
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	cert, key := issue(t, dir, "one.example")
	other := t.TempDir()
	_, otherKey := issue(t, other, "other.example")
	for what, files := range map[string][2]string{
		"a file that is not there": {cert, filepath.Join(dir, "none")},
		"another's key":            {cert, otherKey},
		"files the wrong way":      {key, cert},
	} {
		if _, err := certificate.Load(files[0], files[1], slog.Default()); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
}
