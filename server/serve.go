package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster/server/httpapi"
	"muster/server/invitation"
)

func newServe() *cobra.Command {
	c := &cobra.Command{
		Use: "serve", Short: "Serve SCIM", Args: cobra.NoArgs, RunE: serve,
		Long: `Serve SCIM below /scim/v2, the admin API below /admin/v1, and /healthz and
/readyz beside them. The server stops
on SIGINT or SIGTERM, after the requests that are under way.`,
		Example: "  muster-server serve --listen 127.0.0.1:8080 --database sqlite:./m.db",
	}
	c.Flags().String("listen", "127.0.0.1:8080", "address and port to listen on"+variable("listen"))
	c.Flags().String("public-url", "", "where clients reach the server, without /scim/v2; by default http:// and the address"+variable("public-url"))
	c.Flags().Bool("demo", false, "make an instance \"demo\" with an API key at the first start"+variable("demo"))
	c.Flags().Bool("strict", false, "refuse each known deviation of identity providers, so that the author of a client finds them"+variable("strict"))
	c.Flags().String("log-format", "text", "text or json"+variable("log-format"))
	c.Flags().String("debug-listen", "", "address and port for profiles, below /debug/pprof/; keep it from strangers; off by default"+variable("debug-listen"))
	c.Flags().String("smtp", "", "the mail server for invitations, as smtp://USER:PASSWORD@HOST:PORT; none are sent without it"+variable("smtp"))
	c.Flags().String("smtp-from", "", "the sender of invitations"+variable("smtp-from"))
	return c
}

// sendInvitations begins to send what is in the outbox, if that is configured.
func (a *application) sendInvitations(c *cobra.Command, log *slog.Logger) error {
	server, _ := c.Flags().GetString("smtp")
	if server == "" {
		return nil
	}
	from, _ := c.Flags().GetString("smtp-from")
	sender, err := invitation.NewSender(server, from, a.store, log)
	if err != nil {
		return fmt.Errorf("--smtp, --smtp-from: %w", err)
	}
	go sender.Run(c.Context(), 2*time.Second)
	return nil
}

func newLogger(format string, w io.Writer) (*slog.Logger, error) {
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, nil)), nil
	}
	return nil, fmt.Errorf("--log-format %q: use text or json", format)
}

// sealInterval is how long a history row stays out of the hash chain at the
// most.
const sealInterval = 500 * time.Millisecond

// shutdownTime is how long requests that are under way may take to end.
const shutdownTime = 20 * time.Second

func serve(c *cobra.Command, _ []string) (err error) {
	tuneMemory()
	format, _ := c.Flags().GetString("log-format")
	lines := newLogWriter(c.ErrOrStderr())
	log, err := newLogger(format, lines)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lines.Flush()) }()
	a, err := open(c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.store.Close()) }()

	address, _ := c.Flags().GetString("listen")
	var lc net.ListenConfig
	listener, err := lc.Listen(c.Context(), "tcp", address)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", address, err)
	}
	public, _ := c.Flags().GetString("public-url")
	if public == "" {
		public = "http://" + reachable(listener.Addr().(*net.TCPAddr))
	}
	strict, _ := c.Flags().GetBool("strict")
	handler, err := httpapi.New(httpapi.Config{
		Admin: a.admin, PublicURL: public, Strict: strict, Log: log, Ready: a.store.Ping,
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if demo, _ := c.Flags().GetBool("demo"); demo {
		if err := a.demo(c.Context(), strings.TrimSuffix(public, "/")+httpapi.Base, c.Flags().Lookup("database").Value.String()); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	if err := a.sendInvitations(c, log); err != nil {
		return errors.Join(err, listener.Close())
	}
	above, err := a.store.AboveRowSecurity(c.Context())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if above {
		log.Warn("the database user is above row-level security, the second wall between instances: use one that is no superuser")
	}
	if err := serveDebug(c, log); err != nil {
		return errors.Join(err, listener.Close())
	}
	go a.admin.Users.SealHistory(c.Context(), sealInterval)
	log.Info("serving", "url", public+httpapi.Base, "address", listener.Addr().String(), "database", a.store.Engine(), "strict", strict)
	return serveUntil(c.Context(), listener, handler, log)
}

// serveDebug begins to serve profiles, if that is configured.
func serveDebug(c *cobra.Command, log *slog.Logger) error {
	address, _ := c.Flags().GetString("debug-listen")
	if address == "" {
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(c.Context(), "tcp", address)
	if err != nil {
		return fmt.Errorf("--debug-listen %s: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	log.Info("serving profiles", "url", "http://"+l.Addr().String()+"/debug/pprof/")
	go func() {
		if err := serveUntil(c.Context(), l, mux, log); err != nil {
			log.Error("profiles", "error", err)
		}
	}()
	return nil
}

// The server's live memory is a few megabytes, so that by default the garbage
// collector would run many times a second. It may use more, up to a limit
// above which it works as hard as it must.
const (
	garbagePercent = 400
	memoryLimit    = 128 << 20
)

// tuneMemory sets these, unless Go's own variables say otherwise.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

// reachable returns the address at which this machine reaches a listener.
func reachable(a *net.TCPAddr) string {
	if a.IP.IsUnspecified() {
		return fmt.Sprintf("localhost:%d", a.Port)
	}
	return a.String()
}

// serveUntil serves until ctx ends, and then until the requests under way
// have ended.
func serveUntil(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	s := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.Info("stopping")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		return fmt.Errorf("requests were cut off: %w", err)
	}
	log.Info("stopped")
	return nil
}
