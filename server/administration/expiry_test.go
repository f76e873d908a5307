package administration_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/server/administration"
	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/store"
)

// TestKeysThatEnd: whoever is to know of a key that ends is told once at each stage,
// however many servers tell; and of no other key.
func TestKeysThatEnd(t *testing.T) {
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	log := slog.New(slog.DiscardHandler)
	users, err := provisioning.NewService(s, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	actor := history.Actor{Kind: history.Administrator, Name: "test"}
	service := instance.NewService(s, s, nil)
	i, err := service.Create(t.Context(), instance.Instance{Slug: "acme", Name: "Acme"}, actor)
	if err != nil {
		t.Fatal(err)
	}
	key := func(name, email string, life time.Duration) {
		t.Helper()
		fields := mapping.Fields{mapping.UserName: name}
		if email != "" {
			fields[mapping.Email] = email
		}
		_, err := users.AddUser(t.Context(), provisioning.Scope{Instance: i, Actor: actor},
			provisioning.Account{Fields: fields, Integration: true, Role: instance.LiteAdmin})
		if err == nil {
			_, _, err = service.CreateKey(t.Context(), i,
				instance.KeyRequest{UserName: name, Life: life}, actor)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	const day = 24 * time.Hour
	key("soon", "soon@acme.example", 20*day)
	key("silent", "", 20*day)
	key("later", "later@acme.example", 300*day)

	told := func() map[string]int {
		t.Helper()
		list, err := s.Outbox(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		to := make(map[string]int)
		for _, m := range list {
			to[m.UserName+" "+m.To]++
			if !strings.Contains(m.Body, "muster-server key rotate ") {
				t.Errorf("the mail does not say what to do: %s", m.Body)
			}
		}
		return to
	}
	var warned strings.Builder
	notices := &administration.KeyNotices{
		Keys: s, Outbox: s, To: []string{"ops@acme.example"}, Mail: true,
		Log: slog.New(slog.NewTextHandler(&warned, nil)),
	}
	for _, step := range []struct {
		at   time.Duration
		want int // mails to each who is told of a key
	}{
		{0, 1},
		{day, 1},
		{7 * day, 2},
		{8 * day, 2},
		{18 * day, 3},
		{19*day + time.Hour, 4},
		{25 * day, 4},
	} {
		var servers sync.WaitGroup
		for range 3 {
			servers.Go(func() {
				if err := notices.Tell(t.Context(), time.Now().Add(step.at)); err != nil {
					t.Error(err)
				}
			})
		}
		servers.Wait()
		got := told()
		for _, who := range []string{
			"soon soon@acme.example", "soon ops@acme.example", "silent ops@acme.example",
		} {
			if got[who] != step.want {
				t.Errorf("after %v: %s has %d mails, want %d", step.at, who, got[who], step.want)
			}
		}
		if len(got) != 3 {
			t.Errorf("after %v: %v", step.at, got)
		}
	}

	// Where no mail is sent, the log says it.
	notices.Mail = false
	if err := notices.Tell(context.Background(), time.Now()); err != nil ||
		strings.Count(warned.String(), "nobody is told") != 2 {
		t.Errorf("%v, %s", err, &warned)
	}
}
