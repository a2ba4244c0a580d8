package loadgen

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestRequestsAreSpreadOverConnectionsAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{Connections: 2, Rate: 10} // one each 100 ms, so one each 200 ms a connection
		p := newPace(cfg, 1)
		defer p.stop()
		clk := clock{start: time.Now()}
		for _, ms := range []int{100, 300, 500} {
			want := time.Duration(ms) * time.Millisecond
			due, ok := p.wait(t.Context(), clk, 600*time.Millisecond)
			if !ok || due != want || clk.now() != want {
				t.Errorf("due at %v, woken at %v, want %v", due, clk.now(), want)
			}
		}
		if _, ok := p.wait(t.Context(), clk, 600*time.Millisecond); ok {
			t.Error("a request after the end")
		}
	})
}

func TestALateRequestIsStillDueWhenItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(Config{Connections: 1, Rate: 10}, 0)
		clk := clock{start: time.Now().Add(-time.Second)} // the server took a second for one answer
		for _, want := range []time.Duration{0, 100 * time.Millisecond} {
			if due, ok := p.wait(t.Context(), clk, time.Minute); !ok || due != want {
				t.Errorf("due at %v, want %v", due, want)
			}
		}
		if clk.now() != time.Second {
			t.Error("a late request waited")
		}
	})
}

func TestRequestsNeverSentAreCountedInTheMeasuredTime(t *testing.T) {
	measured := window{from: 1000, to: 2000}
	for name, c := range map[string]struct {
		due, every time.Duration
		want       int64
	}{
		"closed loop":         {0, 0, 0},
		"all sent":            {2000, 100, 0},
		"the last":            {1950, 100, 1},
		"half":                {1500, 100, 5},
		"all of them":         {1000, 100, 10},
		"those of warm-up":    {500, 100, 10},
		"between two of them": {950, 100, 10},
	} {
		if got := (&pace{due: c.due, every: c.every}).unsent(measured); got != c.want {
			t.Errorf("%s: %d unsent, want %d", name, got, c.want)
		}
	}
}
