package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

func newGrowthCommand() *cobra.Command {
	var s shared
	var b loadgen.GrowthBench
	cmd := s.bench("growth", "Rate, memory, disk and checkpoint time with more and more users",
		`For each number of users, makes them live at a node of its own and measures how fast that went, the node's memory and
disk, the rate of heartbeats against a handler that only answers 204 and, where the node tells, how long its views take
to be saved.`,
		func(ctx context.Context, p loadgen.Place) (loadgen.Findings, error) {
			b.Place = p
			return b.Run(ctx)
		})
	flags := cmd.Flags()
	flags.IntSliceVar(&b.Sizes, "users", []int{10_000, 100_000, 1_000_000}, "numbers of users")
	flags.IntVar(&b.Connections, "connections", 64, "connections that the heartbeats come over")
	flags.DurationVar(&b.Duration, "duration", 10*time.Second, "measured time of one run")
	flags.IntVar(&b.Rounds, "rounds", 3, "runs of each server")
	return cmd
}
