package embedded

import "github.com/prometheus/client_golang/prometheus"

// newCheckpointSeconds is the histogram of how long checkpoints take.
func newCheckpointSeconds(r prometheus.Registerer) prometheus.Observer {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "rollcall_checkpoint_seconds",
		Help: "Time that a checkpoint of the current view took.", Buckets: prometheus.ExponentialBuckets(0.01, 3, 8)})
	r.MustRegister(h)
	return h
}
