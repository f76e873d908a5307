// Package invitation holds the invitations of accounts that were made by hand:
// they lie in an outbox and are sent by SMTP, when that is configured. What
// arrives by SCIM is never invited: "Do not send invitation emails
// automatically".
package invitation

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/wneessen/go-mail"
)

// Message is an invitation in the outbox.
type Message struct {
	ID         string `json:"id"`
	InstanceID string `json:"-"`
	UserName   string `json:"userName"`
	To         string `json:"to"`
	Subject    string `json:"subject"`
	Body       string `json:"body"`
	// Created is when it was written, Sent when it was handed over; zero
	// while it was not.
	Created time.Time `json:"created"`
	Sent    time.Time `json:"sent,omitzero"`
	// Attempts is how often it was tried, Failure why the last try failed.
	Attempts int    `json:"attempts"`
	Failure  string `json:"failure,omitempty"`
}

// New returns the invitation of a user to an instance.
func New(instanceID, instanceName, userName, to string, now time.Time) *Message {
	return &Message{
		ID: uuid.Must(uuid.NewV7()).String(), InstanceID: instanceID, UserName: userName, To: to,
		Created: now,
		Subject: "Your account at " + instanceName,
		Body: fmt.Sprintf("An account was made for you at %s.\n\nYour user name is %s.\n",
			instanceName, userName),
	}
}

// MaxAttempts is how often a message is tried.
const MaxAttempts = 8

// Store keeps the outbox.
type Store interface {
	// Claim takes a message that is to be sent, and keeps other servers from
	// it until the given time. It returns nil if there is none.
	Claim(ctx context.Context, now, until time.Time) (*Message, error)
	// Settle writes what came of a try: failure is empty if it was sent. A
	// message that failed is not tried again before the given time.
	Settle(ctx context.Context, id string, at time.Time, failure string, again time.Time) error
	// Outbox returns the messages of an instance, the oldest first.
	Outbox(ctx context.Context, instanceID string) ([]Message, error)
}

// Sender sends the messages of the outbox.
type Sender struct {
	store  Store
	client *mail.Client
	from   string
	log    *slog.Logger
}

// NewSender returns a sender to an SMTP server, given as
// smtp://USER:PASSWORD@HOST:PORT, or smtps:// for TLS from the beginning. With
// a password, TLS is required.
func NewSender(server, from string, store Store, log *slog.Logger) (*Sender, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" {
		return nil, fmt.Errorf("the mail server is not valid: give smtp://HOST:PORT or " +
			"smtps://HOST:PORT, with USER:PASSWORD@ before the host if it asks for them")
	}
	options := []mail.Option{
		mail.WithTimeout(20 * time.Second), mail.WithTLSPolicy(mail.TLSOpportunistic),
	}
	if u.Scheme == "smtps" {
		options = append(options, mail.WithSSLPort(false))
	}
	if text := u.Port(); text != "" {
		port, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("the port of the mail server: %w", err)
		}
		options = append(options, mail.WithPort(port))
	}
	if password, ok := u.User.Password(); ok {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover),
			mail.WithUsername(u.User.Username()), mail.WithPassword(password),
			mail.WithTLSPolicy(mail.TLSMandatory))
	}
	client, err := mail.NewClient(u.Hostname(), options...)
	if err != nil {
		return nil, fmt.Errorf("mail server: %w", err)
	}
	if err := mail.NewMsg().From(from); err != nil {
		return nil, fmt.Errorf("the sender of mails %q is not valid: give an address such as "+
			"no-reply@example.com", from)
	}
	return &Sender{store, client, from, log}, nil
}

// Run sends what is in the outbox until ctx ends. Any number of servers may
// do so.
func (s *Sender) Run(ctx context.Context, every time.Duration) {
	for {
		sent, err := s.next(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "outbox", "error", err)
		}
		if sent && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

// next tries one message. It reports whether there was one.
func (s *Sender) next(ctx context.Context) (bool, error) {
	now := time.Now()
	m, err := s.store.Claim(ctx, now, now.Add(2*time.Minute))
	if m == nil || err != nil {
		return false, err
	}
	failure := ""
	again := now
	if err := s.send(ctx, m); err != nil {
		failure = err.Error()
		again = now.Add(time.Minute << min(m.Attempts, 8)) // longer each time
		s.log.WarnContext(ctx, "invitation not sent", "message", m.ID, "attempt", m.Attempts,
			"error", err)
	}
	return true, s.store.Settle(context.WithoutCancel(ctx), m.ID, now, failure, again)
}

func (s *Sender) send(ctx context.Context, m *Message) error {
	msg := mail.NewMsg()
	if err := msg.From(s.from); err != nil {
		return err
	}
	if err := msg.To(m.To); err != nil {
		return err
	}
	msg.Subject(m.Subject)
	msg.SetBodyString(mail.TypeTextPlain, m.Body)
	return s.client.DialAndSendWithContext(ctx, msg)
}
