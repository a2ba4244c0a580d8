package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

func newBulkCommand() *cobra.Command {
	var s shared
	var b loadgen.BulkBench
	cmd := s.bench("bulk", "Lines of JSON and batches of heartbeats, against messages of JetStream",
		`Sends logins and heartbeats as lines of JSON, and heartbeats in protobuf batches, over one connection to a node with
--sync always, in turn with messages of 60 bytes, one for each event, published without waiting for each answer to a
NATS server of its own over TCP, with that server's own sync interval.`,
		func(ctx context.Context, p loadgen.Place) (loadgen.Findings, error) {
			b.Place = p
			return b.Run(ctx)
		})
	flags := cmd.Flags()
	flags.IntVar(&b.Users, "users", 100_000, "users that the events are of, in turn")
	flags.IntVar(&b.Lines, "lines", 20_000, "lines in one request")
	flags.IntVar(&b.Batch, "batch", 1000, "heartbeats in one request")
	flags.DurationVar(&b.Duration, "duration", 5*time.Second, "measured time of one run")
	flags.IntVar(&b.Rounds, "rounds", 3, "runs of each")
	return cmd
}
