package command

import (
	"context"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"muster/server/administration"
	"muster/server/metrics"
)

// tellOfKeys begins to tell of API keys that end soon.
func (a *application) tellOfKeys(c *cobra.Command, log *slog.Logger) {
	notice := &administration.KeyNotices{
		Keys: a.store, Outbox: a.store, Mail: text(c, "smtp") != "", Log: log,
	}
	if list := text(c, "notify"); list != "" {
		notice.To, _ = addresses(list) // the settings are checked
	}
	a.beside.Go(func() { notice.Run(c.Context(), noticeInterval) })
}

// noticeInterval is how often keys that end soon are looked for.
const noticeInterval = time.Hour

// expiryTimes returns when keys end that end soon, or have ended of late.
func (a *application) expiryTimes(ctx context.Context) (list []metrics.Key, err error) {
	now := time.Now()
	keys, err := a.store.ExpiringKeys(ctx, now.Add(-administration.ExpiryWindow),
		now.Add(administration.ExpiryWindow))
	for _, k := range keys {
		list = append(list, metrics.Key{Instance: k.Instance, ID: k.KeyID, Expires: k.Expires})
	}
	return list, err
}
