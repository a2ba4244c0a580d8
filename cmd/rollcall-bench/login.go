package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

func newLoginCommand() *cobra.Command {
	var s shared
	var b loadgen.LoginBench
	cmd := s.bench("login", "Logins of new users, against a handler that only answers 204",
		`Sends logins over keep-alive connections, each with a token of a user that the node has never heard of, in turn to a chi
handler that only answers 204 and to a node with --sync always.`,
		func(ctx context.Context, p loadgen.Place) (loadgen.Findings, error) {
			b.Place = p
			return b.Run(ctx)
		})
	flags := cmd.Flags()
	flags.IntVar(&b.Connections, "connections", 64, "connections that the logins come over")
	flags.DurationVar(&b.Duration, "duration", 10*time.Second, "measured time of one run")
	flags.IntVar(&b.Rounds, "rounds", 3, "runs of each server")
	return cmd
}
