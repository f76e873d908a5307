package command

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster/buildinfo"
	"muster/server/asynchronous"
	"muster/server/certificate"
	"muster/server/events"
	"muster/server/httpapi"
	"muster/server/invitation"
	"muster/server/limit"
	"muster/server/metrics"
	"muster/server/tracing"
)

const serveExample = `  muster-server serve --listen 127.0.0.1:8080 --database sqlite:./m.db
  muster-server serve --listen :443 --tls-cert tls.crt --tls-key tls.key \
      --public-url https://scim.example.com`

func newServe() *cobra.Command {
	c := &cobra.Command{
		Use: "serve", Short: "Serve SCIM", Args: cobra.NoArgs, RunE: serve,
		Annotations: map[string]string{creates: "yes"},
		Long: `Serve SCIM below /scim/v2, the admin API below /admin/v1, the console below
/console, and /healthz and /readyz beside them. The server stops on SIGINT or
SIGTERM, after the requests that are under way.

Traces go to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names, if it is set.`,
		Example: serveExample,
	}
	addSettings(c)
	return c
}

// sendInvitations begins to send what is in the outbox, if that is configured.
func (a *application) sendInvitations(c *cobra.Command, log *slog.Logger) error {
	server := text(c, "smtp")
	if server == "" {
		return nil
	}
	sender, err := invitation.NewSender(server, text(c, "smtp-from"), a.store, log)
	if err != nil {
		return fmt.Errorf("--smtp, --smtp-from: %w", err)
	}
	go sender.Run(c.Context(), 2*time.Second)
	return nil
}

// newLogger returns a logger of a format, text or json, that leaves out what is
// below a level. Both were checked as settings.
func newLogger(format, level string, w io.Writer) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level: %w", err)
	}
	o := &slog.HandlerOptions{Level: least}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o)), nil
	}
	return slog.New(slog.NewTextHandler(w, o)), nil
}

// adoptInterval is how long history that a server of an older version left
// stays out of the hash chain at the most.
const adoptInterval = 30 * time.Second

// ledgerInterval is how long it may take until the database knows who was held
// back.
const ledgerInterval = 5 * time.Second

// shutdownTime is how long requests that are under way may take to end, and
// traceTime how long it may take to send their traces.
const (
	shutdownTime = 20 * time.Second
	traceTime    = 3 * time.Second
)

func serve(c *cobra.Command, _ []string) (err error) {
	tuneMemory()
	lines := newLogWriter(c.ErrOrStderr())
	log, err := newLogger(text(c, "log-format"), text(c, "log-level"), lines)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lines.Flush()) }()
	for _, name := range unknownVariables(os.Environ()) {
		log.Warn("a variable that looks like a setting and is none; muster-server "+
			"settings shows all", "variable", name)
	}
	cert, err := loadCertificate(c, log)
	if err != nil {
		return err
	}
	a, err := open(c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.store.Close()) }()
	ctx, cancel := context.WithCancel(c.Context())
	c.SetContext(ctx)
	defer func() {
		cancel()
		a.beside.Wait()
	}()
	connections, err := strconv.Atoi(text(c, "database-connections"))
	if err != nil {
		return err
	}
	a.store.LimitConnections(connections)
	scanTime, err := time.ParseDuration(text(c, "scan-time"))
	if err != nil {
		return err
	}
	a.store.LimitScans(scanTime)
	traces, err := tracing.Start(c.Context(), buildinfo.Read().Version)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), traceTime)
		defer cancel()
		err = errors.Join(err, traces.Stop(ctx))
	}()
	l, err := listen(c, "listen")
	if err != nil {
		return err
	}
	return errors.Join(a.serveOn(c, l, cert, traces, log), closed(l))
}

// closed closes a listener that may be closed already.
func closed(l net.Listener) error {
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// text returns the value of a flag.
func text(c *cobra.Command, flag string) string { return c.Flags().Lookup(flag).Value.String() }

// listen listens at the address that a flag gives.
func listen(c *cobra.Command, flag string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(c.Context(), "tcp", text(c, flag))
	if err != nil {
		return nil, fmt.Errorf("--%s %s: %w", flag, text(c, flag), err)
	}
	return l, nil
}

// loadCertificate reads the certificate that is configured, or returns nil if
// there is none.
func loadCertificate(c *cobra.Command, log *slog.Logger) (*certificate.Files, error) {
	cert, key := text(c, "tls-cert"), text(c, "tls-key")
	switch {
	case cert == "" && key == "":
		return nil, nil
	case cert == "" || key == "":
		return nil, errors.New("--tls-cert and --tls-key belong together: give both, or none " +
			"for plain HTTP")
	}
	f, err := certificate.Load(cert, key, log)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	return f, nil
}

// serveOn serves on a listener until the context of the command ends.
func (a *application) serveOn(
	c *cobra.Command, l net.Listener, cert *certificate.Files, traces *tracing.Provider,
	log *slog.Logger,
) error {
	public := text(c, "public-url")
	if public == "" {
		public = scheme(cert) + reachable(l.Addr().(*net.TCPAddr))
	}
	counted := metrics.New(buildinfo.Read().Version, buildinfo.Read().Commit)
	publisher, err := a.sendEvents(c, public, log)
	if err != nil {
		return err
	}
	requests := asynchronous.New(a.store, log)
	handler, err := a.handler(c, public, publisher, requests, counted, log)
	if err != nil {
		return err
	}
	if text(c, "demo") == "true" {
		if err := a.demo(c.Context(), strings.TrimSuffix(public, "/"),
			text(c, "database")); err != nil {
			return err
		}
	}
	if err := a.sendInvitations(c, log); err != nil {
		return err
	}
	above, err := a.store.AboveRowSecurity(c.Context())
	if err != nil {
		return err
	}
	if above {
		log.Warn("the database user is above row-level security, the second wall between " +
			"instances: use one that is no superuser")
	}
	if err := serveProfiles(c, log); err != nil {
		return err
	}
	if err := a.serveMetrics(c, counted, log); err != nil {
		return err
	}
	a.tellOfKeys(c, log)
	if err := a.writeAudit(c, log); err != nil {
		return err
	}
	a.beside.Go(func() { requests.Run(c.Context()) })
	go a.admin.Users.AdoptHistory(c.Context(), adoptInterval)
	go a.store.KeepAnalyzed(c.Context(), log)
	log.Info("serving", "url", public+httpapi.Base, "address", l.Addr().String(),
		"database", a.store.Engine(), "strict", text(c, "strict"),
		"version", buildinfo.Read().Version)
	var config *tls.Config
	if cert != nil {
		config = cert.Config()
	}
	tellSystemd(c.Context(), log)
	return serveUntil(c.Context(), l, traces.Wrap(handler, httpapi.IsProbe), config, log)
}

func scheme(cert *certificate.Files) string {
	if cert == nil {
		return "http://"
	}
	return "https://"
}

// handler makes what serves SCIM, as it is configured. The flags were checked
// when they were set.
func (a *application) handler(
	c *cobra.Command, public string, publisher *events.Service,
	requests *asynchronous.Service, counted *metrics.Metrics, log *slog.Logger,
) (http.Handler, error) {
	trusted, err := proxies(text(c, "trusted-proxies"))
	if err != nil {
		return nil, err
	}
	limits := httpapi.Limits{Shared: a.store, Ledger: &limit.Ledger{}}
	for flag, to := range map[string]*float64{
		"rate-per-key": &limits.PerKey, "rate-per-address": &limits.PerAddress,
	} {
		if *to, err = strconv.ParseFloat(text(c, flag), 64); err != nil {
			return nil, err
		}
	}
	if limits.Requests, err = strconv.Atoi(text(c, "max-requests")); err != nil {
		return nil, err
	}
	pages, err := a.console(c, public, log)
	if err != nil {
		return nil, err
	}
	a.beside.Go(func() { limits.Ledger.Run(c.Context(), ledgerInterval, a.store.NoteHeld, log) })
	return httpapi.New(httpapi.Config{
		Admin: a.admin, PublicURL: public, Strict: text(c, "strict") == "true", Log: log,
		Ready: a.store.Ping, Limits: limits, TrustedProxies: trusted, Metrics: counted,
		Console: pages, Events: publisher, Requests: requests,
	})
}

// serveMetrics begins to serve metrics, if that is configured.
func (a *application) serveMetrics(c *cobra.Command, m *metrics.Metrics, log *slog.Logger) error {
	for name, pool := range a.store.Pools() {
		m.Database(name, pool)
	}
	m.Keys(a.expiryTimes, log)
	m.Feeds(a.store.FeedStates, log)
	m.Backlog(func(ctx context.Context) (b metrics.Backlog, err error) {
		b.Unsealed, b.Oldest, b.Unsent, b.Waiting, err = a.store.Backlog(ctx)
		return b, err
	}, log)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	return serveBeside(c, "metrics-listen", "/metrics", mux, log)
}

// serveProfiles begins to serve profiles, if that is configured.
func serveProfiles(c *cobra.Command, log *slog.Logger) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return serveBeside(c, "debug-listen", "/debug/pprof/", mux, log)
}

// serveBeside begins to serve something on an address of its own, if a flag
// gives one.
func serveBeside(c *cobra.Command, flag, path string, h http.Handler, log *slog.Logger) error {
	if text(c, flag) == "" {
		return nil
	}
	l, err := listen(c, flag)
	if err != nil {
		return err
	}
	log.Info("serving "+strings.TrimSuffix(flag, "-listen"),
		"url", "http://"+l.Addr().String()+path)
	go func() {
		if err := serveUntil(c.Context(), l, h, nil, log); err != nil {
			log.Error(flag, "error", err)
		}
	}()
	return nil
}

// The server's live memory is a few megabytes, so that by default the garbage
// collector would run many times a second. It may use more, up to a limit
// above which it works as hard as it must.
const (
	garbagePercent = 400
	memoryLimit    = 112 << 20
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
// have ended; with TLS if config is not nil.
func serveUntil(
	ctx context.Context, l net.Listener, h http.Handler, config *tls.Config, log *slog.Logger,
) error {
	s := &http.Server{
		Handler: h, TLSConfig: config, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		// A client may be slow, but not hold a connection for nothing. How
		// long it may take for an answer is a matter of each part of it.
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		WriteTimeout: 3 * time.Minute,
	}
	failed := make(chan error, 1)
	go func() {
		if config != nil {
			failed <- s.ServeTLS(l, "", "")
			return
		}
		failed <- s.Serve(l)
	}()
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
