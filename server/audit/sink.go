package audit

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Open returns the sink that a name stands for: a path, or syslog://HOST:PORT for
// RFC 5424 over TCP (RFC 6587), syslog+tls:// over TLS (RFC 5425), or
// syslog+udp:// (RFC 5426), where what is lost on its way stays lost.
func Open(name string) (Sink, error) {
	scheme, _, ok := strings.Cut(name, "://")
	if !ok {
		path, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		return &file{path}, nil
	}
	networks := map[string]string{"syslog": "tcp", "syslog+tls": "tls", "syslog+udp": "udp"}
	u, err := url.Parse(name)
	if err != nil || networks[scheme] == "" || u.Hostname() == "" || u.Port() == "" ||
		strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("give the path of a file, or syslog://HOST:PORT, syslog+tls:// " +
			"or syslog+udp://")
	}
	host, err := os.Hostname()
	if err != nil {
		host = "-"
	}
	return &syslog{name: name, network: networks[scheme], address: u.Host, host: host}, nil
}

// file appends to a file. It is opened each time, so that it may be rotated.
type file struct{ path string }

func (f *file) Name() string { return "file:" + f.path }
func (f *file) Close() error { return nil }

// Write appends lines, and returns when they are on the disk.
func (f *file) Write(_ context.Context, lines [][]byte) (err error) {
	to, err := os.OpenFile(f.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if err := dropTorn(to); err != nil {
		return err
	}
	text := append(bytes.Join(lines, []byte("\n")), '\n')
	if _, err := to.Write(text); err != nil {
		return err
	}
	return to.Sync()
}

// dropTorn takes away a last line without an end: whoever wrote it was killed, and
// its row is written anew.
func dropTorn(f *os.File) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || end == 0 {
		return err
	}
	const step = 64 << 10
	for at := end; at > 0; {
		n := min(step, at)
		b := make([]byte, n)
		if _, err := f.ReadAt(b, at-n); err != nil {
			return err
		}
		if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
			if whole := at - n + int64(i) + 1; whole < end {
				return f.Truncate(whole)
			}
			return nil
		}
		at -= n
	}
	return f.Truncate(0)
}

// syslog sends to a collector.
type syslog struct {
	name, network, address, host string
	conn                         net.Conn
}

// sendTime is how long the collector may take to take lines.
const sendTime = 10 * time.Second

func (s *syslog) Name() string { return s.name }

func (s *syslog) Close() error {
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.conn = nil
	return err
}

// Write sends lines. Syslog over TCP knows no receipt: lines count as taken when the
// connection is still open a moment later, and are sent anew on another one if not.
// What the collector had read and not kept when it ended is its own loss.
func (s *syslog) Write(ctx context.Context, lines [][]byte) error {
	if s.conn != nil && s.gone(time.Millisecond) {
		_ = s.Close()
	}
	if s.conn == nil {
		if err := s.dial(ctx); err != nil {
			return err
		}
	}
	var text bytes.Buffer
	for _, line := range lines {
		message := s.message(line)
		if s.network == "udp" {
			if err := s.send([]byte(message)); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(&text, "%d %s", len(message), message) // octet counting
	}
	if s.network == "udp" {
		return nil
	}
	if err := s.send(text.Bytes()); err != nil {
		return err
	}
	if s.gone(graceTime) {
		_ = s.Close()
		return errors.New("the collector closed the connection")
	}
	return nil
}

func (s *syslog) dial(ctx context.Context) (err error) {
	dialer := &net.Dialer{Timeout: sendTime}
	if s.network == "tls" {
		s.conn, err = (&tls.Dialer{
			NetDialer: dialer, Config: &tls.Config{MinVersion: tls.VersionTLS12},
		}).DialContext(ctx, "tcp", s.address)
		return err
	}
	s.conn, err = dialer.DialContext(ctx, s.network, s.address)
	return err
}

func (s *syslog) send(text []byte) error {
	err := s.conn.SetWriteDeadline(time.Now().Add(sendTime))
	if err == nil {
		_, err = s.conn.Write(text)
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// graceTime is how long a connection must stay open after lines were sent.
const graceTime = 100 * time.Millisecond

// gone reports whether the collector closes the connection within a time. It sends
// nothing itself.
func (s *syslog) gone(within time.Duration) bool {
	if s.network == "udp" {
		return false
	}
	if err := s.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return true
	}
	_, err := s.conn.Read(make([]byte, 1))
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// priority is that of facility 13, log audit, and severity 6, informational
// (Section 6.2.1 of RFC 5424).
const priority = 13*8 + 6

// message returns a line as RFC 5424 has it.
func (s *syslog) message(line []byte) string {
	return fmt.Sprintf("<%d>1 %s %s muster-server %d audit - %s", priority, stamp(time.Now()),
		s.host, os.Getpid(), line)
}
