package loadgen

import (
	"context"
	"errors"
	"fmt"
	"io"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const (
	metricWitnesses  = "rollcall_witnesses_total"
	metricCheckpoint = "rollcall_checkpoint_seconds"
)

// ErrMetric says that a node's /metrics do not hold what a bench needs.
var ErrMetric = errors.New("metric not found")

// metrics are what a node says at /metrics.
type metrics map[string]*dto.MetricFamily // name → all series of it

func (a asker) metrics(ctx context.Context) (m metrics, err error) {
	return m, a.get(ctx, "/metrics", func(body io.Reader) (err error) {
		m, err = parseMetrics(body)
		return err
	})
}

func parseMetrics(text io.Reader) (metrics, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	return families, nil
}

// total is the sum of all series of a counter or gauge. It returns ErrMetric
// where there is none.
func (m metrics) total(name string) (sum float64, err error) {
	family := m[name]
	if family == nil {
		return 0, fmt.Errorf("%w: %s", ErrMetric, name)
	}
	for _, s := range family.GetMetric() {
		sum += s.GetCounter().GetValue() + s.GetGauge().GetValue()
	}
	return sum, nil
}

// spread is what a histogram says: how many, and their sum.
type spread struct {
	count uint64
	sum   float64
}

// spread adds up all series of a histogram. It returns ErrMetric where there is
// none.
func (m metrics) spread(name string) (s spread, err error) {
	family := m[name]
	if family == nil {
		return spread{}, fmt.Errorf("%w: %s", ErrMetric, name)
	}
	for _, series := range family.GetMetric() {
		s.count += series.GetHistogram().GetSampleCount()
		s.sum += series.GetHistogram().GetSampleSum()
	}
	return s, nil
}

// meanSince is the mean of what has been observed since earlier; 0 for nothing.
func (s spread) meanSince(earlier spread) float64 {
	return ratio(s.sum-earlier.sum, float64(s.count-earlier.count))
}
