package metrics

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"muster/server/events"
)

// Feeds has the feeds read whenever the metrics are. When they cannot be read they are
// left out.
func (m *Metrics) Feeds(read func(context.Context) ([]events.State, error), log *slog.Logger) {
	m.registry.MustRegister(&feedsCollector{read, log})
}

type feedsCollector struct {
	read func(context.Context) ([]events.State, error)
	log  *slog.Logger
}

func feedDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("muster_feed_"+name, help, []string{"muster_instance", "feed"}, nil)
}

func behindDesc() *prometheus.Desc {
	return feedDesc("behind_rows", "Rows of the change history that a feed has not told of yet.")
}

func lagDesc() *prometheus.Desc {
	return feedDesc("lag_seconds", "The age of the oldest row of the change history that a feed "+
		"has not told of yet; 0 if there is none. A feed that is paused has no lag.")
}

func deliveredDesc() *prometheus.Desc {
	return feedDesc("delivered_total", "Events that the receiver of a feed has taken.")
}

func failuresDesc() *prometheus.Desc {
	return feedDesc("failures", "How often in succession nothing could be delivered to the "+
		"receiver of a feed.")
}

func parkedDesc() *prometheus.Desc {
	return feedDesc("parked_events", "Events that the receiver of a feed has refused for good, "+
		"and that nobody has looked at.")
}

func (*feedsCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		behindDesc(), lagDesc(), deliveredDesc(), failuresDesc(), parkedDesc(),
	} {
		to <- d
	}
}

func (c *feedsCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), backlogTime)
	defer cancel()
	feeds, err := c.read(ctx)
	if err != nil {
		c.log.Warn("metrics without the feeds", "error", err)
		return
	}
	for _, f := range feeds {
		tell := func(d *prometheus.Desc, t prometheus.ValueType, value float64) {
			to <- prometheus.MustNewConstMetric(d, t, value, f.Instance, f.Name)
		}
		tell(deliveredDesc(), prometheus.CounterValue, float64(f.Delivered))
		tell(parkedDesc(), prometheus.GaugeValue, float64(f.Parked))
		if f.Paused {
			continue
		}
		tell(behindDesc(), prometheus.GaugeValue, float64(f.Behind))
		tell(lagDesc(), prometheus.GaugeValue, f.Lag.Seconds())
		tell(failuresDesc(), prometheus.GaugeValue, float64(f.Failures))
	}
}
