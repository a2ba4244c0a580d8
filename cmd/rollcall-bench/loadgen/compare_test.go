package loadgen

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestARatioToNothingIsZero(t *testing.T) {
	if got := ratio(10, 0); got != 0 {
		t.Errorf("got %v", got)
	}
}

func TestTheTableShowsEveryRunAndTheMedian(t *testing.T) {
	report := Report{Users: 5000, Duration: 10 * time.Second, Circumstances: Circumstances{InMemory: true}, Counts: []Count{{
		Connections: 64, Ratio: 0.512, Wanted: 0.45,
		Rounds: []Round{{
			Baseline: Result{Connections: 64, Rate: 40000, P50: time.Millisecond, ServerCPU: 11 * time.Second},
			Node:     Result{Connections: 64, Rate: 20480, Statuses: map[int]int64{204: 1, 503: 77}},
			Ratio:    0.512,
		}},
	}}}
	var out bytes.Buffer
	if err := report.WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"baseline", "40000", "20480", "11.00 s", "77", "0.512", "0.450", "5000 users", "tmpfs"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func TestTheBaselineListensOnLoopbackOnly(t *testing.T) {
	if err := ServeBaseline(t.Context(), "0.0.0.0:0", ""); !errors.Is(err, ErrNotLoopback) {
		t.Errorf("got %v, want ErrNotLoopback", err)
	}
}

func TestARoundHoldsTheNodeAgainstTheBaseline(t *testing.T) {
	r := newRound(Result{Rate: 100, Requests: 1000, ServerCPU: 10 * time.Millisecond, P99: 4 * time.Millisecond},
		Result{Rate: 50, Requests: 500, ServerCPU: 15 * time.Millisecond, P99: 6 * time.Millisecond}, 0)
	if r.Ratio != 0.5 || r.CPURatio != 3 || r.P99Ratio != 1.5 {
		t.Errorf("got %+v, want half the rate, 3 times the CPU and 1.5 times the p99", r)
	}
	if r := newRound(Result{}, Result{Requests: 5}, 0); r.Ratio != 0 || r.CPURatio != 0 || r.P99Ratio != 0 {
		t.Errorf("got %+v against nothing", r)
	}
	if got := medianOf([]Round{{Ratio: 3}, {Ratio: 1}, {Ratio: 2}}, func(r Round) float64 { return r.Ratio }); got != 2 {
		t.Errorf("the median is %v", got)
	}
}
