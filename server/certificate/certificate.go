// Package certificate serves TLS with a certificate that is read again when
// its files change, so that it can be renewed without a restart.
package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookInterval is how often the files are looked at, at the most.
const lookInterval = time.Second

// Files is a certificate with its key, in two PEM files.
type Files struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	state   [2]fileState // of the files that were read last
	looked  time.Time
}

// fileState tells whether a file has changed.
type fileState struct {
	modified time.Time
	size     int64
}

// Load reads a certificate, with its chain, and the key that belongs to it.
func Load(certFile, keyFile string, log *slog.Logger) (*Files, error) {
	f := &Files{certFile: certFile, keyFile: keyFile, log: log}
	state, err := f.look()
	if err != nil {
		return nil, err
	}
	if f.current, err = f.read(); err != nil {
		return nil, err
	}
	f.state, f.looked = state, time.Now()
	return f, nil
}

func (f *Files) look() (state [2]fileState, err error) {
	for i, name := range []string{f.certFile, f.keyFile} {
		info, err := os.Stat(name) // what a link leads to
		if err != nil {
			return state, err
		}
		state[i] = fileState{info.ModTime(), info.Size()}
	}
	return state, nil
}

func (f *Files) read() (*tls.Certificate, error) {
	c, err := tls.LoadX509KeyPair(f.certFile, f.keyFile)
	if err != nil {
		return nil, fmt.Errorf("%s, %s: %w", f.certFile, f.keyFile, err)
	}
	if c.Leaf == nil {
		if c.Leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return nil, fmt.Errorf("%s: %w", f.certFile, err)
		}
	}
	return &c, nil
}

// Certificate returns the certificate as it is in the files now. While they
// cannot be used, because one of them is written at this moment or was broken,
// that is logged, and the one before stays.
func (f *Files) Certificate() *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) < lookInterval {
		return f.current
	}
	f.looked = time.Now()
	state, err := f.look()
	if err == nil && state == f.state {
		return f.current
	}
	var c *tls.Certificate
	if err == nil {
		c, err = f.read()
	}
	if err != nil {
		f.log.Error("the certificate could not be read again; the one before is still used",
			"error", err)
		return f.current
	}
	f.current, f.state = c, state
	f.log.Info("certificate read again", "subject", c.Leaf.Subject.String(),
		"until", c.Leaf.NotAfter)
	return c
}

// Config returns how a server uses it: TLS 1.2 or later.
func (f *Files) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return f.Certificate(), nil
		},
	}
}
