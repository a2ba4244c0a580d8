package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

func newQueryCommand() *cobra.Command {
	var s shared
	var b loadgen.QueryBench
	cmd := s.bench("query", "How long a question for many users takes",
		`Makes users known to a node by an import, and asks for some of them at a time with POST /v1/users/query while the node has
nothing else to do.`,
		func(ctx context.Context, p loadgen.Place) (loadgen.Findings, error) {
			b.Place = p
			return b.Run(ctx)
		})
	flags := cmd.Flags()
	flags.IntVar(&b.Known, "known", 1_000_000, "known users")
	flags.IntVar(&b.IDs, "ids", 500, "users in one question")
	flags.IntVar(&b.Connections, "connections", 1, "connections that ask")
	flags.DurationVar(&b.Duration, "duration", 10*time.Second, "measured time of one run")
	flags.IntVar(&b.Rounds, "rounds", 3, "how often")
	return cmd
}
