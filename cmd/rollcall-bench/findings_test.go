package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

// small are the benches of a size that a test can have, with a figure that each
// must have and how many rows.
var small = map[string]struct {
	args   []string
	figure string
	rows   int
}{
	"login": {[]string{"--connections", "4", "--duration", "200ms", "--rounds", "1"}, "node, rate", 1},
	"bulk": {[]string{"--users", "200", "--lines", "200", "--batch", "100", "--duration", "200ms", "--rounds", "1"},
		"heartbeats in batches, of JetStream", 2},
	"storm": {[]string{"--sessions", "200", "--storm", "100", "--trickle", "50", "--timeout", "2s"}, "offline in the storm: late, the last", 4},
	"memory": {[]string{"--live", "200", "--known", "200", "--rest", "0s", "--duration", "200ms"},
		"a heartbeat in the hot stream, in batches of a service", 4},
	"restart": {[]string{"--users", "200", "--beats", "200ms", "--connections", "4"}, "ready after kill -9", 1},
	"rebuild": {[]string{"--users", "200", "--beats", "500", "--rounds", "1"}, "speed of the rebuild, of reading raw", 2},
	"query":   {[]string{"--known", "200", "--ids", "50", "--duration", "200ms", "--rounds", "1"}, "p99", 1},
	"steady": {[]string{"--rate", "200", "--connections", "4", "--sessions", "200", "--changes", "20", "--streams", "2", "--duration", "1s"},
		"node, of 204 handler: p99.9", 1},
	"growth": {[]string{"--users", "100,200", "--connections", "4", "--duration", "200ms", "--rounds", "1"}, "200 users: disk, each", 0},
}

// TestEachBenchMeasuresARealNode, and finds that the node did nothing wrong: what
// was acknowledged is there, nothing was refused, nobody was offline too early.
func TestEachBenchMeasuresARealNode(t *testing.T) {
	for name, c := range small {
		t.Run(name, func(t *testing.T) {
			said := bench(t, append([]string{name, "-o", "json"}, c.args...)...).wants(t, exitFine)
			var found loadgen.Findings
			if err := json.Unmarshal([]byte(said.stdout), &found); err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(found.Figures, func(f loadgen.Figure) bool { return f.Name == c.figure })
			if i < 0 || found.Figures[i].Median <= 0 {
				t.Errorf("%q is not among %+v", c.figure, found.Figures)
			}
			if len(found.Rows) != c.rows || len(found.Faults) > 0 || found.Setup == "" || found.Cores == 0 {
				t.Errorf("got %d rows, want %d: %+v", len(found.Rows), c.rows, found)
			}
			for _, f := range found.Figures {
				if f.Name == "" || len(f.Rounds) == 0 {
					t.Errorf("a figure without a name or a value: %+v", f)
				}
			}
		})
	}
}

func TestHeartbeatOfAFullNodeIsHeldAgainstAnEmptyOne(t *testing.T) {
	said := bench(t, "heartbeat", "--known", "200", "--live", "50", "--connections", "4", "--users", "20", "--duration", "200ms", "--rounds", "1",
		"--sync", "1s", "--serve-flag=--checkpoint=1s", "-o", "json").wants(t, exitFine)
	var r loadgen.Report
	if err := json.Unmarshal([]byte(said.stdout), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Counts) != 1 || r.Counts[0].Ratio <= 0 || len(r.Rows) != 1 || r.Rows[0].Reference != "empty node" {
		t.Errorf("got %+v", r)
	}
}

func TestCheckExitsWithOneWhereARowIsNotMet(t *testing.T) {
	args := []string{"memory", "--live", "20", "--known", "0", "--rest", "0s", "--duration", "200ms"}
	said := bench(t, append(args, "--check")...).wants(t, exitNo) // a process alone is more than 20 sessions may have
	if !strings.Contains(said.stderr, "not what is wanted: resident memory a live session") {
		t.Errorf("it said %q", said.stderr)
	}
	if !strings.Contains(said.stdout, "row | reference | measured | wanted | met\nresident memory a live session, whole process, 20 sessions |  | ") {
		t.Errorf("it printed %q", said.stdout)
	}
}

func TestWrongUseIsAConfigError(t *testing.T) {
	for _, args := range [][]string{
		{}, {"faster"}, {"login", "extra"},
		{"login", "--connections", "0"}, {"login", "-o", "csv"}, {"bulk", "--lines", "0"}, {"storm", "--storm", "5", "--trickle", "5", "--sessions", "10"},
		{"storm", "--timeout", "10ms"}, {"memory", "--live", "0", "--known", "0"}, {"restart", "--rounds", "0"}, {"rebuild", "--beats", "-1"},
		{"query", "--ids", "0"}, {"steady", "--rate", "0"}, {"growth", "--users", "0"},
	} {
		bench(t, args...).wants(t, exitUse)
	}
}

func TestARollcallThatIsNotThereIsAConfigError(t *testing.T) {
	bench(t, "login", "--rollcall", "no-such-program").wants(t, exitUse)
}
