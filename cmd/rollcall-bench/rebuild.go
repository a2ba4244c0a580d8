package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

func newRebuildCommand() *cobra.Command {
	var s shared
	var b loadgen.RebuildBench
	cmd := s.bench("rebuild", "rollcall rebuild, against reading the same messages",
		`Fills the store of a node, stops the node, and runs rollcall rebuild, in turn with a program that opens the same store and
reads every message of its streams without doing anything with it.`,
		func(ctx context.Context, p loadgen.Place) (loadgen.Findings, error) {
			b.Place = p
			return b.Run(ctx)
		})
	flags := cmd.Flags()
	flags.IntVar(&b.Users, "users", 200_000, "users who come online")
	flags.IntVar(&b.Beats, "beats", 200_000, "heartbeats of theirs after that, in batches of 1,000")
	flags.IntVar(&b.Rounds, "rounds", 3, "runs of each")
	return cmd
}
