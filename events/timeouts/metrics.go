package timeouts

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dev/rollcall/events"
)

// Metrics are what the timeout consumer counts. They are ready without
// registration. Counted is what this process appended; a repeat that added
// nothing is not.
type Metrics struct {
	Fired     *prometheus.CounterVec // by cause
	Lateness  prometheus.Histogram   // from due to decided, covered seconds
	Void      prometheus.Counter     // offline events that a beat had overtaken
	Witnesses prometheus.Counter     // beats written down
	Failed    prometheus.Counter     // what could not be appended and is tried again
	LeaseHeld prometheus.Gauge       // 1 while this process appends
}

// NewMetrics makes them; see Register.
func NewMetrics() *Metrics {
	m := &Metrics{
		Fired: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rollcall_timeouts_fired_total",
			Help: "Sessions declared offline and overrides declared expired, by cause: timeout, left, override_expired."}, []string{"cause"}),
		Lateness: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "rollcall_timeout_lateness_seconds",
			Help:    "Time from the moment at which a session had been silent for too long to the decision, in covered time.",
			Buckets: []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}}),
		Void: prometheus.NewCounter(prometheus.CounterOpts{Name: "rollcall_timeouts_void_total",
			Help: "Offline events that a heartbeat had overtaken and that changed nothing."}),
		Witnesses: prometheus.NewCounter(prometheus.CounterOpts{Name: "rollcall_witnesses_total",
			Help: "Heartbeats that changed something and were written down as online events."}),
		Failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "rollcall_timeouts_failed_total",
			Help: "Attempts of the timeout consumer that failed and are repeated."}),
		LeaseHeld: prometheus.NewGauge(prometheus.GaugeOpts{Name: "rollcall_lease_held",
			Help: "1 while this node is the one that appends timeouts."}),
	}
	for _, c := range []events.Cause{events.CauseTimeout, events.CauseLeft, events.CauseOverrideExpired} {
		m.Fired.WithLabelValues(string(c))
	}
	return m
}

// Register adds all of them to r.
func (m *Metrics) Register(r prometheus.Registerer) {
	r.MustRegister(m.Fired, m.Lateness, m.Void, m.Witnesses, m.Failed, m.LeaseHeld)
}
