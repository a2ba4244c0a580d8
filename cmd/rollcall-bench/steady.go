package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

func newSteadyCommand() *cobra.Command {
	var s shared
	var b loadgen.SteadyBench
	cmd := s.bench("steady", "Latencies at a rate that a node can hold, with everything on",
		`Sends heartbeats at a fixed rate, in turn to a chi handler that only answers 204 and to a node with many live sessions,
changes of status in bursts, and readers of the live stream, and compares the latencies.`,
		func(ctx context.Context, p loadgen.Place) (loadgen.Findings, error) {
			b.Place = p
			return b.Run(ctx)
		})
	flags := cmd.Flags()
	flags.Float64Var(&b.Rate, "rate", 5000, "heartbeats a second")
	flags.IntVar(&b.Connections, "connections", 256, "connections that they come over")
	flags.IntVar(&b.Sessions, "sessions", 200_000, "live sessions besides those that beat")
	flags.IntVar(&b.Changes, "changes", 1000, "changes of status a second, in two bursts")
	flags.IntVar(&b.Streams, "streams", 50, "live streams that are read")
	flags.DurationVar(&b.Duration, "duration", time.Minute, "measured time of one run")
	flags.IntVar(&b.Rounds, "rounds", 1, "runs of each server")
	return cmd
}
