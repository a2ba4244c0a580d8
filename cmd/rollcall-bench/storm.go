package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/cmd/rollcall-bench/loadgen"
)

func newStormCommand() *cobra.Command {
	var s shared
	var b loadgen.StormBench
	cmd := s.bench("storm", "Many sessions that expire in the same second",
		`Brings users online at a node with --sync always, and measures until their online events are written down. Then lets
some fall silent a few at a time, and many within a second, while the others go on beating, and reads from the live
stream when each is offline: how long after its deadline, and that none is early.`,
		func(ctx context.Context, p loadgen.Place) (loadgen.Findings, error) {
			b.Place = p
			return b.Run(ctx)
		})
	flags := cmd.Flags()
	flags.IntVar(&b.Sessions, "sessions", 1_000_000, "live sessions in all")
	flags.IntVar(&b.Storm, "storm", 100_000, "sessions that fall silent at once")
	flags.IntVar(&b.Trickle, "trickle", 2000, "sessions that fall silent before, a few at a time")
	flags.DurationVar(&b.Timeout, "timeout", time.Minute, "the node's --timeout")
	return cmd
}
