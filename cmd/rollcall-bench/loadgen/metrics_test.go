package loadgen

import (
	"errors"
	"strings"
	"testing"
)

const someMetrics = `# HELP rollcall_witnesses_total Written.
# TYPE rollcall_witnesses_total counter
rollcall_witnesses_total 7
# TYPE rollcall_events_total counter
rollcall_events_total{outcome="stored",type="login"} 1
rollcall_events_total{outcome="stored",type="heartbeat"} 2.5e+06
# TYPE rollcall_checkpoint_seconds histogram
rollcall_checkpoint_seconds_bucket{view="current",le="1"} 3
rollcall_checkpoint_seconds_bucket{view="current",le="+Inf"} 4
rollcall_checkpoint_seconds_sum{view="current"} 2
rollcall_checkpoint_seconds_count{view="current"} 4
rollcall_checkpoint_seconds_bucket{view="history",le="+Inf"} 1
rollcall_checkpoint_seconds_sum{view="history"} 0.5
rollcall_checkpoint_seconds_count{view="history"} 1
`

func TestMetricsAreAddedUp(t *testing.T) {
	m, err := parseMetrics(strings.NewReader(someMetrics))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{metricWitnesses: 7, "rollcall_events_total": 2_500_001} {
		if got, err := m.total(name); err != nil || got != want {
			t.Errorf("%s is %v, %v, want %v", name, got, err, want)
		}
	}
	now, err := m.spread(metricCheckpoint)
	if err != nil || now != (spread{count: 5, sum: 2.5}) {
		t.Errorf("got %+v, %v", now, err)
	}
	if got := now.meanSince(spread{count: 3, sum: 1.5}); got != 0.5 {
		t.Errorf("the mean since is %v", got)
	}
	if got := now.meanSince(now); got != 0 {
		t.Errorf("the mean of nothing is %v", got)
	}
}

func TestAMetricThatIsNotThereIsAnError(t *testing.T) {
	m, err := parseMetrics(strings.NewReader(someMetrics))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.total("rollcall_other"); !errors.Is(err, ErrMetric) {
		t.Errorf("got %v, want ErrMetric", err)
	}
	if _, err := m.spread("rollcall_other"); !errors.Is(err, ErrMetric) {
		t.Errorf("got %v, want ErrMetric", err)
	}
	if _, err := parseMetrics(strings.NewReader("rollcall 1 2 3 4\n{")); err == nil {
		t.Error("nonsense was taken")
	}
}
