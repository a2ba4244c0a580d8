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
	BatchSize  prometheus.Histogram   // events a commit
	AckSeconds prometheus.Histogram   // from publish to acknowledgement

	beatsOK prometheus.Counter // bound beforehand: it is on the path of every heartbeat
}

// NewMetrics makes them; see Register.
func NewMetrics() *Metrics {
	m := &Metrics{
		Events: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rollcall_events_total",
			Help: "Events by type and outcome: stored, full, slow, unavailable. A repeat under a known key that was written before it was known counts as stored."}, []string{"type", "outcome"}),
		Shed: prometheus.NewCounter(prometheus.CounterOpts{Name: "rollcall_events_shed_total",
			Help: "Events refused because too many were waiting for the log."}),
		BatchSize: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "rollcall_commit_size",
			Help: "Events that shared one commit.", Buckets: prometheus.ExponentialBuckets(1, 4, 8)}),
		AckSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "rollcall_log_ack_seconds",
			Help: "Time from a publish to its acknowledgement.", Buckets: prometheus.ExponentialBuckets(0.0005, 3, 9)}),
	}
	m.beatsOK = m.Events.WithLabelValues(string(events.Heartbeat), "stored")
	return m
}

// Register adds all of them to r.
func (m *Metrics) Register(r prometheus.Registerer) {
	r.MustRegister(m.Events, m.Shed, m.BatchSize, m.AckSeconds)
}

// count enters what became of e, of whose n items the first stored are in the
// log.
func (m *Metrics) count(e *entry, stored, n int, err error) {
	if e.items == nil {
		m.beatsOK.Add(float64(stored))
		m.add(events.Heartbeat, outcomeName(err), n-stored)
		return
	}
	for from := 0; from < n; {
		typ, to := e.items[from].Event.Type, from+1
		for to < n && to != stored && e.items[to].Event.Type == typ {
			to++
		}
		if from < stored {
			m.add(typ, "stored", to-from)
		} else {
			m.add(typ, outcomeName(err), to-from)
		}
		from = to
	}
}

func (m *Metrics) add(t events.Type, outcome string, n int) {
	if n > 0 {
		m.Events.WithLabelValues(string(t), outcome).Add(float64(n))
	}
}

func outcomeName(err error) string {
	switch {
	case err == nil:
		return "stored"
	case errors.Is(err, ErrFull):
		return "full"
	case errors.Is(err, ErrSlow):
		return "slow"
	}
	return "unavailable"
}
