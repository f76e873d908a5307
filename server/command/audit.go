package command

import (
	"errors"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"muster/buildinfo"
	"muster/server/audit"
)

// auditInterval is how often rows of the history are looked for that are not in the
// audit log.
const auditInterval = time.Second

// writeAudit begins to write the audit log, if that is configured.
func (a *application) writeAudit(c *cobra.Command, log *slog.Logger) error {
	name := text(c, "audit-log")
	if name == "" {
		return nil
	}
	sink, err := audit.Open(name)
	if err != nil {
		return errors.Join(errors.New("--audit-log"), err)
	}
	l := &audit.Log{Store: a.store, Sink: sink, Version: buildinfo.Read().Version, Log: log}
	a.beside.Go(func() {
		l.Run(c.Context(), auditInterval)
		if err := sink.Close(); err != nil {
			log.Warn("audit log", "error", err)
		}
	})
	return nil
}
