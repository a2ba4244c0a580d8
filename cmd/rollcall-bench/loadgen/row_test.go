package loadgen

import (
	"errors"
	"testing"
)

func TestARowSaysWhetherItIsMet(t *testing.T) {
	for _, c := range []struct {
		row  Row
		want string
	}{
		{atLeast("beats", "handler", 0.6, 0.6), "beats | handler | 0.60 | at least 0.60 | yes"},
		{atLeast("beats", "handler", 0.599, 0.6), "beats | handler | 0.60 | at least 0.60 | no"},
		{atMost("memory", "", 1000, "B", 1000), "memory |  | 1000 B | at most 1000 B | yes"},
		{atMost("memory", "", 1234.5, "B", 1000), "memory |  | 1234 B | at most 1000 B | no"},
		{atMost("late", "", 1.25, "s", 1.5), "late |  | 1.25 s | at most 1.5 s | yes"},
	} {
		if got := c.row.String(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
		if err := Unmet([]Row{c.row}); errors.Is(err, ErrUnmet) == c.row.Met {
			t.Errorf("%s: got %v", c.row, err)
		}
	}
}

func TestTheRowsOfHeartbeatsAreThoseAskedFor(t *testing.T) {
	counts := []Count{{Connections: 64, Ratio: 0.7, CPURatio: 1.6, P99Ratio: 1.5}, {Connections: 100, Ratio: 0.7}}
	for name, c := range map[string]struct {
		bench Bench
		met   []bool
	}{
		"fsynced":   {Bench{}, []bool{true, true, false}}, // nothing is wanted of 100 connections
		"lazy":      {Bench{Sync: "1s"}, []bool{false}},
		"full node": {Bench{Known: 10}, []bool{false, false}},
		"at a rate": {Bench{Rate: 5}, nil},
	} {
		rows := c.bench.rows(Report{Counts: counts})
		if len(rows) != len(c.met) {
			t.Errorf("%s: got %v, want %d rows", name, rows, len(c.met))
			continue
		}
		for i, r := range rows {
			if r.Met != c.met[i] {
				t.Errorf("%s: %s", name, r)
			}
		}
	}
}
