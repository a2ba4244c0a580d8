package loadgen

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyTheMeasuredTimeCountsTowardsTheRate(t *testing.T) {
	const s = time.Second
	measured := window{from: 10 * s, to: 20 * s}
	c := connection{tally: newTally()}
	c.tally.record(measured, 204, 8*s, 9*s)   // warm-up
	c.tally.record(measured, 204, 9*s, 11*s)  // due before, answered within
	c.tally.record(measured, 204, 12*s, 13*s) // within
	c.tally.record(measured, 503, 12*s, 13*s)
	c.tally.record(measured, broken, 12*s, 13*s)
	c.tally.record(measured, 204, 19*s, 23*s) // due within, answered after: slow, and to be seen

	got := sum(Config{Connections: 1, Duration: 10 * s}, []*connection{&c}, spent{generator: 1, server: 2})
	if got.Requests != 2 || got.Rate != 0.2 {
		t.Errorf("%d requests, %.1f a second, want 2 and 0.2", got.Requests, got.Rate)
	}
	if diff := cmp.Diff(map[int]int64{0: 1, 204: 4, 503: 1}, got.Statuses); diff != "" {
		t.Error(diff)
	}
	if got.P50.Round(s) != s || got.Max.Round(s/10).Truncate(s) != 4*s {
		t.Errorf("latencies p50 %v, max %v, want those of 1 s and 4 s", got.P50, got.Max)
	}
}

func TestALatencyBeyondTheHistogramIsItsLongest(t *testing.T) {
	c := connection{tally: newTally()}
	c.tally.record(window{to: time.Hour}, 204, 0, 2*longest)
	if got := sum(Config{Duration: time.Hour}, []*connection{&c}, spent{}); got.Max < longest {
		t.Errorf("max %v, want %v", got.Max, longest)
	}
}

func TestNothingAnsweredHasNoLatency(t *testing.T) {
	c := connection{tally: newTally()}
	if got := sum(Config{Duration: time.Second}, []*connection{&c}, spent{}); got.P50 != 0 || got.Max != 0 || got.Rate != 0 {
		t.Errorf("got %+v, want zeros", got)
	}
}
