package main

import (
	"encoding/json"
	"testing"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

// TestStreamSeesThatNothingIsLost is the bench, with a node and readers in
// processes of their own, of a size that a test can have.
func TestStreamSeesThatNothingIsLost(t *testing.T) {
	said := bench(t, "stream", "--readers", "50", "--changes", "300", "--heartbeats", "50", "--connections", "4",
		"--duration", "1s", "-o", "json").wants(t, 0)
	var r loadgen.StreamReport
	if err := json.Unmarshal([]byte(said.stdout), &r); err != nil {
		t.Fatal(err)
	}
	got := r.Received
	if r.Changes == 0 || got.Readers != 50 || got.Fewest != r.Changes || got.Most != r.Changes || r.Beside.Requests == 0 {
		t.Errorf("of %d changes the readers got %+v", r.Changes, got)
	}
}

func TestWrongUseOfStreamIsAConfigError(t *testing.T) {
	for _, args := range [][]string{
		{"--readers", "0"}, {"--changes", "0"}, {"--heartbeats", "0"}, {"--connections", "0"}, {"--duration", "0s"}, {"-o", "csv"},
	} {
		bench(t, append([]string{"stream"}, args...)...).wants(t, 2)
	}
}
