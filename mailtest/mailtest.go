// Package mailtest gives tests a real SMTP server.
package mailtest

import (
	"context"
	"io"
	"net"
	"slices"
	"sync"

	"github.com/emersion/go-smtp"
)

// Server is an SMTP server on the loopback interface that keeps what it gets.
type Server struct {
	// Address is host:port.
	Address string
	server  *smtp.Server

	mu       sync.Mutex
	refuse   int
	messages []string
}

// Start starts a server that refuses the first messages, as many as refuse
// says, with 451. The caller must call Close.
func Start(ctx context.Context, refuse int) (*Server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{Address: l.Addr().String(), refuse: refuse}
	s.server = smtp.NewServer(s)
	s.server.Domain, s.server.AllowInsecureAuth = "mail.example.com", true
	go func() { _ = s.server.Serve(l) }() // until Close
	return s, nil
}

// Close stops the server.
func (s *Server) Close() error { return s.server.Close() }

// Messages returns what has come: a line with the recipient, and then the
// message.
func (s *Server) Messages() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// NewSession implements [smtp.Backend].
func (s *Server) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{s: s}, nil }

// session is a connection to the server.
type session struct {
	s  *Server
	to string
}

func (c *session) Reset()                                    {}
func (c *session) Logout() error                             { return nil }
func (c *session) Mail(string, *smtp.MailOptions) error      { return nil }
func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error { c.to = to; return nil }

func (c *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.s.refuse > 0 {
		c.s.refuse--
		return &smtp.SMTPError{Code: 451, Message: "try again later"}
	}
	c.s.messages = append(c.s.messages, c.to+"\n"+string(text))
	return nil
}
