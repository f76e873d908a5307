package invitation_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/invitation"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/schema"
	"muster/server/store"
)

// mailServer is a real SMTP server that keeps what it gets. It refuses the
// first messages, as many as refuse says.
type mailServer struct {
	address string
	refuse  int

	mu       sync.Mutex
	messages []string
}

func newMailServer(t *testing.T, refuse int) *mailServer {
	t.Helper()
	m := &mailServer{refuse: refuse}
	s := smtp.NewServer(m)
	s.Domain, s.AllowInsecureAuth = "mail.example.com", true
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.address = l.Addr().String()
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return m
}

func (m *mailServer) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{m: m}, nil }

func (m *mailServer) got() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.messages...)
}

type session struct {
	m  *mailServer
	to string
}

func (s *session) Reset()                                    {}
func (s *session) Logout() error                             { return nil }
func (s *session) Mail(string, *smtp.MailOptions) error      { return nil }
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = to; return nil }

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.m.refuse > 0 {
		s.m.refuse--
		return &smtp.SMTPError{Code: 451, Message: "try again later"}
	}
	s.m.messages = append(s.m.messages, s.to+"\n"+string(text))
	return nil
}

func TestInvitations(t *testing.T) {
	server := newMailServer(t, 1)
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	users, err := provisioning.NewService(s, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	actor := history.Actor{Kind: history.Administrator, Name: "test"}
	i, err := instance.NewService(s, s, nil).Create(t.Context(), instance.Instance{Slug: "acme", Name: "Acme"}, actor)
	if err != nil {
		t.Fatal(err)
	}
	byHand := provisioning.Scope{Instance: i, Actor: actor}
	add := func(name, email string, integration, uninvited bool) {
		t.Helper()
		_, err := users.AddUser(t.Context(), byHand, provisioning.Account{
			Fields: mapping.Fields{mapping.UserName: name, mapping.Email: email}, Integration: integration, Role: instance.PlainUser, Uninvited: uninvited,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	add("anna", "anna@acme.example", false, false)
	add("ben", "ben@acme.example", false, false)
	add("nobody", "", false, false)
	add("scim", "scim@acme.example", true, false)
	add("quiet", "quiet@acme.example", false, true)
	provider := provisioning.Scope{Instance: i, Actor: history.Actor{Kind: history.KeyActor}}
	if _, err := users.CreateUser(t.Context(), provider, schema.Resource{
		"schemas": []any{scim.UserURN}, "userName": "carl", "emails": []any{map[string]any{"value": "carl@acme.example", "type": "work"}},
	}); err != nil {
		t.Fatal(err)
	}
	outbox := func() []invitation.Message {
		t.Helper()
		list, err := s.Outbox(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if list := outbox(); len(list) != 2 || list[0].To != "anna@acme.example" || list[1].UserName != "ben" {
		t.Fatalf("got %+v", list)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 3 { // as several servers do
		sender, err := invitation.NewSender("smtp://"+server.address, "no-reply@acme.example", s, log)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() { sender.Run(ctx, 10*time.Millisecond) })
	}
	wait := func(n int) {
		t.Helper()
		for range 500 {
			if len(server.got()) >= n {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("got %q of %+v", server.got(), outbox())
	}
	wait(1)
	failed := 0
	for _, m := range outbox() {
		if strings.Contains(m.Failure, "try again later") && m.Sent.IsZero() && m.Attempts == 1 {
			failed++
			// Its time has come.
			if err := s.Settle(t.Context(), m.ID, time.Now(), m.Failure, time.Now().Add(-time.Second)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if failed != 1 {
		t.Errorf("%d failures in %+v", failed, outbox())
	}
	wait(2)
	time.Sleep(100 * time.Millisecond)
	stop()
	wg.Wait()
	got := strings.Join(server.got(), "\n")
	if len(server.got()) != 2 || !strings.Contains(got, "anna@acme.example") || !strings.Contains(got, "Your user name is ben.") ||
		!strings.Contains(got, "Subject: Your account at Acme") || strings.Contains(got, "carl") {
		t.Errorf("got %s", got)
	}
	for _, m := range outbox() {
		if m.Sent.IsZero() || m.Failure != "" {
			t.Errorf("got %+v", m)
		}
	}
}

func TestNewSenderRefuses(t *testing.T) {
	var none invitation.Store
	for _, c := range [][2]string{{"", "a@x"}, {"mail.example.com:25", "a@x"}, {"http://mail", "a@x"}, {"smtp://", "a@x"}, {"smtp://u:secret@h:port", "a@x"}, {"smtp://h", ""}, {"smtp://h", "no address"}} {
		_, err := invitation.NewSender(c[0], c[1], none, slog.New(slog.DiscardHandler))
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v: got %v", c, err)
		}
	}
}
