package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

func newRestartCommand() *cobra.Command {
	var s shared
	var b loadgen.RestartBench
	cmd := s.bench("restart", "How long a node that was killed takes to be ready",
		`Makes users live at a node, sends heartbeats while its views are not saved, kills it with SIGKILL, and measures from its
start until /readyz answers 200; then the same after a stop.`,
		func(ctx context.Context, p loadgen.Place) (loadgen.Findings, error) {
			b.Place = p
			return b.Run(ctx)
		})
	flags := cmd.Flags()
	flags.IntVar(&b.Users, "users", 1_000_000, "users with a live session")
	flags.DurationVar(&b.Beats, "beats", time.Minute, "time for which heartbeats are sent before the kill")
	flags.IntVar(&b.Connections, "connections", 256, "connections that they come over")
	flags.DurationVar(&b.Checkpoint, "checkpoint", time.Hour, "the node's --checkpoint meanwhile: what is not saved is folded again")
	flags.IntVar(&b.Rounds, "rounds", 1, "how often")
	return cmd
}
