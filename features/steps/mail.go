package steps

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/cucumber/godog"
	"github.com/emersion/go-smtp"
)

// mailServer is an SMTP server that keeps what it gets.
type mailServer struct {
	address string
	server  *smtp.Server

	mu       sync.Mutex
	messages []string
}

func newMailServer(ctx context.Context) (*mailServer, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &mailServer{address: l.Addr().String()}
	m.server = smtp.NewServer(m)
	m.server.Domain = "mail.example.com"
	go func() { _ = m.server.Serve(l) }() // until Close
	return m, nil
}

// NewSession implements [smtp.Backend].
func (m *mailServer) NewSession(*smtp.Conn) (smtp.Session, error) { return &mailSession{m}, nil }

// about returns how many messages have a text in them.
func (m *mailServer) about(text string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, message := range m.messages {
		if strings.Contains(message, text) {
			n++
		}
	}
	return n
}

// mailSession is a connection to the mail server.
type mailSession struct{ m *mailServer }

func (s *mailSession) Reset()                                   {}
func (s *mailSession) Logout() error                            { return nil }
func (s *mailSession) Mail(string, *smtp.MailOptions) error     { return nil }
func (s *mailSession) Rcpt(_ string, _ *smtp.RcptOptions) error { return nil }

func (s *mailSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.messages = append(s.m.messages, string(text))
	return nil
}

// registerMail adds the steps about mail that arrives.
func (w *world) registerMail(sc *godog.ScenarioContext) {
	sc.Step(`^"([^"]*)" gets the invitation by mail, once$`, w.invitedOnce)
	sc.Step(`^"([^"]*)" gets no mail$`, func(user string) error {
		return expect("messages", w.h.mail.about(w.name(user)), 0)
	})
}

// invitedOnce waits until an invitation has arrived. Another one would arrive
// from another server or another try.
func (w *world) invitedOnce(ctx context.Context, user string) error {
	for range 150 {
		if w.h.mail.about(w.name(user)) > 0 {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	if err := expect("messages to "+user, w.h.mail.about(w.name(user)), 1); err != nil {
		return fmt.Errorf("after 15 seconds: %w", err)
	}
	return nil
}
