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
