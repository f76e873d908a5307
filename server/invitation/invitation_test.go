package invitation_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/mailtest"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/invitation"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/schema"
	"muster/server/store"
)

func startMail(t *testing.T, refuse int) *mailtest.Server {
	t.Helper()
	m, err := mailtest.Start(t.Context(), refuse)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func TestInvitations(t *testing.T) {
	server := startMail(t, 1)
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
	i, err := instance.NewService(s, s, nil).Create(t.Context(),
		instance.Instance{Slug: "acme", Name: "Acme"}, actor)
	if err != nil {
		t.Fatal(err)
	}
	byHand := provisioning.Scope{Instance: i, Actor: actor}
	add := func(name, email string, integration, uninvited bool) {
		t.Helper()
		_, err := users.AddUser(t.Context(), byHand, provisioning.Account{
			Fields:      mapping.Fields{mapping.UserName: name, mapping.Email: email},
			Integration: integration, Role: instance.PlainUser, Uninvited: uninvited,
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
		"schemas": []any{scim.UserURN}, "userName": "carl",
		"emails": []any{map[string]any{"value": "carl@acme.example", "type": "work"}},
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
	if list := outbox(); len(list) != 2 || list[0].To != "anna@acme.example" ||
		list[1].UserName != "ben" {
		t.Fatalf("got %+v", list)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 3 { // as several servers do
		sender, err := invitation.NewSender("smtp://"+server.Address, "no-reply@acme.example", s,
			log)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() { sender.Run(ctx, 10*time.Millisecond) })
	}
	wait := func(n int) {
		t.Helper()
		for range 500 {
			if len(server.Messages()) >= n {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("got %q of %+v", server.Messages(), outbox())
	}
	wait(1)
	failed := 0
	for range 500 { // the failure is written when the server has answered
		for _, m := range outbox() {
			if strings.Contains(m.Failure, "try again later") && m.Sent.IsZero() &&
				m.Attempts == 1 {
				failed++
				// Its time has come.
				if err := s.Settle(t.Context(), m.ID, time.Now(), m.Failure,
					time.Now().Add(-time.Second)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if failed > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if failed != 1 {
		t.Errorf("%d failures in %+v", failed, outbox())
	}
	wait(2)
	for range 500 { // that they were sent is written when the server has answered
		if !slices.ContainsFunc(outbox(),
			func(m invitation.Message) bool { return m.Sent.IsZero() }) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond) // a second copy would come now
	stop()
	wg.Wait()
	got := strings.Join(server.Messages(), "\n")
	if len(server.Messages()) != 2 || !strings.Contains(got, "anna@acme.example") ||
		!strings.Contains(got, "Your user name is ben.") ||
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
	for _, c := range [][2]string{
		{"", "a@x"},
		{"mail.example.com:25", "a@x"},
		{"http://mail", "a@x"},
		{"smtp://", "a@x"},
		{"smtp://u:secret@h:port", "a@x"},
		{"smtp://h", ""},
		{"smtp://h", "no address"},
	} {
		_, err := invitation.NewSender(c[0], c[1], none, slog.New(slog.DiscardHandler))
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v: got %v", c, err)
		}
	}
}
