package command

import (
	"context"
	"log/slog"

	"github.com/coreos/go-systemd/v22/daemon"
)

// tellSystemd tells that the server is ready, and, when ctx ends, that it
// stops. Without systemd nobody is told.
func tellSystemd(ctx context.Context, log *slog.Logger) {
	tell := func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			log.Warn("systemd cannot be told of the server's state", "state", state, "error", err)
		}
	}
	tell(daemon.SdNotifyReady)
	context.AfterFunc(ctx, func() { tell(daemon.SdNotifyStopping) })
}
