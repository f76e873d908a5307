// Package metrics counts what the server does, for Prometheus.
package metrics

import (
	"context"
	"database/sql"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are those of one server. All names begin with "muster_", but for
// those that Prometheus gives to every Go program.
type Metrics struct {
	registry     *prometheus.Registry
	requests     *prometheus.CounterVec
	duration     *prometheus.HistogramVec
	provisioning *prometheus.CounterVec
	refused      *prometheus.CounterVec
	current      prometheus.Gauge
}

// New returns the metrics of a server of a version and commit.
func New(version, commit string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muster_http_requests_total",
			Help: "Requests that were answered, by route and status.",
		}, []string{"method", "route", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "muster_http_request_duration_seconds", Help: "How long requests took, by route.",
			Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10},
		}, []string{"method", "route"}),
		provisioning: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muster_provisioning_total",
			Help: "Changes that identity providers asked for, by instance, action (as in the " +
				"change history) and outcome: done, refused, or failed.",
			// "instance" is a label of Prometheus itself
		}, []string{"muster_instance", "action", "outcome"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muster_limited_total",
			Help: "Requests that were refused by a limit: key, address, requests (at once), " +
				"reads, scans, scan-time, bulk, bodies, long-work, or waiting (to be done " +
				"later); by instance where that was known.",
		}, []string{"limit", "muster_instance"}),
		current: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "muster_http_requests_current", Help: "Requests that are being answered.",
		}),
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "muster_build_info", Help: "Always 1; the labels tell the version.",
		ConstLabels: prometheus.Labels{"version": version, "commit": commit},
	}, func() float64 { return 1 })
	m.registry.MustRegister(m.requests, m.duration, m.provisioning, m.refused, m.current, build,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Begin counts a request until it ends.
func (m *Metrics) Begin() { m.current.Inc() }

// End counts a request that was answered. route is the path with names in
// place of ids, and empty for a path that there is not.
func (m *Metrics) End(method, route string, status int, took time.Duration) {
	m.current.Dec()
	if route == "" {
		method, route = "", "none" // whatever strangers think of
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(method, route).Observe(took.Seconds())
}

// Provisioned counts a change that was asked for.
func (m *Metrics) Provisioned(instance, action string, status int) {
	outcome := "done"
	switch {
	case status >= http.StatusInternalServerError:
		outcome = "failed"
	case status >= http.StatusBadRequest:
		outcome = "refused"
	}
	m.provisioning.WithLabelValues(instance, action, outcome).Inc()
}

// Limited counts a request that a limit refused.
func (m *Metrics) Limited(limit, instance string) {
	m.refused.WithLabelValues(limit, instance).Inc()
}

// Database has the connections of a pool counted.
func (m *Metrics) Database(name string, pool *sql.DB) {
	m.registry.MustRegister(collectors.NewDBStatsCollector(pool, name))
}

// Backlog is what waits in the database.
type Backlog struct {
	// Unsealed is how many rows of the change history are not in their chain
	// yet, up to a number that is far too large; and Oldest the age of the
	// oldest of them.
	Unsealed int
	Oldest   time.Duration
	// Unsent is how many invitations wait to be sent, and Waiting how many requests
	// that were accepted to be done.
	Unsent, Waiting int
}

// backlogTime is how long to read the backlog may take.
const backlogTime = 5 * time.Second

// Backlog has the backlog read whenever the metrics are. When it cannot be
// read it is left out, so that an alert on its absence sees it.
func (m *Metrics) Backlog(read func(context.Context) (Backlog, error), log *slog.Logger) {
	m.registry.MustRegister(&backlogCollector{read, log})
}

// Key is an API key that ends soon, or has ended of late.
type Key struct {
	// Instance is the name of the instance, ID the public id of the key.
	Instance, ID string
	Expires      time.Time
}

// Keys has those that end soon read whenever the metrics are. When they cannot be
// read they are left out.
func (m *Metrics) Keys(read func(context.Context) ([]Key, error), log *slog.Logger) {
	m.registry.MustRegister(&keysCollector{read, log})
}

type keysCollector struct {
	read func(context.Context) ([]Key, error)
	log  *slog.Logger
}

func keyDesc() *prometheus.Desc {
	return prometheus.NewDesc("muster_key_expiry_timestamp_seconds",
		"When an API key ends that ends within 30 days, or ended 30 days ago at the most, and "+
			"that no other took the place of.", []string{"muster_instance", "key"}, nil)
}

func (*keysCollector) Describe(to chan<- *prometheus.Desc) { to <- keyDesc() }

func (c *keysCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), backlogTime)
	defer cancel()
	keys, err := c.read(ctx)
	if err != nil {
		c.log.Warn("metrics without the keys that end soon", "error", err)
		return
	}
	for _, k := range keys {
		to <- prometheus.MustNewConstMetric(keyDesc(), prometheus.GaugeValue,
			float64(k.Expires.Unix()), k.Instance, k.ID)
	}
}

type backlogCollector struct {
	read func(context.Context) (Backlog, error)
	log  *slog.Logger
}

func unsealedDesc() *prometheus.Desc {
	return prometheus.NewDesc("muster_history_unsealed_rows",
		"Rows of the change history that are not in their hash chain yet.", nil, nil)
}

func oldestDesc() *prometheus.Desc {
	return prometheus.NewDesc("muster_history_unsealed_age_seconds",
		"The age of the oldest row that is not in its hash chain yet.", nil, nil)
}

func unsentDesc() *prometheus.Desc {
	return prometheus.NewDesc("muster_outbox_unsent_messages", "Invitations that wait to be sent.",
		nil, nil)
}

func waitingDesc() *prometheus.Desc {
	return prometheus.NewDesc("muster_requests_waiting",
		"Requests that were accepted, to be done later, and are not done yet.", nil, nil)
}

func (*backlogCollector) Describe(to chan<- *prometheus.Desc) {
	to <- unsealedDesc()
	to <- oldestDesc()
	to <- unsentDesc()
	to <- waitingDesc()
}

func (c *backlogCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), backlogTime)
	defer cancel()
	b, err := c.read(ctx)
	if err != nil {
		c.log.Warn("metrics without the backlog", "error", err)
		return
	}
	to <- prometheus.MustNewConstMetric(unsealedDesc(), prometheus.GaugeValue, float64(b.Unsealed))
	to <- prometheus.MustNewConstMetric(oldestDesc(), prometheus.GaugeValue, b.Oldest.Seconds())
	to <- prometheus.MustNewConstMetric(unsentDesc(), prometheus.GaugeValue, float64(b.Unsent))
	to <- prometheus.MustNewConstMetric(waitingDesc(), prometheus.GaugeValue, float64(b.Waiting))
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}
