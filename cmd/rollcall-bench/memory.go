package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

func newMemoryCommand() *cobra.Command {
	var s shared
	var b loadgen.MemoryBench
	cmd := s.bench("memory", "What a session and a known user take of a node's memory, and a heartbeat of its log",
		`Makes users live at one node, and others known and offline at another, by an import, and reads the resident memory of
both processes when they have come to rest. Then counts the bytes by which heartbeats make the log's files longer.`,
		func(ctx context.Context, p loadgen.Place) (loadgen.Findings, error) {
			b.Place = p
			return b.Run(ctx)
		})
	flags := cmd.Flags()
	flags.IntVar(&b.Live, "live", 1_000_000, "users with a live session; 0 leaves them out")
	flags.IntVar(&b.Known, "known", 1_000_000, "known users who are offline; 0 leaves them out")
	flags.DurationVar(&b.Rest, "rest", 30*time.Second, "time that a node has nothing to do before it is measured")
	flags.DurationVar(&b.Duration, "duration", 5*time.Second, "time for which heartbeats are sent whose bytes are counted")
	return cmd
}
