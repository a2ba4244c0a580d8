package loadgen

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestFindingsShowEveryRoundAndTheMedian(t *testing.T) {
	f := Findings{Setup: "so many users"}
	if got := f.add("rate", "/s", 30000, 10000, 20000); got != 20000 {
		t.Errorf("the median is %v", got)
	}
	f.addTime("p99", 1500*time.Microsecond)
	f.Rows = []Row{atLeast("beats", "handler", 0.7, 0.6)}
	var out bytes.Buffer
	if err := f.WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"30000 /s, 10000 /s, 20000 /s", "1.5 ms", "so many users", "beats | handler | 0.70 | at least 0.60 | yes\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func TestWhatANodeDidWrongIsAFault(t *testing.T) {
	var f Findings
	f.refused("node", Result{Requests: 5, Statuses: map[int]int64{204: 5}}, 204)
	if err := f.Wrong(); err != nil {
		t.Errorf("got %v for a node that did nothing wrong", err)
	}
	f.refused("node", Result{Requests: 5, Statuses: map[int]int64{204: 5, 503: 1}}, 204)
	if err := f.Wrong(); !errors.Is(err, ErrFault) || !strings.Contains(err.Error(), "503:1") {
		t.Errorf("got %v, want an ErrFault with the status", err)
	}
}

func TestBulkIsHeldAgainstTheFirstLoad(t *testing.T) {
	var f Findings
	reportBulk(&f, []*bulkLoad{
		{name: "reference", runs: []taken{{events: 1000, took: time.Second, cpu: time.Millisecond}, {events: 2000, took: time.Second}}},
		{name: "lines", row: "lines", wanted: 2, runs: []taken{{events: 3000, took: time.Second, cpu: 9 * time.Millisecond}, {events: 2000, took: time.Second}}},
		{name: "nothing", runs: []taken{{took: time.Second}, {events: 1, took: time.Second}}},
	})
	if len(f.Rows) != 1 || f.Rows[0].Measured != 2 || !f.Rows[0].Met {
		t.Errorf("got %+v, want lines at the median of 3 and 1", f.Rows)
	}
	if len(f.Faults) != 1 || !strings.Contains(f.Faults[0], "nothing, round 1") {
		t.Errorf("faults %q", f.Faults)
	}
}
