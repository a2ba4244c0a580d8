package loadgen

import (
	"cmp"
	"fmt"
)

// wantedBeats is what is wanted of heartbeats that are fsynced, of the handler
// that only answers 204.
var wantedBeats = map[int]struct{ rate, cpu float64 }{ // connections
	64: {0.60, 1.5}, 256: {0.85, 1.2}, 1024: {0.95, 1.1},
}

const (
	// wantedP99 is the most that the p99 of heartbeats may be of the handler's.
	wantedP99 = 2
	// wantedLazy is what is wanted with 64 connections where the node does not
	// wait for an fsync.
	wantedLazy = 0.80
	// wantedFull is what is wanted of a node that knows many, of an empty one.
	wantedFull = 0.90
)

// rows are those that the bench was asked for.
func (b Bench) rows(report Report) (rows []Row) {
	const handler = "204 handler"
	if b.Rate > 0 { // the ratio says nothing then
		return nil
	}
	for _, c := range report.Counts {
		what := fmt.Sprintf("heartbeats, %d connections", c.Connections)
		wanted, known := wantedBeats[c.Connections]
		sync := cmp.Or(b.Sync, "always")
		switch {
		case b.Known > 0:
			what = fmt.Sprintf("%s, %d known, %d live", what, b.Known, b.Live)
			rows = append(rows, atLeast(what, "empty node", c.Ratio, wantedFull))
		case sync != "always" && c.Connections == 64:
			rows = append(rows, atLeast(what+", --sync "+sync, handler, c.Ratio, wantedLazy))
		case sync == "always" && known:
			rows = append(rows, atLeast(what, handler, c.Ratio, wanted.rate),
				atMost(what+", p99", handler, c.P99Ratio, "x", wantedP99),
				atMost(what+", CPU a request", handler, c.CPURatio, "x", wanted.cpu))
		}
	}
	return rows
}
