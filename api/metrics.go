package api

import (
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rollcall-dev/rollcall/projections/live"
)

// metrics are what the API counts.
type metrics struct {
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	unrouted  *routeMetrics // requests that no route took
	collector *stateCollector
}

// routeMetrics are those of one route. The counters are bound once: one is on the path of every heartbeat.
type routeMetrics struct {
	route    string
	requests *prometheus.CounterVec
	seconds  prometheus.Observer
	byCode   [600]atomic.Pointer[prometheus.Counter] // status → its counter, once there was one
}

func newMetrics(cfg Config) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rollcall_http_requests_total",
			Help: "Requests by route and status."}, []string{"route", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "rollcall_http_request_seconds",
			Help: "Time from a request's route to its answer.", Buckets: prometheus.ExponentialBuckets(0.00025, 2, 16)}, []string{"route"}),
		collector: newStateCollector(cfg),
	}
	m.unrouted = m.named("none")
	return m
}

func (m *metrics) register(r *prometheus.Registry) error {
	if r == nil {
		return nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.collector} {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("registering the API's metrics: %w", err)
		}
	}
	return nil
}

// of returns the metrics of rt.
func (m *metrics) of(rt *route) *routeMetrics { return m.named(rt.method + " " + rt.path) }

func (m *metrics) named(route string) *routeMetrics {
	return &routeMetrics{route: route, requests: m.requests, seconds: m.seconds.WithLabelValues(route)}
}

func (m *routeMetrics) observe(status int, took time.Duration) {
	if status < 100 || status >= len(m.byCode) {
		status = http.StatusInternalServerError
	}
	bound := m.byCode[status].Load()
	if bound == nil {
		c := m.requests.WithLabelValues(m.route, strconv.Itoa(status))
		bound = &c
		m.byCode[status].Store(bound)
	}
	(*bound).Inc()
	m.seconds.Observe(took.Seconds())
}

// MetricsHandler serves the whole registry in the Prometheus format, for a listener of its own. Without a registry it
// has nothing.
func (a *API) MetricsHandler() http.Handler {
	if a.cfg.Registry == nil {
		return http.NotFoundHandler()
	}
	return Bounded(promhttp.HandlerFor(a.cfg.Registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
}

func (a *API) metricsPage(q request) (int, error) {
	if a.cfg.Registry == nil || a.cfg.MetricsApart {
		return 0, fault(notFound, "No call has this path.")
	}
	a.MetricsHandler().ServeHTTP(q.w, q.r)
	return http.StatusOK, nil
}

// stateCollector reads the view, the live stream and the token cache when Prometheus asks.
type stateCollector struct {
	view View
	auth Verifier
	live *live.Hub // nil: nobody reads a stream

	readers, users, sessions, seq, lag, undecodable, tokens, hits, misses *prometheus.Desc
}

func newStateCollector(cfg Config) *stateCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &stateCollector{view: cfg.View, auth: cfg.Auth, live: cfg.Live,
		readers:     desc("rollcall_stream_readers", "Readers of the live stream."),
		users:       desc("rollcall_users", "Users that the log has named, by status.", "status"),
		sessions:    desc("rollcall_sessions", "Live sessions."),
		seq:         desc("rollcall_view_sequence", "Where the current view stands in the log."),
		lag:         desc("rollcall_view_lag_seconds", "How far the current view is behind the log."),
		undecodable: desc("rollcall_undecodable_events_total", "Events of the log that this version could not read."),
		tokens:      desc("rollcall_token_cache_entries", "Verified tokens that are remembered."),
		hits:        desc("rollcall_token_cache_hits_total", "Tokens that were found remembered."),
		misses:      desc("rollcall_token_cache_misses_total", "Tokens that had to be verified, or refused."),
	}
}

// Describe is part of prometheus.Collector.
func (c *stateCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.readers, c.users, c.sessions, c.seq, c.lag, c.undecodable, c.tokens, c.hits, c.misses} {
		ch <- d
	}
}

// Collect is part of prometheus.Collector.
func (c *stateCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	if c.live != nil {
		gauge(c.readers, float64(c.live.Readers()))
	}
	s := c.view.Stats()
	gauge(c.users, float64(s.Online), "online")
	gauge(c.users, float64(s.Away), "away")
	gauge(c.users, float64(s.Busy), "busy")
	gauge(c.users, float64(s.Offline), "offline")
	gauge(c.sessions, float64(s.Sessions))
	gauge(c.seq, float64(s.Seq))
	gauge(c.lag, s.Lag.Seconds())
	ch <- prometheus.MustNewConstMetric(c.undecodable, prometheus.CounterValue, float64(s.Undecodable))
	t := c.auth.CacheStats()
	gauge(c.tokens, float64(t.Entries))
	ch <- prometheus.MustNewConstMetric(c.hits, prometheus.CounterValue, float64(t.Hits))
	ch <- prometheus.MustNewConstMetric(c.misses, prometheus.CounterValue, float64(t.Misses))
}
