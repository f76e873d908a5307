package administration

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"muster/server/instance"
	"muster/server/invitation"
)

// ExpiryWindow is how long before its end a key is told of, by metrics, by `check`
// and by mail.
const ExpiryWindow = 30 * 24 * time.Hour

// stages are how many days before its end a key is told of by mail: once at each.
func stages() []int { return []int{1, 3, 14, 30} }

// KeyNotices tell of keys that end soon.
type KeyNotices struct {
	Keys   instance.ExpiryStore
	Outbox interface {
		// Enqueue puts a message into the outbox, unless one of its id is there.
		Enqueue(ctx context.Context, m *invitation.Message) error
	}
	// To are addresses that are told beside the integration user of the key.
	To []string
	// Mail says that the outbox is sent.
	Mail bool
	Log  *slog.Logger
}

// Run tells of keys that end soon until ctx ends. Any number of servers may do so.
func (n *KeyNotices) Run(ctx context.Context, every time.Duration) {
	for {
		if err := n.Tell(ctx, time.Now()); err != nil && ctx.Err() == nil {
			n.Log.WarnContext(ctx, "keys that end soon", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

// Tell puts a mail for each key that ends soon, and each who is to know, into the
// outbox, once for each stage; and warns in the log of what reaches nobody.
func (n *KeyNotices) Tell(ctx context.Context, now time.Time) error {
	keys, err := n.Keys.ExpiringKeys(ctx, now, now.Add(ExpiryWindow))
	if err != nil {
		return err
	}
	for _, k := range keys {
		to := n.To
		if k.Email != "" {
			to = append([]string{k.Email}, to...)
		}
		if len(to) == 0 || !n.Mail {
			n.Log.WarnContext(ctx, "an API key ends soon, and nobody is told by mail",
				"muster_instance", k.Instance, "key", k.KeyID, "user", k.UserName, "expires",
				k.Expires.Format(time.RFC3339))
			continue
		}
		for _, address := range to {
			if err := n.Outbox.Enqueue(ctx, expiryMail(k, address, now)); err != nil {
				return err
			}
		}
	}
	return nil
}

// expiryMail returns the mail about a key for its stage. Its id is the same for the
// same key, stage and address.
func expiryMail(k instance.ExpiringKey, to string, now time.Time) *invitation.Message {
	stage, days := 0, k.Expires.Sub(now).Hours()/24
	for _, s := range stages() {
		if stage = s; days <= float64(s) {
			break
		}
	}
	id := uuid.NewSHA1(uuid.NameSpaceURL,
		fmt.Appendf(nil, "urn:muster:key-expiry:%s:%d:%s:%d", k.KeyID, stage, to, k.Expires.Unix()))
	return &invitation.Message{
		ID: id.String(), InstanceID: k.InstanceID, UserName: k.UserName, To: to, Created: now,
		Subject: fmt.Sprintf("The API key of %s ends on %s", k.Instance,
			k.Expires.Format(time.DateOnly)),
		Body: fmt.Sprintf("The API key %s of the instance %s, on behalf of %s, ends on %s.\n"+
			"Provisioning stops then. Make a new one, and give it to the identity provider:\n\n"+
			"  muster-server key rotate %s --instance %s --overlap 48h\n", k.KeyID, k.Instance,
			k.UserName, k.Expires.Format(time.RFC1123), k.KeyID, k.Instance),
	}
}
