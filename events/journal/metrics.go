package journal

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rollcall-dev/rollcall/events"
)

// Metrics are what the journal counts. They are ready without registration.
type Metrics struct {
	Events     *prometheus.CounterVec // by type and outcome
	Shed       prometheus.Counter     // refused because the queue was full
	BatchSize  prometheus.Histogram   // heartbeats a message
	AckSeconds prometheus.Histogram   // from publish to acknowledgement

	beatsOK prometheus.Counter // bound beforehand: it is on the path of every heartbeat
}

// NewMetrics makes them; see Register.
func NewMetrics() *Metrics {
	m := &Metrics{
		Events: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rollcall_events_total",
			Help: "Events by type and outcome: stored, duplicate, conflict, full, slow, unavailable."}, []string{"type", "outcome"}),
		Shed: prometheus.NewCounter(prometheus.CounterOpts{Name: "rollcall_events_shed_total",
			Help: "Events refused because too many were waiting for the log."}),
		BatchSize: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "rollcall_heartbeat_batch_size",
			Help: "Heartbeats that shared one message.", Buckets: prometheus.ExponentialBuckets(1, 2, 14)}),
		AckSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "rollcall_log_ack_seconds",
			Help: "Time from a publish to its acknowledgement.", Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16)}),
	}
	m.beatsOK = m.Events.WithLabelValues(string(events.Heartbeat), "stored")
	return m
}

// Register adds all of them to r.
func (m *Metrics) Register(r prometheus.Registerer) {
	r.MustRegister(m.Events, m.Shed, m.BatchSize, m.AckSeconds)
}

func (m *Metrics) count(e *entry, o outcome) {
	if e.msg == nil && o.err == nil {
		m.beatsOK.Inc()
		return
	}
	typ := string(events.Heartbeat)
	if e.msg != nil {
		if _, t, err := events.ParseSubject(e.msg.Subject); err == nil {
			typ = string(t)
		}
	}
	m.Events.WithLabelValues(typ, outcomeName(o)).Inc()
}

func outcomeName(o outcome) string {
	switch {
	case errors.Is(o.err, ErrConflict):
		return "conflict"
	case errors.Is(o.err, ErrFull):
		return "full"
	case errors.Is(o.err, ErrSlow):
		return "slow"
	case o.err != nil:
		return "unavailable"
	case o.ack.Duplicate:
		return "duplicate"
	}
	return "stored"
}
