package main

import (
	"strings"
	"testing"
)

func TestBenchSaysWhereItHasGone(t *testing.T) {
	for _, args := range [][]string{{}, {"heartbeat", "--connections", "64"}, {"stream"}, {"--help"}} {
		said := rollcall(t, append([]string{"bench"}, args...)...).wants(t, exitUse, "rollcall-bench")
		if strings.Count(said.stderr, "\n") != 1 || said.stdout != "" {
			t.Errorf("bench %v said %q and %q, want one sentence", args, said.stdout, said.stderr)
		}
	}
}
