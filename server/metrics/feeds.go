package metrics

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Feed is how far a feed of events has come; see events.State.
type Feed struct {
	// Instance is the name of the instance, Name that of the feed.
	Instance, Name string
	Paused         bool
	// Behind is how many rows of the history the feed has not told of yet, and Lag the
	// age of the oldest of them.
	Behind int64
	Lag    time.Duration
	// Delivered is how many events its receiver has taken, Failures how often in
	// succession nothing could be delivered, and Parked how many events the receiver
	// has refused for good.
	Delivered, Failures, Parked int64
}

// Feeds has the feeds read whenever the metrics are. When they cannot be read they are
// left out.
func (m *Metrics) Feeds(read func(context.Context) ([]Feed, error), log *slog.Logger) {
	m.registry.MustRegister(&feedsCollector{read, log})
}

type feedsCollector struct {
	read func(context.Context) ([]Feed, error)
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
